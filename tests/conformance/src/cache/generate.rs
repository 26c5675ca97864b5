//! Scripts drawn at random, over so few keys, elements and values that clients meet.

use ports::cache::{Bytes, Command, Condition, Expiry, Key, Limit, Message, Range, Score, ScoreBound, When};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Script, Step};

/// Sessions that a script may have.
pub const SESSIONS: usize = 3;

/// Every key of scripts: two for each kind of value, which the commands of other kinds meet now and then.
pub const KEYS: &[&[u8]] = &[b"a", b"string", b"h\x00\xff", b"hash", b"", b"set", b"z", b"sorted"];

/// Every channel of scripts.
pub const CHANNELS: &[&[u8]] = &[b"one", b"two", b"\r\n"];

/// What strings and fields hold. Some are integers, some nearly.
const VALUES: &[&[u8]] = &[
    b"",
    b"0",
    b"7",
    b"-3",
    b"007",
    b"-0",
    b"+1",
    b" 1",
    b"1.5",
    b"text",
    b"\x00\r\n\xff",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
];

/// What is in collections: few, so that they meet.
const ELEMENTS: &[&[u8]] = &[b"", b"0", b"7", b"text", b"\x00\r\n\xff"];

const SCORES: &[f64] =
    &[f64::NEG_INFINITY, -1e300, -2.5, -1.0, 0.0, 0.1, 1.0, 1.5, 3.0, 9_007_199_254_740_993.0, f64::INFINITY];

/// Scripts of several sessions.
pub fn script() -> impl Strategy<Value = Script> {
    vec(step(), 1..60).prop_map(Script)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => (0..SESSIONS, command()).prop_map(|(session, command)| Step::Execute(session, command)),
        1 => (0..SESSIONS, brief()).prop_map(|(session, command)| Step::Brief(session, command)),
        2 => (0..SESSIONS, vec(channel(), 0..3)).prop_map(|(session, mut channels)| {
            // A channel that is named twice in one subscription is one channel.
            channels.sort_unstable();
            channels.dedup();
            Step::Subscribe(session, channels)
        }),
    ]
}

fn brief() -> impl Strategy<Value = Command> {
    let set = (key(), value()).prop_map(|(key, value)| Command::Set {
        key,
        value,
        condition: Condition::Always,
        expiry: Expiry::After(1),
        get: false,
    });
    prop_oneof![set, key().prop_map(|key| Command::PExpire { key, milliseconds: 1 })]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![4 => string(), 2 => life(), 3 => hash(), 3 => set(), 5 => sorted(), 1 => publish()]
}

fn drawn(from: &'static [&'static [u8]]) -> impl Strategy<Value = Bytes> {
    select(from).prop_map(<[u8]>::to_vec)
}

fn key() -> impl Strategy<Value = Key> {
    drawn(KEYS)
}

/// A kind of value, by the place of its first key.
#[derive(Clone, Copy)]
enum Kind {
    String = 0,
    Hash = 2,
    Set = 4,
    Sorted = 6,
}

/// A key that mostly holds a value of this kind.
fn key_of(kind: Kind) -> impl Strategy<Value = Key> {
    let first = kind as usize;
    prop_oneof![8 => drawn(&KEYS[first..first + 2]), 1 => key()]
}

fn element() -> impl Strategy<Value = Bytes> {
    drawn(ELEMENTS)
}

fn value() -> impl Strategy<Value = Bytes> {
    drawn(VALUES)
}

fn channel() -> impl Strategy<Value = Bytes> {
    drawn(CHANNELS)
}

fn elements() -> impl Strategy<Value = Vec<Bytes>> {
    vec(element(), 0..4)
}

fn by() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -3..=3i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN)]
}

/// Expiries that no script lives to see, and those that are refused or over at once.
fn milliseconds() -> impl Strategy<Value = i64> {
    select(vec![500_000, 10_000_000, 1 << 45, 0, -1, i64::MIN, i64::MAX])
}

