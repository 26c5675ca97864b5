//! One pod on its node: its container from start to end, restarted when it ends by itself, and probed while it runs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use runtime::JoinHandle;
use runtime::child::{self, Child, ChildSpec};
use runtime::net::Address;
use runtime::watched::Watched;

use super::{Kubelet, Workload};
use crate::health::{Judge, Opinion, Thresholds, check};
use crate::kubernetes::objects::Defect;
use crate::kubernetes::parameters::{PodParameters, Probe};
use crate::kubernetes::protocol::{Phase, PodOrder, api_port};

pub(super) struct Pod {
    pub order: PodOrder,
    pub phase: Cell<Phase>,
    ending: Watched<bool>,
    life: RefCell<Option<JoinHandle<()>>>,
}

impl Pod {
    pub fn new(order: PodOrder) -> Rc<Self> {
        Rc::new(Pod { order, phase: Cell::new(Phase::Waiting), ending: Watched::new(false), life: RefCell::default() })
    }

    /// Runs it from now on.
    pub fn begin(self: &Rc<Self>, kubelet: &Rc<Kubelet>) {
        let (pod, kubelet) = (self.clone(), kubelet.clone());
        self.life.replace(Some(runtime::spawn(async move { pod.live(&kubelet).await })));
    }

    /// It is to end in good order.
    pub fn end(&self) {
        if !*self.ending.borrow() {
            self.ending.replace(true);
        }
    }

    /// Nobody wants it any more, and nobody waits for it.
    pub fn abandon(&self) {
        if let Some(life) = self.life.take() {
            life.abort();
        }
    }

    async fn live(&self, kubelet: &Kubelet) {
        let parameters = &kubelet.plan.parameters.pod;
        let mut restarts = Restarts::default();
        loop {
            let container = self.container(kubelet);
            let started = runtime::now();
            self.is(Phase::Running { ready: parameters.readiness.is_none() && parameters.startup.is_none() }, kubelet);
            runtime::select! {
                () = container.ended() => {}
                () = self.probe(kubelet) => container.kill(),
                () = self.ending.wait_until(|ending| *ending) => return self.terminate(&container, kubelet).await,
            }
            self.is(Phase::Waiting, kubelet);
            let pause = restarts.pause(runtime::now().since(started), parameters);
            runtime::select! {
                () = runtime::sleep(pause) => {}
                () = self.ending.wait_until(|ending| *ending) => return self.is(Phase::Gone, kubelet),
            }
        }
    }

    /// Its container: the one that runs, if an earlier life of the agent started it.
    fn container(&self, kubelet: &Kubelet) -> Child {
        let running = kubelet.plan.containers.borrow().get(&self.order.id).filter(|child| child.is_running()).cloned();
        running.unwrap_or_else(|| {
            let PodOrder { id, name, service, release, cpu_limit_millicores, .. } = &self.order;
            let workload = Workload {
                service,
                zone: &kubelet.plan.zone,
                release: *release,
                api_port: api_port(*id),
                health_port: api_port(*id) + 1,
                endpoints: &kubelet.plan.endpoints,
            };
            let start = match release.defect {
                Some(Defect::NeverReady) => {
                    Rc::new(|| -> runtime::backend::LocalFuture { Box::pin(runtime::task::forever()) })
                }
                Some(Defect::FailsRequests) | None => (kubelet.plan.images)(&workload),
            };
            let spec = ChildSpec { name: name.clone(), cpu_limit_millicores: Some(*cpu_limit_millicores), start };
            let child = child::start(spec).expect("a pod's name is its own, and the engine starts children");
            kubelet.plan.containers.borrow_mut().insert(*id, child.clone());
            child
        })
    }

    async fn terminate(&self, container: &Child, kubelet: &Kubelet) {
        let pre_stop = kubelet.plan.parameters.pod.pre_stop;
        runtime::select! {
            () = runtime::sleep(self.order.deleting.map_or(pre_stop, |grace| pre_stop.min(grace))) => {}
            () = container.ended() => {}
        }
        container.kill();
        self.is(Phase::Gone, kubelet);
    }

    fn is(&self, phase: Phase, kubelet: &Kubelet) {
        if self.phase.replace(phase) != phase {
            kubelet.hurry.notify_one();
        }
    }

    /// Probes the container, and returns when it is to be restarted.
    async fn probe(&self, kubelet: &Kubelet) {
        let PodParameters { startup, readiness, liveness, .. } = &kubelet.plan.parameters.pod;
        let health = Address { host: kubelet.plan.host, port: api_port(self.order.id) + 1 };
        if let Some(startup) = startup
            && !self.started(startup, health).await
        {
            return;
        }
        if readiness.is_none() {
            self.is(Phase::Running { ready: true }, kubelet);
        }
        let ready = async {
            match readiness {
                Some(probe) => {
                    follow(probe, health, |opinion| {
                        self.is(Phase::Running { ready: opinion == Opinion::Healthy }, kubelet);
                        true
                    })
                    .await
                }
                None => runtime::task::forever().await,
            }
        };
        let alive = async {
            match liveness {
                Some(probe) => follow(probe, health, |opinion| opinion != Opinion::Unhealthy).await,
                None => runtime::task::forever().await,
            }
        };
        runtime::select! {
            () = alive => {}
            () = ready => {}
        }
    }

    async fn started(&self, probe: &Probe, health: Address) -> bool {
        let last = Cell::new(Opinion::None);
        follow(probe, health, |opinion| {
            last.set(opinion);
            false
        })
        .await;
        last.get() == Opinion::Healthy
    }
}

/// Probes for as long as `heed`, which is told of every change of opinion, wants to hear more.
async fn follow(probe: &Probe, whom: Address, heed: impl Fn(Opinion) -> bool) {
    let Probe { period, timeout, failures, successes } = *probe;
    let mut judge = Judge::new(Thresholds { first: successes, healthy: successes, unhealthy: failures });
    loop {
        let next = runtime::now() + period;
        let success = runtime::timeout(timeout, check(whom, timeout, timeout)).await.unwrap_or(false);
        if judge.hear(success).is_some() && !heed(judge.opinion()) {
            return;
        }
        runtime::sleep_until(next).await;
    }
}

/// How often a container ended by itself lately.
#[derive(Default)]
struct Restarts(u32);

impl Restarts {
    /// How long to wait before the next start, after a run of such a length.
    fn pause(&mut self, ran: Duration, parameters: &PodParameters) -> Duration {
        if ran >= parameters.restart_reset {
            self.0 = 0;
        }
        let pause = match self.0.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => parameters.restart_backoff.saturating_mul(1 << doublings.min(16)),
        };
        self.0 += 1;
        pause.min(parameters.restart_backoff_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_keeps_ending_is_started_ever_more_rarely() {
        let (mut restarts, parameters) = (Restarts::default(), PodParameters::default());
        let mut pauses: Vec<u64> =
            (0..8).map(|_| restarts.pause(Duration::from_secs(1), &parameters).as_secs()).collect();
        pauses.push(restarts.pause(Duration::from_secs(600), &parameters).as_secs());
        assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 300, 300, 0]);
    }
}
