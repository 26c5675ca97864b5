//! The processor's process: takes its time, decides, keeps its ledger on disk, and sometimes never answers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ports::IdempotencyKey;
use ports::observe::{Observation, Observer};
use ports::processor::Operation;
use runtime::Time;
use runtime::call::{CallContext, serve};
use runtime::disk::{self, Log};
use runtime::random::{RngExt, Stream, stream};

use super::control::{Condition, Control};
use super::ledger::{Entry, Ledger, Verdict, What};
use super::parameters::Parameters;
use super::protocol::{PORT, Request, Response};
use crate::latency::Latency;

/// Drop entries that nobody can ask for any more from the disk's log when there are this many (assumption; only memory depends on it).
const LOG_SLACK: usize = 4_096;

/// What the processor is started with.
#[derive(Clone)]
pub(super) struct ServerPlan {
    pub(super) parameters: Parameters,
    pub(super) control: Control,
    pub(super) observer: Rc<dyn Observer>,
    pub(super) reported: Reported,
}

/// How much of the log has been dropped and how much of it observers know, in entries ever appended. It is theirs and not the
/// processor's: an entry that outlived a crash before it was reported is reported after it.
#[derive(Clone, Default)]
pub(super) struct Reported {
    dropped: Rc<Cell<usize>>,
    observed: Rc<Cell<usize>>,
}

struct Server {
    plan: ServerPlan,
    latency: Latency,
    ledger: RefCell<Ledger>,
    log: Log<Entry>,
    /// The earliest moment at which the requests taken so far would have come at the highest rate.
    paid_until: Cell<Time>,
    latencies: RefCell<Stream>,
    losses: RefCell<Stream>,
    declines: RefCell<Stream>,
    duplicates: RefCell<Stream>,
}

/// Runs the processor in the current process.
///
/// # Panics
/// If its port is taken: two servers share a host.
pub(super) async fn run(plan: ServerPlan) {
    let Parameters { idempotent, key_lifetime, authorisation_lifetime, .. } = plan.parameters;
    let log: Log<Entry> = disk::open("payment-processor");
    let mut ledger = Ledger::new(idempotent, key_lifetime, authorisation_lifetime);
    log.records().iter().for_each(|&entry| ledger.post(entry));
    let Parameters { latency_median, latency_p99, latency_max, .. } = plan.parameters;
    let server = Rc::new(Server {
        latency: Latency::new(latency_median, latency_p99, latency_max),
        ledger: RefCell::new(ledger),
        log,
        paid_until: Cell::new(Time::ZERO),
        latencies: RefCell::new(stream("latencies")),
        losses: RefCell::new(stream("losses")),
        declines: RefCell::new(stream("declines")),
        duplicates: RefCell::new(stream("duplicates")),
        plan,
    });
    server.keep().await;
    let _port = serve(PORT, move |request: Request, context| {
        let server = server.clone();
        async move { server.handle(request, context).await }
    })
    .expect("the processor has its host to itself");
    runtime::task::forever().await;
}

impl Server {
    async fn handle(self: Rc<Self>, request: Request, context: CallContext) -> Response {
        match self.plan.control.condition() {
            Condition::Serving if self.admit() => {}
            Condition::Serving | Condition::Refusing => return Response::Refused,
            Condition::Silent => return never(context, Response::Refused).await,
        }
        if let Request::Submit { key, operation } = request
            && chance(&self.duplicates, self.duplicate_probability())
        {
            let server = self.clone();
            runtime::spawn(async move {
                runtime::sleep(server.plan.parameters.duplicate_delay).await;
                server.submit(key, operation).await
            });
        }
        let lost = chance(&self.losses, self.plan.parameters.lost_probability);
        if lost && !chance(&self.losses, self.plan.parameters.done_when_lost_probability) {
            return never(context, Response::Refused).await;
        }
        let response = match request {
            Request::Submit { key, operation } => self.submit(key, operation).await,
            Request::Query { key } => self.query(key).await,
        };
        if lost { never(context, response).await } else { response }
    }

