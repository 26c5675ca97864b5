//! A command as Redis reads it.

use ports::cache::{Bytes, Command, Condition, Expiry, Limit, Message, Range, Score, ScoreBound, When};

/// The words of a command, its name first.
#[must_use]
pub fn words(command: &Command) -> Vec<Bytes> {
    let mut sent = Words(Vec::new());
    match command {
        Command::Get { key } => sent.say("GET").word(key),
        Command::Set { key, value, condition, expiry, get } => {
            sent.say("SET").word(key).word(value);
            match condition {
                Condition::Always => {}
                Condition::IfAbsent => _ = sent.say("NX"),
                Condition::IfPresent => _ = sent.say("XX"),
            }
            if *get {
                sent.say("GET");
            }
            match expiry {
                Expiry::Never => &mut sent,
                Expiry::Keep => sent.say("KEEPTTL"),
                Expiry::After(milliseconds) => sent.say("PX").say(milliseconds),
            }
        }
        Command::Del { keys } => sent.say("DEL").all(keys),
        Command::IncrBy { key, by } => sent.say("INCRBY").word(key).say(by),
        Command::PExpire { key, milliseconds } => sent.say("PEXPIRE").word(key).say(milliseconds),
        Command::PTtl { key } => sent.say("PTTL").word(key),
        Command::Persist { key } => sent.say("PERSIST").word(key),

        Command::HSet { key, fields } => {
            sent.say("HSET").word(key).all(fields.iter().flat_map(|(field, value)| [field, value]))
        }
        Command::HGet { key, field } => sent.say("HGET").word(key).word(field),
        Command::HDel { key, fields } => sent.say("HDEL").word(key).all(fields),
        Command::HGetAll { key } => sent.say("HGETALL").word(key),
        Command::HIncrBy { key, field, by } => sent.say("HINCRBY").word(key).word(field).say(by),

        Command::SAdd { key, members } => sent.say("SADD").word(key).all(members),
        Command::SRem { key, members } => sent.say("SREM").word(key).all(members),
        Command::SMembers { key } => sent.say("SMEMBERS").word(key),
        Command::SIsMember { key, member } => sent.say("SISMEMBER").word(key).word(member),
        Command::SCard { key } => sent.say("SCARD").word(key),

        Command::ZAdd { key, when, members } => {
            sent.say("ZADD").word(key);
            conditions(*when).iter().for_each(|condition| _ = sent.say(condition));
            for (score, member) in members {
                sent.say(number(*score)).word(member);
            }
            &mut sent
        }
        Command::ZRem { key, members } => sent.say("ZREM").word(key).all(members),
        Command::ZScore { key, member } => sent.say("ZSCORE").word(key).word(member),
        Command::ZRange { key, range, reverse } => {
            sent.say("ZRANGE").word(key);
            match range {
                Range::Rank { start, stop } => _ = sent.say(start).say(stop),
                // The end at which the answer begins comes first.
                Range::Score { min, max, .. } => {
                    let (first, last) = if *reverse { (max, min) } else { (min, max) };
                    sent.say(bound(*first)).say(bound(*last)).say("BYSCORE");
                }
            }
            if *reverse {
                sent.say("REV");
            }
            if let Range::Score { limit: Some(Limit { offset, count }), .. } = range {
                sent.say("LIMIT").say(offset).say(count);
            }
            sent.say("WITHSCORES")
        }
        Command::ZCard { key } => sent.say("ZCARD").word(key),
        Command::ZRemRangeByScore { key, min, max } => {
            sent.say("ZREMRANGEBYSCORE").word(key).say(bound(*min)).say(bound(*max))
        }

        Command::Publish(Message { channel, payload }) => sent.say("PUBLISH").word(channel).word(payload),
    };
    sent.0
}

struct Words(Vec<Bytes>);

impl Words {
    fn word(&mut self, word: &[u8]) -> &mut Self {
        self.0.push(word.to_vec());
        self
    }

    fn say(&mut self, word: impl ToString) -> &mut Self {
        self.0.push(word.to_string().into_bytes());
        self
    }

    fn all<'a>(&mut self, words: impl IntoIterator<Item = &'a Bytes>) -> &mut Self {
        self.0.extend(words.into_iter().cloned());
        self
    }
}

fn conditions(when: When) -> &'static [&'static str] {
    match when {
        When::Always => &[],
        When::Absent => &["NX"],
        When::Present => &["XX"],
        When::Greater => &["GT"],
        When::Less => &["LT"],
        When::PresentAndGreater => &["XX", "GT"],
        When::PresentAndLess => &["XX", "LT"],
    }
}

/// The shortest decimal that is read back as the same double; `inf` and `-inf` are words that Redis knows.
fn number(score: Score) -> String {
    score.get().to_string()
}

fn bound(bound: ScoreBound) -> String {
    match bound {
        ScoreBound::Included(score) => number(score),
        ScoreBound::Excluded(score) => format!("({}", number(score)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(command: &Command) -> String {
        let words = words(command);
        words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn commands_are_written_as_redis_documents_them() {
        let (key, one) = (b"k".to_vec(), || Score::of(1));
        let set = Command::Set {
            key: key.clone(),
            value: b"v".to_vec(),
            condition: Condition::IfAbsent,
            expiry: Expiry::After(5),
            get: true,
        };
        assert_eq!(text(&set), "SET k v NX GET PX 5");
        let members = vec![(Score::HIGHEST, b"m".to_vec())];
        let added = Command::ZAdd { key: key.clone(), when: When::PresentAndLess, members };
        assert_eq!(text(&added), "ZADD k XX LT inf m");
        let limit = Some(Limit { offset: 2, count: 3 });
        let (min, max) = (ScoreBound::Excluded(one()), ScoreBound::Included(Score::HIGHEST));
        let range = Command::ZRange { key, range: Range::Score { min, max, limit }, reverse: true };
        assert_eq!(text(&range), "ZRANGE k inf (1 BYSCORE REV LIMIT 2 3 WITHSCORES");
    }
}
