//! Redis as one would explain it: a list of keys, each with a plain value, searched from the front.

use ports::cache::{Bytes, CacheError, Command, Condition, Expiry, Key, Limit, Range, Reply, Score, ScoreBound, When};

#[derive(Clone, Debug, PartialEq)]
enum Plain {
    String(Bytes),
    Hash(Vec<(Bytes, Bytes)>),
    Set(Vec<Bytes>),
    Sorted(Vec<(Score, Bytes)>),
}

/// Keys with their values and, if they expire, when.
#[derive(Default)]
pub struct Model(Vec<(Key, Plain, Option<i64>)>);

type Answer = Result<Reply, CacheError>;

macro_rules! plain {
    ($self:ident, $key:ident, $kind:ident) => {{
        if !$self.0.iter().any(|entry| entry.0 == *$key) {
            $self.0.push(($key.clone(), Plain::$kind(Vec::new()), None));
        }
        match $self.0.iter_mut().find(|entry| entry.0 == *$key) {
            Some((_, Plain::$kind(value), _)) => value,
            _ => return Err(CacheError::WrongType),
        }
    }};
}

impl Model {
    /// Runs a command; a key whose time is over is forgotten first, and an empty collection afterwards.
    pub fn execute(&mut self, command: &Command, now: i64) -> Answer {
        self.0.retain(|(_, _, expires_at)| expires_at.is_none_or(|at| at >= now));
        let answer = self.run(command, now);
        self.0.retain(|(_, value, _)| match value {
            Plain::String(_) => true,
            Plain::Hash(fields) => !fields.is_empty(),
            Plain::Set(members) => !members.is_empty(),
            Plain::Sorted(members) => !members.is_empty(),
        });
        answer
    }

    fn find(&self, key: &Key) -> Option<&(Key, Plain, Option<i64>)> {
        self.0.iter().find(|entry| entry.0 == *key)
    }

    fn string(&self, key: &Key) -> Result<Option<Bytes>, CacheError> {
        match self.find(key) {
            None => Ok(None),
            Some((_, Plain::String(bytes), _)) => Ok(Some(bytes.clone())),
            Some(_) => Err(CacheError::WrongType),
        }
    }

    fn replace(&mut self, key: &Key, value: &[u8], expires_at: Option<i64>) {
        self.0.retain(|entry| entry.0 != *key);
        self.0.push((key.clone(), Plain::String(value.to_vec()), expires_at));
    }

