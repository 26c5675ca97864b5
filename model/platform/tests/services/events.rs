//! From the outbox to the people: what was committed is told, in order, once a channel.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use platform::deploy::{start_notifications, start_relay};
use platform::domain::ids::TripId;
use platform::domain::notification::{Channel, Notification};
use platform::domain::outbox::DomainEvent;
use platform::domain::schema::{OutboxEntry, TripLogEntry};
use platform::domain::session::Caller;
use platform::domain::trip::{EventKind, State};
use platform::services::Config;
use platform::services::notifications::{Carrier, CarrierError, DEAD_LETTERS};
use platform::services::relay::TRIP_EVENTS;
use runtime::Time;

use crate::event_log::Tape;
use crate::phones::Phone;
use crate::world::World;

/// Whoever brings notifications, and what was brought.
#[derive(Clone, Default)]
struct Postman {
    brought: Rc<RefCell<Vec<Notification>>>,
    on_strike: Rc<RefCell<BTreeSet<Channel>>>,
    tries: Rc<Cell<u32>>,
}

impl Carrier for Postman {
    async fn deliver(&self, notification: &Notification, _: Time) -> Result<(), CarrierError> {
        self.tries.set(self.tries.get() + 1);
        runtime::sleep(Duration::from_millis(50)).await;
        if self.on_strike.borrow().contains(&notification.channel) {
            return Err(CarrierError::Unavailable);
        }
        self.brought.borrow_mut().push(*notification);
        Ok(())
    }
}

struct Stage {
    world: World,
    log: Tape,
    postman: Postman,
}

impl Stage {
    fn new(seed: u64, fault_points: &[&str]) -> Self {
        let mut world = World::with(seed, fault_points, Config::default());
        let (log, postman, config) = (Tape::default(), Postman::default(), Rc::new(Config::default()));
        for zone in ["a", "b"] {
            let (database, tape) = (world.database.clone(), log.clone());
            let start = start_relay(config.clone(), move || database.clone(), move || tape.clone());
            world.add(&format!("relay-{zone}"), zone, start);
        }
        let (database, tape, carrier) = (world.database.clone(), log.clone(), postman.clone());
        let start =
            start_notifications(config, move || database.clone(), move || tape.clone(), move || carrier.clone());
        world.add("notifications-a", "a", start);
        world.supervise(400);
        Self { world, log, postman }
    }

    fn ride(&mut self, id: i64) {
        self.world.script(&format!("driver-{id}"), move |gateways| async move {
            Phone::driver(&gateways, id).await.drive_next().await;
        });
        self.world.script(&format!("rider-{id}"), move |gateways| async move {
            let rider = Phone::rider(&gateways, id).await;
            runtime::sleep(Duration::from_secs(2)).await;
            rider.request_trip().await;
        });
    }

    /// The events written, of each trip.
    fn events(&self) -> BTreeMap<TripId, Vec<i64>> {
        let mut events: BTreeMap<TripId, Vec<i64>> = BTreeMap::new();
        for value in self.log.values(TRIP_EVENTS.id) {
            let event: DomainEvent = postcard::from_bytes(&value).expect("the relay writes events");
            events.entry(event.trip).or_default().push(event.sequence);
        }
        events
    }

    /// Whether each trip's events were all written, each for the first time after the one before.
    fn check_order(&self) {
        let log = self.world.database.all::<TripLogEntry>();
        for (trip, mut sequences) in self.events() {
            let mut newest = 0;
            for &sequence in &sequences {
                assert!(sequence <= newest + 1, "trip {trip}: {sequence} after {newest}");
                newest = newest.max(sequence);
            }
            sequences.sort();
            sequences.dedup();
            assert_eq!(sequences.len(), log.iter().filter(|entry| entry.trip_id == trip).count());
        }
        let unpublished = self.world.database.all::<OutboxEntry>();
        assert!(unpublished.iter().all(|entry| entry.published_at_ns.is_some()));
    }

    fn brought(&self) -> Vec<(EventKind, Caller, Channel)> {
        let brought = self.postman.brought.borrow();
        brought.iter().map(|told| (told.event, told.recipient, told.channel)).collect()
    }