fn string() -> impl Strategy<Value = Command> {
    let condition = select(vec![Condition::Always, Condition::IfAbsent, Condition::IfPresent]);
    let expiry =
        prop_oneof![3 => Just(Expiry::Never), 1 => Just(Expiry::Keep), 2 => milliseconds().prop_map(Expiry::After)];
    prop_oneof![
        2 => key_of(Kind::String).prop_map(|key| Command::Get { key }),
        4 => (key_of(Kind::String), value(), condition, expiry, any::<bool>()).prop_map(|(key, value, condition, expiry, get)| {
            Command::Set { key, value, condition, expiry, get }
        }),
        1 => vec(key(), 0..3).prop_map(|keys| Command::Del { keys }),
        2 => (key_of(Kind::String), by()).prop_map(|(key, by)| Command::IncrBy { key, by }),
    ]
}

fn life() -> impl Strategy<Value = Command> {
    prop_oneof![
        (key(), milliseconds()).prop_map(|(key, milliseconds)| Command::PExpire { key, milliseconds }),
        key().prop_map(|key| Command::PTtl { key }),
        key().prop_map(|key| Command::Persist { key }),
    ]
}

fn hash() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => (key_of(Kind::Hash), vec((element(), value()), 0..4)).prop_map(|(key, fields)| Command::HSet { key, fields }),
        1 => (key_of(Kind::Hash), element()).prop_map(|(key, field)| Command::HGet { key, field }),
        1 => (key_of(Kind::Hash), elements()).prop_map(|(key, fields)| Command::HDel { key, fields }),
        1 => key_of(Kind::Hash).prop_map(|key| Command::HGetAll { key }),
        1 => (key_of(Kind::Hash), element(), by()).prop_map(|(key, field, by)| Command::HIncrBy { key, field, by }),
    ]
}

fn set() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => (key_of(Kind::Set), elements()).prop_map(|(key, members)| Command::SAdd { key, members }),
        1 => (key_of(Kind::Set), elements()).prop_map(|(key, members)| Command::SRem { key, members }),
        1 => key_of(Kind::Set).prop_map(|key| Command::SMembers { key }),
        1 => (key_of(Kind::Set), element()).prop_map(|(key, member)| Command::SIsMember { key, member }),
        1 => key_of(Kind::Set).prop_map(|key| Command::SCard { key }),
    ]
}

fn score() -> impl Strategy<Value = Score> {
    select(SCORES).prop_map(|score| Score::try_from(score).expect("none of them is NaN"))
}

fn bound() -> impl Strategy<Value = ScoreBound> {
    prop_oneof![score().prop_map(ScoreBound::Included), score().prop_map(ScoreBound::Excluded)]
}

fn range() -> impl Strategy<Value = Range> {
    let rank = || prop_oneof![8 => -6..6i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    let limit = option::of((0..4u32, 0..4u32).prop_map(|(offset, count)| Limit { offset, count }));
    prop_oneof![
        (rank(), rank()).prop_map(|(start, stop)| Range::Rank { start, stop }),
        (bound(), bound(), limit).prop_map(|(min, max, limit)| Range::Score { min, max, limit }),
    ]
}

fn sorted() -> impl Strategy<Value = Command> {
    use When::{Absent, Always, Greater, Less, Present, PresentAndGreater, PresentAndLess};
    let when = select(vec![Always, Absent, Present, Greater, Less, PresentAndGreater, PresentAndLess]);
    prop_oneof![
        3 => (key_of(Kind::Sorted), when, vec((score(), element()), 0..4))
            .prop_map(|(key, when, members)| Command::ZAdd { key, when, members }),
        1 => (key_of(Kind::Sorted), elements()).prop_map(|(key, members)| Command::ZRem { key, members }),
        1 => (key_of(Kind::Sorted), element()).prop_map(|(key, member)| Command::ZScore { key, member }),
        3 => (key_of(Kind::Sorted), range(), any::<bool>()).prop_map(|(key, range, reverse)| Command::ZRange { key, range, reverse }),
        1 => key_of(Kind::Sorted).prop_map(|key| Command::ZCard { key }),
        1 => (key_of(Kind::Sorted), bound(), bound()).prop_map(|(key, min, max)| Command::ZRemRangeByScore { key, min, max }),
    ]
}

fn publish() -> impl Strategy<Value = Command> {
    (channel(), value()).prop_map(|(channel, payload)| Command::Publish(Message { channel, payload }))
}
