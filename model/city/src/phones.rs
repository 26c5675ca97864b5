//! The phones of a city: riders and drivers who know the platform by its public API alone.
//!
//! One process runs them all, a task each. What people want is drawn from streams of their own, whatever the platform does; what
//! they do when it fails is [`Patience`]. Every request is observed from the moment it was meant.

mod answer;
mod asked;
mod beat;
mod chance;
mod code;
mod crowd;
mod driver;
mod line;
mod listen;
mod motion;
mod patience;
mod phone;
mod rider;
mod secret;
mod vehicle;
mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use platform::domain::ids::{DriverId, RiderId};
use ports::observe::Observer;
use ports::resolver::Resolver;
use runtime::random::Stream;
use runtime::{Time, sleep_until, spawn};

pub use asked::Asked;
pub use code::of_error as code_of_error;
pub use crowd::{Counts, Crowd, Doing, Pending};
pub use patience::Patience;
pub use secret::secret;

use crate::calendar::WeekMinute;
use crate::city::City;
use crate::demand::{Arrivals, TripWish};
use crate::drivers::DriverSeed;
use crate::habits::PhoneHabits;
use crate::replay::Replay;
use crate::traffic::Traffic;
use chance::coin;
use line::Lookup;
use world::{Lookups, World};

/// Who has a phone, and what they want.
#[derive(Clone)]
pub struct PhonesConfig {
    pub city: Arc<City>,
    /// Usually the city's own.
    pub habits: PhoneHabits,
    pub patience: Patience,
    /// The minute of the week in which the run starts, its warm-up included.
    pub start: WeekMinute,
    pub demand: Demand,
    /// How many riders the platform knows: numbers 1 to this. [`riders_needed`] says how many are enough.
    pub riders: u32,
    /// The drivers on duty: numbers 1 to their count.
    pub drivers: Vec<DriverSeed>,
    /// Whether phones listen for news instead of looking for it at every beat, as far as the platform lets them.
    pub push: bool,
}

/// Who opens the app, and when.
#[derive(Clone)]
pub enum Demand {
    /// Drawn from the city's curve, at so many riders an hour in the mean of its *week* (see [`Arrivals::new`]).
    Drawn { riders_per_hour: f64 },
    /// Recorded trips, from so long after the start of the run: each is a rider who requests a trip.
    Recorded { trips: Arc<Replay>, from: Duration },
}

/// Riders enough that nobody is still under way when their turn comes again: two hours' worth, and some for a small town.
/// Assumption: no journey is longer.
pub fn riders_needed(traffic: &Traffic) -> u32 {
    (traffic.riders_per_hour * 2.0).ceil() as u32 + 50
}

/// Whom phones ask for the platform's addresses.
#[derive(Clone)]
pub struct Resolvers<R> {
    pub usual: R,
    /// The share of phones that ask another one, always the same phones, and that one: it keeps answers for longer than it should.
    pub overstaying: Option<(f64, R)>,
}

/// Runs the phones until the process ends; phones reach the platform at whatever addresses their resolver has for `api_name`.
pub async fn run(
    config: PhonesConfig,
    resolvers: Resolvers<impl Resolver>,
    api_name: &str,
    observer: Rc<dyn Observer>,
    crowd: Rc<Crowd>,
) {
    let name: Rc<str> = api_name.into();
    let lookups = Lookups {
        usual: lookup(name.clone(), resolvers.usual),
        overstaying: resolvers.overstaying.map(|(share, resolver)| (share, lookup(name, resolver))),
    };
    let PhonesConfig { city, habits, patience, start, demand, riders, drivers, push } = config;
    let resting = RefCell::new((1..=riders).map(|number| RiderId(number.into())).collect());
    let world = Rc::new(World { city, habits, patience, start, lookups, observer, crowd, push, resting });
    for (number, seed) in (1..).zip(drivers) {
        spawn(driver::shift(world.clone(), DriverId(number), seed));
    }
    arrivals(&world, demand).await;
    runtime::task::forever().await;
}

fn lookup(name: Rc<str>, resolver: impl Resolver) -> Lookup {
    Rc::new(move || {
        let (resolver, name) = (resolver.clone(), name.clone());
        Box::pin(async move { resolver.resolve(&name).await.unwrap_or_default() })
    })
}

async fn arrivals(world: &Rc<World>, demand: Demand) {
    let mut stream = runtime::random::stream("demand");
    let mut others = runtime::random::stream("surge");
    match demand {
        Demand::Drawn { riders_per_hour } => {
            let mut arrivals = Arrivals::new(&world.city, world.start, riders_per_hour);
            while let Some((at_ns, wish)) = arrivals.next(u64::MAX, &mut stream) {
                sleep_until(Time(at_ns)).await;
                if world.crowd.is_stopped() {
                    return;
                }
                arrive(world, wish, false);
                others_arrive(world, &mut others);
            }
        }
        Demand::Recorded { trips, from } => {
            for (offset_ns, wish) in trips.wishes(&world.city, &mut stream) {
                sleep_until(Time(offset_ns) + from).await;
                if world.crowd.is_stopped() {
                    return;
                }
                arrive(world, wish, true);
                others_arrive(world, &mut others);
            }
        }
    }
}

/// In a surge others come beside somebody who came anyway, each with a wish of their own.
fn others_arrive(world: &Rc<World>, stream: &mut Stream) {
    let others = world.crowd.others();
    if others <= 0.0 {
        return;
    }
    let count = others.trunc() as u64 + u64::from(coin(others.fract(), stream));
    for _ in 0..count {
        arrive(world, TripWish::draw(&world.city, stream), false);
    }
}

fn arrive(world: &Rc<World>, wish: TripWish, decided: bool) {
    match world.resting.borrow_mut().pop_front() {
        Some(rider) => {
            spawn(rider::open_app(world.clone(), rider, wish, decided));
        }
        None => world.crowd.turn_away(),
    }
}
