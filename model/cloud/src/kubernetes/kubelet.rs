//! A node's agent: runs the pods that the control plane put on the node, probes them, says how they are, and passes on to the node's callers
//! where services answer.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ports::endpoints::Endpoints;
use ports::metrics::REQUESTS_TAKEN;
use runtime::backend::LocalFuture;
use runtime::call::{CallContext, Caller, serve};
use runtime::child::Child;
use runtime::net::{Address, HostId};
use runtime::watched::Watched;
use tokio::sync::Notify;

use super::objects::Release;
use super::parameters::Parameters;
use super::protocol::{
    GroupOrder, KUBELET_PORT, METRICS_PORT, PodCount, PodOrder, PodReport, Request, Response, Scrape, Seen,
};

mod pod;

use pod::Pod;

/// How long a watch is held (assumption; a real one lasts minutes, and is probed more often).
const WATCH_LIMIT: Duration = Duration::from_secs(30);

/// How long a report may take (source: Kubernetes documentation, `--kubeconfig` clients' default for a node's status: 10 s).
const REPORT_LIMIT: Duration = Duration::from_secs(10);

/// Pause before the control plane is tried again (assumption).
const RETRY: Duration = Duration::from_secs(1);

/// A pod as its image is told of it.
pub struct Workload<'a> {
    pub service: &'a str,
    pub zone: &'a str,
    pub release: Release,
    /// Where it answers calls.
    pub api_port: u16,
    /// Where it answers its health check.
    pub health_port: u16,
    /// Where services answer, as far as this node knows.
    pub endpoints: &'a BTreeMap<String, Endpoints>,
}

