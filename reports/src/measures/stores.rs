//! What became of acknowledged writes, store by store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::named::named;
use crate::format::{elapsed_s, seconds};
use crate::records::{Fate, Tier, WriteRecord};
use crate::run::Store;

/// Lost writes that a report names one by one; the rest are counted, and named in `writes.parquet`.
pub const NAMED_LOSSES_MAX: usize = 1_000;

/// The recovery point of one store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreOutcome {
    /// The tiers that its losses count in.
    pub tiers: Vec<Tier>,
    /// What it holds, and so why they count there, or in no tier.
    pub holds: String,
    /// Writes acknowledged to clients.
    pub acknowledged: u64,
    /// Acknowledged before the recovery was complete and absent after it.
    pub lost: u64,
    /// Acknowledged after the onset by a side that lost.
    pub divergent: u64,
    /// Age of the oldest lost write at the onset, seconds; null when none was lost or no fault struck.
    pub oldest_age_s: Option<f64>,
    /// The loss that the design accepts, seconds before the onset: 0 when none is; null when it may lose writes and the blueprint declares no
    /// objective for it.
    pub declared_rpo_s: Option<f64>,
    /// Whether the design lets it lose what is gone: otherwise it is a bug.
    pub accepted: bool,
    /// Lost and divergent writes by name, the first [`NAMED_LOSSES_MAX`].
    pub losses: Vec<Loss>,
}

/// A write that a client was promised and that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// The object, such as `trips/4711`.
    pub object: String,
    /// Its place in the store's log.
    pub position: u64,
    /// When it was acknowledged, seconds from the end of the warm-up.
    pub acknowledged_at_s: f64,
    /// The leadership under which it was acknowledged.
    pub epoch: u64,
    /// `lost` or `divergent`.
    pub fate: Fate,
}

/// Counts writes by store.
#[derive(Debug, Default)]
pub struct Stores(BTreeMap<String, Tally>);

#[derive(Debug, Default)]
struct Tally {
    acknowledged: u64,
    lost: u64,
    divergent: u64,
    oldest_lost_ns: Option<i64>,
    losses: Vec<Loss>,
}

impl Stores {
    /// Counts a write that is acknowledged, or what became of one that was, and keeps its name if it is gone.
    pub fn add(&mut self, write: &WriteRecord<'_>) {
        let tally = named(&mut self.0, write.store);
        match write.fate {
            Fate::Kept => return tally.acknowledged += 1,
            Fate::Superseded => return,
            Fate::Divergent => tally.divergent += 1,
            Fate::Lost => {
                tally.lost += 1;
                let oldest_ns = tally.oldest_lost_ns.get_or_insert(write.acknowledged_at_ns);
                *oldest_ns = (*oldest_ns).min(write.acknowledged_at_ns);
            }
        }
        if tally.losses.len() < NAMED_LOSSES_MAX {
            tally.losses.push(Loss {
                object: write.object.to_string(),
                position: write.position,
                acknowledged_at_s: seconds(write.acknowledged_at_ns),
                epoch: write.epoch,
                fate: write.fate,
            });
        }
    }

    /// The recovery point of every store that is declared or was written to.
    pub fn finish(&self, declared: &[Store], onset_s: Option<f64>) -> BTreeMap<String, StoreOutcome> {
        let untouched = Tally::default();
        let undeclared = |name: &String| Store {
            name: name.clone(),
            tiers: Vec::new(),
            holds: String::new(),
            declared_rpo_s: Some(0.0),
        };
        let others = self.0.keys().filter(|name| declared.iter().all(|store| store.name != **name)).map(undeclared);
        declared
            .iter()
            .cloned()
            .chain(others)
            .map(|store| {
                let outcome = self.0.get(&store.name).unwrap_or(&untouched).outcome(&store, onset_s);
                (store.name, outcome)
            })
            .collect()
    }
}

