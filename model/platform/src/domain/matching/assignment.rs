//! Who gets which trip: the assignment of least total cost over a batch, proven so each time.
//!
//! Trips are assigned one after the other, each along the cheapest augmenting path (Jonker and Volgenant, "A shortest augmenting path
//! algorithm for dense and sparse linear assignment problems", 1987), over the few drivers that are near each trip. The dual variables that
//! the paths leave behind certify the result: no other assignment can be cheaper.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::domain::ids::{DriverId, TripId};

/// A trip that wants a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub trip: TripId,
    /// Who may have it, and at what cost: not negative, in milliseconds until the pickup. A driver named twice counts at the lower cost.
    pub candidates: Vec<(DriverId, i64)>,
}

/// Gives each trip a driver, or none, at the least total cost. No driver gets two. To leave a trip waiting costs `waiting_ms`: a trip goes
/// without where all its drivers are dearer than that, or worth more to others.
///
/// The answer is in the order of the trips' ids and does not depend on the order of `wishes` or candidates.
///
/// # Panics
/// If a cost is negative or a trip comes twice: the caller has a bug. If the result is not optimal: this has.
pub fn assign(wishes: &[Wish], waiting_ms: i64) -> Vec<(TripId, Option<DriverId>)> {
    let problem = Problem::new(wishes, waiting_ms);
    let mut solution = Solution::new(&problem);
    for row in 0..problem.rows.len() {
        solution.assign_row(&problem, row);
    }
    solution.certify(&problem);
    let driver = |row: usize| problem.drivers.get(solution.column_of[row]).copied();
    problem.trips.iter().enumerate().map(|(row, trip)| (*trip, driver(row))).collect()
}

/// Rows are trips and columns are drivers, both by id; each row has one more column of its own, for waiting.
struct Problem {
    trips: Vec<TripId>,
    drivers: Vec<DriverId>,
    /// Of each row: columns and costs, by column.
    rows: Vec<Vec<(usize, i64)>>,
}

impl Problem {
    fn new(wishes: &[Wish], waiting_ms: i64) -> Self {
        assert!(waiting_ms >= 0, "waiting costs {waiting_ms} ms");
        let mut wishes: Vec<&Wish> = wishes.iter().collect();
        wishes.sort_by_key(|wish| wish.trip);
        assert!(wishes.windows(2).all(|pair| pair[0].trip < pair[1].trip), "a trip wants two drivers");
        let named = wishes.iter().flat_map(|wish| wish.candidates.iter().map(|(driver, _)| *driver));
        let drivers: Vec<DriverId> = named.collect::<BTreeSet<_>>().into_iter().collect();
        let edges = |(row, wish): (usize, &&Wish)| {
            let column = |driver: &DriverId| drivers.binary_search(driver).expect("every driver named is listed");
            let mut edges: Vec<(usize, i64)> =
                wish.candidates.iter().map(|(driver, cost_ms)| (column(driver), *cost_ms)).collect();
            assert!(edges.iter().all(|(_, cost_ms)| *cost_ms >= 0), "a negative cost: {wish:?}");
            edges.sort_unstable();
            edges.dedup_by_key(|(column, _)| *column);
            edges.push((drivers.len() + row, waiting_ms));
            edges
        };
        let rows = wishes.iter().enumerate().map(edges).collect();
        Self { trips: wishes.iter().map(|wish| wish.trip).collect(), rows, drivers }
    }

    fn columns(&self) -> usize {
        self.drivers.len() + self.rows.len()
    }
}

const NOBODY: usize = usize::MAX;

/// An optimal assignment of the rows so far, and the dual variables that prove it.
struct Solution {
    column_of: Vec<usize>,
    row_of: Vec<usize>,
    /// What a row pays: never more than any of its columns costs it.
    row_dual: Vec<i64>,
    /// What a column's scarcity adds: never above zero, and zero for a column that nobody has.
    column_dual: Vec<i64>,
    /// Work space, clean between rows.
    distance: Vec<i64>,
    reached_from: Vec<usize>,
    is_final: Vec<bool>,
}

impl Solution {
    fn new(problem: &Problem) -> Self {
        let (rows, columns) = (problem.rows.len(), problem.columns());
        Self {
            column_of: vec![NOBODY; rows],
            row_of: vec![NOBODY; columns],
            row_dual: vec![0; rows],
            column_dual: vec![0; columns],
            distance: vec![i64::MAX; columns],
            reached_from: vec![NOBODY; columns],
            is_final: vec![false; columns],
        }
    }

