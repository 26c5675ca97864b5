//! Where everything stood, in a grid of zones that names every instance.

use crate::run::{Placement, RunRecord};

/// What stands together, host by host: `trips-1, trips-4 on node-0`.
pub type Cell = Vec<String>;

/// Groups by zone.
#[derive(Debug)]
pub struct Grid {
    /// The zones, in order.
    pub zones: Vec<String>,
    /// A group's name and what of it is in each zone; only groups that are in one.
    pub rows: Vec<(String, Vec<Cell>)>,
    /// What stands in no zone, group by group.
    pub elsewhere: Vec<String>,
}

/// Which group has what in which zone: roles where instances differ, names where they do not, and the host of what shares one.
pub fn placement(run: &RunRecord) -> Grid {
    let mut zones: Vec<String> = run.placement.iter().map(|row| row.zone.clone()).collect();
    zones.sort();
    zones.dedup();
    zones.retain(|zone| !zone.is_empty());
    let mut groups: Vec<&str> = Vec::new();
    for row in &run.placement {
        if !groups.contains(&row.group.as_str()) {
            groups.push(&row.group);
        }
    }
    let here = |group: &str, zone: &str| -> Vec<&Placement> {
        run.placement.iter().filter(|row| row.group == group && row.zone == zone).collect()
    };
    let of_zones = |group: &&str| {
        let cells: Vec<Cell> = zones.iter().map(|zone| standing(&here(group, zone))).collect();
        cells.iter().any(|cell| !cell.is_empty()).then(|| (group.to_string(), cells))
    };
    let of_none = |group: &&str| match standing(&here(group, "")).join("; ") {
        names if names.is_empty() => None,
        names if names == *group => Some(names),
        names => Some(format!("{group} ({names})")),
    };
    let (rows, elsewhere) = (groups.iter().filter_map(of_zones).collect(), groups.iter().filter_map(of_none).collect());
    Grid { zones, rows, elsewhere }
}

/// Everything that stands together by name, with the host of what shares one.
fn standing(here: &[&Placement]) -> Cell {
    // What has a host of its own is named like it, and is said to be on none.
    let mut hosts: Vec<(Option<&str>, Vec<&str>)> = Vec::new();
    for row in here {
        let host = (row.host != row.instance).then_some(row.host.as_str());
        let name = if row.role.is_empty() { row.instance.as_str() } else { row.role.as_str() };
        match hosts.iter_mut().find(|(known, _)| *known == host) {
            Some((_, names)) => names.push(name),
            None => hosts.push((host, vec![name])),
        }
    }
    let on = |(host, names): (Option<&str>, Vec<&str>)| match host {
        Some(host) => format!("{} on {host}", each(&names)),
        None => each(&names),
    };
    hosts.into_iter().map(on).collect()
}

/// Names in their order, equal ones once with how often: `primary, 2 × read replica`.
fn each(names: &[&str]) -> String {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for &name in names {
        match counted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    let told = |(name, count): (&str, usize)| if count > 1 { format!("{count} × {name}") } else { name.to_string() };
    counted.into_iter().map(told).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(instances: &[(&str, &str, &str)]) -> Vec<Placement> {
        let place = |&(instance, role, host): &(&str, &str, &str)| Placement {
            group: "trips".to_string(),
            instance: instance.to_string(),
            role: role.to_string(),
            zone: "us-east-1a".to_string(),
            host: host.to_string(),
        };
        instances.iter().map(place).collect()
    }

    fn told(instances: &[(&str, &str, &str)]) -> Cell {
        standing(&placed(instances).iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_shares_a_host_is_told_with_it_and_each_of_many_by_name() {
        assert_eq!(told(&[]), Cell::new());
        assert_eq!(told(&[("trips-1", "", "trips-1")]), ["trips-1"]);
        assert_eq!(told(&[("trips-1", "", "node-0")]), ["trips-1 on node-0"]);
        let many = [("trips-1", "", "node-0"), ("trips-4", "", "node-3"), ("trips-7", "", "node-0")];
        assert_eq!(told(&many), ["trips-1, trips-7 on node-0", "trips-4 on node-3"]);
        let replicas = [("a", "primary", "a"), ("b", "read replica", "b"), ("c", "read replica", "c")];
        assert_eq!(told(&replicas[1..]), ["2 × read replica"]);
        assert_eq!(told(&replicas), ["primary, 2 × read replica"]);
    }
}
