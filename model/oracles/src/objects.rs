//! What people call what was written: rows of tables, entries of a cache, records of an event log.

use std::fmt::Write;

use platform::services::geo::shared::driver_of;
use platform::services::notifications::{DEAD_LETTERS, RETRIES};
use platform::services::relay::TRIP_EVENTS;
use ports::cache::{Bytes, Command, Expiry};
use ports::database::{Key, TableId, Value};
use ports::event_log::{Offset, Partition};
use ports::observe::history_of;

/// How people call a row: its table and its key, such as `trips/4711`.
pub fn object_name(table: TableId, key: &Key) -> String {
    let schema = platform::domain::schema::TABLES.iter().find(|schema| schema.id == table);
    let mut name = schema.map_or_else(|| format!("table {}", table.0), |schema| schema.name.to_owned());
    for value in key {
        name.push('/');
        match value {
            Value::Bool(truth) => name.push_str(&truth.to_string()),
            Value::Int(number) => name.push_str(&number.to_string()),
            Value::Text(text) => name.push_str(text),
            Value::Bytes(bytes) => hexadecimal(&mut name, bytes),
            Value::Null => name.push_str("null"),
        }
    }
    name
}

/// How people call a record of an event log: its partition and its offset, such as `trip-events-3/118`.
pub fn event_name(partition: Partition, offset: Offset) -> String {
    format!("{}/{}", partition_name(partition), offset.0)
}

/// How people call a partition: its topic and its number, such as `trip-events-3`.
pub fn partition_name(partition: Partition) -> String {
    let Partition { topic, number } = partition;
    let known = [TRIP_EVENTS, DEAD_LETTERS].into_iter().chain(RETRIES).find(|known| known.id == topic);
    let topic = known.map_or_else(|| format!("topic {}", topic.0), |known| known.name.to_owned());
    format!("{topic}-{number}")
}

/// What a write does to an entry of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    Put,
    /// Puts a value in the place of whatever the key held.
    Replaced {
        /// How long it lives.
        expires_after_ms: Option<i64>,
    },
    Removed,
}

/// An entry of a cache that a write touched: a key, or one element of the collection at a key.
#[derive(Clone, Copy, Debug)]
pub struct CacheEntry<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) element: Option<&'a [u8]>,
    pub(crate) touch: Touch,
}

impl CacheEntry<'_> {
    /// Writes how people call the entry, whose shard's history has this name, such as `shard-2/drivers:872a1072cffffff/17` for driver 17.
    pub fn name_into(&self, name: &mut String, history: &str) {
        if let (_, Some(shard)) = history_of(history) {
            name.push_str("shard-");
            name.push_str(shard);
            name.push('/');
        }
        readable(name, self.key);
        let Some(element) = self.element else { return };
        name.push('/');
        match driver_of(self.key, element) {
            Some(driver) => write!(name, "{driver}").expect("a string takes all that is written"),
            None => readable(name, element),
        }
    }
}

/// Hands out the entries that a command touches. What goes by its score is not told one by one: nobody misses what was to go.
pub fn each_cache_entry<'a>(command: &'a Command, mut take: impl FnMut(CacheEntry<'a>)) {
    let mut elements = |key: &'a [u8], elements: &mut dyn Iterator<Item = &'a Bytes>, touch: Touch| {
        elements.for_each(|element| take(CacheEntry { key, element: Some(element), touch }));
    };
    match command {
        Command::HSet { key, fields } => elements(key, &mut fields.iter().map(|(field, _)| field), Touch::Put),
        Command::HIncrBy { key, field, .. } => elements(key, &mut std::iter::once(field), Touch::Put),
        Command::SAdd { key, members } => elements(key, &mut members.iter(), Touch::Put),
        Command::ZAdd { key, members, .. } => elements(key, &mut members.iter().map(|(_, member)| member), Touch::Put),
        Command::HDel { key, fields } => elements(key, &mut fields.iter(), Touch::Removed),
        Command::SRem { key, members } | Command::ZRem { key, members } => {
            elements(key, &mut members.iter(), Touch::Removed);
        }
        Command::Set { key, expiry, .. } => {
            let expires_after_ms = match expiry {
                Expiry::After(milliseconds) => Some(*milliseconds),
                Expiry::Never | Expiry::Keep => None,
            };
            take(CacheEntry { key, element: None, touch: Touch::Replaced { expires_after_ms } });
        }
        Command::IncrBy { key, .. } | Command::PExpire { key, .. } | Command::Persist { key } => {
            take(CacheEntry { key, element: None, touch: Touch::Put });
        }
        Command::Del { keys } => {
            keys.iter().for_each(|key| take(CacheEntry { key, element: None, touch: Touch::Removed }));
        }
        Command::ZRemRangeByScore { .. }
        | Command::Get { .. }
        | Command::PTtl { .. }
        | Command::HGet { .. }
        | Command::HGetAll { .. }
        | Command::SMembers { .. }
        | Command::SIsMember { .. }
        | Command::SCard { .. }
        | Command::ZScore { .. }
        | Command::ZRange { .. }
        | Command::ZCard { .. }
        | Command::Publish(_) => {}
    }
}

/// Bytes as text where they are text, and as hexadecimal digits otherwise.
fn readable(name: &mut String, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => name.push_str(text),
        _ => hexadecimal(name, bytes),
    }
}

fn hexadecimal(name: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(name, "{byte:02x}").expect("a string takes all that is written");
    }
}

#[cfg(test)]
mod tests {
    use platform::domain::ids::DriverId;
    use platform::domain::place::Coordinate;
    use platform::domain::vehicle::VehicleClass;
    use ports::cache::{Score, When};
    use ports::event_log::TopicId;

    use super::*;

    fn names(history: &str, command: &Command) -> Vec<String> {
        let mut names = Vec::new();
        each_cache_entry(command, |entry| {
            let mut name = String::new();
            entry.name_into(&mut name, history);
            names.push(name);
        });
        names
    }

    #[test]
    fn a_driver_is_named_by_number_and_other_bytes_as_they_can_be_read() {
        let at = Coordinate { latitude_microdegrees: 40_758_000, longitude_microdegrees: -73_985_500 };
        let member = postcard::to_stdvec(&(DriverId(17), at, VehicleClass::Standard)).unwrap();
        let put = |key: &str, member: Vec<u8>| Command::ZAdd {
            key: key.as_bytes().to_vec(),
            when: When::Greater,
            members: vec![(Score::of(1), member)],
        };
        assert_eq!(
            names("redis/2", &put("drivers:872a1072cffffff", member.clone())),
            ["shard-2/drivers:872a1072cffffff/17"]
        );
        assert_eq!(names("redis", &put("others", b"one".to_vec())), ["others/one"]);
        assert_eq!(names("redis", &put("others", vec![0, 255])), ["others/00ff"]);
        assert_eq!(names("redis", &Command::Del { keys: vec![b"one".to_vec(), b"two".to_vec()] }), ["one", "two"]);
    }

    #[test]
    fn a_record_is_named_by_topic_partition_and_offset() {
        let name = |topic| event_name(Partition { topic: TopicId(topic), number: 3 }, Offset(118));
        assert_eq!([name(1), name(99)], ["trip-events-3/118", "topic 99-3/118"]);
    }
}
