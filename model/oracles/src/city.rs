//! Invariants 32, 33 and 34: every trip and every second of a vehicle is accounted for, and nobody outruns the road.

use std::collections::BTreeMap;

use platform::domain::driver::DriverState;
use platform::domain::place::{Coordinate, FlatMap};
use platform::domain::schema::Driver;
use platform::domain::trip::{Ending, State};
use ports::observe::{DriverPosition, Observation};
use runtime::Time;

use crate::oracle::{End, Oracle, Tally};
use crate::rules::Rules;
use crate::transaction::{Pair, Transaction};
use crate::view::View;

pub(crate) fn oracles(rules: &Rules) -> Vec<Box<dyn Oracle>> {
    vec![
        Box::new(EveryRequestAccounted),
        Box::new(VehicleSecondsPartition::default()),
        Box::new(WithinMaximumSpeed {
            map: FlatMap::at(rules.settings.city),
            speed_max_m_per_s: rules.speed_max_m_per_s,
            last: BTreeMap::new(),
        }),
        Box::new(PickupBeforeDropOff),
    ]
}

/// Invariant 32.
struct EveryRequestAccounted;

impl EveryRequestAccounted {
    fn check(at: Time, view: &View, tally: &mut Tally) {
        use State::{Arrears, Completed, NoDriversFound, PaymentFailed, PaymentPending, Settled};
        let active = view.trips_in(State::is_active);
        let completed =
            view.trips_in(|state| matches!(state, Completed | PaymentPending | Settled | PaymentFailed | Arrears));
        let cancelled = view.trips_in(|state| {
            matches!(
                state,
                State::CancelledByRider | State::CancelledByDriver | State::CancelledBySystem | State::NoShow
            )
        });
        let expired = view.trips_in(|state| state == NoDriversFound);
        let requested = view.trips_requested();
        tally.check(at, requested == completed + cancelled + expired + active, || {
            format!("{requested} requests became {completed} completed, {cancelled} cancelled, {expired} expired and {active} active trips")
        });
    }
}

impl Oracle for EveryRequestAccounted {
    fn name(&self) -> &'static str {
        "every-request-accounted"
    }

    fn statement(&self) -> &'static str {
        "requests are as many as completed, cancelled, expired and active trips together"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        if transaction.trips().next().is_some() || transaction.log_entries().next().is_some() {
            Self::check(transaction.at, view, tally);
        }
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        Self::check(end.at, view, tally);
    }
}

/// Invariant 33, of time.
#[derive(Default)]
struct VehicleSecondsPartition {
    /// Time spent in each state by all drivers up to each one's last change, in nanoseconds.
    spent_ns: BTreeMap<DriverState, i128>,
    /// How many drivers there are, and the sum of the times at which they were first seen.
    drivers: i128,
    since_ns: i128,
}

impl VehicleSecondsPartition {
    fn count(&mut self, pair: &Pair<Driver>, sign: i128) {
        let at = |driver: &Driver| i128::from(driver.updated_at_ns);
        match (&pair.before, &pair.after) {
            (Some(before), Some(after)) => {
                *self.spent_ns.entry(before.state).or_default() += sign * (at(after) - at(before));
            }
            (None, Some(after)) => {
                self.drivers += sign;
                self.since_ns += sign * at(after);
            }
            // A driver's record is not removed; `finish` would tell.
            _ => {}
        }
    }
}

