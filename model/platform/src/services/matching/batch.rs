//! Batches: trips that want a driver gather until the next beat, and are then matched together at the least cost.
//!
//! A queue is memory and may be lost with its process: the trips service asks again. While nobody waits there is no beat.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::database::Database;
use runtime::Time;
use runtime::call::CallContext;
use tokio::sync::Notify;

use super::{Matching, Offering, offered_before};
use crate::api::geo::{Near, Wanted};
use crate::domain::ids::{DriverId, TripId};
use crate::domain::matching::assignment::{Wish, assign};
use crate::domain::place::Coordinate;
use crate::domain::session::Caller;
use crate::domain::vehicle::VehicleClass;

/// A trip in the queue.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    pub(super) attempt: i64,
    pub(super) pickup: Coordinate,
    pub(super) class: Option<VehicleClass>,
}

/// The trips of the next batch, each in its newest attempt.
#[derive(Default)]
pub(super) struct Queue {
    trips: RefCell<BTreeMap<TripId, Waiting>>,
    arrived: Notify,
}

impl Queue {
    pub(super) fn add(&self, trip: TripId, waiting: Waiting) {
        let mut trips = self.trips.borrow_mut();
        let known = trips.entry(trip).or_insert(waiting);
        if known.attempt < waiting.attempt {
            *known = waiting;
        }
        self.arrived.notify_one();
    }

    fn take(&self) -> BTreeMap<TripId, Waiting> {
        self.trips.take()
    }
}

/// A trip of a batch, and who could have it.
struct Search {
    trip: TripId,
    attempt: i64,
    offered_before: Vec<DriverId>,
    near: Vec<Near>,
}

impl<D: Database> Matching<D> {
    /// Matches what waits at each beat, for ever.
    pub(super) async fn match_for_ever(self: Rc<Self>) {
        let interval_ns = runtime::time::nanos(self.config.batch_interval).max(1);
        loop {
            self.queue.arrived.notified().await;
            let beat = runtime::now().nanos().div_ceil(interval_ns);
            runtime::sleep_until(Time(beat * interval_ns)).await;
            let waiting = self.queue.take();
            let searches = self.look_around(waiting).await;
            self.offer_all(searches).await;
        }
    }

    /// Who is near each trip and was not asked before. All trips are looked at together: a batch takes as long as its slowest search.
    async fn look_around(self: &Rc<Self>, waiting: BTreeMap<TripId, Waiting>) -> Vec<Search> {
        let looking: Vec<_> = waiting
            .into_iter()
            .map(|(trip, Waiting { attempt, pickup, class })| {
                let matching = self.clone();
                runtime::spawn(async move {
                    let mut context = matching.background();
                    let read = async |transaction: &mut D::Transaction| offered_before(transaction, trip).await;
                    let offered_before = matching.store.run(&mut context, read).await.ok()?;
                    let (count, without) = (matching.config.candidates, offered_before.clone());
                    let near =
                        matching.fleet.nearest(Wanted { to: pickup, count, class, without }, context).await.ok()?;
                    Some(Search { trip, attempt, offered_before, near })
                })
            })
            .collect();
        let mut searches = Vec::with_capacity(looking.len());
        for looking in looking {
            searches.extend(looking.await);
        }
        searches
    }

    /// Offers every trip to its driver in the best assignment; where a driver turns out not to be free, those who are left are assigned anew.
    async fn offer_all(&self, mut searches: Vec<Search>) {
        let waiting_ms = milliseconds(super::span_ns(self.config.pickup_max));
        loop {
            searches.retain(|search| !search.near.is_empty());
            if searches.is_empty() {
                return;
            }
            let wishes: Vec<Wish> = searches.iter().map(Search::wish).collect();
            let assigned: BTreeMap<TripId, Option<DriverId>> = assign(&wishes, waiting_ms).into_iter().collect();
            let (mut again, mut busy) = (Vec::new(), Vec::new());
            for search in searches {
                // Whoever goes without would go without again.
                let Some(driver) = assigned[&search.trip] else { continue };
                busy.push(driver);
                if !self.offer_one(&search, driver).await {
                    again.push(search);
                }
            }
            for search in &mut again {
                search.near.retain(|near| !busy.contains(&near.driver));
            }
            searches = again;
        }
    }

    /// Whether nothing is left to be done for the trip in this batch; false if its driver is not free.
    async fn offer_one(&self, search: &Search, driver: DriverId) -> bool {
        let near = search.near.iter().find(|near| near.driver == driver).expect("a driver assigned is a candidate");
        let offer = async |transaction: &mut D::Transaction| {
            self.offer(transaction, (search.trip, search.attempt), *near, &search.offered_before).await
        };
        match self.store.run(&mut self.background(), offer).await {
            Ok(Offering::Made) => {
                runtime::fault_point!("matching.after_offer");
                self.nudges.nudge(Caller::Driver(driver));
                true
            }
            // Where the database is away, the next batch is as good.
            Ok(Offering::SearchOver) | Err(_) => true,
            Ok(Offering::DriverNotFree) => false,
        }
    }

    /// The context of what is done on nobody's behalf.
    fn background(&self) -> CallContext {
        CallContext::within(self.config.background_limit, self.config.calls.background_retries)
    }
}

impl Search {
    fn wish(&self) -> Wish {
        let candidates = self.near.iter().map(|near| (near.driver, milliseconds(near.eta_ns))).collect();
        Wish { trip: self.trip, candidates }
    }
}

fn milliseconds(span_ns: i64) -> i64 {
    span_ns.max(0) / 1_000_000
}