    /// Takes a request at the highest rate or below it, a second's worth at once.
    fn admit(&self) -> bool {
        let now = runtime::now();
        let next = self.paid_until.get().max(now) + Duration::from_secs(1) / self.requests_per_s_max();
        let admitted = next <= now + Duration::from_secs(1);
        if admitted {
            self.paid_until.set(next);
        }
        admitted
    }

    async fn submit(&self, key: IdempotencyKey, operation: Operation) -> Response {
        self.take_time().await;
        let now = runtime::now();
        let bank_declines = chance(&self.declines, self.decline_probability());
        self.ledger.borrow_mut().forget(now);
        let Verdict { outcome, entry } = self.ledger.borrow().decide(key, operation, bank_declines, now);
        if let Some(entry) = entry {
            self.post(entry);
        }
        self.keep().await;
        Response::Decided(outcome)
    }

    async fn query(&self, key: IdempotencyKey) -> Response {
        self.take_time().await;
        let now = runtime::now();
        self.ledger.borrow_mut().forget(now);
        let (found, burnt) = {
            let ledger = self.ledger.borrow();
            (ledger.find(key), ledger.burn(key, now))
        };
        if let Some(entry) = burnt {
            self.post(entry);
        }
        self.keep().await;
        Response::Found(found)
    }

    async fn take_time(&self) {
        let span = self.latency.draw(&mut *self.latencies.borrow_mut());
        runtime::sleep(span.mul_f64(self.plan.control.tuning().slowness)).await;
    }

    fn decline_probability(&self) -> f64 {
        self.plan.control.tuning().decline_probability.unwrap_or(self.plan.parameters.decline_probability)
    }

    fn duplicate_probability(&self) -> f64 {
        self.plan.control.tuning().duplicate_probability.unwrap_or(self.plan.parameters.duplicate_probability)
    }

    fn requests_per_s_max(&self) -> u32 {
        let granted = self.plan.parameters.requests_per_s_max;
        self.plan.control.tuning().requests_per_s_max.map_or(granted, |fewer| fewer.min(granted)).max(1)
    }

    fn post(&self, entry: Entry) {
        self.ledger.borrow_mut().post(entry);
        let (_, bytes) = runtime::digest::of(&entry);
        self.log.append(entry, bytes);
    }

    /// Makes what is posted durable and tells observers of it. Nobody is told a decision before that, not even one that was found:
    /// whoever posted it may still be waiting for the disk.
    async fn keep(&self) {
        let Reported { dropped, observed } = &self.plan.reported;
        let durable = dropped.get() + self.log.records().len();
        self.log.flush().await;
        let log = self.log.records();
        for position in observed.get()..durable {
            let Entry { key, at, what } = log[position - dropped.get()];
            if let What::Decided { operation, outcome } = what {
                self.plan.observer.observe(&Observation::ProcessorOperation { key, operation, outcome, at });
            }
        }
        observed.set(observed.get().max(durable));
        drop(log);
        self.drop_expired();
    }

    /// Drops entries that are older than everything the ledger remembers.
    fn drop_expired(&self) {
        let lifetime = self.plan.parameters.key_lifetime.max(self.plan.parameters.authorisation_lifetime);
        let Reported { dropped, observed } = &self.plan.reported;
        let known = observed.get() - dropped.get();
        let expired = {
            let log = self.log.records();
            let now = runtime::now();
            log[..known].partition_point(|entry| now.since(entry.at) >= lifetime)
        };
        if expired >= LOG_SLACK {
            self.log.drop_oldest(expired);
            dropped.set(dropped.get() + expired);
        }
    }
}

/// Keeps a response back until nobody waits for it.
async fn never(context: CallContext, response: Response) -> Response {
    runtime::sleep_until(context.deadline).await;
    response
}

fn chance(stream: &RefCell<Stream>, probability: f64) -> bool {
    stream.borrow_mut().random::<f64>() < probability
}
