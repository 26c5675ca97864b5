//! The geo service: where drivers are, in memory. What it knows is not in any store: a replica that restarts has heard from all of its drivers
//! again within one heartbeat. Where there is a cache, replicas share in it where drivers wait ([`shared`]).

pub mod shared;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::cache::Cache;

use self::shared::SharedLocations;
use super::clock::now_ns;
use super::{Config, periodic, server};
use crate::api::geo::{LastSeen, Near, Noted, Request, Response, Wanted};
use crate::api::{ApiError, Reply};
use crate::domain::eligibility;
use crate::domain::ids::DriverId;
use crate::domain::matching::{Candidate, DriverIndex};
use crate::domain::place::{Cell, CellSize, Coordinate, FlatMap};
use crate::domain::vehicle::VehicleClass;
use crate::services::config::Roads;

/// Runs one replica.
pub async fn run(config: Rc<Config>) {
    let geo = Rc::new(RefCell::new(Geo::new(&config, now_ns())));
    let board = geo.clone();
    periodic::every(config.loop_interval, "geo.expiry", async move || board.borrow_mut().expire(now_ns()));
    let _ports = server::open(&config, move |request, _| {
        let geo = geo.clone();
        async move { geo.borrow_mut().handle(request, now_ns()) }
    });
    runtime::task::forever().await;
}

/// Runs one replica that shares what it knows with the others.
pub async fn run_shared<C: Cache>(config: Rc<Config>, cache: C) {
    let geo = Rc::new(RefCell::new(Geo::new(&config, now_ns())));
    let shared = Rc::new(SharedLocations::new(cache, config.cache_timeout));
    let board = geo.clone();
    periodic::every(config.loop_interval, "geo.expiry", async move || board.borrow_mut().expire(now_ns()));
    let (board, sweeper) = (geo.clone(), shared.clone());
    periodic::every(config.sweep_interval, "geo.sweep", async move || {
        sweeper.sweep(|driver| !board.borrow().phones.contains_key(&driver), now_ns()).await;
    });
    let _ports = server::open(&config, move |request, _| {
        let (geo, shared) = (geo.clone(), shared.clone());
        async move {
            let now_ns = now_ns();
            match request {
                Request::NearestShared(wanted) => {
                    let found = shared.around(&wanted, now_ns).await.map_err(|_| ApiError::Unavailable)?;
                    Ok(Response::Nearest(geo.borrow().ranked(wanted.to, wanted.count, found)))
                }
                request => {
                    let ping = match request {
                        Request::Ping { driver, at, class, available } => Some((driver, (at, class), available)),
                        _ => None,
                    };
                    let answer = geo.borrow_mut().handle(request, now_ns)?;
                    if let Some((driver, seen, available)) = ping {
                        shared.note(driver, seen, available, now_ns);
                    }
                    Ok(answer)
                }
            }
        }
    });
    runtime::task::forever().await;
}

/// What one replica knows.
struct Geo {
    phones: BTreeMap<DriverId, Phone>,
    /// Of those who wait: nobody looks for the others, who move most.
    waiting: DriverIndex,
    map: FlatMap,
    roads: Roads,
    cell_size: CellSize,
    listening_since_ns: i64,
}

/// What a driver's phone said last.
struct Phone {
    at: Coordinate,
    located_at_ns: i64,
    available: bool,
    class: VehicleClass,
    /// The cell of its place, once somebody has asked: drivers who wait stay in theirs.
    cell: Option<Cell>,
}

impl Geo {
    fn new(config: &Config, now_ns: i64) -> Self {
        let map = FlatMap::at(config.city);
        Self {
            phones: BTreeMap::new(),
            waiting: DriverIndex::new(map),
            map,
            roads: config.roads,
            cell_size: config.cell_size,
            listening_since_ns: now_ns,
        }
    }

    fn handle(&mut self, request: Request, now_ns: i64) -> Reply<Response> {
        match request {
            Request::Ping { driver, at, class, available } => self.note(driver, (at, class), available, now_ns),
            Request::Nearest(wanted) => Ok(Response::Nearest(self.nearest(&wanted, now_ns))),
            // What only this replica knows is not what was asked for.
            Request::NearestShared(_) => Err(ApiError::Unavailable),
            Request::Supply { cells } => Ok(Response::Supply(self.supply(&cells, now_ns))),
            Request::LastSeen { drivers } => {
                let seen = |driver: &DriverId| self.phones.get(driver).map(|phone| phone.located_at_ns);
                let at_ns = drivers.iter().map(seen).collect();
                Ok(Response::LastSeen(LastSeen { listening_since_ns: self.listening_since_ns, at_ns }))
            }
        }
    }

    fn note(
        &mut self,
        driver: DriverId,
        (at, class): (Coordinate, VehicleClass),
        available: bool,
        now_ns: i64,
    ) -> Reply<Response> {
        let at = at.checked().map_err(|_| ApiError::MALFORMED)?;
        let known = self.phones.get(&driver).filter(|known| known.at == at);
        let cell = known.and_then(|known| known.cell);
        self.phones.insert(driver, Phone { at, located_at_ns: now_ns, available, class, cell });
        if available {
            self.waiting.see(Candidate { driver, at, located_at_ns: now_ns });
        } else {
            self.waiting.forget(driver);
        }
        Ok(Response::Noted(Noted { at_ns: now_ns }))
    }

