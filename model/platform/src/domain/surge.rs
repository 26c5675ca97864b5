//! Surge: how much dearer a cell is, from smoothed demand and supply, capped, reluctant to change, in snapshots that expire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::place::Cell;

/// The multiplier of a cell where nothing is scarce.
pub const NO_SURGE_PER_MILLE: u32 = 1_000;

/// How surge reacts. Defaults are assumptions; Uber's published paper on surge names the ingredients and no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurgeParameters {
    /// The weight of the newest observation: 1,000 forgets everything before it.
    pub smoothing_per_mille: u32,
    /// What each unit of demand over supply adds: at 500, twice as many riders as drivers make a multiplier of 1,500.
    pub slope_per_mille: u32,
    pub cap_per_mille: u32,
    /// A multiplier moves only by this much or more, except back to no surge.
    pub hysteresis_per_mille: u32,
    /// For how long a snapshot may be quoted from.
    pub lifetime_ns: i64,
}

impl Default for SurgeParameters {
    fn default() -> Self {
        Self {
            smoothing_per_mille: 300,
            slope_per_mille: 500,
            cap_per_mille: 3_000,
            hysteresis_per_mille: 100,
            lifetime_ns: 120_000_000_000,
        }
    }
}

/// What one cell saw since the last step: riders who asked and drivers who were free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub demand: u32,
    pub supply: u32,
}

/// The multipliers of all cells at one time. A cell that is not in it has no surge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SurgeSnapshot {
    /// Grows by one with each snapshot.
    pub version: i64,
    pub expires_at_ns: i64,
    pub multipliers_per_mille: BTreeMap<Cell, u32>,
}

/// The multiplier that a quote binds, and what it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BoundSurge {
    Snapshot {
        version: i64,
        expires_at_ns: i64,
        multiplier_per_mille: u32,
    },
    /// There was no fresh snapshot: nothing is multiplied, because nobody can say by how much it should be.
    Fallback,
}

impl BoundSurge {
    pub fn multiplier_per_mille(self) -> u32 {
        match self {
            Self::Snapshot { multiplier_per_mille, .. } => multiplier_per_mille,
            Self::Fallback => NO_SURGE_PER_MILLE,
        }
    }
}

impl SurgeSnapshot {
    /// What a quote for this cell binds at `now_ns`.
    pub fn bind(&self, cell: Cell, now_ns: i64) -> BoundSurge {
        if now_ns >= self.expires_at_ns && !runtime::planted::is("expired-surge-bound") {
            return BoundSurge::Fallback;
        }
        let multiplier_per_mille = self.multipliers_per_mille.get(&cell).copied().unwrap_or(NO_SURGE_PER_MILLE);
        BoundSurge::Snapshot { version: self.version, expires_at_ns: self.expires_at_ns, multiplier_per_mille }
    }
}

/// Keeps the smoothed state of every cell and makes snapshots from it.
#[derive(Clone, Debug)]
pub struct SurgeBoard {
    parameters: SurgeParameters,
    version: i64,
    cells: BTreeMap<Cell, Smoothed>,
}

/// Thousandths of a rider and of a driver, so that smoothing stays integer and small counts do not vanish at once.
#[derive(Clone, Copy, Debug, Default)]
struct Smoothed {
    demand_milli: u64,
    supply_milli: u64,
    multiplier_per_mille: u32,
}

impl SurgeBoard {
    pub fn new(parameters: SurgeParameters) -> Self {
        Self { parameters, version: 0, cells: BTreeMap::new() }
    }

    /// The cells where something happens: those to be observed, besides any that come new.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        self.cells.keys().copied()
    }

    /// Whether something was seen in the cell and is not forgotten.
    pub fn knows(&self, cell: Cell) -> bool {
        self.cells.contains_key(&cell)
    }

    /// Takes what every cell saw since the last step. Cells that are not mentioned saw nothing; those that have settled at nothing are
    /// forgotten, so the board holds only cells where something happens.
    pub fn step(&mut self, observed: &BTreeMap<Cell, Observed>, now_ns: i64) -> SurgeSnapshot {
        for cell in observed.keys() {
            self.cells
                .entry(*cell)
                .or_insert(Smoothed { multiplier_per_mille: NO_SURGE_PER_MILLE, ..Smoothed::default() });
        }
        for (cell, smoothed) in &mut self.cells {
            smoothed.step(observed.get(cell).copied().unwrap_or_default(), &self.parameters);
        }
        self.cells.retain(|_, smoothed| {
            smoothed.demand_milli > 0 || smoothed.supply_milli > 0 || smoothed.multiplier_per_mille > NO_SURGE_PER_MILLE
        });
        self.version += 1;
        // The planted bug's other half: the next snapshot comes too late. By itself that takes minutes without a single replica of geo.
        let is_late = runtime::planted::is("expired-surge-bound");
        let lifetime_ns = if is_late { 1_000_000_000 } else { self.parameters.lifetime_ns };
        let surging = self.cells.iter().filter(|(_, smoothed)| smoothed.multiplier_per_mille > NO_SURGE_PER_MILLE);
        SurgeSnapshot {
            version: self.version,
            expires_at_ns: now_ns + lifetime_ns,
            multipliers_per_mille: surging.map(|(cell, smoothed)| (*cell, smoothed.multiplier_per_mille)).collect(),
        }
    }
}