/// From a pod to its main: what a registry of images is for.
pub type Images = Rc<dyn Fn(&Workload<'_>) -> Rc<dyn Fn() -> LocalFuture>>;

/// What a node's agent is started with. What is shared between its lives is the node's and not its own: containers are the container
/// runtime's, endpoints the kernel's.
#[derive(Clone)]
pub(super) struct KubeletPlan {
    pub node: u16,
    pub host: HostId,
    pub zone: String,
    pub control_plane: Address,
    pub parameters: Rc<Parameters>,
    pub images: Images,
    pub endpoints: Rc<BTreeMap<String, Endpoints>>,
    pub containers: Rc<RefCell<BTreeMap<u32, Child>>>,
    /// Whether the machine is one of the cluster's by now.
    pub joined: Rc<Cell<bool>>,
}

pub(super) struct Kubelet {
    plan: KubeletPlan,
    pods: RefCell<BTreeMap<u32, Rc<Pod>>>,
    member: Watched<bool>,
    /// Something is to be reported before the next lease.
    hurry: Notify,
}

/// Runs a node's agent in the current process.
///
/// # Panics
/// If its port is taken: two agents share a host.
pub(super) async fn run(plan: KubeletPlan) {
    let member = Watched::new(plan.joined.get());
    let kubelet = Rc::new(Kubelet { plan, pods: RefCell::default(), member, hurry: Notify::new() });
    let obeying = kubelet.clone();
    let _port = serve(KUBELET_PORT, move |order: GroupOrder, _| {
        obeying.obey(order);
        async {}
    })
    .expect("a node has one agent");
    let counting = kubelet.clone();
    let counts = serve(METRICS_PORT, move |Scrape, _| {
        let counts = counting.counts();
        async { counts }
    });
    let _counts = counts.expect("a node has one agent");
    loop {
        kubelet.member.wait_until(|member| *member).await;
        runtime::select! {
            () = kubelet.report() => {}
            () = kubelet.watch() => {}
            () = kubelet.member.wait_until(|member| !*member) => {}
        }
        kubelet.sync(&[]);
    }
}

impl Kubelet {
    /// The machine is ordered, or given back.
    fn obey(self: &Rc<Self>, order: GroupOrder) {
        match order {
            GroupOrder::Join => {
                let kubelet = self.clone();
                runtime::spawn(async move {
                    runtime::sleep(kubelet.plan.parameters.growth.launch).await;
                    kubelet.plan.joined.set(true);
                    kubelet.member.replace(true);
                });
            }
            GroupOrder::Leave => {
                self.plan.joined.set(false);
                self.member.replace(false);
            }
        }
    }

    /// Renews the lease and tells of every change in the node's pods.
    async fn report(&self) {
        let interval = self.plan.parameters.lifecycle.lease_interval;
        let mut caller = None;
        loop {
            let next = runtime::now() + interval;
            let pods = self.pods.borrow().values().map(|pod| self.of(pod)).collect();
            let request = Request::Report { node: self.plan.node, pods };
            if self.ask(&mut caller, request, REPORT_LIMIT).await.is_none() {
                runtime::sleep(RETRY).await;
                continue;
            }
            runtime::select! {
                () = self.hurry.notified() => {}
                () = runtime::sleep_until(next) => {}
            }
        }
    }

    fn of(&self, pod: &Pod) -> PodReport {
        let used = self.plan.containers.borrow().get(&pod.order.id).map(Child::processor_time);
        PodReport { id: pod.order.id, phase: pod.phase.get(), used: used.unwrap_or_default() }
    }

    /// What the containers have counted; one that has not opened its port yet says nothing.
    fn counts(&self) -> Vec<PodCount> {
        let of = |(&id, child): (&u32, &Child)| {
            let requests = child.gauge(REQUESTS_TAKEN)?;
            Some(PodCount { id, requests: u64::try_from(requests).ok()? })
        };
        self.plan.containers.borrow().iter().filter_map(of).collect()
    }

    /// Follows what the control plane wants of this node, and where services answer.
    async fn watch(self: &Rc<Self>) {
        let (mut seen, mut caller) = (Seen::default(), None);
        loop {
            let request = Request::Watch { node: self.plan.node, seen };
            match self.ask(&mut caller, request, WATCH_LIMIT).await {
                Some(Response::News { pods, endpoints }) => {
                    if let Some((version, orders)) = pods {
                        seen.pods = version;
                        self.sync(&orders);
                    }
                    if let Some((version, endpoints)) = endpoints {
                        seen.endpoints = version;
                        self.pass_on(endpoints);
                    }
                }
                Some(Response::Noted) => {}
                None => runtime::sleep(RETRY).await,
            }
        }
    }

    /// Asks the control plane; none if there was no answer in time, and then the next question takes another connection.
    async fn ask(
        &self,
        connection: &mut Option<Caller<Request, Response>>,
        request: Request,
        limit: Duration,
    ) -> Option<Response> {
        let asked = runtime::timeout(limit, async {
            let caller = match connection.take().filter(|caller| caller.closed().is_none()) {
                Some(caller) => caller,
                None => Caller::connect(self.plan.control_plane).await.ok()?,
            };
            let answer = caller.call(request, CallContext::within(limit, 0)).await.ok()?;
            Some((answer, caller))
        });
        let (answer, caller) = asked.await.ok().flatten()?;
        *connection = Some(caller);
        Some(answer)
    }

    /// Starts what is new, ends what is to end, and leaves nothing that is not wanted.
    fn sync(self: &Rc<Self>, orders: &[PodOrder]) {
        let is_wanted = |id: &u32| orders.iter().any(|order| order.id == *id);
        self.pods.borrow_mut().retain(|id, pod| {
            let stays = is_wanted(id);
            if !stays {
                pod.abandon();
            }
            stays
        });
        let unwanted: Vec<Child> =
            self.plan.containers.borrow_mut().extract_if(.., |id, _| !is_wanted(id)).map(|(_, child)| child).collect();
        unwanted.iter().for_each(Child::kill);
        for order in orders {
            let known = self.pods.borrow().get(&order.id).cloned();
            let pod = known.unwrap_or_else(|| {
                let pod = Pod::new(order.clone());
                self.pods.borrow_mut().insert(order.id, pod.clone());
                pod.begin(self);
                pod
            });
            if order.deleting.is_some() {
                pod.end();
            }
        }
    }

    /// Callers on this node learn of changes a little later.
    fn pass_on(&self, services: Vec<(String, Vec<Address>)>) {
        let (known, delay) = (self.plan.endpoints.clone(), self.plan.parameters.endpoint_propagation);
        runtime::spawn(async move {
            runtime::sleep(delay).await;
            for (service, addresses) in services {
                if let Some(endpoints) = known.get(&service).filter(|known| *known.addresses() != addresses) {
                    endpoints.set(addresses);
                }
            }
        });
    }
}
