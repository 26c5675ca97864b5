//! Money beside the fare: refunds, arrears, payouts.

use std::time::Duration;

use platform::api::error::Rejection;
use platform::api::gateway::{self, Action};
use platform::api::payments::{PaymentView, Request, Response};
use platform::api::{ApiError, Reply};
use platform::deploy::Service;
use platform::domain::fare::FareSchedule;
use platform::domain::ids::{OperatorId, TripId};
use platform::domain::ledger::{AccountKind, JournalKind};
use platform::domain::movement::{MovementKind, MovementState};
use platform::domain::schema::{Balance, JournalEntry, Movement, Payment, Trip};
use platform::domain::trip::State;
use platform::services::Config;
use ports::IdempotencyKey;
use ports::processor::Operation;
use runtime::call::{CallContext, Caller};
use runtime::net::Address;

use crate::invariants;
use crate::phones::{DRIVE, Phone};
use crate::processor::Weather;
use crate::world::World;

fn ride(world: &mut World, id: i64) {
    world.script(&format!("driver-{id}"), move |gateways| async move {
        Phone::driver(&gateways, id).await.drive_next().await;
    });
    world.script(&format!("rider-{id}"), move |gateways| async move {
        let rider = Phone::rider(&gateways, id).await;
        runtime::sleep(Duration::from_secs(2)).await;
        rider.request_trip().await;
    });
}

async fn ask(payments: Address, request: Request) -> Reply<PaymentView> {
    let caller = Caller::<Request, Reply<Response>>::connect(payments).await.expect("a replica listens");
    let answer = caller.call(request, CallContext::within(Duration::from_secs(5), 0)).await;
    answer.expect("it answers in time").map(|Response::Payment(view)| view)
}

fn balance(world: &World, account: AccountKind) -> i64 {
    let of_account = world.database.all::<Balance>().into_iter().filter(|balance| balance.account == account);
    of_account.map(|balance| balance.amount_minor).sum()
}

#[test]
fn refunds_are_partial_happen_once_a_key_and_never_exceed_the_capture() {
    let mut world = World::new(1);
    ride(&mut world, 1);
    world.run(60);
    let Trip { id: trip, charge_minor, .. } = world.only_trip();
    let charge_minor = charge_minor.expect("it was driven");
    let payments = world.address(Service::Payments);
    let answers = world.noting("support", move |_, notes| async move {
        let refund = |amount_minor, key| Request::Refund {
            operator: OperatorId(1),
            trip,
            amount_minor,
            key: IdempotencyKey(key),
        };
        for (amount_minor, key) in [(100, 1), (100, 1), (charge_minor - 99, 2), (0, 3), (charge_minor - 100, 4)] {
            let answer = ask(payments, refund(amount_minor, key)).await;
            notes.add(answer.map(|view| view.refunded_minor));
        }
    });
    world.run(90);
    let malformed = Err(ApiError::MALFORMED);
    assert_eq!(answers.values(), [Ok(100), Ok(100), malformed, malformed, Ok(charge_minor)]);
    let states: Vec<MovementState> = world.database.all::<Movement>().iter().map(|movement| movement.state).collect();
    assert_eq!(states, [MovementState::Done; 2]);
    invariants::check(&world);
}

#[test]
fn what_the_processor_does_not_say_of_a_refund_is_asked_and_not_done_twice() {
    for weather in [Weather::NoAnswers, Weather::Lost, Weather::Unreachable] {
        let mut world = World::new(2);
        ride(&mut world, 1);
        world.run(60);
        world.processor.set_weather(weather);
        let (trip, payments) = (world.only_trip().id, world.address(Service::Payments));
        world.script("support", move |_| async move {
            let (operator, key) = (OperatorId(1), IdempotencyKey(1));
            ask(payments, Request::Refund { operator, trip, amount_minor: 100, key })
                .await
                .expect("it is written down");
        });
        world.run(120);
        let expected = match weather {
            Weather::Unreachable => MovementState::Pending,
            _ => MovementState::Unknown,
        };
        assert_eq!(world.database.all::<Movement>()[0].state, expected);
        world.processor.set_weather(Weather::Fair);
        world.run(200);
        assert_eq!(world.database.all::<Movement>()[0].state, MovementState::Done);
        invariants::check(&world);
    }
}