    /// Assigns one more row, along the path that adds least: Dijkstra's algorithm over reduced costs, ties by column.
    fn assign_row(&mut self, problem: &Problem, start: usize) {
        let mut heap = BinaryHeap::new();
        let (mut touched, mut finished) = (Vec::new(), Vec::new());
        let (mut row, mut so_far) = (start, 0);
        let end = loop {
            for &(column, cost) in &problem.rows[row] {
                let distance = so_far + cost - self.row_dual[row] - self.column_dual[column];
                if !self.is_final[column] && distance < self.distance[column] {
                    if self.distance[column] == i64::MAX {
                        touched.push(column);
                    }
                    self.distance[column] = distance;
                    self.reached_from[column] = row;
                    heap.push(Reverse((distance, column)));
                }
            }
            let column = loop {
                let Reverse((distance, column)) = heap.pop().expect("every row can wait in a column of its own");
                if !self.is_final[column] && distance == self.distance[column] {
                    break column;
                }
            };
            self.is_final[column] = true;
            if self.row_of[column] == NOBODY {
                break column;
            }
            finished.push(column);
            (row, so_far) = (self.row_of[column], self.distance[column]);
        };
        let added = self.distance[end];
        self.row_dual[start] += added;
        for column in finished {
            let slack = added - self.distance[column];
            self.row_dual[self.row_of[column]] += slack;
            self.column_dual[column] -= slack;
        }
        self.augment(start, end);
        for column in touched {
            (self.distance[column], self.reached_from[column], self.is_final[column]) = (i64::MAX, NOBODY, false);
        }
    }

    /// Moves every row along the path that ends at `end` to its next column.
    fn augment(&mut self, start: usize, end: usize) {
        let mut column = end;
        loop {
            let row = self.reached_from[column];
            self.row_of[column] = row;
            let left = std::mem::replace(&mut self.column_of[row], column);
            if row == start {
                return;
            }
            column = left;
        }
    }

