//! A good history, told by the platform's own rules: a ride that is paid for, one cancelled late, one that nobody came for, and one that was
//! offered, given back, given to somebody else and waited for in vain; one that the rider left on the way, and one of whose end the phone told
//! too late. What is over for long enough is deleted.

use std::collections::BTreeMap;
use std::rc::Rc;

use platform::domain::driver::DriverEvent;
use platform::domain::fare::{Fare, FareSchedule};
use platform::domain::idempotency::{self, Decision, Keyed, Scope};
use platform::domain::ids::{DriverId, QuoteId, RiderId, TripId, VehicleId};
use platform::domain::ledger::{self, AccountKind, JournalContext, JournalKind};
use platform::domain::money::Currency;
use platform::domain::notification::{self, Channel, Telling};
use platform::domain::outbox;
use platform::domain::place::Cell;
use platform::domain::quote::Estimate;
use platform::domain::retention::Retention;
use platform::domain::rider::PhoneNumber;
use platform::domain::schema::{
    Balance, CarriedBalance, Driver, IdempotencyRecord, JournalEntry, LateReport, Movement, Offer, OutboxEntry,
    Payment, Quote, Rider, ToldNotification, Trip, TripLogEntry, TripNews, Vehicle,
};
use platform::domain::surge::BoundSurge;
use platform::domain::trip::{Drive, Ending, Event};
use platform::domain::vehicle::{Papers, VehicleClass};
use platform::services::users::profiles::Profile;
use ports::IdempotencyKey;
use ports::cache::{Command, Condition, Expiry};
use ports::observe::{CacheWrite, CommitPosition, DriverPosition, Observation, ReceiptRead};
use ports::processor::{Operation, Outcome};

use crate::script::{Script, Step, TIMES_SQUARE, Write, time};

const SECOND_NS: i64 = 1_000_000_000;
const FARES: FareSchedule = FareSchedule::NEW_YORK;
const FREE_FLOW_S: u32 = 400;

/// What goes wrong in a way that only the teller can plant, because half the history follows from it.
#[derive(Clone, Copy, Default)]
pub struct Twist {
    pub overcharge_minor: i64,
    /// By how much the drive is shorter than the free-flow time.
    pub too_fast_by_s: u32,
}

struct Story {
    script: Script,
    twist: Twist,
    now_ns: i64,
    drivers: BTreeMap<DriverId, Driver>,
    balances: BTreeMap<(AccountKind, i64, Currency), Balance>,
    /// Every entry that was ever written.
    journal: Vec<JournalEntry>,
    carried: BTreeMap<(AccountKind, i64, Currency), CarriedBalance>,
    /// Events that are written and not yet published.
    unpublished: Vec<OutboxEntry>,
}

/// One trip while it is told.
struct Ride {
    trip: Trip,
    quote: Quote,
    payment: Payment,
    offer: Option<Offer>,
    key: IdempotencyRecord,
    log: Vec<TripLogEntry>,
    offers: Vec<Offer>,
    events: Vec<OutboxEntry>,
}

/// The whole history.
pub fn good() -> Script {
    twisted(Twist::default())
}

pub fn twisted(twist: Twist) -> Script {
    let mut story = Story::new(twist);
    (21..=27).for_each(|driver| story.come_online(driver));
    story.register(11);
    story.be_forgotten(18);
    let first = story.be_driven_and_pay(1);
    let news = story.be_told(&first);
    story.be_failed_over();
    story.cancel_late();
    story.find_nobody();
    story.be_handed_over_and_wait_in_vain();
    story.leave_on_the_way();
    story.finish_out_of_reach();
    story.pay_out(21);
    story.sweep(&first, &news);
    let quote = story.quote(98, 18);
    story.script.commit("last", story.now_ns, vec![Write::put(&quote)]);
    story.script
}

/// So many rides of the same people, one a day, each of which is deleted when it is over for long enough.
pub fn days(rides: i64) -> Script {
    let mut story = Story::new(Twist::default());
    story.come_online(21);
    for id in 1..=rides {
        let ride = story.be_driven_and_pay(id);
        let news = story.be_told(&ride);
        story.sweep(&ride, &news);
    }
    story.script
}