#[test]
fn a_capture_that_is_declined_lets_go_of_the_hold_and_leaves_the_rider_in_debt_and_the_driver_paid() {
    let mut world = World::new(3);
    world.processor.decline_captures();
    ride(&mut world, 1);
    world.run(60);
    let trip = world.only_trip();
    assert_eq!(trip.state, State::Arrears);
    let fare = FareSchedule::NEW_YORK.fare(DRIVE, 0, 1_000, i64::MAX);
    let balances =
        [AccountKind::RiderHold, AccountKind::RiderReceivable, AccountKind::DriverPayable].map(|a| balance(&world, a));
    assert_eq!(balances, [0, fare.charge_minor, -fare.driver_pay_minor]);
    let kinds: Vec<JournalKind> = world.database.all::<JournalEntry>().iter().map(|entry| entry.kind).collect();
    assert!(kinds.contains(&JournalKind::Void) && kinds.contains(&JournalKind::Arrears), "{kinds:?}");
    invariants::check(&world);
}

#[test]
fn drivers_are_paid_what_they_are_owed_once_a_period_whoever_dies() {
    for seed in 0..3 {
        let points: &[&str] = if seed == 0 { &[] } else { &["payments.after_movement"] };
        let config = Config { payout_period: Duration::from_secs(100), ..Config::default() };
        let mut world = World::with(seed, points, config);
        world.supervise(180);
        ride(&mut world, 1);
        ride(&mut world, 2);
        world.run(95);
        let owed_minor = -balance(&world, AccountKind::DriverPayable);
        assert!(owed_minor > 0);
        world.run(180);
        let movements = world.database.all::<Movement>();
        assert_eq!(movements.len(), 2, "each driver drove: {movements:?}");
        assert!(
            movements.iter().all(|m| (m.kind, m.state, m.number) == (MovementKind::Payout, MovementState::Done, 1))
        );
        assert_eq!(movements.iter().map(|movement| movement.amount_minor).sum::<i64>(), owed_minor);
        assert_eq!(balance(&world, AccountKind::DriverPayable), 0);
        let paid = |operation: &Operation| matches!(operation, Operation::PayOut { .. });
        assert_eq!(world.processor.approved().iter().filter(|operation| paid(operation)).count(), 2);
        world.run(320);
        assert_eq!(world.database.all::<Movement>().len(), 2, "who is owed nothing is paid nothing");
        invariants::check(&world);
    }
}

#[test]
fn what_was_presumed_too_much_is_given_back() {
    let mut world = World::with(4, &[], crate::endings::impatient());
    crate::endings::presumed_and_reported(&mut world);
    world.run(200);
    let report = &world.database.all::<platform::domain::schema::LateReport>()[0];
    let payment: &Payment = &world.database.all::<Payment>()[0];
    assert!(report.overcharge_minor > 0);
    assert_eq!(payment.refunded_minor, report.overcharge_minor);
    assert_eq!(world.database.all::<Movement>()[0].state, MovementState::Done);
    let trip = world.only_trip();
    assert_eq!(trip.id, TripId(report.trip_id.0));
    let driver_minor = report.driver_pay_minor - trip.driver_pay_minor.expect("it was presumed driven");
    assert_eq!(balance(&world, AccountKind::DriverPayable), driver_minor);
    invariants::check(&world);
}

#[test]
fn only_an_operator_gives_money_back_and_an_operator_does_nothing_else() {
    let mut world = World::new(5);
    ride(&mut world, 1);
    world.run(60);
    let trip = world.only_trip().id;
    let answers = world.noting("people", move |gateways, notes| async move {
        let support = Phone::operator(&gateways, 1);
        let refund = |key| Action::Refund { trip, amount_minor: 100, key };
        for phone in [Phone::rider(&gateways, 1).await, Phone::driver(&gateways, 1).await] {
            notes.add(phone.ask(refund(phone.key())).await);
        }
        notes.add(support.ask(Action::CancelTrip { trip, key: support.key() }).await);
        notes.add(support.ask(Action::PollOffer).await);
        notes.add(support.ask(refund(support.key())).await);
    });
    world.run(90);
    let answers = answers.values();
    let not_allowed = Err(ApiError::Rejected { reason: Rejection::NotAllowed });
    assert!(answers[..4].iter().all(|answer| *answer == not_allowed), "{answers:?}");
    assert!(matches!(&answers[4], Ok(gateway::Response::Payment(view)) if view.refunded_minor == 100), "{answers:?}");
    invariants::check(&world);
}
