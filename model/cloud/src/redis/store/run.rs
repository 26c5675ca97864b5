//! One command on the store.

use ports::cache::{Bytes, CacheError, Command, Condition, Expiry, Key, Reply};

use super::sorted::Added;
use super::{As, Hash, Milliseconds, Set, SortedSet, Store, Value};

/// A command under way.
pub(super) struct Run<'a> {
    pub store: &'a mut Store,
    pub now: Milliseconds,
    pub role: As,
    pub changed: bool,
    pub touched: u64,
}

type Answer = Result<Reply, CacheError>;

impl Run<'_> {
    pub fn command(&mut self, command: &Command) -> Answer {
        match command {
            Command::Get { key } => Ok(self.string(key)?.map_or(Reply::Nil, |bytes| Reply::Bulk(bytes.clone()))),
            Command::Set { key, value, condition, expiry, get } => self.set(key, value, *condition, *expiry, *get),
            Command::Del { keys } => {
                not_empty(keys)?;
                let mut count = 0;
                for key in keys {
                    self.touched += self.store.entries.get(key).map_or(1, |entry| entry.value.elements());
                    count += i64::from(self.store.remove(key));
                }
                self.counted(count)
            }
            Command::IncrBy { key, by } => self.increment(key, *by),
            Command::PExpire { key, milliseconds } => self.expire(key, *milliseconds),
            Command::PTtl { key } => self.time_to_live(key),
            Command::Persist { key } => {
                let expires = self.store.entries.get(key).is_some_and(|entry| entry.expires_at.is_some());
                self.store.expire_at(key, None);
                self.counted(i64::from(expires))
            }

            Command::HSet { key, fields } => {
                not_empty(fields)?;
                self.touched = fields.len() as u64;
                self.changed = true;
                let set = |hash: &mut Hash| {
                    fields.iter().filter(|(field, value)| hash.set(field.clone(), value.clone())).count()
                };
                let new = self.change_or_create(key, set).inspect_err(|_| self.changed = false)?;
                Ok(Reply::Integer(new as i64))
            }
            Command::HGet { key, field } => {
                let value = self.read::<Hash>(key)?.and_then(|hash| hash.fields.get(field));
                Ok(value.map_or(Reply::Nil, |value| Reply::Bulk(value.clone())))
            }
            Command::HDel { key, fields } => {
                not_empty(fields)?;
                self.touched = fields.len() as u64;
                let remove = |hash: &mut Hash| fields.iter().filter(|field| hash.remove(field)).count();
                let removed = self.change(key, remove)?;
                self.counted(removed.unwrap_or(0) as i64)
            }
            Command::HGetAll { key } => {
                let fields: Vec<(Bytes, Bytes)> = self.read::<Hash>(key)?.map_or_else(Vec::new, |hash| {
                    hash.fields.iter().map(|(field, value)| (field.clone(), value.clone())).collect()
                });
                self.touched += fields.len() as u64;
                Ok(Reply::Fields(fields))
            }
            Command::HIncrBy { key, field, by } => {
                let current = self.read::<Hash>(key)?.and_then(|hash| hash.fields.get(field));
                let current = current.map_or(Some(0), |value| integer(value));
                let current = current.ok_or(CacheError::FieldNotAnInteger)?;
                let sum = current.checked_add(*by).ok_or(CacheError::Overflow)?;
                self.change_or_create(key, |hash: &mut Hash| hash.set(field.clone(), sum.to_string().into_bytes()))?;
                self.changed = true;
                Ok(Reply::Integer(sum))
            }

            Command::SAdd { key, members } => {
                not_empty(members)?;
                self.touched = members.len() as u64;
                let add = |set: &mut Set| members.iter().filter(|member| set.add(member)).count();
                let new = self.change_or_create(key, add)?;
                self.counted(new as i64)
            }
            Command::SRem { key, members } => {
                not_empty(members)?;
                self.touched = members.len() as u64;
                let remove = |set: &mut Set| members.iter().filter(|member| set.remove(member)).count();
                let removed = self.change(key, remove)?;
                self.counted(removed.unwrap_or(0) as i64)
            }
            Command::SMembers { key } => {
                let members: Vec<Bytes> =
                    self.read::<Set>(key)?.map_or_else(Vec::new, |set| set.members.iter().cloned().collect());
                self.touched += members.len() as u64;
                Ok(Reply::Members(members))
            }
            Command::SIsMember { key, member } => {
                Ok(Reply::Integer(self.read::<Set>(key)?.is_some_and(|set| set.members.contains(member)).into()))
            }
            Command::SCard { key } => {
                Ok(Reply::Integer(self.read::<Set>(key)?.map_or(0, |set| set.members.len()) as i64))
            }

            Command::ZAdd { key, when, members } => {
                not_empty(members)?;
                self.touched = members.len() as u64;
                let add = |sorted: &mut SortedSet| {
                    let added: Vec<Added> =
                        members.iter().map(|(score, member)| sorted.add(member, *score, *when)).collect();
                    let count = |wanted| added.iter().filter(|added| **added == wanted).count();
                    (count(Added::New), count(Added::Moved))
                };
                let (new, moved) = self.change_or_create(key, add)?;
                self.changed = new + moved > 0;
                Ok(Reply::Integer(new as i64))
            }
            Command::ZRem { key, members } => {
                not_empty(members)?;
                self.touched = members.len() as u64;
                let removed = self.change(key, |sorted: &mut SortedSet| {
                    members.iter().filter(|member| sorted.remove(member)).count()
                })?;
                self.counted(removed.unwrap_or(0) as i64)
            }
            Command::ZScore { key, member } => {
                let score = self.read::<SortedSet>(key)?.and_then(|sorted| sorted.score(member));
                Ok(score.map_or(Reply::Nil, Reply::Score))
            }
            Command::ZRange { key, range, reverse } => {
                let sorted = self.read::<SortedSet>(key)?;
                let scored = sorted.map_or_else(Vec::new, |sorted| sorted.range(*range, *reverse));
                self.touched += scored.len() as u64;
                Ok(Reply::Scored(scored))
            }
            Command::ZCard { key } => Ok(Reply::Integer(self.read::<SortedSet>(key)?.map_or(0, SortedSet::len) as i64)),
            Command::ZRemRangeByScore { key, min, max } => {
                let removed = self.change(key, |sorted: &mut SortedSet| {
                    let members = sorted.members_between(*min, *max);
                    members.iter().filter(|member| sorted.remove(member)).count()
                })?;
                let removed = removed.unwrap_or(0);
                self.touched += removed as u64;
                self.counted(removed as i64)
            }
            // Who hears it is the server's business.
            Command::Publish(_) => Ok(Reply::Integer(0)),
        }
    }

    fn counted(&mut self, count: i64) -> Answer {
        self.changed = count > 0;
        Ok(Reply::Integer(count))
    }

    fn string(&self, key: &Key) -> Result<Option<&Bytes>, CacheError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(CacheError::WrongType),
        }
    }

    fn set(&mut self, key: &Key, value: &Bytes, condition: Condition, expiry: Expiry, get: bool) -> Answer {
        let expires_at = match expiry {
            Expiry::Never => None,
            Expiry::Keep => self.store.entries.get(key).and_then(|entry| entry.expires_at),
            Expiry::After(milliseconds) if milliseconds <= 0 => return Err(CacheError::InvalidExpiry),
            Expiry::After(milliseconds) => Some(self.now.checked_add(milliseconds).ok_or(CacheError::InvalidExpiry)?),
        };
        let former = if get { self.string(key)?.cloned() } else { None };
        let there = self.store.entries.contains_key(key);
        let holds = match condition {
            Condition::Always => true,
            Condition::IfAbsent => !there,
            Condition::IfPresent => there,
        };
        if holds {
            self.store.put(key.clone(), Value::String(value.clone()), expires_at, self.now);
            self.changed = true;
        }
        Ok(match (get, holds) {
            (true, _) => former.map_or(Reply::Nil, Reply::Bulk),
            (false, true) => Reply::Ok,
            (false, false) => Reply::Nil,
        })
    }

    fn increment(&mut self, key: &Key, by: i64) -> Answer {
        let current = self.string(key)?.map_or(Some(0), |bytes| integer(bytes)).ok_or(CacheError::NotAnInteger)?;
        let sum = current.checked_add(by).ok_or(CacheError::Overflow)?;
        let expires_at = self.store.entries.get(key).and_then(|entry| entry.expires_at);
        self.store.put(key.clone(), Value::String(sum.to_string().into_bytes()), expires_at, self.now);
        self.changed = true;
        Ok(Reply::Integer(sum))
    }

    fn expire(&mut self, key: &Key, milliseconds: i64) -> Answer {
        let at = self.now.checked_add(milliseconds).ok_or(CacheError::InvalidExpiry)?;
        if !self.store.entries.contains_key(key) {
            return Ok(Reply::Integer(0));
        }
        if at <= self.now {
            self.store.remove(key);
        } else {
            self.store.expire_at(key, Some(at));
        }
        self.counted(1)
    }

    fn time_to_live(&self, key: &Key) -> Answer {
        let left = match self.value(key).and_then(|_| self.store.entries.get(key)) {
            None => -2,
            Some(entry) => entry.expires_at.map_or(-1, |at| (at - self.now).max(0)),
        };
        Ok(Reply::Integer(left))
    }
}

fn not_empty<T>(list: &[T]) -> Result<(), CacheError> {
    if list.is_empty() { Err(CacheError::Arguments) } else { Ok(()) }
}

/// The integer that these bytes spell as Redis itself would: no sign but a minus, no leading zero, no space.
fn integer(bytes: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == bytes).then_some(number)
}
