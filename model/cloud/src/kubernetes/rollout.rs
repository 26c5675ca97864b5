//! The deployment controller's next step: how many pods to create and which to delete, so that there are as many as wanted, all of the
//! release that is wanted, with never too many and never too few on the way.

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub replicas: u32,
    /// Pods that there may be beyond the replicas while releases change.
    pub surge: u32,
    /// Replicas that may be unavailable while releases change.
    pub unavailable: u32,
}

/// A pod as the controller sees it; those that are being deleted are not shown to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether it is of the release that is wanted.
    pub current: bool,
    /// Whether it has a node.
    pub bound: bool,
    pub ready: bool,
    /// Pods of the same deployment on its node.
    pub colocated: u32,
    /// The order of creation.
    pub serial: u32,
}

/// What to do now. What follows from it is the matter of another step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Pods of the release that is wanted.
    pub create: u32,
    /// Positions among the pods.
    pub delete: Vec<usize>,
}

impl Wanted {
    /// Out of shares in hundredths: a surge is rounded up, unavailability down, and one of them is at least one (source: Kubernetes
    /// documentation, "Deployments", `maxSurge` and `maxUnavailable`).
    pub fn new(replicas: u32, surge_percent: u32, unavailable_percent: u32) -> Self {
        let surge = (replicas * surge_percent).div_ceil(100);
        let unavailable = replicas * unavailable_percent / 100;
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
        Wanted { replicas, surge, unavailable }
    }
}

/// The next step (source: Kubernetes 1.28, `pkg/controller/deployment/rolling.go`).
pub(super) fn step(wanted: Wanted, pods: &[Standing]) -> Step {
    let count = |filter: &dyn Fn(&Standing) -> bool| pods.iter().filter(|pod| filter(pod)).count() as u32;
    let (total, current) = (count(&|_| true), count(&|pod| pod.current));
    let available = count(&|pod| pod.ready);
    let old = total - current;
    if current > wanted.replicas {
        return Step { create: 0, delete: least_wanted(pods, true, current - wanted.replicas) };
    }
    let room = if old == 0 { u32::MAX } else { (wanted.replicas + wanted.surge).saturating_sub(total) };
    let create = (wanted.replicas - current).min(room);
    if old == 0 {
        return Step { create, delete: Vec::new() };
    }
    // Old pods that serve nobody go first, as far as that leaves enough even if no new pod becomes ready.
    let available_min = wanted.replicas.saturating_sub(wanted.unavailable);
    let new_unavailable = count(&|pod| pod.current && !pod.ready) + create;
    let may_go = (total + create).saturating_sub(available_min).saturating_sub(new_unavailable);
    let idle = count(&|pod| !pod.current && !pod.ready).min(may_go);
    let serving = count(&|pod| !pod.current && pod.ready).min(available.saturating_sub(available_min));
    Step { create, delete: least_wanted(pods, false, idle + serving) }
}