    /// Complementary slackness: no column is cheaper for a row than what the row pays, a row pays what its column costs it, and only columns
    /// that somebody has are scarce. By linear programming duality, total cost and total dual are then both optimal, and equal.
    fn certify(&self, problem: &Problem) {
        let mut total = 0;
        for (row, edges) in problem.rows.iter().enumerate() {
            let mut is_assigned = false;
            for &(column, cost) in edges {
                let reduced = cost - self.row_dual[row] - self.column_dual[column];
                assert!(reduced >= 0, "row {row} would rather have column {column}, by {reduced}");
                if self.column_of[row] == column {
                    assert_eq!((reduced, self.row_of[column]), (0, row), "row {row} overpays for column {column}");
                    (is_assigned, total) = (true, total + cost);
                }
            }
            assert!(is_assigned, "row {row} has no column");
        }
        for (column, dual) in self.column_dual.iter().enumerate() {
            assert!(*dual <= 0, "column {column} is worth less than nothing");
            assert!(*dual == 0 || self.row_of[column] != NOBODY, "column {column} is scarce, and nobody has it");
        }
        let dual: i64 = self.row_dual.iter().chain(&self.column_dual).sum();
        assert_eq!(total, dual, "the assignment costs more than its bound");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runtime::random::{RngExt, derive};

    use super::*;

    const WAITING_MS: i64 = 1_000;

    fn cost(wishes: &[Wish], assigned: &[(TripId, Option<DriverId>)], waiting_ms: i64) -> i64 {
        let of = |(trip, driver): &(TripId, Option<DriverId>)| {
            let Some(driver) = driver else { return waiting_ms };
            let wish = wishes.iter().find(|wish| wish.trip == *trip).expect("only wishes are granted");
            let costs = wish.candidates.iter().filter(|(candidate, _)| candidate == driver).map(|(_, cost)| *cost);
            costs.min().expect("only candidates are assigned")
        };
        assigned.iter().map(of).sum()
    }

    /// Tries everything.
    fn least(wishes: &[Wish], taken: &mut Vec<DriverId>) -> i64 {
        let Some((first, rest)) = wishes.split_first() else { return 0 };
        let mut best = WAITING_MS + least(rest, taken);
        for (driver, cost) in &first.candidates {
            if !taken.contains(driver) {
                taken.push(*driver);
                best = best.min(cost + least(rest, taken));
                taken.pop();
            }
        }
        best
    }

    fn wishes() -> impl Strategy<Value = Vec<Wish>> {
        // Few different costs, so that there are ties; some above the cost of waiting.
        let candidates = prop::collection::vec((0..6i64, (0..8i64).prop_map(|cost| cost * 200)), 0..6);
        prop::collection::vec(candidates, 0..6).prop_map(|all| {
            let wish = |(trip, candidates): (i64, Vec<(i64, i64)>)| {
                let candidates = candidates.into_iter().map(|(driver, cost)| (DriverId(driver), cost)).collect();
                Wish { trip: TripId(trip), candidates }
            };
            (0..).zip(all).map(wish).collect()
        })
    }

    proptest! {
        #[test]
        fn nobody_finds_anything_cheaper(wishes in wishes()) {
            let assigned = assign(&wishes, WAITING_MS);
            let drivers: Vec<DriverId> = assigned.iter().filter_map(|(_, driver)| *driver).collect();
            prop_assert_eq!(drivers.iter().collect::<BTreeSet<_>>().len(), drivers.len(), "nobody gets two");
            prop_assert_eq!(cost(&wishes, &assigned, WAITING_MS), least(&wishes, &mut Vec::new()));
        }

        #[test]
        fn the_order_of_asking_does_not_matter(wishes in wishes()) {
            let mut turned = wishes.clone();
            turned.reverse();
            turned.iter_mut().for_each(|wish| wish.candidates.reverse());
            prop_assert_eq!(assign(&turned, WAITING_MS), assign(&wishes, WAITING_MS));
        }
    }

    #[test]
    fn the_nearest_driver_goes_to_whom_it_helps_most() {
        let wish = |trip, candidates: &[(i64, i64)]| Wish {
            trip: TripId(trip),
            candidates: candidates.iter().map(|(driver, cost)| (DriverId(*driver), *cost)).collect(),
        };
        // One after the other, trip 1 would take driver 1 and leave trip 2 with 900.
        let wishes = [wish(1, &[(1, 100), (2, 200)]), wish(2, &[(1, 150), (2, 900)]), wish(3, &[(1, 1)])];
        let waiting: Vec<_> = assign(&wishes, 400);
        assert_eq!(waiting, [(TripId(1), Some(DriverId(2))), (TripId(2), None), (TripId(3), Some(DriverId(1)))]);
        assert_eq!(assign(&wishes[..2], 10_000), [(TripId(1), Some(DriverId(2))), (TripId(2), Some(DriverId(1)))]);
    }

    /// Aldous, "The zeta(2) limit in the random assignment problem", 2001, and Parisi's formula for finite n: with costs that are independent
    /// and exponential of mean 1, the expected least cost is the sum of 1 / i^2 for i to n.
    #[test]
    fn ten_by_ten_costs_what_theory_says() {
        const UNIT: f64 = 1e6;
        const BATCHES: usize = 4_000;
        let mut stream = derive(1, "test", "assignment");
        let mut exponential = || (-libm::log(1.0 - stream.random::<f64>()) * UNIT).round() as i64;
        let costs: Vec<f64> = (0..BATCHES)
            .map(|_| {
                let wish = |trip| Wish {
                    trip: TripId(trip),
                    candidates: (0..10).map(|driver| (DriverId(driver), exponential())).collect(),
                };
                let wishes: Vec<Wish> = (0..10).map(wish).collect();
                let waiting_ms = 1 << 40;
                cost(&wishes, &assign(&wishes, waiting_ms), waiting_ms) as f64 / UNIT
            })
            .collect();
        let mean = costs.iter().sum::<f64>() / BATCHES as f64;
        let variance = costs.iter().map(|cost| (cost - mean) * (cost - mean)).sum::<f64>() / (BATCHES - 1) as f64;
        let error = (variance / BATCHES as f64).sqrt();
        let expected: f64 = (1..=10).map(|i| 1.0 / f64::from(i * i)).sum();
        assert!((expected - 1.5498).abs() < 1e-4);
        // Four standard errors: a right program fails one seed in 16,000.
        assert!((mean - expected).abs() < 4.0 * error && error < 0.01, "{mean} +- {error}, not {expected}");
    }
}