    fn nearest(&self, wanted: &Wanted, now_ns: i64) -> Vec<Near> {
        let Wanted { to, count, class, ref without } = *wanted;
        let found = self.waiting.nearest(to, count as usize, |candidate| {
            self.phones[&candidate.driver].class.serves(class)
                && eligibility::is_fresh(candidate.located_at_ns, now_ns)
                && !without.contains(&candidate.driver)
        });
        self.ranked(to, count, found)
    }

    /// The soonest `count` of those found, soonest first.
    fn ranked(&self, to: Coordinate, count: u32, mut found: Vec<Candidate>) -> Vec<Near> {
        let eta_ns = |candidate: &Candidate| {
            let straight_m = self.map.distance_m(candidate.at, to);
            i64::from(self.roads.duration_s(straight_m)) * 1_000_000_000
        };
        self.waiting.rank(to, &mut found, eta_ns);
        found.truncate(count as usize);
        found
            .iter()
            .map(|candidate| Near {
                driver: candidate.driver,
                located_at_ns: candidate.located_at_ns,
                eta_ns: eta_ns(candidate),
            })
            .collect()
    }

    fn supply(&mut self, cells: &[Cell], now_ns: i64) -> Vec<u32> {
        let mut counts: BTreeMap<Cell, u32> = BTreeMap::new();
        for phone in self.phones.values_mut() {
            if phone.available && eligibility::is_fresh(phone.located_at_ns, now_ns) {
                *counts.entry(*phone.cell.get_or_insert_with(|| phone.at.cell(self.cell_size))).or_default() += 1;
            }
        }
        cells.iter().map(|cell| counts.get(cell).copied().unwrap_or(0)).collect()
    }

    /// Forgets drivers whose location is too old to be of use.
    fn expire(&mut self, now_ns: i64) {
        self.phones.retain(|&driver, phone| {
            let fresh = eligibility::is_fresh(phone.located_at_ns, now_ns);
            if !fresh {
                self.waiting.forget(driver);
            }
            fresh
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Coordinate = Coordinate { latitude_microdegrees: 40_750_000, longitude_microdegrees: -73_980_000 };
    const NORTH: Coordinate = Coordinate { latitude_microdegrees: 40_770_000, ..HERE };

    const STANDARD: VehicleClass = VehicleClass::Standard;

    fn near(geo: &mut Geo, class: Option<VehicleClass>, without: Vec<DriverId>, now_ns: i64) -> Vec<i64> {
        match geo.handle(Request::Nearest(Wanted { to: HERE, count: 9, class, without }), now_ns) {
            Ok(Response::Nearest(list)) => list.iter().map(|near| near.driver.0).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_drivers_who_wait_and_were_seen_lately_are_near() {
        let mut geo = Geo::new(&Config::default(), 0);
        for (driver, at, available) in [(1, NORTH, true), (2, HERE, true), (3, HERE, false), (4, HERE, true)] {
            geo.handle(Request::Ping { driver: DriverId(driver), at, class: STANDARD, available }, 0).unwrap();
        }
        assert_eq!(near(&mut geo, None, vec![DriverId(4)], 0), [2, 1]);
        let cells = vec![HERE.cell(CellSize::Eight), NORTH.cell(CellSize::Eight)];
        let supply = Request::Supply { cells };
        assert_eq!(geo.handle(supply.clone(), 0), Ok(Response::Supply(vec![2, 1])));

        let later = eligibility::FRESHNESS_NS + 1;
        geo.handle(Request::Ping { driver: DriverId(2), at: NORTH, class: STANDARD, available: true }, later).unwrap();
        assert_eq!(near(&mut geo, None, vec![], later), [2]);
        assert_eq!(geo.handle(supply, later), Ok(Response::Supply(vec![0, 1])));
        geo.expire(later);
        assert_eq!(
            geo.handle(Request::LastSeen { drivers: vec![DriverId(1), DriverId(2)] }, later),
            Ok(Response::LastSeen(LastSeen { listening_since_ns: 0, at_ns: vec![None, Some(later)] }))
        );
    }

    #[test]
    fn who_needs_another_vehicle_than_most_gets_one_from_farther_away() {
        let mut geo = Geo::new(&Config::default(), 0);
        for (driver, at, class) in [(1, HERE, STANDARD), (2, NORTH, VehicleClass::Accessible)] {
            geo.handle(Request::Ping { driver: DriverId(driver), at, class, available: true }, 0).unwrap();
        }
        assert_eq!(near(&mut geo, None, vec![], 0), [1, 2]);
        assert_eq!(near(&mut geo, Some(VehicleClass::Accessible), vec![], 0), [2]);
    }

    #[test]
    fn a_place_off_the_globe_is_refused() {
        let mut geo = Geo::new(&Config::default(), 0);
        let nowhere = Coordinate { latitude_microdegrees: i32::MAX, longitude_microdegrees: 0 };
        let ping = Request::Ping { driver: DriverId(1), at: nowhere, class: STANDARD, available: true };
        assert_eq!(geo.handle(ping, 0), Err(ApiError::MALFORMED));
    }
}