/// A driver who is under way takes another trip, as if the first one had been forgotten.
pub fn two_trips_for_a_driver() -> Script {
    let mut story = Story::new(Twist::default());
    story.come_online(21);
    let mut ride = story.request(1, 11);
    story.offer(&mut ride, 21);
    story.accept(&mut ride);
    story.move_driver(DriverId(21), DriverEvent::Released, &mut Vec::new());
    let mut ride = story.request(2, 12);
    story.offer(&mut ride, 21);
    story.accept(&mut ride);
    // Nobody made her an offer: she was not free for one.
    story.script.merge("2 offered to 21", "2 accepted").without::<Offer>("2 offered to 21")
}

/// A rider who is waiting requests another trip.
pub fn two_trips_for_a_rider() -> Script {
    let mut story = Story::new(Twist::default());
    story.request(1, 11);
    story.request(2, 11);
    story.script
}

/// A client is told that the cache has a rider's profile.
pub fn profile_cached(rider: i64, card_token: u64, at_ns: i64) -> Observation {
    let value = postcard::to_stdvec(&Profile { card_token }).unwrap();
    let command = Rc::new(Command::Set {
        key: format!("rider:{rider}").into_bytes(),
        value,
        condition: Condition::Always,
        expiry: Expiry::After(45_000),
        get: false,
    });
    let position = CommitPosition { store: "redis/1".into(), epoch: 1, lsn: at_ns.cast_unsigned(), at: time(at_ns) };
    Observation::CacheWriteAcknowledged(CacheWrite { position, command })
}

impl Story {
    fn new(twist: Twist) -> Self {
        let (drivers, balances) = (BTreeMap::new(), BTreeMap::new());
        Self {
            script: Script::default(),
            twist,
            now_ns: 0,
            drivers,
            balances,
            journal: Vec::new(),
            carried: BTreeMap::new(),
            unpublished: Vec::new(),
        }
    }

    fn be_driven_and_pay(&mut self, id: i64) -> Ride {
        let mut ride = self.request(id, 11);
        self.offer(&mut ride, 21);
        self.accept(&mut ride);
        self.depart(&mut ride);
        self.move_about(21);
        self.arrive(&mut ride);
        self.pick_up(&mut ride);
        self.drop_off(&mut ride);
        self.pay(&mut ride);
        ride
    }

    /// A rider signs in for the first time, and the cache is told.
    fn register(&mut self, id: i64) -> Rider {
        self.tick();
        let rider = Rider {
            id: RiderId(id),
            phone_number: Some(PhoneNumber(12_125_550_000 + id.unsigned_abs())),
            card_token: Some(411),
            secret_digest: Some(vec![7; 32]),
            erasure: None,
            erasure_at_ns: None,
            created_at_ns: self.now_ns,
        };
        self.script.commit(format!("rider {id} registered"), self.now_ns, vec![Write::put(&rider)]);
        self.tick();
        self.script.steps.push(Step::Observe(profile_cached(id, 411, self.now_ns)));
        rider
    }

    /// A rider registers, asks to be forgotten, and is.
    fn be_forgotten(&mut self, id: i64) {
        let mut rider = self.register(id);
        self.tick();
        rider.ask_erasure(self.now_ns);
        self.script.commit(format!("rider {id} asks"), self.now_ns, vec![Write::put(&rider)]);
        self.now_ns += 125 * SECOND_NS;
        rider.erase(self.now_ns);
        self.script.commit(format!("rider {id} forgotten"), self.now_ns, vec![Write::put(&rider)]);
    }

