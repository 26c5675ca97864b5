//! The cluster autoscaler: which machines to order for pods that found no room, and which nodes are not needed.

use super::objects::Contact;

/// A machine of the group.
#[derive(Clone, Debug)]
pub(super) struct Member<'a> {
    pub zone: &'a str,
    /// The group never shrinks below these.
    pub permanent: bool,
    pub contact: Contact,
    /// It takes pods.
    pub available: bool,
    /// None is ordered in its zone for now: the last one did not come.
    pub held_back: bool,
    /// What its pods request, those that are about to end included.
    pub requested_millicores: u32,
    /// Its pods that are to stay.
    pub pods: Vec<Load<'a>>,
}

/// A pod that needs a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load<'a> {
    pub millicores: u32,
    /// Zones that it may run in; empty is everywhere.
    pub zones: &'a [String],
    /// Whether a disruption budget would let it be evicted now.
    pub evictable: bool,
}

impl Load<'_> {
    fn may_be_in(&self, zone: &str) -> bool {
        self.zones.is_empty() || self.zones.iter().any(|allowed| allowed == zone)
    }
}

/// Room on a node, in its zone.
type Room<'a> = (&'a str, u32);

/// Takes room for a pod where there is some, first fit; false if there is none.
fn fit(pod: &Load<'_>, rooms: &mut [Room<'_>]) -> bool {
    let found = rooms.iter_mut().find(|(zone, free)| *free >= pod.millicores && pod.may_be_in(zone));
    found.map(|(_, free)| *free -= pod.millicores).is_some()
}

/// The group: every machine that may ever be in it.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    pub members: Vec<Member<'a>>,
    /// What pods may request of one node.
    pub node_millicores: u32,
}

impl Group<'_> {
    /// Nodes of a zone that are there or on their way.
    fn present(&self, zone: &str) -> usize {
        let is_there = |member: &&Member<'_>| member.zone == zone && !matches!(member.contact, Contact::Absent);
        self.members.iter().filter(is_there).count()
    }
}

/// Machines to order so that the pods that wait have room, in order: into the zones with the fewest nodes of those that a pod may run in, as
/// far as there are machines. What is on its way is waited for, and a pod that fits on no empty node gets none.
pub(super) fn to_launch(group: &Group<'_>, waiting: &[Load<'_>]) -> Vec<usize> {
    let is_launching = |member: &&Member<'_>| matches!(member.contact, Contact::Launching { .. });
    let mut rooms: Vec<Room<'_>> =
        group.members.iter().filter(is_launching).map(|member| (member.zone, group.node_millicores)).collect();
    let mut group = group.clone();
    let mut ordered = Vec::new();
    for pod in waiting.iter().filter(|pod| pod.millicores <= group.node_millicores) {
        if fit(pod, &mut rooms) {
            continue;
        }
        let can_be_had = |index: &usize| {
            let member = &group.members[*index];
            member.contact == Contact::Absent && !member.held_back && pod.may_be_in(member.zone)
        };
        let next =
            (0..group.members.len()).filter(can_be_had).min_by_key(|&index| group.present(group.members[index].zone));
        let Some(next) = next else { continue };
        // On its way from now on; when it comes is not asked here.
        group.members[next].contact = Contact::Launching { by: runtime::Time::MAX };
        rooms.push((group.members[next].zone, group.node_millicores - pod.millicores));
        ordered.push(next);
    }
    ordered
}

/// Nodes that may go: used by less than so many hundredths, by pods that budgets let go and that the other nodes have room for.
pub(super) fn unneeded(group: &Group<'_>, below_percent: u32) -> Vec<usize> {
    let is_unneeded = |&index: &usize| {
        let member = &group.members[index];
        let others = (0..group.members.len()).filter(|&other| other != index && group.members[other].available);
        let mut rooms: Vec<Room<'_>> = others
            .map(|other| &group.members[other])
            .map(|other| (other.zone, group.node_millicores.saturating_sub(other.requested_millicores)))
            .collect();
        member.available
            && !member.permanent
            && u64::from(member.requested_millicores) * 100
                < u64::from(group.node_millicores) * u64::from(below_percent)
            && member.pods.iter().all(|pod| pod.evictable && fit(pod, &mut rooms))
    };
    (0..group.members.len()).filter(is_unneeded).collect()
}

#[cfg(test)]
mod tests {
    use runtime::Time;

    use super::*;

