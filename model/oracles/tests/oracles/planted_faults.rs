//! Every oracle is silent over the good history, having looked; and for every oracle there is a fault over which it speaks and no other
//! does.

use std::collections::BTreeSet;

use platform::domain::ids::{DriverId, FencingToken, TripId};
use platform::domain::ledger::{AccountKind, JournalKind};
use platform::domain::offer::OfferStatus;
use platform::domain::outbox::DomainEvent;
use platform::domain::schema::{
    Balance, Driver, IdempotencyRecord, JournalEntry, Offer, OutboxEntry, Payment, Quote, Trip, TripLogEntry,
};
use ports::IdempotencyKey;
use ports::observe::{CommitPosition, CommittedTransaction, DriverPosition, Observation};
use ports::processor::{Operation, Outcome};

use crate::script::{STORE, Script, Step, TIMES_SQUARE, Write, speaking, strict, time};
use crate::story::{Twist, good, twisted, two_trips_for_a_driver, two_trips_for_a_rider};

/// The oracle that must speak, the fault, and a history with it.
type Plant = (&'static str, &'static str, fn() -> Script);

const PLANTS: &[Plant] = &[
    ("driver-in-one-active-trip", "a driver under way takes a second trip", two_trips_for_a_driver),
    ("one-driver-per-epoch", "the second driver gets no epoch of her own", second_driver_in_the_first_epoch),
    ("one-driver-per-epoch", "the epoch goes back between two drivers", || {
        let script = good().edit::<Trip>("4 offered to 25", |trip| trip.epoch = 0);
        let script = script.edit::<TripLogEntry>("4 offered to 25", |entry| entry.epoch = 0);
        script
            .edit::<OutboxEntry>("4 offered to 25", |entry| retell(entry, |event| event.epoch = 0))
            .until("4 offered to 25")
    }),
    ("trip-and-driver-agree", "the driver is not released at the drop-off", || {
        good().without::<Driver>("1 dropped off")
    }),
    ("trip-and-driver-agree", "the driver's record has another epoch", || {
        good().edit::<Driver>("1 accepted", |driver| driver.epoch = Some(7)).until("1 accepted")
    }),
    ("listed-transitions-only", "a transition is missing from the log", || {
        good().without::<TripLogEntry>("1 departed").without::<OutboxEntry>("1 departed").until("1 departed")
    }),
    ("listed-transitions-only", "the row is ahead of its log", || {
        good().edit::<Trip>("1 departed", |trip| trip.version += 1).until("1 departed")
    }),
    ("terminal-states-absorb", "a settled trip is touched", || touch_when_over("1 settled")),
    ("terminal-states-absorb", "a cancelled trip is touched", || touch_when_over("2 cancelled")),
    ("one-live-offer", "a driver has two live offers", second_live_offer),
    ("one-live-offer", "a trip given back still stands accepted", || {
        good().without::<Offer>("4 given back").until("4 accepted again")
    }),
    ("accepted-in-time", "an offer is accepted as it expires", || {
        good()
            .edit_all::<Offer>(|offer| offer.expires_at_ns = offer.decided_at_ns.unwrap_or(offer.expires_at_ns))
            .until("1 accepted")
    }),
    ("accepted-in-time", "an offer is accepted after it was withdrawn", || {
        let mut script = good();
        let mut offer: Offer = script.record("1 offered to 21");
        (offer.status, offer.live_driver_id) = (OfferStatus::Withdrawn, None);
        script.with("1 offered to 21", Write::put(&offer)).until("1 accepted")
    }),
    ("accepted-in-time", "an offer is accepted under an older lease", || {
        good().edit_all::<Offer>(|offer| offer.token = FencingToken(offer.token.0 - 1)).until("1 accepted")
    }),
    ("stale-epochs-rejected", "the former driver says that she arrived", former_driver_arrives),
    ("rider-in-one-active-trip", "a rider who waits requests again", two_trips_for_a_rider),
    ("journal-sums-to-zero", "two journals make up for each other", || {
        let mut script = good();
        let [one, two] = ["1 authorised", "2 authorised"].map(|label| loose_entry(&mut script, label));
        let [one, two] = [JournalEntry { amount_minor: 5, ..one }, JournalEntry { amount_minor: -5, ..two }];
        script.with("2 fee asked", Write::put(&one)).with("2 fee asked", Write::put(&two))
    }),
    ("ledger-sums-to-zero", "a hold is booked against commission", || {
        good().edit::<JournalEntry>("3 authorised", |entry| {
            if entry.account == AccountKind::HoldsContra {
                entry.account = AccountKind::Commission;
            }
        })
    }),
    ("entries-append-only", "an entry is dated back", || {
        let mut script = good();
        let entry: JournalEntry = script.record("1 captured");
        script.with("1 settled", Write::put(&JournalEntry { at_ns: entry.at_ns - 1, ..entry }))
    }),
    ("balance-folds-entries", "a balance is off by one", || {
        good().edit::<Balance>("1 captured", |balance| balance.amount_minor += 1).until("1 captured")
    }),
    ("balance-folds-entries", "a balance counts an entry twice", || {
        good().edit::<Balance>("1 captured", |balance| balance.entries += 1).until("1 captured")
    }),
    ("captured-once", "the processor captures twice", || {
        let mut script = good();
        let payment: Payment = script.record("1 authorised");
        let authorisation = payment.authorisation_key.unwrap();
        let operation = Operation::Capture { authorisation, amount_minor: 100 };
        let (key, at) = (IdempotencyKey(404), time(script.end_ns()));
        let again = Observation::ProcessorOperation { key, operation, outcome: Outcome::Approved, at };
        script.then("1 settled", Step::Observe(again))
    }),
    ("captured-once", "less is captured than is charged", || {
        good().edit::<Payment>("1 captured", |payment| payment.captured_minor -= 1)
    }),
    ("captures-within-authorisation", "more is captured than was authorised", || {
        good().edit::<Payment>("1 captured", |payment| payment.authorised_minor = payment.captured_minor - 1)
    }),
    ("captures-within-authorisation", "the processor takes more than it authorised", || {
        let mut script = good().until("3 requested");
        let (authorisation, at) = (IdempotencyKey(405), time(script.end_ns()));
        let authorise = Operation::Authorise { card_token: 1, amount_minor: 100 };
        let capture = Operation::Capture { authorisation, amount_minor: 101 };
        for (key, operation) in [(authorisation, authorise), (IdempotencyKey(406), capture)] {
            let approved = Observation::ProcessorOperation { key, operation, outcome: Outcome::Approved, at };
            script.steps.push(Step::Observe(approved));
        }
        script
    }),
    ("cancelled-pays-fee-at-most", "more than the fee is captured", || {
        good().edit::<Payment>("2 fee taken", |payment| payment.captured_minor += 1)
    }),
    ("cancelled-pays-fee-at-most", "the hold of a cancelled trip is never let go", || good().until("3 search ended")),
    ("charge-is-sum-of-parts", "a unit of commission is missing", || {
        good().edit_all::<Trip>(|trip| trip.commission_minor = trip.commission_minor.map(|minor| minor - 1))
    }),
    ("driver-credited-once", "somebody else is credited", || {
        let script = good().edit::<JournalEntry>("1 captured", |entry| {
            if entry.account == AccountKind::DriverPayable {
                entry.owner = 29;
            }
        });
        script.edit::<Balance>("1 captured", |balance| {
            if balance.account == AccountKind::DriverPayable {
                balance.owner = 29;
            }
        })
    }),
    ("fare-recomputable", "the rider is charged a dollar more", || {
        twisted(Twist { overcharge_minor: 100, too_fast_by_s: 0 })
    }),
    ("fare-recomputable", "the fee is a dollar more", || {
        good().edit_all::<Trip>(|trip| {
            if trip.id == TripId(2)
                && let (Some(charge_minor), Some(commission_minor)) =
                    (&mut trip.charge_minor, &mut trip.commission_minor)
            {
                *charge_minor += 100;
                *commission_minor += 100;
            }
        })
    }),
    ("surge-as-quoted", "a multiplier is above the cap", || spare_quote(|quote| quote.multiplier_per_mille = 3_001)),
    ("surge-as-quoted", "a quote is from an expired snapshot", || {
        spare_quote(|quote| quote.surge_expires_at_ns = Some(quote.created_at_ns))
    }),
    ("surge-as-quoted", "surge without a snapshot", || {
        spare_quote(|quote| (quote.surge_version, quote.surge_expires_at_ns) = (None, None))
    }),
    ("same-key-same-response", "a response is rewritten", || key_again(|key| key.response = Some(vec![9]))),
    ("other-parameters-rejected", "a key is taken over by another request", || key_again(|key| key.request_hash = 78)),
    ("outbox-tells-every-change", "an event is missing", || good().without::<OutboxEntry>("1 arrived")),
    ("outbox-tells-every-change", "an event tells of something else", || {
        good().edit::<OutboxEntry>("1 arrived", |entry| retell(entry, |event| event.epoch += 1))
    }),
    ("outbox-tells-every-change", "an event tells of nothing", || {
        let mut script = good();
        let entry: OutboxEntry = script.record("1 arrived");
        script.with("1 paying", Write::put(&OutboxEntry { sequence: 90, ..entry }))
    }),
    ("acknowledged-writes-stay", "a recovery leaves out what was acknowledged", || {
        let mut script = good().until("1 settled");
        let at_ns = script.end_ns() + 1;
        script.steps.push(Step::Failover { forget: 1, at_ns });
        script
    }),
    ("acknowledged-writes-stay", "a commit that never was is acknowledged", || {
        let script = good();
        let at = time(script.end_ns());
        let position = CommitPosition { store: STORE.into(), epoch: 2, lsn: 1_000_000, at };
        script.then("1 settled", Step::Observe(Observation::CommitAcknowledged(position)))
    }),
    ("one-writable-node", "the node that lost goes on committing", || {
        let mut script = good();
        let position = CommitPosition { store: STORE.into(), epoch: 1, lsn: 1_000_000, at: time(script.end_ns()) };
        let late = CommittedTransaction { position, node: "node-1".into(), changes: Vec::new() };
        script.steps.push(Step::Observe(Observation::Committed(late)));
        script
    }),
    ("one-writable-node", "a second node accepts writes in the same epoch", || {
        let mut script = good();
        let (store, node, at) = (STORE.into(), "node-1".into(), time(script.end_ns()));
        script.steps.push(Step::Observe(Observation::WritableSince { store, node, epoch: 2, at }));
        script
    }),
    ("every-request-accounted", "a trip's row is gone", || {
        let mut script = good();
        let trip: Trip = script.record("3 search ended");
        script.with("3 voided", Write::delete(&trip))
    }),
    ("vehicle-seconds-partition", "a driver's time goes backwards", || {
        good().edit::<Driver>("4 no show", |driver| driver.updated_at_ns = 1)
    }),
    ("within-maximum-speed", "a vehicle jumps", || {
        let (driver, at) = (21, time(good().end_ns()));
        let latitude_microdegrees = TIMES_SQUARE.latitude_microdegrees + 900_000;
        let longitude_microdegrees = TIMES_SQUARE.longitude_microdegrees;
        let far = DriverPosition { driver, at, latitude_microdegrees, longitude_microdegrees };
        good().then("1 settled", Step::Observe(Observation::Position(far)))
    }),
    ("pickup-before-drop-off", "the drive beats the free flow", || {
        twisted(Twist { overcharge_minor: 0, too_fast_by_s: 1 })
    }),
    ("pickup-before-drop-off", "the pickup comes after the drop-off", || {
        good().edit_all::<Trip>(|trip| trip.picked_up_at_ns = trip.dropped_off_at_ns.or(trip.picked_up_at_ns))
    }),
];