impl Smoothed {
    fn step(&mut self, observed: Observed, parameters: &SurgeParameters) {
        let weight = u64::from(parameters.smoothing_per_mille.min(1_000));
        let blend = |old_milli: u64, new: u32| (old_milli * (1_000 - weight) + u64::from(new) * 1_000 * weight) / 1_000;
        self.demand_milli = blend(self.demand_milli, observed.demand);
        self.supply_milli = blend(self.supply_milli, observed.supply);

        let target = self.target(parameters);
        let moved = target.abs_diff(self.multiplier_per_mille) >= parameters.hysteresis_per_mille.max(1);
        if moved || target == NO_SURGE_PER_MILLE {
            self.multiplier_per_mille = target;
        }
    }

    fn target(&self, parameters: &SurgeParameters) -> u32 {
        // One driver at least: where there is none at all, a few riders must not reach the cap by division by nothing.
        let supply_milli = self.supply_milli.max(1_000);
        let excess_milli = self.demand_milli.saturating_sub(supply_milli);
        let added = excess_milli * u64::from(parameters.slope_per_mille) / supply_milli;
        let cap = parameters.cap_per_mille.max(NO_SURGE_PER_MILLE);
        u32::try_from(added).unwrap_or(u32::MAX).saturating_add(NO_SURGE_PER_MILLE).min(cap)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CELL: Cell = Cell(1);

    fn saw(demand: u32, supply: u32) -> BTreeMap<Cell, Observed> {
        BTreeMap::from([(CELL, Observed { demand, supply })])
    }

    fn multiplier(snapshot: &SurgeSnapshot) -> u32 {
        snapshot.bind(CELL, i64::MIN).multiplier_per_mille()
    }

    #[test]
    fn steady_scarcity_settles_at_the_slope() {
        let mut board = SurgeBoard::new(SurgeParameters { hysteresis_per_mille: 1, ..SurgeParameters::default() });
        let settled = (0..100).map(|_| board.step(&saw(40, 20), 0)).last().unwrap();
        assert!(multiplier(&settled).abs_diff(1_500) <= 1, "{settled:?}");
    }

    #[test]
    fn small_changes_are_not_followed_and_calm_ends_surge() {
        let parameters = SurgeParameters { smoothing_per_mille: 1_000, ..SurgeParameters::default() };
        let mut board = SurgeBoard::new(parameters);
        assert_eq!(multiplier(&board.step(&saw(40, 20), 0)), 1_500);
        assert_eq!(multiplier(&board.step(&saw(43, 20), 0)), 1_500, "1,575 is within the hysteresis");
        assert_eq!(multiplier(&board.step(&saw(44, 20), 0)), 1_600);
        assert_eq!(multiplier(&board.step(&saw(20, 20), 0)), 1_000);
        assert!(board.step(&saw(0, 0), 0).multipliers_per_mille.is_empty());
        assert!(board.cells.is_empty());
    }

    #[test]
    fn an_expired_snapshot_binds_nothing() {
        let mut board = SurgeBoard::new(SurgeParameters { smoothing_per_mille: 1_000, ..SurgeParameters::default() });
        let snapshot = board.step(&saw(40, 20), 5);
        let expires_at_ns = snapshot.expires_at_ns;
        let bound = BoundSurge::Snapshot { version: 1, expires_at_ns, multiplier_per_mille: 1_500 };
        assert_eq!(snapshot.bind(CELL, expires_at_ns - 1), bound);
        assert_eq!(snapshot.bind(CELL, expires_at_ns), BoundSurge::Fallback);
    }

    proptest! {
        #[test]
        fn multipliers_stay_between_none_and_the_cap(steps in prop::collection::vec((0u32.., 0u32..), 1..50)) {
            let mut board = SurgeBoard::new(SurgeParameters::default());
            for (version, (demand, supply)) in steps.into_iter().enumerate() {
                let snapshot = board.step(&saw(demand, supply), 0);
                prop_assert_eq!(snapshot.version, version as i64 + 1);
                prop_assert!((1_000..=3_000).contains(&multiplier(&snapshot)));
            }
        }
    }
}