/// So many pods of the wanted release, or of others, those first that would be missed least: without a node, not ready, on a node with
/// others of their kind, and the youngest (source: Kubernetes documentation, "ReplicaSet", on scaling down).
fn least_wanted(pods: &[Standing], current: bool, count: u32) -> Vec<usize> {
    let mut candidates: Vec<usize> = (0..pods.len()).filter(|&index| pods[index].current == current).collect();
    candidates.sort_by_key(|&index| {
        let pod = &pods[index];
        (pod.bound, pod.ready, u32::MAX - pod.colocated, u32::MAX - pod.serial)
    });
    candidates.truncate(count as usize);
    candidates
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pod(current: bool, ready: bool, serial: u32) -> Standing {
        Standing { current, bound: true, ready, colocated: 1, serial }
    }

    #[test]
    fn three_replicas_change_one_by_one_with_a_fourth() {
        let wanted = Wanted::new(3, 25, 25);
        assert_eq!(wanted, Wanted { replicas: 3, surge: 1, unavailable: 0 });
        let old = [pod(false, true, 0), pod(false, true, 1), pod(false, true, 2)];
        assert_eq!(step(wanted, &old), Step { create: 1, delete: vec![] });
        let waiting = [&old[..], &[pod(true, false, 3)]].concat();
        assert_eq!(step(wanted, &waiting), Step::default(), "the new one has to be ready first");
        let ready = [&old[..], &[pod(true, true, 3)]].concat();
        assert_eq!(step(wanted, &ready), Step { create: 0, delete: vec![2] });
    }

    #[test]
    fn a_release_that_never_gets_ready_stalls_with_all_old_pods_serving() {
        let wanted = Wanted::new(3, 25, 25);
        let pods = [pod(false, true, 0), pod(false, true, 1), pod(false, true, 2), pod(true, false, 3)];
        assert_eq!(step(wanted, &pods), Step::default());
    }

    #[test]
    fn old_pods_that_are_not_ready_go_first() {
        let wanted = Wanted::new(3, 25, 25);
        let pods = [pod(false, true, 0), pod(false, false, 1), pod(false, true, 2), pod(true, true, 3)];
        assert_eq!(step(wanted, &pods).delete, [1]);
    }

    #[test]
    fn too_many_of_the_right_release_shrink_by_who_is_missed_least() {
        let pods = [
            pod(true, true, 0),
            pod(true, false, 1),
            Standing { colocated: 2, ..pod(true, true, 2) },
            pod(true, true, 3),
        ];
        assert_eq!(step(Wanted::new(2, 25, 25), &pods).delete, [1, 2]);
    }

    proptest! {
        /// From any old release, with new pods that become ready in any order: never fewer available than promised, never more than
        /// there may be, and in the end all are new.
        #[test]
        fn a_rollout_keeps_its_bounds_and_ends(replicas in 1..12u32, surge in 0..100u32, unavailable in 0..100u32, seed in any::<u64>()) {
            let wanted = Wanted::new(replicas, surge, unavailable);
            let mut pods: Vec<Standing> = (0..replicas).map(|serial| pod(false, true, serial)).collect();
            let mut serial = replicas;
            for round in 0..200u64 {
                let Step { create, mut delete } = step(wanted, &pods);
                delete.sort_unstable();
                for index in delete.into_iter().rev() {
                    pods.remove(index);
                }
                for _ in 0..create {
                    pods.push(pod(true, false, serial));
                    serial += 1;
                }
                prop_assert!(pods.len() as u32 <= replicas + wanted.surge);
                prop_assert!(pods.iter().filter(|pod| pod.ready).count() as u32 >= replicas - wanted.unavailable);
                let waiting: Vec<usize> = (0..pods.len()).filter(|&index| !pods[index].ready).collect();
                if !waiting.is_empty() {
                    let lucky = runtime::random::mix(seed, round) as usize % waiting.len();
                    pods[waiting[lucky]].ready = true;
                }
            }
            prop_assert!(pods.len() as u32 == replicas && pods.iter().all(|pod| pod.current && pod.ready));
        }

        /// With new pods that never become ready, as many old ones go on serving as were promised.
        #[test]
        fn a_bad_release_leaves_enough_of_the_old(replicas in 1..12u32, surge in 0..100u32, unavailable in 0..100u32) {
            let wanted = Wanted::new(replicas, surge, unavailable);
            let mut pods: Vec<Standing> = (0..replicas).map(|serial| pod(false, true, serial)).collect();
            for serial in replicas..replicas + 50 {
                let Step { create, mut delete } = step(wanted, &pods);
                delete.sort_unstable();
                for index in delete.into_iter().rev() {
                    pods.remove(index);
                }
                pods.extend((0..create).map(|_| pod(true, false, serial)));
            }
            prop_assert_eq!(pods.iter().filter(|pod| pod.ready).count() as u32, replicas - wanted.unavailable);
            prop_assert_eq!(step(wanted, &pods), Step::default());
        }
    }
}
