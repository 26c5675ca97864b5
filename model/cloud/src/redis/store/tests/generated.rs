//! Generated sequences of commands on few keys, with time passing.

use ports::cache::{Bytes, Command, Condition, Expiry, Key, Limit, Message, Range, Score, ScoreBound, When};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::model::Model;
use crate::redis::store::{As, Contents, Store, Value};

fn key() -> impl Strategy<Value = Key> {
    (0..4u8).prop_map(|number| vec![b'k', b'0' + number])
}

fn member() -> impl Strategy<Value = Bytes> {
    (0..5u8).prop_map(|number| vec![b'a' + number])
}

fn value() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        (-2..12i64).prop_map(|number| number.to_string().into_bytes()),
        prop::sample::select(vec!["", "x", "007", "-0", "+1", " 1", "9223372036854775807", "9223372036854775808"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

fn by() -> impl Strategy<Value = i64> {
    prop_oneof![-3..4i64, Just(i64::MAX), Just(i64::MIN)]
}

fn score() -> impl Strategy<Value = Score> {
    prop_oneof![6 => (-3..4i64).prop_map(Score::of), 1 => Just(Score::LOWEST), 1 => Just(Score::HIGHEST)]
}

fn bound() -> impl Strategy<Value = ScoreBound> {
    (score(), any::<bool>()).prop_map(
        |(score, included)| {
            if included { ScoreBound::Included(score) } else { ScoreBound::Excluded(score) }
        },
    )
}

fn range() -> impl Strategy<Value = Range> {
    let rank = || prop_oneof![8 => -7..7i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    let limit = prop::option::of((0..4u32, 0..4u32).prop_map(|(offset, count)| Limit { offset, count }));
    prop_oneof![
        (rank(), rank()).prop_map(|(start, stop)| Range::Rank { start, stop }),
        (bound(), bound(), limit).prop_map(|(min, max, limit)| Range::Score { min, max, limit }),
    ]
}

fn milliseconds() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 1..40i64, 1 => -2..1i64, 1 => Just(i64::MAX)]
}

fn string() -> impl Strategy<Value = Command> {
    let condition = prop::sample::select(vec![Condition::Always, Condition::IfAbsent, Condition::IfPresent]);
    let expiry = prop_oneof![Just(Expiry::Never), Just(Expiry::Keep), milliseconds().prop_map(Expiry::After)];
    prop_oneof![
        key().prop_map(|key| Command::Get { key }),
        (key(), value(), condition, expiry, any::<bool>())
            .prop_map(|(key, value, condition, expiry, get)| { Command::Set { key, value, condition, expiry, get } }),
        prop::collection::vec(key(), 0..3).prop_map(|keys| Command::Del { keys }),
        (key(), by()).prop_map(|(key, by)| Command::IncrBy { key, by }),
        (key(), milliseconds()).prop_map(|(key, milliseconds)| Command::PExpire { key, milliseconds }),
        key().prop_map(|key| Command::PTtl { key }),
        key().prop_map(|key| Command::Persist { key }),
        (member(), value()).prop_map(|(channel, payload)| Command::Publish(Message { channel, payload })),
    ]
}

fn hash() -> impl Strategy<Value = Command> {
    prop_oneof![
        (key(), prop::collection::vec((member(), value()), 1..4))
            .prop_map(|(key, fields)| Command::HSet { key, fields }),
        (key(), member()).prop_map(|(key, field)| Command::HGet { key, field }),
        (key(), prop::collection::vec(member(), 1..4)).prop_map(|(key, fields)| Command::HDel { key, fields }),
        key().prop_map(|key| Command::HGetAll { key }),
        (key(), member(), by()).prop_map(|(key, field, by)| Command::HIncrBy { key, field, by }),
    ]
}

fn set() -> impl Strategy<Value = Command> {
    prop_oneof![
        (key(), prop::collection::vec(member(), 1..4)).prop_map(|(key, members)| Command::SAdd { key, members }),
        (key(), prop::collection::vec(member(), 1..4)).prop_map(|(key, members)| Command::SRem { key, members }),
        key().prop_map(|key| Command::SMembers { key }),
        (key(), member()).prop_map(|(key, member)| Command::SIsMember { key, member }),
        key().prop_map(|key| Command::SCard { key }),
    ]
}

fn sorted() -> impl Strategy<Value = Command> {
    let when = prop::sample::select(vec![
        When::Always,
        When::Absent,
        When::Present,
        When::Greater,
        When::Less,
        When::PresentAndGreater,
        When::PresentAndLess,
    ]);
    prop_oneof![
        3 => (key(), when, prop::collection::vec((score(), member()), 1..4))
            .prop_map(|(key, when, members)| Command::ZAdd { key, when, members }),
        1 => (key(), prop::collection::vec(member(), 1..4)).prop_map(|(key, members)| Command::ZRem { key, members }),
        1 => (key(), member()).prop_map(|(key, member)| Command::ZScore { key, member }),
        3 => (key(), range(), any::<bool>()).prop_map(|(key, range, reverse)| Command::ZRange { key, range, reverse }),
        1 => key().prop_map(|key| Command::ZCard { key }),
        1 => (key(), bound(), bound()).prop_map(|(key, min, max)| Command::ZRemRangeByScore { key, min, max }),
    ]
}

/// Commands, each with the milliseconds that pass before it.
fn history() -> impl Strategy<Value = Vec<(i64, Command)>> {
    let command = prop_oneof![3 => string(), 1 => hash(), 1 => set(), 2 => sorted()];
    prop::collection::vec((prop_oneof![3 => Just(0), 1 => 0..25i64], command), 1..60)
}

/// A store that was given these contents element by element.
fn put_together(contents: Contents, now: i64) -> Store {
    let mut store = Store::default();
    for (key, value, _) in contents.0 {
        let command = match value {
            Value::String(value) => {
                Command::Set { key, value, condition: Condition::Always, expiry: Expiry::Never, get: false }
            }
            Value::Hash(hash) => Command::HSet { key, fields: hash.fields.into_iter().collect() },
            Value::Set(set) => Command::SAdd { key, members: set.members.into_iter().collect() },
            Value::Sorted(sorted) => {
                let all = sorted.range(Range::Rank { start: 0, stop: -1 }, false);
                let members = all.into_iter().map(|(member, score)| (score, member)).collect();
                Command::ZAdd { key, when: When::Always, members }
            }
        };
        let outcome = store.execute(&command, now, As::Primary);
        assert!(outcome.changed);
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The store answers as the little model does, and a replica that repeats what changed holds the same.
    #[test]
    fn the_store_answers_as_the_model_and_a_replica_follows(history in history()) {
        let (mut primary, mut replica, mut model) = (Store::default(), Store::default(), Model::default());
        let mut now = 0;
        for (passed, command) in history {
            now += passed;
            let outcome = primary.execute(&command, now, As::Primary);
            prop_assert_eq!(&outcome.result, &model.execute(&command, now), "{:?}", command);
            for key in &outcome.expired {
                prop_assert!(replica.remove(key));
            }
            if outcome.changed {
                prop_assert!(command.is_write(), "{:?}", command);
                let repeated = replica.execute(&command, now, As::Repeat);
                prop_assert_eq!(&repeated.result, &outcome.result, "{:?}", command);
            }
            prop_assert_eq!(primary.contents(), replica.contents());
            // A reader of the replica sees what a reader of the primary sees, though the replica removed nothing.
            if !command.is_write() {
                let read = replica.execute(&command, now, As::Replica);
                prop_assert_eq!(&read.result, &outcome.result, "{:?}", command);
            }
        }
    }

    /// The count of bytes depends on what is there alone, and nothing takes none.
    #[test]
    fn memory_is_counted_by_what_is_there(history in history()) {
        let mut store = Store::default();
        let mut now = 0;
        for (passed, command) in history {
            now += passed;
            let _ = store.execute(&command, now, As::Primary);
            let counted_anew = put_together(store.contents(), now);
            prop_assert_eq!(store.used_bytes(), counted_anew.used_bytes());
            prop_assert_eq!(store.next_expiry(), Store::holding(store.contents(), now).next_expiry());
        }
        let keys: Vec<Key> = store.contents().0.into_iter().map(|(key, ..)| key).collect();
        for key in keys {
            let fields: Vec<Bytes> = (b'a'..=b'e').map(|letter| vec![letter]).collect();
            // Emptied element by element where it has any.
            let _ = store.execute(&Command::HDel { key: key.clone(), fields: fields.clone() }, now, As::Repeat);
            let _ = store.execute(&Command::SRem { key: key.clone(), members: fields.clone() }, now, As::Repeat);
            let _ = store.execute(&Command::ZRem { key: key.clone(), members: fields }, now, As::Repeat);
            store.remove(&key);
        }
        prop_assert_eq!((store.used_bytes(), store.len()), (0, 0));
    }
}
