//! The pricing service: quotes, and the surge that they bind.
//!
//! A cell's quotes all go to one replica, so that one sees the cell's whole demand. A replica that takes over a cell quotes what the one before
//! it left in the cache, if there is a cache; else it begins without surge there: it saw none.

pub mod shelf;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::database::{Database, Transaction};
use runtime::call::CallContext;

use self::shelf::{Shelf, Shelved};
use super::clock::now_ns;
use super::fleet::Fleet;
use super::transaction::Store;
use super::{Config, periodic, server, sweep};
use crate::api::pricing::{QuoteView, Request, Response};
use crate::api::{ApiError, Reply};
use crate::domain::idempotency::request_hash;
use crate::domain::ids::{QuoteId, RiderId};
use crate::domain::place::{self, Coordinate, FlatMap};
use crate::domain::quote::Estimate;
use crate::domain::schema::Quote;
use crate::domain::surge::{BoundSurge, Observed, SurgeBoard, SurgeSnapshot};
use crate::domain::trip::Drive;
use crate::domain::vehicle::VehicleClass;

/// Runs one replica.
pub async fn run<D: Database>(config: Rc<Config>, fleet: Fleet, shelf: impl Shelf, database: D) {
    let pricing = Rc::new(Pricing {
        map: FlatMap::at(config.city),
        store: Store::new(database, &config.calls),
        fleet,
        shelf,
        demand: RefCell::default(),
        board: RefCell::new(SurgeBoard::new(config.surge)),
        snapshot: RefCell::new(None),
        quotes: Cell::new(0),
        config: config.clone(),
    });
    let surge = pricing.clone();
    periodic::every(config.surge_interval, "pricing.surge", async move || surge.step().await);
    let sweeper = pricing.clone();
    let quotes = async move || sweep::quotes(&sweeper.store, &sweeper.config).await;
    periodic::every(config.sweep_interval, "pricing.sweep", quotes);
    let _ports = server::open(&config, move |Request::Quote { rider, pickup, dropoff, class }, context| {
        let pricing = pricing.clone();
        async move { pricing.quote(rider, (pickup, dropoff), class, context).await }
    });
    runtime::task::forever().await;
}

struct Pricing<D, S> {
    config: Rc<Config>,
    map: FlatMap,
    store: Store<D>,
    fleet: Fleet,
    shelf: S,
    /// Riders who asked in each cell since the last step.
    demand: RefCell<BTreeMap<place::Cell, u32>>,
    board: RefCell<SurgeBoard>,
    /// None until drivers have been counted for the first time.
    snapshot: RefCell<Option<SurgeSnapshot>>,
    /// Quotes made by this process.
    quotes: Cell<u64>,
}

impl<D: Database, S: Shelf> Pricing<D, S> {
    async fn quote(
        &self,
        rider: RiderId,
        (pickup, dropoff): (Coordinate, Coordinate),
        class: Option<VehicleClass>,
        mut context: CallContext,
    ) -> Reply<Response> {
        let pickup = pickup.checked().map_err(|_| ApiError::MALFORMED)?;
        let dropoff = dropoff.checked().map_err(|_| ApiError::MALFORMED)?;
        let straight_m = self.map.distance_m(pickup, dropoff);
        if straight_m == 0 {
            return Err(ApiError::MALFORMED);
        }
        let roads = &self.config.roads;
        let estimate = Estimate {
            drive: Drive { distance_m: roads.path_m(straight_m), duration_s: roads.duration_s(straight_m) },
            free_flow_duration_s: roads.free_flow_s(straight_m),
            tolls_minor: 0,
        };
        let cell = pickup.cell(self.config.cell_size);
        *self.demand.borrow_mut().entry(cell).or_default() += 1;
        let surge = self.surge(cell).await;
        let now_ns = now_ns();
        let tariff = (&self.config.fares, self.config.currency);
        let ids = (self.new_id(now_ns), rider);
        let quote = Quote::issue(ids, (pickup, dropoff), class, estimate, (cell, surge), tariff, now_ns);
        self.store
            .run(&mut context, async |transaction| {
                if transaction.get::<Quote>(quote.id).await?.is_none() {
                    transaction.insert(&quote).await?;
                }
                Ok(())
            })
            .await?;
        Ok(Response::Quote(QuoteView {
            id: quote.id,
            estimate_minor: quote.estimate_minor,
            ceiling_minor: quote.ceiling_minor,
            currency: quote.currency,
            multiplier_per_mille: quote.multiplier_per_mille,
            expires_at_ns: quote.expires_at_ns,
        }))
    }

    /// What a quote for this cell binds: what this replica has seen of it; else what another left; else that nothing is scarce.
    async fn surge(&self, cell: place::Cell) -> BoundSurge {
        let is_known = self.board.borrow().knows(cell);
        let shelved = if is_known { None } else { self.shelf.read(cell).await };
        if let Some(Shelved { version, expires_at_ns, multiplier_per_mille }) = shelved
            && now_ns() < expires_at_ns
        {
            return BoundSurge::Snapshot { version, expires_at_ns, multiplier_per_mille };
        }
        match &*self.snapshot.borrow() {
            Some(snapshot) => snapshot.bind(cell, now_ns()),
            None => BoundSurge::Fallback,
        }
    }

    /// No two processes have a name, no two lives of one a time, and no two quotes of one life a number in common.
    fn new_id(&self, now_ns: i64) -> QuoteId {
        self.quotes.set(self.quotes.get() + 1);
        let hash = request_hash(&(&*runtime::process_name(), now_ns, self.quotes.get()));
        QuoteId(hash & i64::MAX)
    }

    /// Makes the next snapshot. While drivers cannot be counted there is none, and the last one expires: without supply, demand says nothing.
    async fn step(&self) {
        let demand = std::mem::take(&mut *self.demand.borrow_mut());
        let mut observed: BTreeMap<place::Cell, Observed> =
            self.board.borrow().cells().map(|cell| (cell, Observed::default())).collect();
        for (cell, count) in demand {
            observed.entry(cell).or_default().demand = count;
        }
        let cells: Vec<place::Cell> = observed.keys().copied().collect();
        let context = CallContext::within(self.config.calls.attempt_timeout, 0);
        let Ok(supply) = self.fleet.supply(cells, context).await else { return };
        for (observed, supply) in observed.values_mut().zip(supply) {
            observed.supply = supply;
        }
        let now_ns = now_ns();
        let snapshot = self.board.borrow_mut().step(&observed, now_ns);
        self.shelf.write(&snapshot, now_ns);
        *self.snapshot.borrow_mut() = Some(snapshot);
    }
}
