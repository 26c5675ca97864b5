//! A cache in memory that knows strings, sorted sets and channels, and may be away or lose what is published.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use platform::services::nudges::Nudge;
use ports::cache::{
    Bytes, Cache, CacheError, Command, Expiry, Key, Message, Range, Reply, Score, ScoreBound, Subscription,
};
use runtime::Time;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Clones are clients of the same cache.
#[derive(Clone, Default)]
pub struct Shelf(Rc<Shared>);

#[derive(Default)]
struct Shared {
    sets: RefCell<BTreeMap<Key, BTreeMap<Bytes, Score>>>,
    strings: RefCell<BTreeMap<Key, (Bytes, Time)>>,
    subscribers: RefCell<Vec<UnboundedSender<Message>>>,
    is_away: Cell<bool>,
    is_lossy: Cell<bool>,
}

impl Shelf {
    /// Away, it keeps whoever asks waiting, and those who are subscribed to it hear nothing.
    pub fn set_away(&self, is_away: bool) {
        self.0.is_away.set(is_away);
    }

    /// Gone: as [`set_away`](Self::set_away), and every subscription ends.
    pub fn kill(&self) {
        self.set_away(true);
        self.0.subscribers.borrow_mut().clear();
    }

    /// From now on nudges are lost, and only they.
    pub fn lose_nudges(&self) {
        self.0.is_lossy.set(true);
    }

    /// How many members all sets have together.
    pub fn members(&self) -> usize {
        self.0.sets.borrow().values().map(BTreeMap::len).sum()
    }

    fn run(&self, command: Command) -> Result<Reply, CacheError> {
        let mut sets = self.0.sets.borrow_mut();
        let mut strings = self.0.strings.borrow_mut();
        Ok(match command {
            Command::Set { key, value, expiry: Expiry::After(milliseconds), .. } => {
                let lives = Duration::from_millis(milliseconds.unsigned_abs());
                strings.insert(key, (value, runtime::now() + lives));
                Reply::Ok
            }
            Command::Get { key } => match strings.get(&key).filter(|(_, until)| runtime::now() < *until) {
                Some((value, _)) => Reply::Bulk(value.clone()),
                None => Reply::Nil,
            },
            Command::Del { keys } => {
                Reply::Integer(keys.iter().filter(|key| strings.remove(*key).is_some()).count() as i64)
            }
            Command::ZAdd { key, members, .. } => {
                let set = sets.entry(key).or_default();
                let new = members.into_iter().filter(|(score, member)| set.insert(member.clone(), *score).is_none());
                Reply::Integer(new.count() as i64)
            }
            Command::ZRem { key, members } => {
                let set = sets.entry(key).or_default();
                Reply::Integer(members.iter().filter(|member| set.remove(*member).is_some()).count() as i64)
            }
            Command::ZRange { key, range: Range::Score { min: ScoreBound::Included(min), limit, .. }, .. } => {
                let set = sets.entry(key).or_default();
                let mut found: Vec<(Bytes, Score)> =
                    set.iter().filter(|(_, score)| **score >= min).map(|(member, s)| (member.clone(), *s)).collect();
                found.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
                found.truncate(limit.map_or(usize::MAX, |limit| limit.count as usize));
                Reply::Scored(found)
            }
            Command::ZRemRangeByScore { key, max: ScoreBound::Excluded(max), .. } => {
                let set = sets.entry(key).or_default();
                let before = set.len();
                set.retain(|_, score| *score >= max);
                Reply::Integer((before - set.len()) as i64)
            }
            Command::Publish(message) => {
                if self.0.is_lossy.get() && Nudge::from_bytes(&message.payload) != Some(Nudge::Probe) {
                    return Ok(Reply::Integer(0));
                }
                let subscribers = self.0.subscribers.borrow();
                Reply::Integer(subscribers.iter().filter(|to| to.send(message.clone()).is_ok()).count() as i64)
            }
            _ => return Err(CacheError::Protocol),
        })
    }
}

/// What is published, on whichever channel: there is one.
pub struct Published(UnboundedReceiver<Message>);

impl Subscription for Published {
    async fn next(&mut self) -> Result<Message, CacheError> {
        self.0.recv().await.ok_or(CacheError::ConnectionLost)
    }
}

impl Cache for Shelf {
    type Subscription = Published;

    async fn execute(&self, command: Command, deadline: Time) -> Result<Reply, CacheError> {
        runtime::sleep(Duration::from_micros(300)).await;
        if self.0.is_away.get() {
            runtime::sleep_until(deadline).await;
            return Err(CacheError::DeadlineExceeded);
        }
        self.run(command)
    }

    async fn subscribe(&self, _: Vec<Bytes>, deadline: Time) -> Result<Published, CacheError> {
        if self.0.is_away.get() {
            runtime::sleep_until(deadline).await;
            return Err(CacheError::DeadlineExceeded);
        }
        let (sender, receiver) = unbounded_channel();
        self.0.subscribers.borrow_mut().push(sender);
        Ok(Published(receiver))
    }
}
