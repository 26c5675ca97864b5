//! Decisions are made once for each key, and money is taken at most once.

use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3_600);
const APPROVED: Outcome = Outcome::Approved;

fn ledger(idempotent: bool) -> Ledger {
    Ledger::new(idempotent, DAY, 7 * DAY)
}

fn key(number: u8) -> IdempotencyKey {
    IdempotencyKey(number.into())
}

fn authorise(amount_minor: i64) -> Operation {
    Operation::Authorise { card_token: 1, amount_minor }
}

fn capture(authorisation: u8, amount_minor: i64) -> Operation {
    Operation::Capture { authorisation: key(authorisation), amount_minor }
}

/// Decides and posts, as the server does.
fn submit(ledger: &mut Ledger, number: u8, operation: Operation, at: Time) -> Outcome {
    ledger.forget(at);
    let Verdict { outcome, entry } = ledger.decide(key(number), operation, false, at);
    entry.into_iter().for_each(|entry| ledger.post(entry));
    outcome
}

#[test]
fn an_authorisation_is_captured_once_and_not_beyond_its_amount() {
    let mut ledger = ledger(true);
    let at = Time::from_secs(1);
    assert_eq!(submit(&mut ledger, 1, authorise(500), at), APPROVED);
    assert_eq!(submit(&mut ledger, 2, capture(1, 501), at), Outcome::Declined(Decline::AmountTooLarge));
    assert_eq!(submit(&mut ledger, 3, capture(1, 400), at), APPROVED);
    assert_eq!(submit(&mut ledger, 4, capture(1, 100), at), Outcome::Declined(Decline::NoAuthorisation));
    let void = Operation::Void { authorisation: key(1) };
    assert_eq!(submit(&mut ledger, 5, void, at), Outcome::Declined(Decline::NoAuthorisation));
    assert_eq!(submit(&mut ledger, 3, capture(1, 400), at), APPROVED, "told again, not done again");
    assert_eq!(submit(&mut ledger, 3, capture(1, 300), at), Outcome::Declined(Decline::KeyReused));
}

#[test]
fn what_was_captured_is_given_back_in_parts_and_never_more_than_all_of_it() {
    let mut ledger = ledger(true);
    let at = Time::from_secs(1);
    let refund = |amount_minor| Operation::Refund { authorisation: key(1), amount_minor };
    submit(&mut ledger, 1, authorise(500), at);
    assert_eq!(submit(&mut ledger, 2, refund(1), at), Outcome::Declined(Decline::NoAuthorisation));
    submit(&mut ledger, 3, capture(1, 400), at);
    assert_eq!(submit(&mut ledger, 4, refund(150), at), APPROVED);
    assert_eq!(submit(&mut ledger, 4, refund(150), at), APPROVED, "told again, not done again");
    assert_eq!(submit(&mut ledger, 5, refund(251), at), Outcome::Declined(Decline::AmountTooLarge));
    assert_eq!(submit(&mut ledger, 6, refund(250), at), APPROVED);
    assert_eq!(submit(&mut ledger, 7, refund(1), at), Outcome::Declined(Decline::AmountTooLarge));
    let pay_out = Operation::PayOut { account_token: 1, amount_minor: 9 };
    assert_eq!(submit(&mut ledger, 8, pay_out, at), APPROVED);
}

#[test]
fn a_burnt_key_stays_unused() {
    let mut ledger = ledger(true);
    let at = Time::from_secs(1);
    assert_eq!(ledger.find(key(1)), None);
    let burnt = ledger.burn(key(1), at).expect("it was never seen");
    ledger.post(burnt);
    assert_eq!(ledger.burn(key(1), at), None);
    assert_eq!(submit(&mut ledger, 1, authorise(500), at), Outcome::Declined(Decline::KeyReused));
    assert_eq!(ledger.find(key(1)), None, "none stays true");
    assert_eq!(submit(&mut ledger, 2, capture(1, 1), at), Outcome::Declined(Decline::NoAuthorisation));
}

#[test]
fn keys_are_forgotten_after_a_day_and_authorisations_after_a_week() {
    let mut ledger = ledger(true);
    let start = Time::from_secs(1);
    submit(&mut ledger, 1, authorise(500), start);
    ledger.forget(start + DAY - Duration::from_nanos(1));
    assert_eq!(ledger.find(key(1)), Some(APPROVED));
    ledger.forget(start + DAY);
    assert_eq!(ledger.find(key(1)), None);
    let mut later = Ledger::new(true, DAY, 7 * DAY);
    submit(&mut later, 1, authorise(500), start);
    assert_eq!(submit(&mut ledger, 2, capture(1, 500), start + 6 * DAY), APPROVED);
    let too_late = submit(&mut later, 2, capture(1, 500), start + 7 * DAY);
    assert_eq!(too_late, Outcome::Declined(Decline::NoAuthorisation));
}

#[test]
fn without_idempotency_what_comes_twice_is_decided_twice() {
    let mut ledger = ledger(false);
    let at = Time::from_secs(1);
    submit(&mut ledger, 1, authorise(500), at);
    submit(&mut ledger, 2, capture(1, 500), at);
    let again = ledger.decide(key(2), capture(1, 500), false, at);
    assert_eq!(again.outcome, Outcome::Declined(Decline::NoAuthorisation));
    assert!(again.entry.is_some(), "it is a decision of its own");
}

proptest! {
    /// Whatever is sent, in whatever order and however often: one decision a key, captures within authorisations, and a ledger
    /// read back from its entries is the same ledger.
    #[test]
    fn one_decision_a_key_and_no_money_twice(
        requests in prop::collection::vec((0..6u8, 0..4u8, 0..6u8, 1..4i64, any::<bool>()), 1..80),
    ) {
        let mut ledger = ledger(true);
        let mut entries: Vec<Entry> = Vec::new();
        for (second, (number, kind, other, amount_minor, bank_declines)) in (1..).zip(requests) {
            let at = Time::from_secs(second);
            let operation = match kind {
                0 => authorise(amount_minor),
                1 => capture(other, amount_minor),
                2 => Operation::Void { authorisation: key(other) },
                _ => {
                    if let Some(entry) = ledger.burn(key(number), at) {
                        ledger.post(entry);
                        entries.push(entry);
                    }
                    continue;
                }
            };
            if let Some(entry) = ledger.decide(key(number), operation, bank_declines, at).entry {
                ledger.post(entry);
                entries.push(entry);
            }
        }
        let mut keys: Vec<_> = entries.iter().map(|entry| entry.key).collect();
        keys.sort();
        prop_assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "a key is decided once");
        for entry in &entries {
            let What::Decided { operation: Operation::Authorise { amount_minor, .. }, .. } = entry.what else { continue };
            let taken: Vec<i64> = entries.iter().filter_map(|other| match other.what {
                What::Decided { operation: Operation::Capture { authorisation, amount_minor }, outcome: APPROVED }
                    if authorisation == entry.key => Some(amount_minor),
                _ => None,
            }).collect();
            prop_assert!(taken.len() <= 1 && taken.iter().sum::<i64>() <= amount_minor, "{taken:?}");
        }
        let mut read_back = Ledger::new(true, DAY, 7 * DAY);
        entries.iter().for_each(|&entry| read_back.post(entry));
        prop_assert_eq!((read_back.keys, read_back.open), (ledger.keys, ledger.open));
    }
}
