//! Where drivers wait, in the cache: every replica of the geo service writes what it hears, and any of them knows all.
//!
//! The cache is not the authority: what a failover loses is written again with each driver's next heartbeat, and whoever went silent falls out
//! of every search by age. Only drivers who wait are written, so that moving phones cost the cache nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use ports::cache::{Bytes, Cache, CacheError, CellIndex};
use runtime::{Time, now};

use crate::api::geo::Wanted;
use crate::domain::eligibility;
use crate::domain::ids::DriverId;
use crate::domain::matching::Candidate;
use crate::domain::place::{Cell, CellSize, Coordinate};
use crate::domain::vehicle::VehicleClass;

/// What keys of cells begin with.
const INDEX: &str = "drivers";

/// Cells of searches: with some three waiting drivers in each, the cell of a pickup and those around it hold enough. Assumption.
const CELL_SIZE: CellSize = CellSize::Seven;

/// How far a search goes, in cells: some 10 km. Assumption: nobody waits for a driver from farther away.
const RADIUS_MAX: u32 = 4;

/// Most drivers read of one cell, the latest seen first. Assumption: more than wait in 5 km2 of any city.
const READ_MAX: u32 = 200;

/// What one replica has written, and where.
pub struct SharedLocations<C> {
    cache: C,
    cells: CellIndex,
    /// How long a command may take.
    limit: Duration,
    written: RefCell<BTreeMap<DriverId, Written>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Written {
    cell: Cell,
    member: Bytes,
}

impl<C: Cache> SharedLocations<C> {
    pub fn new(cache: C, limit: Duration) -> Self {
        Self { cache, cells: CellIndex::new(INDEX), limit, written: RefCell::default() }
    }

    /// Notes that a driver waits at a place, or waits no more. It is written while the phone has its answer already.
    pub fn note(
        self: &Rc<Self>,
        driver: DriverId,
        (at, class): (Coordinate, VehicleClass),
        available: bool,
        now_ns: i64,
    ) {
        let current = available.then(|| Written { cell: at.cell(CELL_SIZE), member: member(driver, at, class) });
        let before = match &current {
            Some(current) => self.written.borrow_mut().insert(driver, current.clone()),
            None => self.written.borrow_mut().remove(&driver),
        };
        let left = before.filter(|before| Some(before) != current.as_ref());
        if current.is_none() && left.is_none() {
            return;
        }
        let (shared, deadline) = (self.clone(), self.deadline());
        drop(runtime::spawn(async move {
            let Self { cache, cells, .. } = &*shared;
            // What fails is written with the next heartbeat, or falls out by age.
            if let Some(Written { cell, member }) = current {
                let _ = cells.put(cache, cell.0, member, milliseconds(now_ns), deadline).await;
            }
            if let Some(Written { cell, member }) = left {
                let _ = cells.remove(cache, cell.0, member, deadline).await;
            }
        }));
    }

    /// Drivers who are wanted, in no order: those of the cells around the place, ring by ring, until there are enough.
    pub async fn around(&self, wanted: &Wanted, now_ns: i64) -> Result<Vec<Candidate>, CacheError> {
        let Wanted { to, count, class, ref without } = *wanted;
        let since_ms = milliseconds(now_ns - eligibility::FRESHNESS_NS);
        let (centre, deadline) = (to.cell(CELL_SIZE), self.deadline());
        let mut asked = BTreeSet::new();
        let mut found: BTreeMap<DriverId, Candidate> = BTreeMap::new();
        // The nearest driver may be across the border of the pickup's own cell.
        for radius in 1..=RADIUS_MAX {
            let ring: Vec<Cell> = centre.disk(radius).into_iter().filter(|cell| asked.insert(*cell)).collect();
            let asking: Vec<_> = ring
                .into_iter()
                .map(|cell| {
                    let (cache, cells) = (self.cache.clone(), self.cells.clone());
                    runtime::spawn(async move { cells.seen_since(&cache, cell.0, since_ms, READ_MAX, deadline).await })
                })
                .collect();
            for asking in asking {
                for (member, seen_at_ms) in asking.await? {
                    let Some((seen, vehicle)) = candidate(&member, seen_at_ms) else { continue };
                    if !vehicle.serves(class) {
                        continue;
                    }
                    let known = found.entry(seen.driver).or_insert(seen);
                    if known.located_at_ns < seen.located_at_ns {
                        *known = seen;
                    }
                }
            }
            found.retain(|driver, _| !without.contains(driver));
            if found.len() >= count as usize {
                break;
            }
        }
        Ok(found.into_values().collect())
    }

    /// Sweeps away, in the cells that this replica has written to, whoever has not been seen for long, and forgets such drivers.
    pub async fn sweep(&self, forgotten: impl Fn(DriverId) -> bool, now_ns: i64) {
        let cells: BTreeSet<Cell> = self.written.borrow().values().map(|written| written.cell).collect();
        self.written.borrow_mut().retain(|driver, _| !forgotten(*driver));
        let before_ms = milliseconds(now_ns - eligibility::FRESHNESS_NS);
        for cell in cells {
            let _ = self.cells.sweep(&self.cache, cell.0, before_ms, self.deadline()).await;
        }
    }

    fn deadline(&self) -> Time {
        now() + self.limit
    }
}

/// A driver at a place, as it is written.
fn member(driver: DriverId, at: Coordinate, class: VehicleClass) -> Bytes {
    postcard::to_stdvec(&(driver, at, class)).expect("integers always serialise")
}

/// The driver whom a member of a cell's key stands for; none for what no replica writes.
#[must_use]
pub fn driver_of(key: &[u8], member: &[u8]) -> Option<DriverId> {
    let is_cell = key.strip_prefix(INDEX.as_bytes()).is_some_and(|rest| rest.starts_with(b":"));
    candidate(member, 0).filter(|_| is_cell).map(|(candidate, _)| candidate.driver)
}

/// None for what no replica writes.
fn candidate(member: &[u8], seen_at_ms: i64) -> Option<(Candidate, VehicleClass)> {
    let (driver, at, class) = postcard::from_bytes(member).ok()?;
    Some((Candidate { driver, at, located_at_ns: seen_at_ms.saturating_mul(1_000_000) }, class))
}

fn milliseconds(at_ns: i64) -> i64 {
    at_ns.div_euclid(1_000_000)
}
