//! What one replica of the gateway hears of: nudges on the cache's channel, for those whose requests it keeps.
//!
//! The channel is open once a probe of this replica's own has come through it: that somebody publishes, that the store passes it on and
//! that the subscription stands. A channel on which nothing is heard for some time, while somebody waits, is probed again; one that stays
//! silent is given up, and everybody who waits is told to look by themselves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ports::cache::{Cache, CacheError, Subscription};
use runtime::{Time, now, timeout};
use tokio::sync::Notify;

use crate::domain::session::Caller;
use crate::services::Config;
use crate::services::backoff::Backoff;
use crate::services::nudges::{CHANNEL, Nudge};

/// Silence for this long, while somebody waits, is looked into. Assumption: a city nudges somebody every few seconds.
const SILENCE: Duration = Duration::from_secs(5);

/// Those whose requests are kept, and whether they would hear of anything.
#[derive(Default)]
pub struct Ear {
    open: Cell<bool>,
    /// Somebody may wait twice: a phone that gave a connection up has left its request behind.
    waiting: RefCell<BTreeMap<(Caller, u64), Rc<Notify>>>,
    enlisted: Cell<u64>,
    /// Rung when somebody comes.
    somebody: Notify,
}

/// Why somebody who waits need not wait any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something may have happened.
    Nudged,
    /// The time is over.
    Late,
    /// Nothing would be heard any more.
    Deaf,
}

/// Somebody who waits, until this is dropped.
pub struct Enlisted<'a> {
    ear: &'a Ear,
    key: (Caller, u64),
    bell: Rc<Notify>,
}

impl Ear {
    /// The caller waits for a nudge from now on; none if nothing would be heard.
    pub fn enlist(&self, caller: Caller) -> Option<Enlisted<'_>> {
        if !self.open.get() {
            return None;
        }
        let key = (caller, self.enlisted.get());
        self.enlisted.set(key.1 + 1);
        let bell = Rc::new(Notify::new());
        self.waiting.borrow_mut().insert(key, bell.clone());
        self.somebody.notify_one();
        Some(Enlisted { ear: self, key, bell })
    }

    fn hear(&self, nudge: Nudge) {
        let Nudge::For(caller) = nudge else { return };
        for bell in self.waiting.borrow().range((caller, 0)..=(caller, u64::MAX)).map(|(_, bell)| bell) {
            bell.notify_one();
        }
    }

    fn close(&self) {
        self.open.set(false);
        for bell in self.waiting.borrow().values() {
            bell.notify_one();
        }
    }

    /// Returns so long after there was somebody waiting.
    async fn waited(&self, span: Duration) {
        while self.waiting.borrow().is_empty() {
            self.somebody.notified().await;
        }
        runtime::sleep(span).await;
    }
}

impl Enlisted<'_> {
    /// The next reason not to wait any more. A nudge that came since the last one is not missed.
    pub async fn woken(&self, until: Time) -> Woken {
        match timeout(until.since(now()), self.bell.notified()).await {
            _ if !self.ear.open.get() => Woken::Deaf,
            Ok(()) => Woken::Nudged,
            Err(_) => Woken::Late,
        }
    }
}

impl Drop for Enlisted<'_> {
    fn drop(&mut self) {
        self.ear.waiting.borrow_mut().remove(&self.key);
    }
}

/// Keeps the ear at the channel for ever.
pub async fn keep_open(ear: Rc<Ear>, cache: impl Cache, config: Rc<Config>) {
    let backoff = Backoff::new(&config.calls, "gateway.ear");
    let mut failures = 0;
    loop {
        // Whatever ended it, a new subscription is tried.
        if let Ok(mut channel) = cache.subscribe(vec![CHANNEL.to_vec()], now() + config.background_limit).await {
            let _ = attend(&ear, &cache, &config, &mut channel, &mut failures).await;
        }
        ear.close();
        backoff.wait(failures).await;
        failures += 1;
    }
}

/// Passes on what is heard, until nothing is.
async fn attend<C: Cache>(
    ear: &Ear,
    cache: &C,
    config: &Config,
    channel: &mut C::Subscription,
    failures: &mut u32,
) -> Result<(), CacheError> {
    let mut probing = true;
    loop {
        if probing {
            cache.publish(CHANNEL, Nudge::Probe.to_bytes(), now() + config.cache_timeout).await?;
        }
        let silence = async {
            if probing {
                runtime::sleep(config.cache_timeout).await;
            } else {
                ear.waited(SILENCE).await;
            }
        };
        let heard = runtime::select! {
            message = channel.next() => Some(message?),
            () = silence => None,
        };
        match heard {
            Some(message) => {
                (*failures, probing) = (0, false);
                ear.open.set(true);
                if let Some(nudge) = Nudge::from_bytes(&message.payload) {
                    ear.hear(nudge);
                }
            }
            None if probing => return Err(CacheError::DeadlineExceeded),
            None => probing = true,
        }
    }
}
