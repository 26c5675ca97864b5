//! What a command came to.

use serde::{Deserialize, Serialize};

use super::{Bytes, CacheError, Score};

/// A server's answer to one command. Where Redis leaves an order open, the answer is in byte order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reply {
    Ok,
    /// There is no such thing.
    Nil,
    Integer(i64),
    Bulk(Bytes),
    Score(Score),
    /// Members of a set.
    Members(Vec<Bytes>),
    /// Fields of a hash and their values.
    Fields(Vec<(Bytes, Bytes)>),
    /// Members of a sorted set and their scores, in the order asked for.
    Scored(Vec<(Bytes, Score)>),
}

impl Reply {
    /// Whether a conditional command did what it was to do.
    pub fn done(self) -> Result<bool, CacheError> {
        match self {
            Self::Ok => Ok(true),
            Self::Nil => Ok(false),
            _ => Err(CacheError::Protocol),
        }
    }

    pub fn integer(self) -> Result<i64, CacheError> {
        match self {
            Self::Integer(number) => Ok(number),
            _ => Err(CacheError::Protocol),
        }
    }

    pub fn bytes(self) -> Result<Option<Bytes>, CacheError> {
        match self {
            Self::Bulk(bytes) => Ok(Some(bytes)),
            Self::Nil => Ok(None),
            _ => Err(CacheError::Protocol),
        }
    }

    pub fn score(self) -> Result<Option<Score>, CacheError> {
        match self {
            Self::Score(score) => Ok(Some(score)),
            Self::Nil => Ok(None),
            _ => Err(CacheError::Protocol),
        }
    }

    pub fn members(self) -> Result<Vec<Bytes>, CacheError> {
        match self {
            Self::Members(members) => Ok(members),
            _ => Err(CacheError::Protocol),
        }
    }

    pub fn fields(self) -> Result<Vec<(Bytes, Bytes)>, CacheError> {
        match self {
            Self::Fields(fields) => Ok(fields),
            _ => Err(CacheError::Protocol),
        }
    }

    pub fn scored(self) -> Result<Vec<(Bytes, Score)>, CacheError> {
        match self {
            Self::Scored(scored) => Ok(scored),
            _ => Err(CacheError::Protocol),
        }
    }
}
