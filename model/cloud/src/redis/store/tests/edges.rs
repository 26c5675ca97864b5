//! Expiry in rounds, eviction, and what a command costs.

use ports::cache::{Command, Condition, Expiry, Reply, Score, When};

use crate::redis::store::{As, EvictionPolicy, Store};

fn set(store: &mut Store, key: &str, now: i64, lives_ms: Option<i64>) {
    let command = Command::Set {
        key: key.into(),
        value: b"value".to_vec(),
        condition: Condition::Always,
        expiry: lives_ms.map_or(Expiry::Never, Expiry::After),
        get: false,
    };
    assert_eq!(store.execute(&command, now, As::Primary).result, Ok(Reply::Ok));
}

fn get(store: &mut Store, key: &str, now: i64, role: As) -> Option<Vec<u8>> {
    store.execute(&Command::Get { key: key.into() }, now, role).result.expect("a string").bytes().expect("a string")
}

#[test]
fn a_key_lives_through_its_last_millisecond_and_a_replica_only_hides_it() {
    for role in [As::Primary, As::Replica] {
        let mut store = Store::default();
        set(&mut store, "k", 0, Some(10));
        assert!(get(&mut store, "k", 10, role).is_some());
        assert!(get(&mut store, "k", 11, role).is_none());
        assert_eq!(store.len(), usize::from(role == As::Replica));
    }
}

#[test]
fn rounds_remove_the_longest_expired_first_and_not_more_than_they_may() {
    let mut store = Store::default();
    for (key, lives) in [("c", 30), ("a", 10), ("b", 20), ("d", 90)] {
        set(&mut store, key, 0, Some(lives));
    }
    assert_eq!(store.next_expiry(), Some(11));
    assert_eq!(store.expire_round(10, 9), Vec::<Vec<u8>>::new());
    assert_eq!(store.expire_round(50, 2), [b"a", b"b"]);
    assert_eq!(store.expire_round(50, 2), [b"c"]);
    assert_eq!(store.next_expiry(), Some(91));
}

#[test]
fn what_was_used_last_goes_last() {
    let mut store = Store::default();
    for number in 0..1_000 {
        set(&mut store, &format!("{number:04}"), number, None);
    }
    let half = store.used_bytes() / 2;
    let mut state = 1u64;
    let draw = |below: usize| {
        state = runtime::random::mix(state, 7);
        (state % below as u64) as usize
    };
    let eviction = store.evict(half, EvictionPolicy::AllKeysLru, draw);
    assert!(eviction.fits);
    assert_eq!(eviction.evicted.len(), 500);
    let old = eviction.evicted.iter().filter(|key| key.as_slice() < b"0500".as_slice()).count();
    // Of five keys at random the oldest goes: nearly all of the older half, not quite.
    assert!((400..500).contains(&old), "{old}");
}

#[test]
fn policies_differ_in_what_may_go() {
    let filled = || {
        let mut store = Store::default();
        set(&mut store, "for ever", 0, None);
        set(&mut store, "long", 0, Some(9_000));
        set(&mut store, "short", 0, Some(1_000));
        store
    };
    let none = filled().evict(0, EvictionPolicy::NoEviction, |_| 0);
    assert_eq!((none.evicted.len(), none.fits), (0, false));
    let volatile = filled().evict(0, EvictionPolicy::VolatileTtl, |_| 0);
    assert_eq!(volatile.evicted, [b"short".to_vec(), b"long".to_vec()]);
    assert!(!volatile.fits);
    let all = filled().evict(0, EvictionPolicy::AllKeysLru, |_| 0);
    assert_eq!((all.evicted.len(), all.fits), (3, true));
}

#[test]
fn a_command_touches_what_redis_would() {
    let mut store = Store::default();
    let members: Vec<_> = (0..500).map(|number| (Score::of(number), number.to_string().into_bytes())).collect();
    let added = store.execute(&Command::ZAdd { key: b"z".to_vec(), when: When::Always, members }, 0, As::Primary);
    assert_eq!(added.touched, 500);
    assert_eq!(store.execute(&Command::ZCard { key: b"z".to_vec() }, 0, As::Primary).touched, 1);
    let all = ports::cache::Range::Rank { start: 0, stop: -1 };
    let listed = store.execute(&Command::ZRange { key: b"z".to_vec(), range: all, reverse: false }, 0, As::Primary);
    assert_eq!(listed.touched, 501);
    assert_eq!(store.execute(&Command::Del { keys: vec![b"z".to_vec()] }, 0, As::Primary).touched, 501);
}