    /// The rider is told of what was paid, over the first channel.
    fn be_told(&mut self, ride: &Ride) -> (TripNews, ToldNotification) {
        self.now_ns += 20 * SECOND_NS;
        let event = ride.events.last().unwrap().event().unwrap();
        let (trip_id, sequence, state) = (ride.trip.id, event.sequence, event.state);
        let news = TripNews { trip_id, sequence, state, at_ns: event.at_ns };
        self.commit(ride, "noted", vec![Write::put(&news)]);

        self.now_ns += 20 * SECOND_NS;
        assert_eq!(notification::of(&event).len(), 1, "what was paid is told to one");
        let (recipient, channel) = (ride.trip.rider_id.0, Channel::Push);
        let row = |state, at_ns| ToldNotification { trip_id, sequence, recipient, channel, state, at_ns };
        self.commit(ride, "claimed", vec![Write::put(&row(Telling::Claimed, self.now_ns))]);
        self.tick();
        let told = row(Telling::Told, self.now_ns);
        self.commit(ride, "told", vec![Write::put(&told)]);
        let (trip, version, at) = (trip_id.0, ride.trip.version, time(self.now_ns));
        let read = ReceiptRead { trip, seen_version: version, shown_version: version, at };
        self.script.steps.push(Step::Observe(Observation::ReceiptRead(read)));
        (news, told)
    }

    fn leave_on_the_way(&mut self) {
        let mut ride = self.request(5, 15);
        self.offer(&mut ride, 26);
        self.accept(&mut ride);
        self.depart(&mut ride);
        self.arrive(&mut ride);
        self.pick_up(&mut ride);
        self.now_ns += 60 * SECOND_NS;
        let drive = Drive { distance_m: 500, duration_s: 60 };
        let (assignment, fare) = (ride.trip.assignment().unwrap(), ride.trip.fare(&FARES, drive));
        let event = Event::LeftEarly { assignment, drive, fare };
        self.advance(&mut ride, event, DriverEvent::Released, "left");
        self.pay(&mut ride);
    }

    /// The ride is presumed over; then the phone tells that it was shorter, and the rider gets the difference back.
    fn finish_out_of_reach(&mut self) {
        let mut ride = self.request(6, 16);
        self.offer(&mut ride, 27);
        self.accept(&mut ride);
        self.depart(&mut ride);
        self.arrive(&mut ride);
        self.pick_up(&mut ride);
        self.now_ns += 3_600 * SECOND_NS;
        let trip = &ride.trip;
        let drive = Drive { distance_m: trip.estimated_distance_m, duration_s: trip.estimated_duration_s };
        let (assignment, fare) = (trip.assignment().unwrap(), trip.fare(&FARES, drive));
        let event = Event::PresumedDriven { assignment, drive, fare };
        self.advance(&mut ride, event, DriverEvent::Released, "presumed over");
        self.pay(&mut ride);

        self.tick();
        let drive = Drive { distance_m: 1_000, duration_s: FREE_FLOW_S };
        let over = fare.minus(ride.trip.fare(&FARES, drive));
        let ended = (Ending::AtDestination, drive);
        let report = LateReport::new(ride.trip.id, assignment, ended, over, self.now_ns);
        self.commit(&ride, "reported", vec![Write::put(&report)]);
        self.give_back(&mut ride, over);
    }

    fn give_back(&mut self, ride: &mut Ride, back: Fare) {
        self.tick();
        let refund = Movement::refund((&ride.trip, &mut ride.payment), 1, back, self.now_ns).unwrap();
        self.commit(ride, "refund asked", vec![Write::put(&ride.payment), Write::put(&refund)]);
        let label = format!("{} refunded", ride.trip.id);
        self.settle_movement(refund, Some(&ride.trip), &label);
    }

    fn pay_out(&mut self, driver: i64) {
        self.tick();
        let owed_minor = -self.balances[&(AccountKind::DriverPayable, driver, Currency::Usd)].amount_minor;
        let payout = Movement::payout((DriverId(driver), 1), owed_minor, Currency::Usd, self.now_ns);
        let mut writes = vec![Write::put(&payout)];
        self.post(&payout.payout_journal(JournalKind::PayoutBegun, self.now_ns), &mut writes);
        self.script.commit("payout asked", self.now_ns, writes);
        self.settle_movement(payout, None, "payout made");
    }

    /// The processor approves, and the books follow.
    fn settle_movement(&mut self, mut movement: Movement, trip: Option<&Trip>, label: &str) {
        self.tick();
        self.approve(movement.pending_key, movement.operation().unwrap());
        movement.decided(Outcome::Approved, self.now_ns).unwrap();
        let mut writes = vec![Write::put(&movement)];
        self.post(&movement.journal(trip, self.now_ns), &mut writes);
        self.script.commit(label, self.now_ns, writes);
    }