    const NONE: [usize; 0] = [];

    fn pod(millicores: u32) -> Load<'static> {
        Load { millicores, zones: &[], evictable: true }
    }

    fn there<'a>(zone: &'a str, pods: &[Load<'a>]) -> Member<'a> {
        Member {
            zone,
            permanent: false,
            contact: Contact::Ready { heard_at: Time::ZERO },
            available: true,
            held_back: false,
            requested_millicores: pods.iter().map(|pod| pod.millicores).sum(),
            pods: pods.to_vec(),
        }
    }

    fn absent(zone: &str) -> Member<'_> {
        Member { contact: Contact::Absent, available: false, ..there(zone, &[]) }
    }

    fn group(members: Vec<Member<'_>>) -> Group<'_> {
        Group { members, node_millicores: 1_000 }
    }

    #[test]
    fn as_many_nodes_are_ordered_as_the_pods_need_into_the_emptiest_zones() {
        let full = [pod(1_000)];
        let group = group(vec![there("a", &full), absent("a"), there("b", &full), absent("b"), absent("c")]);
        assert_eq!(to_launch(&group, &[]), NONE);
        assert_eq!(to_launch(&group, &[pod(400), pod(400)]), [4]);
        assert_eq!(to_launch(&group, &[pod(400); 3]), [4, 1]);
        assert_eq!(to_launch(&group, &[pod(2_000)]), NONE, "no machine is large enough");
    }

    #[test]
    fn what_is_on_its_way_is_waited_for() {
        let launching = Member { contact: Contact::Launching { by: Time::MAX }, ..absent("a") };
        let group = group(vec![launching, absent("b")]);
        assert_eq!(to_launch(&group, &[pod(400)]), NONE);
        assert_eq!(to_launch(&group, &[pod(600), pod(600)]), [1]);
    }

    #[test]
    fn a_pod_that_may_run_in_one_zone_gets_a_node_there_or_none() {
        let only_a = ["a".to_owned()];
        let bound = Load { zones: &only_a, ..pod(400) };
        assert_eq!(to_launch(&group(vec![there("a", &[pod(1_000)]), absent("a"), absent("b")]), &[bound]), [1]);
        let launching = Member { contact: Contact::Launching { by: Time::MAX }, ..absent("b") };
        assert_eq!(to_launch(&group(vec![launching, absent("b")]), &[bound]), NONE, "another node in b is of no use");
    }

    #[test]
    fn a_zone_that_did_not_deliver_is_passed_over() {
        let held_back = Member { held_back: true, ..absent("b") };
        let members = vec![there("a", &[pod(1_000)]), absent("a"), held_back.clone()];
        assert_eq!(to_launch(&group(members), &[pod(400)]), [1], "though b has fewer nodes");
        assert_eq!(to_launch(&group(vec![held_back]), &[pod(400)]), NONE);
    }

    #[test]
    fn a_node_goes_only_if_others_have_room_and_it_is_no_permanent_one() {
        let unneeded = |members| unneeded(&group(members), 50);
        assert_eq!(unneeded(vec![there("a", &[pod(400)]), there("b", &[pod(700)])]), NONE);
        assert_eq!(unneeded(vec![there("a", &[pod(300)]), there("b", &[pod(700)])]), [0]);
        let permanent = Member { permanent: true, ..there("a", &[pod(300)]) };
        assert_eq!(unneeded(vec![permanent, there("b", &[pod(700)])]), NONE);
    }

    #[test]
    fn room_in_pieces_and_in_the_wrong_zone_is_no_room_and_a_budget_keeps_its_node() {
        let unneeded = |pod, others: [Member<'_>; 2]| {
            let [one, other] = others;
            unneeded(&group(vec![there("a", &[pod]), one, other]), 50)
        };
        let full_but = |zone, free: u32| there(zone, &[pod(1_000 - free)]);
        let others = |free| [full_but("a", free), full_but("b", free)];
        assert_eq!(unneeded(pod(400), others(300)), NONE, "600 in two pieces");
        assert_eq!(unneeded(pod(400), others(400)), [0]);
        let only_a = ["a".to_owned()];
        let bound = Load { zones: &only_a, ..pod(400) };
        assert_eq!(unneeded(bound, [full_but("a", 300), full_but("b", 500)]), NONE);
        assert_eq!(unneeded(Load { evictable: false, ..pod(400) }, others(400)), NONE);
    }
}
