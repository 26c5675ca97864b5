//! The store in memory: what a service may ask of Redis 7, or of the model of it.
//!
//! An implementation provides two methods: [`Cache::execute`] and [`Cache::subscribe`]. The typed ones that services call are built on
//! the first, so a [`Command`] is also what travels to a server and what a conformance suite generates. Methods and commands have
//! Redis's own names, so that its documentation applies (source of all semantics: Redis documentation, 7.0).
//!
//! A cache is never the authority for anything that must not be lost or doubled: a write that was acknowledged may be gone after a
//! failover, and any key may be evicted.

mod cells;
mod command;
mod error;
mod reply;
mod score;

pub use cells::CellIndex;
pub use command::{Bytes, Command, Condition, Expiry, Key, Limit, Message, Range, ScoreBound, When};
pub use error::CacheError;
pub use reply::Reply;
pub use score::{NotAScore, Score};

use std::time::Duration;

use runtime::Time;

/// A stream of messages, each delivered at most once: what is published while the subscription is broken is never heard.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Subscription {
    /// The next message. An error ends the subscription: subscribe again.
    async fn next(&mut self) -> Result<Message, CacheError>;
}

/// A cache that services ask. Cloning shares its connections.
#[expect(async_fn_in_trait, reason = "futures of services stay on one thread, so no `Send` bound is wanted")]
pub trait Cache: Clone + 'static {
    /// Messages of the channels subscribed to.
    type Subscription: Subscription;

    /// Runs one command. The kind of [`Reply`] follows from the kind of [`Command`].
    ///
    /// # Errors
    /// See [`CacheError`]: a write whose answer was not heard by `deadline` may have taken effect.
    async fn execute(&self, command: Command, deadline: Time) -> Result<Reply, CacheError>;

    /// Opens a stream of what is published on `channels` from now on; returns once the server has confirmed it.
    async fn subscribe(&self, channels: Vec<Bytes>, deadline: Time) -> Result<Self::Subscription, CacheError>;

    /// The string at `key`.
    async fn get(&self, key: impl Into<Key>, deadline: Time) -> Result<Option<Bytes>, CacheError> {
        self.execute(Command::Get { key: key.into() }, deadline).await?.bytes()
    }

    /// Puts a string at `key`, whatever was there, without expiry.
    async fn set(&self, key: impl Into<Key>, value: impl Into<Bytes>, deadline: Time) -> Result<(), CacheError> {
        self.execute(set(key.into(), value.into(), Condition::Always, Expiry::Never), deadline)
            .await?
            .done()
            .map(|_| ())
    }

    /// Puts a string at `key` for as long as `lives`, rounded up to whole milliseconds.
    async fn set_for(
        &self,
        key: impl Into<Key>,
        value: impl Into<Bytes>,
        lives: Duration,
        deadline: Time,
    ) -> Result<(), CacheError> {
        let expiry = Expiry::After(milliseconds(lives));
        self.execute(set(key.into(), value.into(), Condition::Always, expiry), deadline).await?.done().map(|_| ())
    }

    /// `SET NX PX`: puts a string at `key` for as long as `lives` if nothing is there; false if something is.
    async fn set_if_absent(
        &self,
        key: impl Into<Key>,
        value: impl Into<Bytes>,
        lives: Duration,
        deadline: Time,
    ) -> Result<bool, CacheError> {
        let expiry = Expiry::After(milliseconds(lives));
        self.execute(set(key.into(), value.into(), Condition::IfAbsent, expiry), deadline).await?.done()
    }

    /// Removes a key; false if it was not there.
    async fn del(&self, key: impl Into<Key>, deadline: Time) -> Result<bool, CacheError> {
        Ok(self.execute(Command::Del { keys: vec![key.into()] }, deadline).await?.integer()? > 0)
    }

    /// Adds to the integer at `key`, zero if nothing is there; the sum.
    async fn incrby(&self, key: impl Into<Key>, by: i64, deadline: Time) -> Result<i64, CacheError> {
        self.execute(Command::IncrBy { key: key.into(), by }, deadline).await?.integer()
    }

    /// Lets `key` expire after `lives`, rounded up to whole milliseconds; false if there is no such key.
    async fn pexpire(&self, key: impl Into<Key>, lives: Duration, deadline: Time) -> Result<bool, CacheError> {
        let command = Command::PExpire { key: key.into(), milliseconds: milliseconds(lives) };
        Ok(self.execute(command, deadline).await?.integer()? > 0)
    }

    /// How long `key` has left: none without a key or without an expiry.
    async fn pttl(&self, key: impl Into<Key>, deadline: Time) -> Result<Option<Duration>, CacheError> {
        let left = self.execute(Command::PTtl { key: key.into() }, deadline).await?.integer()?;
        Ok(u64::try_from(left).ok().map(Duration::from_millis))
    }

    /// Sets fields of the hash at `key`; how many of them are new. Without fields the server is asked nothing.
    async fn hset(&self, key: impl Into<Key>, fields: Vec<(Bytes, Bytes)>, deadline: Time) -> Result<i64, CacheError> {
        if fields.is_empty() {
            return Ok(0);
        }
        self.execute(Command::HSet { key: key.into(), fields }, deadline).await?.integer()
    }

    /// One field of the hash at `key`.
    async fn hget(
        &self,
        key: impl Into<Key>,
        field: impl Into<Bytes>,
        deadline: Time,
    ) -> Result<Option<Bytes>, CacheError> {
        self.execute(Command::HGet { key: key.into(), field: field.into() }, deadline).await?.bytes()
    }

    /// All fields of the hash at `key`, in byte order; none without one.
    async fn hgetall(&self, key: impl Into<Key>, deadline: Time) -> Result<Vec<(Bytes, Bytes)>, CacheError> {
        self.execute(Command::HGetAll { key: key.into() }, deadline).await?.fields()
    }

    /// Adds a member to the set at `key`; false if it was there.
    async fn sadd(&self, key: impl Into<Key>, member: impl Into<Bytes>, deadline: Time) -> Result<bool, CacheError> {
        let command = Command::SAdd { key: key.into(), members: vec![member.into()] };
        Ok(self.execute(command, deadline).await?.integer()? > 0)
    }

    /// Removes a member of the set at `key`; false if it was not there.
    async fn srem(&self, key: impl Into<Key>, member: impl Into<Bytes>, deadline: Time) -> Result<bool, CacheError> {
        let command = Command::SRem { key: key.into(), members: vec![member.into()] };
        Ok(self.execute(command, deadline).await?.integer()? > 0)
    }

    /// All members of the set at `key`, in byte order.
    async fn smembers(&self, key: impl Into<Key>, deadline: Time) -> Result<Vec<Bytes>, CacheError> {
        self.execute(Command::SMembers { key: key.into() }, deadline).await?.members()
    }

    /// Puts a member with its score into the sorted set at `key`, whatever score it had; false if the member was there.
    async fn zadd(
        &self,
        key: impl Into<Key>,
        score: Score,
        member: impl Into<Bytes>,
        deadline: Time,
    ) -> Result<bool, CacheError> {
        let members = vec![(score, member.into())];
        let command = Command::ZAdd { key: key.into(), when: When::Always, members };
        Ok(self.execute(command, deadline).await?.integer()? > 0)
    }

    /// Removes a member of the sorted set at `key`; false if it was not there.
    async fn zrem(&self, key: impl Into<Key>, member: impl Into<Bytes>, deadline: Time) -> Result<bool, CacheError> {
        let command = Command::ZRem { key: key.into(), members: vec![member.into()] };
        Ok(self.execute(command, deadline).await?.integer()? > 0)
    }

    /// A part of the sorted set at `key`, ascending.
    async fn zrange(
        &self,
        key: impl Into<Key>,
        range: Range,
        deadline: Time,
    ) -> Result<Vec<(Bytes, Score)>, CacheError> {
        self.execute(Command::ZRange { key: key.into(), range, reverse: false }, deadline).await?.scored()
    }

    /// Sends a message to whoever is subscribed to the channel at this moment; how many of them the asked server knows of.
    async fn publish(
        &self,
        channel: impl Into<Bytes>,
        payload: impl Into<Bytes>,
        deadline: Time,
    ) -> Result<i64, CacheError> {
        let message = Message { channel: channel.into(), payload: payload.into() };
        self.execute(Command::Publish(message), deadline).await?.integer()
    }
}

fn set(key: Key, value: Bytes, condition: Condition, expiry: Expiry) -> Command {
    Command::Set { key, value, condition, expiry, get: false }
}

/// Rounded up, so that a lifetime never becomes zero; spans beyond 292 million years saturate.
fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_never_rounded_to_nothing() {
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::from_millis(1_500)), 1_500);
        assert_eq!(milliseconds(Duration::MAX), i64::MAX);
    }
}