    /// A day later everything about a trip goes.
    fn sweep(&mut self, ride: &Ride, (news, told): &(TripNews, ToldNotification)) {
        self.now_ns += 25 * 3_600 * SECOND_NS;
        let mut whole: Vec<Write> = ride.log.iter().map(Write::delete).collect();
        whole.extend(ride.offers.iter().map(Write::delete));
        let entries: Vec<JournalEntry> = self.journal.extract_if(.., |entry| entry.trip_id == ride.trip.id).collect();
        whole.extend(entries.iter().map(Write::delete));
        for change in ledger::balance_changes(&entries) {
            let account = (change.account, change.owner, change.currency);
            let carried = CarriedBalance::after(self.carried.remove(&account), &change);
            whole.push(Write::put(&carried));
            self.carried.insert(account, carried);
        }
        whole.extend([Write::delete(&ride.payment), Write::delete(&ride.trip)]);
        self.commit(ride, "swept", whole);
        self.commit(ride, "events swept", ride.events.iter().map(Write::delete).collect());
        self.commit(ride, "quote swept", vec![Write::delete(&ride.quote)]);
        self.commit(ride, "key swept", vec![Write::delete(&ride.key)]);
        self.commit(ride, "news swept", vec![Write::delete(news), Write::delete(told)]);
    }

    fn cancel_late(&mut self) {
        let mut ride = self.request(2, 12);
        self.offer(&mut ride, 22);
        self.accept(&mut ride);
        self.depart(&mut ride);
        ride.trip.charge(FARES.cancellation_fee(ride.quote.ceiling_minor));
        self.leave(&mut ride, Event::RiderCancelled, "cancelled");
        self.take_fee(&mut ride);
    }

    fn find_nobody(&mut self) {
        let mut ride = self.request(3, 13);
        self.tick();
        let mut writes = Vec::new();
        self.step(&mut ride, Event::SearchEnded, &mut writes);
        self.commit(&ride, "search ended", writes);
        self.let_go(&mut ride);
    }

    fn be_handed_over_and_wait_in_vain(&mut self) {
        let mut ride = self.request(4, 14);
        self.offer(&mut ride, 23);
        self.lapse(&mut ride);
        self.offer(&mut ride, 24);
        self.accept(&mut ride);
        let assignment = ride.trip.assignment().unwrap();
        self.leave(&mut ride, Event::Reassigned(assignment), "given back");
        self.offer(&mut ride, 25);
        self.accept_as(&mut ride, "accepted again");
        self.depart(&mut ride);
        self.arrive(&mut ride);
        let assignment = ride.trip.assignment().unwrap();
        ride.trip.charge(FARES.cancellation_fee(ride.quote.ceiling_minor));
        self.leave(&mut ride, Event::RiderDidNotShow(assignment), "no show");
        self.take_fee(&mut ride);
    }

    /// The other node takes over, without a commit of which no client was ever told.
    fn be_failed_over(&mut self) {
        self.tick();
        let quote = self.quote(99, 19);
        self.script.commit("unacknowledged", self.now_ns, vec![Write::put(&quote)]);
        if let Some(Step::Commit(commit)) = self.script.steps.last_mut() {
            commit.acknowledged = false;
        }
        self.tick();
        self.script.steps.push(Step::Failover { forget: 1, at_ns: self.now_ns });
    }

    fn tick(&mut self) {
        self.now_ns += 5 * SECOND_NS;
    }

    fn commit(&mut self, ride: &Ride, what: &str, writes: Vec<Write>) {
        self.script.commit(format!("{} {what}", ride.trip.id), self.now_ns, writes);
        if !self.unpublished.is_empty() {
            let published_at_ns = Some(self.now_ns);
            let published = |entry| Write::put(&OutboxEntry { published_at_ns, ..entry });
            let marks = self.unpublished.drain(..).map(published).collect();
            self.script.commit(format!("{} {what} published", ride.trip.id), self.now_ns, marks);
        }
    }