impl Tally {
    fn outcome(&self, store: &Store, onset_s: Option<f64>) -> StoreOutcome {
        let oldest_age_s = self
            .oldest_lost_ns
            .zip(onset_s)
            .map(|(oldest_ns, onset_s)| elapsed_s(seconds(oldest_ns), onset_s).max(0.0));
        let nothing_gone = self.lost + self.divergent == 0;
        let may_be_so_old =
            store.declared_rpo_s.is_none_or(|accepted_s| accepted_s > 0.0 && oldest_age_s.unwrap_or(0.0) <= accepted_s);
        StoreOutcome {
            tiers: store.tiers.clone(),
            holds: store.holds.clone(),
            acknowledged: self.acknowledged,
            lost: self.lost,
            divergent: self.divergent,
            oldest_age_s,
            declared_rpo_s: store.declared_rpo_s,
            accepted: nothing_gone || (may_be_so_old && onset_s.is_some()),
            losses: self.losses.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(object: &str, acknowledged_at_s: i64, fate: Fate) -> WriteRecord<'_> {
        WriteRecord {
            store: "orders",
            object,
            position: 7,
            acknowledged_at_ns: acknowledged_at_s * 1_000_000_000,
            fate,
            epoch: 1,
        }
    }

    fn tallied(declared_rpo_s: Option<f64>, writes: &[WriteRecord<'_>]) -> StoreOutcome {
        let mut stores = Stores::default();
        writes.iter().for_each(|write| stores.add(write));
        let (name, tiers, holds) = ("orders".to_string(), vec![Tier::Critical], String::new());
        let declared = Store { name, tiers, holds, declared_rpo_s };
        stores.finish(&[declared], Some(100.0)).remove("orders").expect("declared")
    }

    #[test]
    fn the_oldest_lost_write_sets_the_age_and_superseded_ones_are_not_lost() {
        let fates = [
            ("trips/1", 10, Some(Fate::Superseded)),
            ("trips/2", 98, Some(Fate::Lost)),
            ("trips/3", 97, Some(Fate::Lost)),
            ("trips/4", 120, Some(Fate::Divergent)),
            ("trips/5", 99, None),
        ];
        let acknowledged = fates.iter().map(|(object, at_s, _)| write(object, *at_s, Fate::Kept));
        let gone = fates.iter().filter_map(|(object, at_s, fate)| fate.map(|fate| write(object, *at_s, fate)));
        let found = tallied(Some(0.0), &acknowledged.chain(gone).collect::<Vec<_>>());
        assert_eq!((found.acknowledged, found.lost, found.divergent, found.oldest_age_s), (5, 2, 1, Some(3.0)));
        assert_eq!(
            found.losses.iter().map(|loss| loss.object.as_str()).collect::<Vec<_>>(),
            ["trips/2", "trips/3", "trips/4"]
        );
        assert!(!found.accepted);
    }

    #[test]
    fn a_declared_loss_is_accepted_up_to_its_age() {
        assert!(tallied(Some(3.0), &[write("trips/1", 97, Fate::Lost)]).accepted);
        assert!(!tallied(Some(2.0), &[write("trips/1", 97, Fate::Lost)]).accepted);
        assert!(tallied(Some(0.0), &[write("trips/1", 97, Fate::Kept)]).accepted);
    }

    #[test]
    fn where_no_objective_is_declared_a_loss_of_any_age_is_no_bug_and_no_number_is_made_up() {
        let found = tallied(None, &[write("trips/1", 1, Fate::Lost)]);
        assert_eq!((found.declared_rpo_s, found.oldest_age_s, found.accepted), (None, Some(99.0), true));
    }

    #[test]
    fn a_store_nobody_declared_is_reported_all_the_same() {
        let mut stores = Stores::default();
        stores.add(&write("trips/1", 5, Fate::Lost));
        let found = stores.finish(&[], None);
        assert_eq!((found["orders"].lost, found["orders"].oldest_age_s, found["orders"].accepted), (1, None, false));
    }

    #[test]
    fn losses_beyond_the_named_ones_are_still_counted() {
        let mut stores = Stores::default();
        for _ in 0..NAMED_LOSSES_MAX + 5 {
            stores.add(&write("trips/1", 5, Fate::Divergent));
        }
        let found = stores.finish(&[], Some(1.0));
        assert_eq!(
            (found["orders"].divergent, found["orders"].losses.len()),
            (NAMED_LOSSES_MAX as u64 + 5, NAMED_LOSSES_MAX)
        );
    }
}