    fn check_told_once(&self) {
        let brought = self.postman.brought.borrow();
        let keys: Vec<_> =
            brought.iter().map(|told| (told.trip, told.sequence, told.recipient, told.channel)).collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{keys:?}");
    }
}

#[test]
fn what_is_committed_is_published_in_order_and_told_once() {
    let mut stage = Stage::new(1, &[]);
    stage.ride(1);
    stage.world.run(60);
    assert_eq!(stage.world.only_trip().state, State::Settled);
    stage.check_order();
    let told: Vec<EventKind> = stage.brought().iter().map(|(event, ..)| *event).collect();
    let expected =
        [EventKind::OfferMade, EventKind::OfferAccepted, EventKind::DriverArrived, EventKind::PaymentCaptured];
    // An offer that is answered before it could be told is told to nobody.
    assert!(told == expected || told[..] == expected[1..], "{told:?}");
    assert!(stage.brought().iter().all(|(_, _, channel)| *channel == Channel::Push));
    let before = stage.brought().len();
    stage.log.rewind();
    stage.world.run(120);
    assert_eq!(stage.brought().len(), before, "who hears twice tells once");
}

#[test]
fn a_crash_or_a_doubt_anywhere_loses_no_event_and_tells_nobody_twice() {
    for seed in 0..6 {
        let points: &[&str] = match seed % 3 {
            0 => &["relay.after_send"],
            1 => &["notifications.after_delivery"],
            _ => &[],
        };
        let mut stage = Stage::new(seed, points);
        if seed % 3 == 2 {
            stage.log.doubt(3);
            stage.world.database.doubt(7);
        }
        for id in 1..=3 {
            stage.ride(id);
        }
        stage.world.run(390);
        stage.check_order();
        stage.check_told_once();
        let paid = stage.brought().iter().filter(|(event, ..)| *event == EventKind::PaymentCaptured).count();
        // Whoever dies after a delivery leaves it in doubt, and another channel tells it, too.
        assert!((3..=4).contains(&paid), "{paid}");
    }
}

#[test]
fn events_wait_for_a_log_that_is_away() {
    let mut stage = Stage::new(7, &[]);
    stage.log.down_until(Time::from_secs(80));
    stage.ride(1);
    stage.world.run(75);
    assert_eq!((stage.world.only_trip().state, stage.events().len()), (State::Settled, 0));
    stage.world.run(110);
    stage.check_order();
    // What was worth telling then is not any more; what was paid is.
    assert_eq!(stage.brought().iter().map(|(event, ..)| *event).collect::<Vec<_>>(), [EventKind::PaymentCaptured]);
}

#[test]
fn a_channel_that_is_away_keeps_nobody_waiting_and_the_next_one_tells() {
    let mut stage = Stage::new(8, &[]);
    stage.postman.on_strike.borrow_mut().insert(Channel::Push);
    stage.ride(1);
    stage.world.run(390);
    let texts: Vec<EventKind> = stage.brought().iter().map(|(event, ..)| *event).collect();
    assert!(stage.brought().iter().all(|(_, _, channel)| *channel == Channel::Sms));
    // After 5, 30 and 120 s of retries only what lasts is still so.
    assert_eq!(texts, [EventKind::PaymentCaptured]);
    assert_eq!(stage.log.values(DEAD_LETTERS.id), Vec::<Vec<u8>>::new());
}

#[test]
fn what_nobody_can_tell_ends_with_the_dead_letters() {
    let mut stage = Stage::new(9, &[]);
    stage.postman.on_strike.borrow_mut().extend(Channel::ALL);
    stage.ride(1);
    stage.world.run(800);
    assert_eq!(stage.brought(), []);
    let dead = stage.log.values(DEAD_LETTERS.id);
    assert_eq!(dead.len(), 1, "what is superseded is dropped, what was paid is not");
    let dead: Notification = postcard::from_bytes(&dead[0]).expect("a notification");
    assert_eq!((dead.event, dead.channel), (EventKind::PaymentCaptured, Channel::Email));
    assert!(stage.postman.tries.get() >= 12);
}
