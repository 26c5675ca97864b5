//! From the server's answers to the port's.

use ports::cache::{Bytes, CacheError, Command, Reply, Score};
use redis::Value;

/// What the server's answer to this command means. Where Redis leaves an order open, it is put in byte order.
pub(super) fn answer(command: &Command, value: Value) -> Result<Reply, CacheError> {
    match command {
        Command::Get { .. } | Command::HGet { .. } => bytes_or_nil(value),
        Command::Set { get: true, .. } => bytes_or_nil(value),
        Command::Set { get: false, .. } => match value {
            Value::Okay => Ok(Reply::Ok),
            Value::Nil => Ok(Reply::Nil),
            _ => Err(CacheError::Protocol),
        },
        Command::HGetAll { .. } => {
            let mut fields = pairs(value)?;
            fields.sort_unstable();
            Ok(Reply::Fields(fields))
        }
        Command::SMembers { .. } => {
            let mut members = list(value)?;
            members.sort_unstable();
            Ok(Reply::Members(members))
        }
        Command::ZScore { .. } => match value {
            Value::Nil => Ok(Reply::Nil),
            value => Ok(Reply::Score(score(&bytes(value)?)?)),
        },
        Command::ZRange { .. } => {
            let scored = pairs(value)?.into_iter().map(|(member, text)| Ok((member, score(&text)?)));
            Ok(Reply::Scored(scored.collect::<Result<_, CacheError>>()?))
        }
        Command::Del { .. }
        | Command::IncrBy { .. }
        | Command::PExpire { .. }
        | Command::PTtl { .. }
        | Command::Persist { .. }
        | Command::HSet { .. }
        | Command::HDel { .. }
        | Command::HIncrBy { .. }
        | Command::SAdd { .. }
        | Command::SRem { .. }
        | Command::SIsMember { .. }
        | Command::SCard { .. }
        | Command::ZAdd { .. }
        | Command::ZRem { .. }
        | Command::ZCard { .. }
        | Command::ZRemRangeByScore { .. }
        | Command::Publish(_) => match value {
            Value::Int(number) => Ok(Reply::Integer(number)),
            _ => Err(CacheError::Protocol),
        },
    }
}

fn bytes(value: Value) -> Result<Bytes, CacheError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(CacheError::Protocol),
    }
}

fn bytes_or_nil(value: Value) -> Result<Reply, CacheError> {
    match value {
        Value::Nil => Ok(Reply::Nil),
        value => Ok(Reply::Bulk(bytes(value)?)),
    }
}

fn list(value: Value) -> Result<Vec<Bytes>, CacheError> {
    match value {
        Value::Array(items) => items.into_iter().map(bytes).collect(),
        _ => Err(CacheError::Protocol),
    }
}

/// A list whose items come in pairs, as the second version of the protocol writes them.
fn pairs(value: Value) -> Result<Vec<(Bytes, Bytes)>, CacheError> {
    let mut items = list(value)?.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let Some(one) = items.next() {
        pairs.push((one, items.next().ok_or(CacheError::Protocol)?));
    }
    Ok(pairs)
}

fn score(text: &[u8]) -> Result<Score, CacheError> {
    let number: Option<f64> = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.and_then(|number| Score::try_from(number).ok()).ok_or(CacheError::Protocol)
}