    fn come_online(&mut self, id: i64) {
        self.tick();
        let mut driver = Driver::registered(DriverId(id), None, Vec::new(), self.now_ns);
        let registered = Write::put(&driver);
        let (class, valid_ns) = (VehicleClass::Standard, i64::MAX / 2);
        let papers = Papers {
            vehicle: VehicleId(id),
            organisation: None,
            class,
            registered_until_ns: valid_ns,
            inspected_until_ns: valid_ns,
            insured_until_ns: valid_ns,
        };
        let vehicle = Vehicle::register(&papers, self.now_ns);
        self.script.commit(format!("vehicle {id} registered"), self.now_ns, vec![Write::put(&vehicle)]);
        driver.come_online(vehicle.clear(None, self.now_ns).unwrap(), self.now_ns).unwrap();
        self.script.commit(format!("driver {id} online"), self.now_ns, vec![registered, Write::put(&driver)]);
        self.drivers.insert(driver.id, driver);
    }

    fn move_about(&mut self, driver: i64) {
        for north in [0, 1_000, 1_900] {
            self.tick();
            let position = DriverPosition {
                driver,
                at: time(self.now_ns),
                latitude_microdegrees: TIMES_SQUARE.latitude_microdegrees + north,
                longitude_microdegrees: TIMES_SQUARE.longitude_microdegrees,
            };
            self.script.steps.push(Step::Observe(Observation::Position(position)));
        }
    }

    fn quote(&self, id: i64, rider: i64) -> Quote {
        let estimate = Estimate {
            drive: Drive { distance_m: 2_690, duration_s: 660 },
            free_flow_duration_s: FREE_FLOW_S,
            tolls_minor: 100,
        };
        let surge = BoundSurge::Snapshot {
            version: 7,
            expires_at_ns: self.now_ns + 60 * SECOND_NS,
            multiplier_per_mille: 1_500,
        };
        let ids = (QuoteId(id), RiderId(rider));
        Quote::issue(
            ids,
            (TIMES_SQUARE, TIMES_SQUARE),
            None,
            estimate,
            (Cell(5), surge),
            (&FARES, Currency::Usd),
            self.now_ns,
        )
    }

    fn request(&mut self, id: i64, rider: i64) -> Ride {
        self.tick();
        let quote = self.quote(id, rider);
        self.script.commit(format!("{id} quoted"), self.now_ns, vec![Write::put(&quote)]);

        self.tick();
        let request = Keyed {
            scope: Scope::RequestTrip,
            caller: rider,
            key: IdempotencyKey(id as u128),
            request_hash: 77,
            remembered_for: Retention::default().keys,
        };
        let Decision::Proceed(mut key) = idempotency::decide(request, None, self.now_ns) else {
            panic!("a new key is new")
        };
        self.script.commit(format!("{id} in flight"), self.now_ns, vec![Write::put(&key)]);

        self.tick();
        let payment = Payment::new(TripId(id), quote.rider_id, quote.currency, self.now_ns);
        key.response = Some(vec![1, 2, 3]);
        let mut writes = vec![Write::put(&key)];
        let trip = Trip::quoted(&quote, self.now_ns);
        let (log, offers, events) = (Vec::new(), Vec::new(), Vec::new());
        let mut ride = Ride { trip, quote, payment, offer: None, key, log, offers, events };
        self.step(&mut ride, Event::Requested, &mut writes);
        self.step(&mut ride, Event::MatchingBegan, &mut writes);
        ride.payment.begin_authorisation(ride.quote.ceiling_minor, self.now_ns).unwrap();
        writes.push(Write::put(&ride.payment));
        self.commit(&ride, "requested", writes);

        let held_minor = ride.quote.ceiling_minor;
        let entries = ledger::authorisation(self.context(&ride), held_minor);
        self.settle_payment(&mut ride, "authorised", entries);
        ride
    }

