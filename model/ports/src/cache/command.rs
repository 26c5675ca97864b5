//! One command, as it travels to a server, and what is published with one.

use serde::{Deserialize, Serialize};

use super::score::Score;

/// What keys, fields, members and values are made of: any bytes.
pub type Bytes = Vec<u8>;

/// The name of a value.
pub type Key = Bytes;

/// What was published on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    pub channel: Bytes,
    pub payload: Bytes,
}

/// One command of Redis 7.0. A command is carried out whole: nobody sees half of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// The string at the key. Answers [`Bulk`](super::Reply::Bulk) or [`Nil`](super::Reply::Nil).
    Get { key: Key },
    /// Puts a string, replacing a value of any type. Answers [`Ok`](super::Reply::Ok), or `Nil` if the condition did not hold; with
    /// `get` the string that was there before (`Bulk` or `Nil`), whether or not the condition held.
    Set { key: Key, value: Bytes, condition: Condition, expiry: Expiry, get: bool },
    /// Removes keys of any type. Answers how many were there.
    Del { keys: Vec<Key> },
    /// Adds to an integer, zero if there is none; an expiry stays. Answers the sum.
    IncrBy { key: Key, by: i64 },
    /// Lets a key expire. Answers 1, or 0 without a key. Zero or less removes the key at once.
    PExpire { key: Key, milliseconds: i64 },
    /// Answers the milliseconds left, -1 without an expiry, -2 without a key.
    PTtl { key: Key },
    /// Takes the expiry away. Answers 1, or 0 if there was none.
    Persist { key: Key },

    /// Sets fields of a hash, the last one of equal fields. Answers how many are new.
    HSet { key: Key, fields: Vec<(Bytes, Bytes)> },
    /// Answers `Bulk` or `Nil`.
    HGet { key: Key, field: Bytes },
    /// Answers how many fields were there. A hash without fields is gone.
    HDel { key: Key, fields: Vec<Bytes> },
    /// Answers [`Fields`](super::Reply::Fields), none without a key.
    HGetAll { key: Key },
    /// Adds to an integer field, zero if there is none. Answers the sum.
    HIncrBy { key: Key, field: Bytes, by: i64 },

    /// Answers how many members are new.
    SAdd { key: Key, members: Vec<Bytes> },
    /// Answers how many members were there. A set without members is gone.
    SRem { key: Key, members: Vec<Bytes> },
    /// Answers [`Members`](super::Reply::Members), none without a key.
    SMembers { key: Key },
    /// Answers 1 or 0.
    SIsMember { key: Key, member: Bytes },
    /// Answers the number of members.
    SCard { key: Key },

    /// Puts members with their scores, the last one of equal members. Answers how many are new.
    ZAdd { key: Key, when: When, members: Vec<(Score, Bytes)> },
    /// Answers how many members were there. A sorted set without members is gone.
    ZRem { key: Key, members: Vec<Bytes> },
    /// Answers [`Score`](super::Reply::Score) or `Nil`.
    ZScore { key: Key, member: Bytes },
    /// A part of a sorted set, by score and then by member; from the greatest on if `reverse`. `WITHSCORES` always: answers
    /// [`Scored`](super::Reply::Scored).
    ZRange { key: Key, range: Range, reverse: bool },
    /// Answers the number of members.
    ZCard { key: Key },
    /// Removes members by score. Answers how many.
    ZRemRangeByScore { key: Key, min: ScoreBound, max: ScoreBound },

    /// Sends a message to subscribers of its channel. Answers how many of them are connected to the server asked.
    Publish(Message),
}

/// `NX` and `XX` of `SET`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Condition {
    #[default]
    Always,
    /// `NX`: only if there is no key.
    IfAbsent,
    /// `XX`: only if there is one.
    IfPresent,
}

/// What `SET` does about expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Expiry {
    /// No expiry, whatever there was.
    #[default]
    Never,
    /// `KEEPTTL`: as it was.
    Keep,
    /// `PX`: after so many milliseconds, one at least.
    After(i64),
}

/// `NX`, `XX`, `GT` and `LT` of `ZADD`, in the combinations that Redis accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum When {
    #[default]
    Always,
    /// `NX`: only new members.
    Absent,
    /// `XX`: only members that are there.
    Present,
    /// `GT`: new members, and those whose score rises.
    Greater,
    /// `LT`: new members, and those whose score falls.
    Less,
    /// `XX GT`: only members whose score rises.
    PresentAndGreater,
    /// `XX LT`: only members whose score falls.
    PresentAndLess,
}

/// A part of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Range {
    /// From one rank to another, both included; -1 is the last, and ranks count from the greatest on if the range is reversed.
    Rank { start: i64, stop: i64 },
    /// `BYSCORE LIMIT`: between two scores; `min` is the lower one even if the range is reversed.
    Score { min: ScoreBound, max: ScoreBound, limit: Option<Limit> },
}

/// `LIMIT`: skips some and takes at most some, in the order of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    pub offset: u32,
    pub count: u32,
}

/// An end of a range of scores. `-inf` and `+inf` are scores too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScoreBound {
    Included(Score),
    Excluded(Score),
}

impl Command {
    /// The keys that the command touches: in cluster mode all of one slot.
    pub fn keys(&self) -> &[Key] {
        match self {
            Self::Del { keys } => keys,
            Self::Get { key }
            | Self::Set { key, .. }
            | Self::IncrBy { key, .. }
            | Self::PExpire { key, .. }
            | Self::PTtl { key }
            | Self::Persist { key }
            | Self::HSet { key, .. }
            | Self::HGet { key, .. }
            | Self::HDel { key, .. }
            | Self::HGetAll { key }
            | Self::HIncrBy { key, .. }
            | Self::SAdd { key, .. }
            | Self::SRem { key, .. }
            | Self::SMembers { key }
            | Self::SIsMember { key, .. }
            | Self::SCard { key }
            | Self::ZAdd { key, .. }
            | Self::ZRem { key, .. }
            | Self::ZScore { key, .. }
            | Self::ZRange { key, .. }
            | Self::ZCard { key }
            | Self::ZRemRangeByScore { key, .. } => std::slice::from_ref(key),
            Self::Publish(_) => &[],
        }
    }

    /// Whether the command may change what is stored: replicas refuse it, and without an answer nobody can tell whether it did.
    pub fn is_write(&self) -> bool {
        match self {
            Self::Set { .. }
            | Self::Del { .. }
            | Self::IncrBy { .. }
            | Self::PExpire { .. }
            | Self::Persist { .. }
            | Self::HSet { .. }
            | Self::HDel { .. }
            | Self::HIncrBy { .. }
            | Self::SAdd { .. }
            | Self::SRem { .. }
            | Self::ZAdd { .. }
            | Self::ZRem { .. }
            | Self::ZRemRangeByScore { .. } => true,
            Self::Get { .. }
            | Self::PTtl { .. }
            | Self::HGet { .. }
            | Self::HGetAll { .. }
            | Self::SMembers { .. }
            | Self::SIsMember { .. }
            | Self::SCard { .. }
            | Self::ZScore { .. }
            | Self::ZRange { .. }
            | Self::ZCard { .. }
            | Self::Publish(_) => false,
        }
    }

    /// Whether the server refuses the command when its memory is full and nothing may be evicted: it may add to what is stored
    /// (Redis's flag `denyoom`).
    pub fn may_grow(&self) -> bool {
        matches!(
            self,
            Self::Set { .. }
                | Self::IncrBy { .. }
                | Self::HSet { .. }
                | Self::HIncrBy { .. }
                | Self::SAdd { .. }
                | Self::ZAdd { .. }
        )
    }
}
