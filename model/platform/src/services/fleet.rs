//! What all replicas of the geo service know together. Each holds the drivers whose pings it got; a driver whose pings moved from one
//! replica to another is in both for a while, and the fresher sighting counts.

use std::cell::RefCell;
use std::collections::BTreeMap;

use runtime::call::CallContext;
use runtime::net::Address;

use super::clock::now_ns;
use super::peers::Peers;
use crate::api::geo::{LastSeen, Near, Request, Response, Wanted};
use crate::api::{ApiError, Reply};
use crate::domain::ids::DriverId;
use crate::domain::place::Cell;

/// A client of the geo service as a whole.
pub struct Fleet {
    peers: Peers<Request, Response>,
    /// Whether replicas share where drivers wait: then any one of them knows all.
    shares: bool,
    heard: RefCell<Heard>,
}

/// When replicas last said when they had seen whom.
struct Heard {
    /// Of those that are there; one that has not said anything yet, when it was first asked.
    replicas: BTreeMap<Address, i64>,
    /// The latest of those that are gone.
    gone_at_ns: i64,
}

impl Heard {
    /// Takes in which replicas there are now.
    fn look(&mut self, there: impl Fn(Address) -> bool) {
        let gone_at_ns = &mut self.gone_at_ns;
        self.replicas.retain(|&replica, at_ns| {
            let stays = there(replica);
            if !stays {
                *gone_at_ns = (*gone_at_ns).max(*at_ns);
            }
            stays
        });
    }
}

impl Fleet {
    pub fn new(peers: Peers<Request, Response>, shares: bool) -> Self {
        Self { peers, shares, heard: RefCell::new(Heard { replicas: BTreeMap::new(), gone_at_ns: i64::MIN }) }
    }

    /// The drivers who are wanted, soonest first, of all replicas that answer.
    pub async fn nearest(&self, wanted: Wanted, context: CallContext) -> Reply<Vec<Near>> {
        if self.shares {
            let request = Request::NearestShared(wanted.clone());
            let mut once = CallContext { retry_budget: 0, ..context };
            // Without the cache, each replica is asked for what it knows itself.
            if let Ok(Response::Nearest(near)) = self.peers.call(request, &mut once).await {
                return Ok(near);
            }
        }
        let count = wanted.count;
        let answers = self.ask(&Request::Nearest(wanted), context).await?;
        let lists = answers.into_iter().filter_map(|(_, answer)| match answer? {
            Response::Nearest(list) => Some(list),
            _ => None,
        });
        Ok(merge(lists, count as usize))
    }

    /// How many available drivers each cell holds, over all replicas that answer.
    pub async fn supply(&self, cells: Vec<Cell>, context: CallContext) -> Reply<Vec<u32>> {
        let mut total = vec![0u32; cells.len()];
        for (_, answer) in self.ask(&Request::Supply { cells }, context).await? {
            if let Some(Response::Supply(counts)) = answer {
                total.iter_mut().zip(counts).for_each(|(total, count)| *total = total.saturating_add(count));
            }
        }
        Ok(total)
    }

    /// Times at or after which nothing was heard of each driver. A replica that does not answer, or is no more, may have heard of anybody
    /// until it last answered, and one that has just started forgot what it knew: in doubt a driver is not lost.
    pub async fn silent_since(&self, drivers: Vec<DriverId>, context: CallContext) -> Reply<Vec<i64>> {
        let count = drivers.len();
        let answers = self.ask(&Request::LastSeen { drivers }, context).await?;
        let asked_at_ns = now_ns();
        let mut heard = self.heard.borrow_mut();
        heard.look(|replica| answers.iter().any(|(address, _)| *address == replica));
        let mut silent_since = vec![heard.gone_at_ns; count];
        for (address, answer) in answers {
            let heard_at_ns = heard.replicas.entry(address).or_insert(asked_at_ns);
            match answer {
                Some(Response::LastSeen(LastSeen { listening_since_ns, at_ns })) => {
                    *heard_at_ns = asked_at_ns;
                    for (silent_since, at_ns) in silent_since.iter_mut().zip(at_ns) {
                        *silent_since = (*silent_since).max(at_ns.unwrap_or(listening_since_ns));
                    }
                }
                _ => silent_since.iter_mut().for_each(|since| *since = (*since).max(*heard_at_ns)),
            }
        }
        Ok(silent_since)
    }

    async fn ask(&self, request: &Request, context: CallContext) -> Reply<Vec<(Address, Option<Response>)>> {
        let answers = self.peers.ask_all(request, context).await;
        if answers.iter().all(|(_, answer)| answer.is_none()) { Err(ApiError::Unavailable) } else { Ok(answers) }
    }
}

/// One list of the soonest `count`, each driver by the freshest sighting; ties by id.
fn merge(lists: impl Iterator<Item = Vec<Near>>, count: usize) -> Vec<Near> {
    let mut freshest: BTreeMap<DriverId, Near> = BTreeMap::new();
    for near in lists.flatten() {
        let known = freshest.entry(near.driver).or_insert(near);
        if known.located_at_ns < near.located_at_ns {
            *known = near;
        }
    }
    let mut merged: Vec<Near> = freshest.into_values().collect();
    merged.sort_by_key(|near| (near.eta_ns, near.driver));
    merged.truncate(count);
    merged
}

#[cfg(test)]
mod tests {
    use runtime::net::HostId;

    use super::*;

    #[test]
    fn a_driver_known_to_two_replicas_is_where_the_fresher_one_says() {
        let near = |driver, located_at_ns, eta_ns| Near { driver: DriverId(driver), located_at_ns, eta_ns };
        let lists = [vec![near(1, 10, 5), near(2, 10, 6)], vec![near(3, 10, 6), near(1, 20, 9)]];
        assert_eq!(merge(lists.into_iter(), 2), [near(2, 10, 6), near(3, 10, 6)]);
    }

    #[test]
    fn what_a_replica_that_is_gone_said_last_is_kept() {
        let at = |host| Address { host: HostId(host), port: 8_080 };
        let mut heard = Heard { replicas: BTreeMap::from([(at(1), 10), (at(2), 20)]), gone_at_ns: i64::MIN };
        heard.look(|replica| replica == at(1));
        assert_eq!((heard.gone_at_ns, heard.replicas.len()), (20, 1));
        heard.look(|_| false);
        assert_eq!((heard.gone_at_ns, heard.replicas.len()), (20, 0), "the latest counts, and not the last to go");
    }
}