    fn offer(&mut self, ride: &mut Ride, driver: i64) {
        self.tick();
        let (now_ns, id, mut writes) = (self.now_ns, DriverId(driver), Vec::new());
        self.step(ride, Event::OfferMade { driver: id }, &mut writes);
        let expires_at_ns = now_ns + 15 * SECOND_NS;
        let driver = self.drivers.get_mut(&id).unwrap();
        let token = driver.grant_lease(ride.trip.id, expires_at_ns, now_ns).unwrap();
        writes.push(Write::put(driver));
        let offer = Offer::make((ride.trip.id, ride.trip.attempt), (id, token), now_ns, now_ns, expires_at_ns);
        writes.push(Write::put(&offer));
        ride.offers.push(offer.clone());
        ride.offer = Some(offer);
        self.commit(ride, &format!("offered to {id}"), writes);
    }

    fn accept(&mut self, ride: &mut Ride) {
        self.accept_as(ride, "accepted");
    }

    fn accept_as(&mut self, ride: &mut Ride, what: &str) {
        self.tick();
        let (now_ns, mut writes) = (self.now_ns, Vec::new());
        let mut offer = ride.offer.take().unwrap();
        let driver = self.drivers.get_mut(&offer.driver_id).unwrap();
        offer.accept(offer.token, driver.lease_token, now_ns).unwrap();
        driver.accept(ride.trip.epoch + 1, now_ns).unwrap();
        writes.extend([Write::put(&offer), Write::put(driver)]);
        self.step(ride, Event::OfferAccepted { driver: offer.driver_id }, &mut writes);
        ride.offer = Some(offer);
        self.commit(ride, what, writes);
    }

    fn lapse(&mut self, ride: &mut Ride) {
        self.now_ns += 20 * SECOND_NS;
        let mut writes = Vec::new();
        let mut offer = ride.offer.take().unwrap();
        offer.lapse(self.now_ns).unwrap();
        writes.push(Write::put(&offer));
        self.move_driver(offer.driver_id, DriverEvent::LeaseEnded, &mut writes);
        self.step(ride, Event::OfferRefused { driver: offer.driver_id }, &mut writes);
        self.commit(ride, "lapsed", writes);
    }

    fn depart(&mut self, ride: &mut Ride) {
        self.tick();
        let mut writes = Vec::new();
        self.step(ride, Event::DriverDeparted(ride.trip.assignment().unwrap()), &mut writes);
        self.commit(ride, "departed", writes);
    }

    fn arrive(&mut self, ride: &mut Ride) {
        let assignment = ride.trip.assignment().unwrap();
        self.advance(ride, Event::DriverArrived(assignment), DriverEvent::Arrived, "arrived");
    }

    fn pick_up(&mut self, ride: &mut Ride) {
        let assignment = ride.trip.assignment().unwrap();
        self.advance(ride, Event::PickedUp(assignment), DriverEvent::PickedUp, "picked up");
    }

    fn drop_off(&mut self, ride: &mut Ride) {
        self.now_ns += 700 * SECOND_NS;
        let drive = Drive { distance_m: 2_700, duration_s: FREE_FLOW_S - self.twist.too_fast_by_s };
        let quote = &ride.quote;
        let mut fare = FARES.fare(drive, quote.tolls_minor, quote.multiplier_per_mille, quote.ceiling_minor);
        fare.charge_minor += self.twist.overcharge_minor;
        fare.commission_minor += self.twist.overcharge_minor;
        let assignment = ride.trip.assignment().unwrap();
        let event = Event::DroppedOff { assignment, drive, fare };
        self.advance(ride, event, DriverEvent::Released, "dropped off");
    }

    /// A step of trip and driver together.
    fn advance(&mut self, ride: &mut Ride, event: Event, of_driver: DriverEvent, what: &str) {
        self.tick();
        let mut writes = Vec::new();
        let driver = ride.trip.driver_id.unwrap();
        self.step(ride, event, &mut writes);
        self.move_driver(driver, of_driver, &mut writes);
        self.commit(ride, what, writes);
    }

    /// The trip parts with its driver before the ride.
    fn leave(&mut self, ride: &mut Ride, event: Event, what: &str) {
        self.tick();
        let mut writes = Vec::new();
        let mut offer = ride.offer.take().unwrap();
        offer.release().unwrap();
        writes.push(Write::put(&offer));
        self.move_driver(offer.driver_id, DriverEvent::Released, &mut writes);
        self.step(ride, event, &mut writes);
        self.commit(ride, what, writes);
    }