/// Acceptance of the second driver in the epoch of the first, written consistently everywhere.
fn second_driver_in_the_first_epoch() -> Script {
    let second = 2;
    let script = good().edit_all::<Trip>(|trip| trip.epoch = trip.epoch.min(1));
    let script = script.edit_all::<TripLogEntry>(|entry| entry.epoch = entry.epoch.min(1));
    let script = script.edit_all::<OutboxEntry>(|entry| retell(entry, |event| event.epoch = event.epoch.min(1)));
    script.edit_all::<Driver>(|driver| {
        if driver.epoch == Some(second) {
            driver.epoch = Some(1);
        }
    })
}

fn former_driver_arrives() -> Script {
    let script = good().edit::<TripLogEntry>("4 arrived", |entry| entry.driver_id = Some(DriverId(24)));
    script.edit::<OutboxEntry>("4 arrived", |entry| retell(entry, |event| event.driver = Some(DriverId(24))))
}

fn touch_when_over(label: &str) -> Script {
    let mut script = good();
    let trip: Trip = script.record(label);
    script.with("4 no show", Write::put(&Trip { updated_at_ns: trip.updated_at_ns + 1, ..trip }))
}

/// While driver 21 is being asked, another trip is offered to her.
fn second_live_offer() -> Script {
    let mut script = good().until("1 offered to 21");
    let offer: Offer = script.record("1 offered to 21");
    script.with("1 offered to 21", Write::put(&Offer { trip_id: TripId(2), ..offer }))
}