    fn run(&mut self, command: &Command, now: i64) -> Answer {
        let integer = |number: usize| Ok(Reply::Integer(number as i64));
        match command {
            Command::Get { key } => Ok(self.string(key)?.map_or(Reply::Nil, Reply::Bulk)),
            Command::Set { key, value, condition, expiry, get } => {
                let expires_at = match expiry {
                    Expiry::Never => None,
                    Expiry::Keep => self.find(key).and_then(|entry| entry.2),
                    Expiry::After(after) => {
                        let at = now.checked_add(*after).filter(|_| *after > 0);
                        Some(at.ok_or(CacheError::InvalidExpiry)?)
                    }
                };
                let before = if *get { Some(self.string(key)?) } else { None };
                let there = self.find(key).is_some();
                let done = match condition {
                    Condition::Always => true,
                    Condition::IfAbsent => !there,
                    Condition::IfPresent => there,
                };
                if done {
                    self.replace(key, value, expires_at);
                }
                Ok(match before {
                    Some(before) => before.map_or(Reply::Nil, Reply::Bulk),
                    None if done => Reply::Ok,
                    None => Reply::Nil,
                })
            }
            Command::Del { keys } => {
                if keys.is_empty() {
                    return Err(CacheError::Arguments);
                }
                let before = self.0.len();
                self.0.retain(|entry| !keys.contains(&entry.0));
                integer(before - self.0.len())
            }
            Command::IncrBy { key, by } => {
                let number = match self.string(key)? {
                    None => 0,
                    Some(bytes) => spelt(&bytes).ok_or(CacheError::NotAnInteger)?,
                };
                let sum = number.checked_add(*by).ok_or(CacheError::Overflow)?;
                let expires_at = self.find(key).and_then(|entry| entry.2);
                self.replace(key, sum.to_string().as_bytes(), expires_at);
                Ok(Reply::Integer(sum))
            }
            Command::PExpire { key, milliseconds } => {
                let at = now.checked_add(*milliseconds).ok_or(CacheError::InvalidExpiry)?;
                let there = self.find(key).is_some();
                if at <= now {
                    self.0.retain(|entry| entry.0 != *key);
                }
                for entry in &mut self.0 {
                    if entry.0 == *key {
                        entry.2 = Some(at);
                    }
                }
                integer(usize::from(there))
            }
            Command::PTtl { key } => Ok(Reply::Integer(match self.find(key) {
                None => -2,
                Some((_, _, None)) => -1,
                Some((_, _, Some(at))) => at - now,
            })),
            Command::Persist { key } => {
                let entry = self.0.iter_mut().find(|entry| entry.0 == *key && entry.2.is_some());
                integer(entry.map_or(0, |entry| {
                    entry.2 = None;
                    1
                }))
            }
            Command::HSet { key, fields } => {
                let hash = plain!(self, key, Hash);
                let before = hash.len();
                for (field, value) in fields {
                    hash.retain(|held| held.0 != *field);
                    hash.push((field.clone(), value.clone()));
                }
                integer(hash.len() - before)
            }
            Command::HGet { key, field } => {
                let hash = plain!(self, key, Hash);
                let found = hash.iter().find(|held| held.0 == *field);
                Ok(found.map_or(Reply::Nil, |held| Reply::Bulk(held.1.clone())))
            }
            Command::HDel { key, fields } => {
                let hash = plain!(self, key, Hash);
                let before = hash.len();
                hash.retain(|held| !fields.contains(&held.0));
                integer(before - hash.len())
            }
            Command::HGetAll { key } => {
                let mut hash = plain!(self, key, Hash).clone();
                hash.sort();
                Ok(Reply::Fields(hash))
            }
            Command::HIncrBy { key, field, by } => {
                let hash = plain!(self, key, Hash);
                let number = match hash.iter().find(|held| held.0 == *field) {
                    None => 0,
                    Some(held) => spelt(&held.1).ok_or(CacheError::FieldNotAnInteger)?,
                };
                let sum = number.checked_add(*by).ok_or(CacheError::Overflow)?;
                hash.retain(|held| held.0 != *field);
                hash.push((field.clone(), sum.to_string().into_bytes()));
                Ok(Reply::Integer(sum))
            }
            Command::SAdd { key, members } => {
                let set = plain!(self, key, Set);
                let before = set.len();
                for member in members {
                    if !set.contains(member) {
                        set.push(member.clone());
                    }
                }
                integer(set.len() - before)
            }
            Command::SRem { key, members } => {
                let set = plain!(self, key, Set);
                let before = set.len();
                set.retain(|held| !members.contains(held));
                integer(before - set.len())
            }
            Command::SMembers { key } => {
                let mut set = plain!(self, key, Set).clone();
                set.sort();
                Ok(Reply::Members(set))
            }
            Command::SIsMember { key, member } => integer(usize::from(plain!(self, key, Set).contains(member))),
            Command::SCard { key } => integer(plain!(self, key, Set).len()),
            Command::ZAdd { key, when, members } => {
                let sorted = plain!(self, key, Sorted);
                let mut new = 0;
                for (score, member) in members {
                    let current = sorted.iter().find(|held| held.1 == *member).map(|held| held.0);
                    let accepted = match (when, current) {
                        (When::Always, _) | (When::Absent | When::Greater | When::Less, None) => true,
                        (When::Absent, Some(_)) => false,
                        (When::Present | When::PresentAndGreater | When::PresentAndLess, None) => false,
                        (When::Present, Some(_)) => true,
                        (When::Greater | When::PresentAndGreater, Some(current)) => *score > current,
                        (When::Less | When::PresentAndLess, Some(current)) => *score < current,
                    };
                    if accepted {
                        sorted.retain(|held| held.1 != *member);
                        sorted.push((*score, member.clone()));
                        new += usize::from(current.is_none());
                    }
                }
                integer(new)
            }
            Command::ZRem { key, members } => {
                let sorted = plain!(self, key, Sorted);
                let before = sorted.len();
                sorted.retain(|held| !members.contains(&held.1));
                integer(before - sorted.len())
            }
            Command::ZScore { key, member } => {
                let sorted = plain!(self, key, Sorted);
                let found = sorted.iter().find(|held| held.1 == *member);
                Ok(found.map_or(Reply::Nil, |held| Reply::Score(held.0)))
            }
            Command::ZRange { key, range, reverse } => {
                let mut sorted = plain!(self, key, Sorted).clone();
                sorted.sort();
                if *reverse {
                    sorted.reverse();
                }
                let length = sorted.len() as i64;
                let chosen: Vec<_> = match *range {
                    Range::Rank { start, stop } => {
                        let rank = |rank: i64| if rank < 0 { length.saturating_add(rank) } else { rank };
                        let within = |position: i64| rank(start) <= position && position <= rank(stop);
                        (0..length)
                            .zip(sorted)
                            .filter(|(position, _)| within(*position))
                            .map(|(_, held)| held)
                            .collect()
                    }
                    Range::Score { min, max, limit } => {
                        let Limit { offset, count } = limit.unwrap_or(Limit { offset: 0, count: u32::MAX });
                        let between = sorted.into_iter().filter(|held| is_between(held.0, min, max));
                        between.skip(offset as usize).take(count as usize).collect()
                    }
                };
                Ok(Reply::Scored(chosen.into_iter().map(|(score, member)| (member, score)).collect()))
            }
            Command::ZCard { key } => integer(plain!(self, key, Sorted).len()),
            Command::ZRemRangeByScore { key, min, max } => {
                let sorted = plain!(self, key, Sorted);
                let before = sorted.len();
                sorted.retain(|held| !is_between(held.0, *min, *max));
                integer(before - sorted.len())
            }
            Command::Publish(_) => integer(0),
        }
    }
}

fn is_between(score: Score, min: ScoreBound, max: ScoreBound) -> bool {
    let above = match min {
        ScoreBound::Included(min) => score >= min,
        ScoreBound::Excluded(min) => score > min,
    };
    let below = match max {
        ScoreBound::Included(max) => score <= max,
        ScoreBound::Excluded(max) => score < max,
    };
    above && below
}

/// The only spelling of each integer that counts as one.
fn spelt(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let canonical = match digits {
        [b'0'] => bytes == b"0",
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    canonical.then(|| String::from_utf8(bytes.to_vec()).ok()?.parse().ok())?
}