    fn pay(&mut self, ride: &mut Ride) {
        self.tick();
        let mut writes = Vec::new();
        self.step(ride, Event::PaymentBegan, &mut writes);
        ride.payment.begin_capture(ride.trip.charge_minor.unwrap(), self.now_ns).unwrap();
        writes.push(Write::put(&ride.payment));
        self.commit(ride, "paying", writes);

        let fare = ride.trip.owed().unwrap();
        let (held_minor, driver) = (ride.payment.authorised_minor, ride.trip.driver_id.unwrap());
        let entries = ledger::capture(self.context(ride), held_minor, driver, fare);
        self.settle_payment(ride, "captured", entries);

        self.tick();
        let mut writes = Vec::new();
        self.step(ride, Event::PaymentCaptured, &mut writes);
        self.commit(ride, "settled", writes);
    }

    fn take_fee(&mut self, ride: &mut Ride) {
        self.tick();
        let fee = ride.trip.owed().unwrap();
        ride.payment.begin_capture(fee.charge_minor, self.now_ns).unwrap();
        self.commit(ride, "fee asked", vec![Write::put(&ride.payment)]);
        // Whoever was assigned last is paid, as the trip's row says.
        let (held_minor, driver) = (ride.payment.authorised_minor, ride.trip.driver_id.unwrap());
        let entries = ledger::cancellation_fee(self.context(ride), held_minor, driver, fee);
        self.settle_payment(ride, "fee taken", entries);
    }

    fn let_go(&mut self, ride: &mut Ride) {
        self.tick();
        ride.payment.begin_void(self.now_ns).unwrap();
        self.commit(ride, "void asked", vec![Write::put(&ride.payment)]);
        let entries = ledger::void(self.context(ride), ride.payment.authorised_minor);
        self.settle_payment(ride, "voided", entries);
    }

    /// The processor approves what is under way, and the books follow.
    fn settle_payment(&mut self, ride: &mut Ride, what: &str, entries: Vec<JournalEntry>) {
        self.tick();
        let (key, operation) = ride.payment.operation(1).unwrap();
        self.approve(key, operation);
        ride.payment.decided(Outcome::Approved, self.now_ns).unwrap();
        let mut writes = vec![Write::put(&ride.payment)];
        self.post(&entries, &mut writes);
        self.commit(ride, what, writes);
    }

    fn approve(&mut self, key: IdempotencyKey, operation: Operation) {
        let (outcome, at) = (Outcome::Approved, time(self.now_ns));
        self.script.steps.push(Step::Observe(Observation::ProcessorOperation { key, operation, outcome, at }));
    }

    fn post(&mut self, entries: &[JournalEntry], writes: &mut Vec<Write>) {
        writes.extend(entries.iter().map(Write::put));
        self.journal.extend_from_slice(entries);
        for change in ledger::balance_changes(entries) {
            let account = (change.account, change.owner, change.currency);
            let balance =
                self.balances.entry(account).or_insert_with(|| Balance::empty(account.0, account.1, account.2));
            balance.add(change.amount_minor, change.entries);
            writes.push(Write::put(balance));
        }
    }

    fn step(&mut self, ride: &mut Ride, event: Event, writes: &mut Vec<Write>) {
        let entry = ride.trip.apply(event, self.now_ns).unwrap();
        let told = outbox::entry(&ride.trip, &entry);
        writes.extend([Write::put(&ride.trip), Write::put(&entry), Write::put(&told)]);
        ride.log.push(entry);
        ride.events.push(told.clone());
        self.unpublished.push(told);
    }

    fn move_driver(&mut self, driver: DriverId, event: DriverEvent, writes: &mut Vec<Write>) {
        let driver = self.drivers.get_mut(&driver).unwrap();
        driver.apply(event, self.now_ns).unwrap();
        writes.push(Write::put(driver));
    }

    fn context(&self, ride: &Ride) -> JournalContext {
        let (trip, rider, currency) = (ride.trip.id, ride.trip.rider_id, ride.quote.currency);
        JournalContext { trip, rider, currency, at_ns: self.now_ns }
    }
}
