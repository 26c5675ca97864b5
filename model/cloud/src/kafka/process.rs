//! A broker's process: what it answers to other brokers, and what runs beside the requests that it answers.

use std::rc::Rc;

use runtime::call::CallContext;

use super::broker::Broker;
use super::cluster::BrokerId;
use super::controller::Controller;
use super::in_step::InStep;
use super::plan::Plan;
use super::protocol::{BROKER_PORT, BrokerAnswer, BrokerRequest, Fetched, ReplicaPosition};
use super::replica::FollowerNews;
use super::{follower, serving};

/// What answers other brokers.
struct Process {
    broker: Rc<Broker>,
    controller: Rc<Controller>,
    in_step: Rc<InStep>,
}

/// Runs a broker in the current process.
///
/// # Panics
/// If a port is taken: two brokers share a host.
pub(super) async fn run(plan: Rc<Plan>, me: BrokerId) {
    let broker = Broker::open(plan, me);
    let controller = Rc::new(Controller::new(broker.clone()));
    let in_step = InStep::new(broker.clone(), controller.clone());
    let answering =
        Rc::new(Process { broker: broker.clone(), controller: controller.clone(), in_step: in_step.clone() });
    let _brokers = runtime::call::serve(BROKER_PORT, move |request: BrokerRequest, context| {
        let process = answering.clone();
        async move { process.answer(request, context).await }
    })
    .expect("a broker has its host to itself");
    let _clients = serving::open(&broker);
    for leader in broker.plan.brokers().filter(|leader| *leader != me) {
        let broker = broker.clone();
        drop(runtime::spawn(async move { follower::follow(&broker, leader).await }));
    }
    runtime::select! {
        () = controller.run() => {}
        () = in_step.review_now_and_then() => {}
        () = broker.write_back() => {}
        () = broker.retain() => {}
    }
}

impl Process {
    async fn answer(&self, request: BrokerRequest, context: CallContext) -> BrokerAnswer {
        runtime::cpu::work(self.broker.plan.broker.request_cpu).await;
        match request {
            BrokerRequest::Instruct(cluster) => {
                self.broker.instructed(*cluster);
                BrokerAnswer::Done
            }
            BrokerRequest::Alter(transitions) => {
                BrokerAnswer::Altered(self.controller.alter(transitions).await.map(Box::new))
            }
            BrokerRequest::Fetch { broker, positions } => self.feed(broker, positions, context).await,
        }
    }

    /// Answers a follower as soon as there is something for it, or after a while.
    async fn feed(&self, follower: BrokerId, positions: Vec<ReplicaPosition>, context: CallContext) -> BrokerAnswer {
        let give_up = runtime::now() + self.broker.plan.broker.fetch_wait;
        let give_up = give_up.min(context.deadline);
        loop {
            let news = self.broker.waiting.woken(follower);
            let mut fetched = Vec::new();
            let mut bytes = 0;
            for position in &positions {
                let Some(replica) = self.broker.replicas.get(&position.partition) else { continue };
                if let FollowerNews::Something(something) = replica.news_for(follower, position) {
                    if let Fetched::Batches { batches, .. } = &something {
                        bytes += batches.iter().map(|batch| batch.size_bytes()).sum::<usize>();
                    }
                    fetched.push((position.partition, something));
                }
            }
            self.in_step.review();
            if !fetched.is_empty() || runtime::now() >= give_up {
                self.broker.charge(bytes).await;
                return BrokerAnswer::Fetched(fetched);
            }
            runtime::select! {
                () = news => {}
                () = runtime::sleep_until(give_up) => {}
            }
        }
    }
}
