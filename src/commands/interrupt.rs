//! Ctrl-C and termination: the run under way ends at its next event and what was measured is marked incomplete.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that the first Ctrl-C (or SIGTERM) raises.
pub fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    // It can only fail where another handler is installed, and this command installs one.
    if let Err(error) = ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed)) {
        eprintln!("rehearse: Ctrl-C will end the command without its records: {error}");
    }
    flag
}
