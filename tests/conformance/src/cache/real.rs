//! Redis as a subject: a live client for each session, each with connections of its own.

use backends::redis::Redis;

use super::generate::SESSIONS;
use super::{Happened, Script, perform};
use crate::live::{Inbox, LiveProcess};

/// Where the server is, as a URL.
pub const ADDRESS_VARIABLE: &str = "REHEARSAL_REDIS";

/// The server's address, or how to have one.
///
/// # Errors
/// What to say in place of a test.
pub fn address() -> Result<String, String> {
    std::env::var(ADDRESS_VARIABLE).map_err(|_| {
        format!(
            "SKIPPED: no Redis 7. Install Debian's redis-server, then: \
             export {ADDRESS_VARIABLE}=\"$(ci/redis start DIR)\""
        )
    })
}

/// A real server. Its keys are the scripts' own.
pub struct Real(LiveProcess<Script, Vec<Happened>>);

impl Real {
    #[must_use]
    pub fn connect(address: &str) -> Self {
        let address = address.to_owned();
        Real(LiveProcess::start(move |inbox| serve(address.clone(), inbox)))
    }

    /// Runs a script.
    pub fn perform(&mut self, script: &Script) -> Vec<Happened> {
        self.0.ask(script.clone())
    }
}

async fn serve(address: String, mut inbox: Inbox<Script, Vec<Happened>>) {
    let client = || Redis::new(&address).unwrap_or_else(|error| panic!("{error}"));
    let clients: Vec<Redis> = (0..SESSIONS).map(|_| client()).collect();
    while let Some(script) = inbox.requests.recv().await {
        if inbox.answers.send(perform(&clients, &script).await).is_err() {
            return;
        }
    }
}