impl Oracle for VehicleSecondsPartition {
    fn name(&self) -> &'static str {
        "vehicle-seconds-partition"
    }

    fn statement(&self) -> &'static str {
        "the times that a vehicle spends in its states follow each other without overlap and make up all of its time"
    }

    fn committed(&mut self, transaction: &Transaction, _view: &View, tally: &mut Tally) {
        for pair in transaction.drivers() {
            self.count(pair, 1);
            let (Some(before), Some(after)) = (&pair.before, &pair.after) else { continue };
            tally.check(transaction.at, before.updated_at_ns <= after.updated_at_ns, || {
                format!(
                    "driver {} is {:?} since {} ns and was {:?} since {} ns",
                    after.id, after.state, after.updated_at_ns, before.state, before.updated_at_ns
                )
            });
        }
    }

    fn undone(&mut self, transaction: &Transaction, _view: &View) {
        for pair in transaction.drivers() {
            // Undoing reads from what was made to what was found: turn it round and take it away.
            self.count(&Pair { before: pair.after.clone(), after: pair.before.clone() }, -1);
        }
    }

    fn finish(&mut self, end: End, view: &View, tally: &mut Tally) {
        let end_ns = i128::from(end.at.nanos());
        let since_last_ns: i128 = view.drivers().map(|driver| end_ns - i128::from(driver.updated_at_ns)).sum();
        let spent_ns: i128 = self.spent_ns.values().sum::<i128>() + since_last_ns;
        let all_ns = self.drivers * end_ns - self.since_ns;
        tally.check(end.at, spent_ns == all_ns, || {
            format!("vehicles spent {spent_ns} ns in their states of the {all_ns} ns that they were there")
        });
    }
}

/// How far apart two positions of a standing phone may be: rounding to millionths of a degree, and to decimetres on the map.
const ROUNDING_M: u64 = 1;

/// Invariant 33, of space.
struct WithinMaximumSpeed {
    map: FlatMap,
    speed_max_m_per_s: u32,
    last: BTreeMap<i64, DriverPosition>,
}

impl Oracle for WithinMaximumSpeed {
    fn name(&self) -> &'static str {
        "within-maximum-speed"
    }

    fn statement(&self) -> &'static str {
        "between two of its positions no vehicle goes faster than any vehicle can"
    }

    fn observed(&mut self, observation: &Observation, _view: &View, tally: &mut Tally) {
        let Observation::Position(now) = observation else { return };
        let Some(before) = self.last.insert(now.driver, *now) else { return };
        let distance_m = u64::from(self.map.distance_m(place(&before), place(now)));
        // What was sent at one instant may be heard in either order.
        let elapsed_ns = u128::from(now.at.nanos().abs_diff(before.at.nanos()));
        let reach_m = u128::from(self.speed_max_m_per_s) * elapsed_ns / 1_000_000_000;
        tally.check(now.at, u128::from(distance_m.saturating_sub(ROUNDING_M)) <= reach_m, || {
            format!("driver {} went {distance_m} m in {elapsed_ns} ns, from {before:?}", now.driver)
        });
    }
}

fn place(position: &DriverPosition) -> Coordinate {
    Coordinate {
        latitude_microdegrees: position.latitude_microdegrees,
        longitude_microdegrees: position.longitude_microdegrees,
    }
}

/// Invariant 34. Order is judged on the server's clock; the path by what the phone measured, because a phone that was away tells of the
/// pickup late.
struct PickupBeforeDropOff;

impl Oracle for PickupBeforeDropOff {
    fn name(&self) -> &'static str {
        "pickup-before-drop-off"
    }

    fn statement(&self) -> &'static str {
        "a pickup precedes its drop-off, and the drive takes no less than the free-flow time of its path"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for trip in transaction.trips().filter_map(|pair| pair.after.as_ref()) {
            // Who got out on the way was driven, too, but not along the path that was quoted.
            if trip.ending == Some(Ending::Early) {
                tally.check(transaction.at, trip.picked_up_at_ns.is_some(), || {
                    format!("trip {} ended on the way and was never picked up", trip.id)
                });
            }
            let Some(dropped_off_at_ns) = trip.dropped_off_at_ns else { continue };
            let in_order = trip.picked_up_at_ns.is_some_and(|picked_up_at_ns| picked_up_at_ns < dropped_off_at_ns);
            let quote = view.dossier(trip.id).and_then(|dossier| dossier.quote.as_ref());
            let free_flow_s = quote.map_or(0, |quote| quote.free_flow_duration_s);
            tally.check(transaction.at, in_order && trip.duration_s.is_some_and(|driven_s| driven_s >= free_flow_s), || {
                format!(
                    "trip {} was picked up at {:?} ns, dropped off at {dropped_off_at_ns} ns and driven in {:?} s of at least {free_flow_s} s",
                    trip.id, trip.picked_up_at_ns, trip.duration_s
                )
            });
        }
    }
}
