//! What must hold within a scenario, and between it and its blueprint.

use notation::name;
use notation::report::Report;
use notation::section::Section;
use notation::tree::{Node, Value};
use notation::units::duration_text;
use notation::value::{Format, PositiveLength};

use crate::blueprint::{Blueprint, CLUSTER, DATABASE, Role};
use crate::fault::{DemandSurge, DiskSlow, FAULT_POINTS, Fault, FaultKind, ProcessorSlow, Target, TargetRole};
use crate::runbook::{RunbookStep, When};

/// The entries of `[[fault]]` that are well formed, each with its place in the array: a mistake in one, or elsewhere in the
/// file, does not hide what is wrong with another.
fn well_formed_faults(root: &Node) -> Vec<(String, Fault)> {
    let items = match root.child("fault").map(|node| &node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    // What is wrong with the others has been reported when the scenario was read.
    let quietly = |item: &Node| Fault::read(item, None, &mut Report::default());
    items.iter().enumerate().filter_map(|(index, item)| Some((index.to_string(), quietly(item)?))).collect()
}

/// Reports faults that never happen.
pub(crate) fn check_onsets(root: &Node, report: &mut Report) {
    let duration = root.child("duration").and_then(|node| PositiveLength::read(node, &mut Report::default()));
    let Some(duration) = duration else { return };
    for (index, fault) in well_formed_faults(root) {
        if fault.at >= duration {
            let (at, end) = (duration_text(fault.at), duration_text(duration));
            let message = format!("this fault starts at {at}, and the run is over at {end}");
            let suggestion = Some(format!("start it before {end}, or lengthen `duration`"));
            report.problem(root.place_of(&["fault", &index, "at"]), message, suggestion);
        }
    }
}

/// Reports steps of the runbook that cannot be told apart or never start.
pub(crate) fn check_runbook(runbook: &[RunbookStep], root: &Node, report: &mut Report) {
    for (index, step) in runbook.iter().enumerate() {
        let earlier: Vec<&str> = runbook[..index].iter().map(|step| step.step.as_str()).collect();
        let index = index.to_string();
        if earlier.contains(&step.step.as_str()) {
            let message = format!("the runbook has a step \"{}\" already", step.step);
            report.problem(root.place_of(&["runbook", &index, "step"]), message, None);
        }
        if let When::After(name) = &step.when
            && !earlier.contains(&name.as_str())
        {
            let message = format!("no earlier step of the runbook is called \"{name}\"");
            let place = root.place_of(&["runbook", &index, "when", "after"]);
            report.problem(place, message, name::suggest(name, &earlier));
        }
    }
}

/// Reports what the faults say of the blueprint and is not so.
pub(crate) fn check_targets(root: &Node, blueprint: &Blueprint, report: &mut Report) {
    for (index, fault) in well_formed_faults(root) {
        let place = |parameter: &str| root.place_of(&["fault", &index, fault.kind.key(), parameter]);
        for target in fault.kind.targets() {
            let (what, names) = candidates(&target, blueprint);
            if !names.iter().any(|name| name == target.name) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let suggestion = name::suggest(target.name, &names);
                let message = format!("the blueprint has no {what} `{}`", target.name);
                report.problem(place(target.parameter), message, suggestion);
            }
        }
        match &fault.kind {
            FaultKind::RdsFailover(_) if !blueprint.rds.multi_az => {
                let message = "the database has no standby to fail over to: `rds.multi_az` is false".to_owned();
                report.problem(place("store"), message, None);
            }
            FaultKind::ReplicationStall(_) if blueprint.rds.read_replicas.is_empty() => {
                report.problem(place("store"), "the database has no read replicas".to_owned(), None);
            }
            FaultKind::NetworkPartition(fault) if fault.from == fault.to => {
                report.problem(place("to"), format!("`{}` cannot be parted from itself", fault.to), None);
            }
            FaultKind::CpuStress(fault) if fault.share >= 1.0 => {
                let message = "with all of every core taken, nothing would ever end".to_owned();
                report.problem(place("share"), message, Some("such as \"99%\"".to_owned()));
            }
            FaultKind::DiskSlow(DiskSlow { factor, .. })
            | FaultKind::ProcessorSlow(ProcessorSlow { factor, .. })
            | FaultKind::DemandSurge(DemandSurge { factor, .. })
                if *factor < 1.0 =>
            {
                report.problem(place("factor"), format!("expected a factor of at least 1, found {factor}"), None);
            }
            FaultKind::CpuThrottle(fault) if fault.cores < 0.001 => {
                let message = "a quota is at least a thousandth of a core".to_owned();
                report.problem(place("cores"), message, Some("such as 0.1".to_owned()));
            }
            _ => {}
        }
    }
}

/// What a target must be, in words, and every name it could have.
fn candidates(target: &Target<'_>, blueprint: &Blueprint) -> (&'static str, Vec<String>) {
    match target.role {
        TargetRole::Zone => ("zone", blueprint.zones().map(str::to_owned).collect()),
        TargetRole::Host => ("host", blueprint.hosts().into_iter().map(|host| host.name).collect()),
        TargetRole::Process => ("service or process", blueprint.process_names()),
        TargetRole::Store => ("store", vec![DATABASE.to_owned()]),
        TargetRole::Controlled => {
            let cluster = blueprint.kubernetes.iter().map(|_| CLUSTER.to_owned());
            ("store or cluster", std::iter::once(DATABASE.to_owned()).chain(cluster).collect())
        }
        TargetRole::Deployment => {
            let services = if blueprint.kubernetes.is_some() { blueprint.services.as_slice() } else { &[] };
            ("cluster with a service", services.iter().map(|service| service.name.clone()).collect())
        }
        TargetRole::Node => {
            let nodes = blueprint.hosts().into_iter().filter(|host| host.role == Role::Node);
            ("node of a cluster", nodes.map(|host| host.name).collect())
        }
        TargetRole::Replica => {
            ("read replica", blueprint.rds.read_replicas.iter().map(|replica| replica.name.clone()).collect())
        }
        TargetRole::CacheServer => {
            ("replicated cache server", blueprint.replicated_cache_hosts().into_iter().map(|host| host.name).collect())
        }
        TargetRole::Broker => {
            let brokers = blueprint.hosts().into_iter().filter(|host| host.role == Role::Broker);
            ("broker", brokers.map(|host| host.name).collect())
        }
        TargetRole::BalancedZone => {
            let zones = blueprint.spread(&blueprint.load_balancer.zones);
            ("node of the load balancer in zone", zones.into_iter().map(str::to_owned).collect())
        }
        TargetRole::FaultPoint => ("fault point", FAULT_POINTS.iter().map(|&point| point.to_owned()).collect()),
        TargetRole::Place => ("zone, service, store or host", blueprint.place_names()),
    }
}