/// A lone entry, in a journal that its trip has not got.
fn loose_entry(script: &mut Script, label: &str) -> JournalEntry {
    JournalEntry { kind: JournalKind::Void, line: 0, account: AccountKind::HoldsContra, ..script.record(label) }
}

/// Changes a quote on which no trip is requested.
fn spare_quote(change: fn(&mut Quote)) -> Script {
    good().edit::<Quote>("unacknowledged", change)
}

/// Writes a key's record again when its request was long done.
fn key_again(change: fn(&mut IdempotencyRecord)) -> Script {
    let mut script = good();
    let mut key: IdempotencyRecord = script.record("1 requested");
    change(&mut key);
    script.with("1 settled", Write::put(&key))
}

/// Changes what an outbox entry tells.
fn retell(entry: &mut OutboxEntry, change: impl FnOnce(&mut DomainEvent)) {
    let mut event = entry.event().unwrap();
    change(&mut event);
    entry.payload = postcard::to_stdvec(&event).unwrap();
}

#[test]
fn over_a_good_history_every_oracle_looks_and_none_speaks() {
    let reports = good().play(strict()).reports();
    for report in &reports {
        assert!(report.evaluations > 0, "{} never looked", report.name);
        assert_eq!(report.first, [], "{}", report.name);
    }
    let names: BTreeSet<&str> = reports.iter().map(|report| report.name).collect();
    assert_eq!(names.len(), reports.len(), "names are unique");
}

#[test]
fn each_planted_fault_makes_its_oracle_speak_and_no_other() {
    for (oracle, fault, plant) in PLANTS {
        let reports = plant().play(strict()).reports();
        let texts: Vec<_> = reports.iter().flat_map(|report| &report.first).collect();
        assert_eq!(speaking(&reports), BTreeSet::from([*oracle]), "{fault}: {texts:#?}");
    }
}

#[test]
fn no_oracle_is_without_a_planted_fault() {
    let planted: BTreeSet<&str> = PLANTS.iter().map(|(oracle, ..)| *oracle).collect();
    let all: BTreeSet<&str> = good().play(strict()).reports().iter().map(|report| report.name).collect();
    assert_eq!(planted, all);
}
