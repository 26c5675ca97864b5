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
    pub requested_millicores: u32,
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

/// Machines to order so that the pods that wait have room, in order: into the zones with the fewest nodes, as far as there are machines. What is
/// on its way is waited for.
pub(super) fn to_launch(group: &Group<'_>, waiting_millicores: &[u32]) -> Vec<usize> {
    let on_their_way =
        group.members.iter().filter(|member| matches!(member.contact, Contact::Launching { .. })).count();
    let needed = nodes_for(waiting_millicores, group.node_millicores).saturating_sub(on_their_way);
    let mut group = group.clone();
    let mut ordered = Vec::new();
    for _ in 0..needed {
        let absent = |index: &usize| group.members[*index].contact == Contact::Absent;
        let next =
            (0..group.members.len()).filter(absent).min_by_key(|&index| group.present(group.members[index].zone));
        let Some(next) = next else { break };
        // On its way from now on; when it comes is not asked here.
        group.members[next].contact = Contact::Launching { by: runtime::Time::MAX };
        ordered.push(next);
    }
    ordered
}

/// Empty nodes that the pods need, first fit; a pod that fits on none needs none.
fn nodes_for(pods_millicores: &[u32], node_millicores: u32) -> usize {
    let mut nodes: Vec<u32> = Vec::new();
    for &pod in pods_millicores.iter().filter(|&&pod| pod <= node_millicores) {
        match nodes.iter_mut().find(|free| **free >= pod) {
            Some(free) => *free -= pod,
            None => nodes.push(node_millicores - pod),
        }
    }
    nodes.len()
}

/// Nodes that may go: used by less than so many hundredths, by pods that the other nodes have room for.
pub(super) fn unneeded(group: &Group<'_>, below_percent: u32) -> Vec<usize> {
    let free = |member: &Member<'_>| group.node_millicores.saturating_sub(member.requested_millicores);
    let is_unneeded = |&index: &usize| {
        let member = &group.members[index];
        let room: u32 = (0..group.members.len())
            .filter(|&other| other != index && group.members[other].available)
            .map(|other| free(&group.members[other]))
            .sum();
        member.available
            && !member.permanent
            && u64::from(member.requested_millicores) * 100
                < u64::from(group.node_millicores) * u64::from(below_percent)
            && room >= member.requested_millicores
    };
    (0..group.members.len()).filter(is_unneeded).collect()
}

#[cfg(test)]
mod tests {
    use runtime::Time;

    use super::*;

    fn there(zone: &str, requested_millicores: u32) -> Member<'_> {
        let contact = Contact::Ready { heard_at: Time::ZERO };
        Member { zone, permanent: false, contact, available: true, requested_millicores }
    }

    fn absent(zone: &str) -> Member<'_> {
        Member { contact: Contact::Absent, available: false, ..there(zone, 0) }
    }

    #[test]
    fn as_many_nodes_are_ordered_as_the_pods_need_into_the_emptiest_zones() {
        let members = vec![there("a", 1_000), absent("a"), there("b", 1_000), absent("b"), absent("c")];
        let group = Group { members, node_millicores: 1_000 };
        assert_eq!(to_launch(&group, &[]), [] as [usize; 0]);
        assert_eq!(to_launch(&group, &[400, 400]), [4]);
        assert_eq!(to_launch(&group, &[400, 400, 400]), [4, 1]);
        assert_eq!(to_launch(&group, &[2_000]), [] as [usize; 0], "no machine is large enough");
    }

    #[test]
    fn what_is_on_its_way_is_waited_for() {
        let launching = Member { contact: Contact::Launching { by: Time::MAX }, ..absent("a") };
        let group = Group { members: vec![launching, absent("b")], node_millicores: 1_000 };
        assert_eq!(to_launch(&group, &[400]), [] as [usize; 0]);
        assert_eq!(to_launch(&group, &[600, 600]), [1]);
    }

    #[test]
    fn a_node_goes_only_if_others_have_room_and_it_is_no_permanent_one() {
        let group = |members| Group { members, node_millicores: 1_000 };
        assert_eq!(unneeded(&group(vec![there("a", 400), there("b", 700)]), 50), [] as [usize; 0]);
        assert_eq!(unneeded(&group(vec![there("a", 300), there("b", 700)]), 50), [0]);
        let permanent = Member { permanent: true, ..there("a", 300) };
        assert_eq!(unneeded(&group(vec![permanent, there("b", 700)]), 50), [] as [usize; 0]);
    }
}
