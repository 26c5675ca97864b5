//! Planted bugs: named places in real code that are wrong on purpose, one of them in one run, so that whoever looks for bugs
//! can be seen to find them. A build without the feature `planted` plants nothing: [`is`] is then constantly false, and an
//! optimised build drops what it guards.

#[cfg(feature = "planted")]
use std::cell::Cell;

#[cfg(feature = "planted")]
thread_local! {
    /// One run is one thread: what is planted in a run is the business of its thread alone.
    static BUG: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Whether the bug of this name is planted in the current run.
#[inline(always)]
#[must_use]
pub fn is(name: &'static str) -> bool {
    #[cfg(feature = "planted")]
    return BUG.get() == Some(name);
    #[cfg(not(feature = "planted"))]
    {
        let _ = name;
        false
    }
}

/// Does `work`, such as a whole run, on this thread with the bug of this name planted.
#[cfg(feature = "planted")]
pub fn with<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    /// Takes the bug out again, even from under a panic.
    struct Restored(Option<&'static str>);
    impl Drop for Restored {
        fn drop(&mut self) {
            BUG.set(self.0);
        }
    }
    let _restored = Restored(BUG.replace(Some(name)));
    work()
}

#[cfg(all(test, feature = "planted"))]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_planted_in_its_own_run_alone() {
        let elsewhere = || std::thread::scope(|scope| scope.spawn(|| is("one")).join().expect("it does not panic"));
        assert_eq!(with("one", || (is("one"), is("other"), elsewhere())), (true, false, false));
        assert!(std::panic::catch_unwind(|| with("one", || panic!("a run that fails"))).is_err());
        assert!(!is("one"));
    }
}
