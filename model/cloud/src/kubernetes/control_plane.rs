//! The control plane's process: hears nodes and operators, keeps the cluster's state and tells nodes and the load balancer what is new.

use std::rc::Rc;
use std::time::Duration;

use ports::observe::{ComponentState, Name, Observation, Observer};
use runtime::call::{CallContext, serve};
use runtime::net::Address;
use runtime::watched::Watched;
use tokio::sync::Notify;

use super::collector;
use super::operator::{Operator, Order};
use super::parameters::ScalingParameters;
use super::protocol::{CONTROL_PLANE_PORT, GroupOrder, KUBELET_PORT, Request, Response, Seen};
use super::records::Records;
use super::registrar::{self, Balanced};
use crate::asking::ask_once;

/// An order to a machine is given up after this (assumption).
const GROUP_ORDER_LIMIT: Duration = Duration::from_secs(5);

/// A watch is answered this long before whoever watches would stop waiting.
const WATCH_MARGIN: Duration = Duration::from_secs(1);

/// What a control plane is started with.
#[derive(Clone)]
pub(super) struct ControlPlanePlan {
    /// What the cluster is called in reports.
    pub component: Name,
    pub zone: Name,
    pub records: Rc<Records>,
    /// Where the nodes' agents are.
    pub nodes: Rc<[Address]>,
    pub balanced: Option<Balanced>,
    pub registration: Duration,
    pub scaling: ScalingParameters,
    pub operator: Operator,
    pub observer: Rc<dyn Observer>,
}

struct ControlPlane {
    plan: ControlPlanePlan,
    /// Raised whenever there is something new for anybody.
    changes: Watched<u64>,
    /// When to look again may have changed.
    heard: Notify,
}

/// Runs the control plane in the current process.
///
/// # Panics
/// If its port is taken: it has its host to itself.
pub(super) async fn run(plan: ControlPlanePlan) {
    let plane = Rc::new(ControlPlane { plan, changes: Watched::new(0), heard: Notify::new() });
    let serving = plane.clone();
    let _port = serve(CONTROL_PLANE_PORT, move |request: Request, context| {
        let plane = serving.clone();
        async move { plane.handle(request, context).await }
    })
    .expect("a control plane has its host to itself");
    let obeying = plane.clone();
    runtime::spawn(async move { obeying.obey().await });
    if let Some(balanced) = &plane.plan.balanced {
        for &node in &*balanced.registers {
            let (plane, service) = (plane.clone(), balanced.service.clone());
            runtime::spawn(async move {
                let targets = || plane.plan.records.cluster.borrow().targets(&service);
                registrar::keep(targets, &plane.changes, node, plane.plan.registration).await;
            });
        }
    }
    let ControlPlanePlan { records, nodes, scaling, .. } = &plane.plan;
    if records.cluster.borrow().counts_requests() {
        runtime::spawn(collector::collect(records.clone(), nodes.clone(), scaling.clone()));
    }
    loop {
        plane.settle();
        let due = plane.plan.records.cluster.borrow().due(runtime::now());
        runtime::select! {
            () = plane.heard.notified() => {}
            () = until(due) => {}
        }
    }
}

async fn until(due: Option<runtime::Time>) {
    match due {
        Some(at) => runtime::sleep_until(at).await,
        None => runtime::task::forever().await,
    }
}

impl ControlPlane {
    async fn handle(self: &Rc<Self>, request: Request, context: CallContext) -> Response {
        match request {
            Request::Report { node, pods } => {
                self.plan.records.cluster.borrow_mut().heard(usize::from(node), &pods, runtime::now());
                self.heard.notify_one();
                Response::Noted
            }
            Request::Watch { node, seen } => {
                let wait = context.remaining().saturating_sub(WATCH_MARGIN);
                let changed = self.changes.wait_until(|_| self.current(node) != seen);
                match runtime::timeout(wait, changed).await {
                    Ok(()) => self.news(node, seen),
                    Err(_) => Response::Noted,
                }
            }
        }
    }

    fn current(&self, node: u16) -> Seen {
        let Records { orders, endpoints, .. } = &*self.plan.records;
        Seen { pods: orders.borrow()[usize::from(node)].0, endpoints: endpoints.borrow().0 }
    }

    fn news(&self, node: u16, seen: Seen) -> Response {
        let pods = self.plan.records.orders.borrow()[usize::from(node)].clone();
        let endpoints = self.plan.records.endpoints.borrow().clone();
        Response::News {
            pods: (pods.0 != seen.pods).then_some(pods),
            endpoints: (endpoints.0 != seen.endpoints).then_some(endpoints),
        }
    }

    /// Carries out what operators ask for.
    async fn obey(&self) {
        loop {
            let order = self.plan.operator.next().await;
            let (mut cluster, now) = (self.plan.records.cluster.borrow_mut(), runtime::now());
            match order {
                Order::Drain { node } => cluster.begin_drain(&node, now),
                Order::Uncordon { node } => cluster.uncordon(&node),
                Order::Kill { service, pods } => cluster.kill(&service, pods),
                Order::Deploy { service, defect } => cluster.deploy(&service, defect, now),
                Order::RollBack { service } => cluster.roll_back(&service, now),
            }
            drop(cluster);
            self.heard.notify_one();
        }
    }

    /// Does what is due, and makes known what came of it.
    fn settle(self: &Rc<Self>) {
        let mut cluster = self.plan.records.cluster.borrow_mut();
        cluster.reconcile(runtime::now());
        let mut changed = false;
        for (node, (version, told)) in self.plan.records.orders.borrow_mut().iter_mut().enumerate() {
            let orders = cluster.orders(node);
            if orders != *told {
                (*version, *told, changed) = (*version + 1, orders, true);
            }
        }
        let (version, told) = &mut *self.plan.records.endpoints.borrow_mut();
        let endpoints = cluster.endpoints();
        if endpoints != *told {
            (*version, *told, changed) = (*version + 1, endpoints, true);
        }
        for news in cluster.take_news() {
            let zone = if news.zone.is_empty() { self.plan.zone.clone() } else { news.zone.as_str().into() };
            self.plan.observer.observe(&Observation::ComponentState(ComponentState {
                component: self.plan.component.clone(),
                zone,
                state: news.state,
                detail: news.detail,
                mark: news.mark,
                at: runtime::now(),
            }));
        }
        for (node, order) in cluster.take_group_orders() {
            let plane = self.clone();
            runtime::spawn(async move { plane.command(node, order).await });
        }
        drop(cluster);
        if changed {
            self.changes.update(|changes| {
                *changes += 1;
                true
            });
        }
    }

    /// Tells a machine to join or to leave. One that cannot be reached cannot be had: EC2 has no capacity where there is no power. One that
    /// is to leave and does not hear of it is told again when it speaks.
    async fn command(&self, node: usize, order: GroupOrder) {
        let machine = Address { port: KUBELET_PORT, ..self.plan.nodes[node] };
        let told = ask_once::<_, ()>(machine, order, GROUP_ORDER_LIMIT).await;
        if told.is_none() && order == GroupOrder::Join {
            self.plan.records.cluster.borrow_mut().launch_failed(node, runtime::now());
            self.heard.notify_one();
        }
    }
}
