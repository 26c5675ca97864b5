//! Contradictions within a city file. They are looked for in what was written, so that a wrong value elsewhere hides none of them.

use std::collections::BTreeSet;

use notation::report::Report;
use notation::tree::{Node, Value};

/// Shares are written with six decimals; this leaves room for the rounding of some hundred zones and for nothing else.
const SHARE_TOLERANCE: f64 = 0.001;

/// Reports zones that are there twice or not at all, and shares that do not add up.
pub(super) fn check(root: &Node, report: &mut Report) {
    // A missing list has been reported as such.
    let Some(zones) = root.child("zone") else { return };
    if items(zones).is_empty() {
        report.problem(
            &zones.place,
            "the city has no zones".to_owned(),
            Some("write at least one [[zone]]".to_owned()),
        );
        return;
    }
    let mut listed = BTreeSet::new();
    for id in items(zones).iter().filter_map(|zone| zone.child("id")) {
        if let Some(number) = integer(id)
            && !listed.insert(number)
        {
            let hint = "give each zone a number of its own".to_owned();
            report.problem(&id.place, format!("zone {number} is there twice"), Some(hint));
        }
    }
    shares(zones, "pickup-share", report);
    shares(zones, "dropoff-share", report);
    let mut seen = BTreeSet::new();
    for origin in root.child("trips-from").map_or(&[][..], items) {
        trips_from(origin, &listed, &mut seen, report);
    }
}

/// Shares that are no numbers have been reported as such.
fn shares(zones: &Node, key: &str, report: &mut Report) {
    let written: Option<Vec<f64>> = items(zones).iter().map(|zone| zone.child(key).and_then(number)).collect();
    let Some(written) = written else { return };
    let sum: f64 = written.iter().sum();
    if sum.is_nan() || (sum - 1.0).abs() > SHARE_TOLERANCE {
        let message = format!("{key} of all zones sums to {sum:.6}");
        report.problem(&zones.place, message, Some("shares must sum to 1".to_owned()));
    }
}

/// `seen` has the pairs of zones of the origins before.
fn trips_from(origin: &Node, listed: &BTreeSet<i64>, seen: &mut BTreeSet<(i64, i64)>, report: &mut Report) {
    let hint = || Some("add the [[zone]] or drop its trips".to_owned());
    let from = origin.child("zone").and_then(|zone| Some((&zone.place, integer(zone)?)));
    if let Some((place, from)) = from.filter(|(_, from)| !listed.contains(from)) {
        report.problem(place, format!("trips come from zone {from}, which is not listed"), hint());
    }
    for row in origin.child("to").map_or(&[][..], items) {
        let Some(to) = row.child("0").and_then(integer) else { continue };
        if !listed.contains(&to) {
            report.problem(&row.place, format!("trips go to zone {to}, which is not listed"), hint());
        }
        if let Some((_, from)) = from.filter(|(_, from)| !seen.insert((*from, to))) {
            let message = format!("trips from zone {from} to zone {to} are there twice");
            report.problem(&row.place, message, Some("keep one of the two".to_owned()));
        }
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

fn integer(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}

fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Float(number) => Some(*number),
        _ => integer(node).map(|number| number as f64),
    }
}
