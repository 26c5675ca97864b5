//! A zone's name server: answers from its table, and keeps acknowledged updates on its disk.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use runtime::call::serve;
use runtime::disk::{self, Log};

use super::parameters::ServerParameters;
use super::protocol::{PORT, Request, Response, Update};
use super::records::{Merged, Records};

/// Rewrite the log when it holds this many records more than there are names (assumption; only memory depends on it).
const LOG_SLACK: usize = 256;

struct Server {
    records: RefCell<Records>,
    log: Log<Update>,
    rewriting: Cell<bool>,
    parameters: ServerParameters,
}

/// Runs a name server in the current process. `zone_file` holds what was declared before the run.
///
/// # Panics
/// If the port is taken: two name servers share a host.
pub(super) async fn run(zone_file: Vec<Update>, parameters: ServerParameters) {
    let log: Log<Update> = disk::open("dns");
    let mut records = Records::default();
    for update in zone_file.into_iter().chain(log.records().iter().cloned()) {
        records.merge(update);
    }
    let server = Rc::new(Server { records: RefCell::new(records), log, rewriting: Cell::new(false), parameters });
    let _port = serve(PORT, move |request: Request, _| {
        let server = server.clone();
        async move { server.handle(request).await }
    })
    .expect("a name server has its host to itself");
    runtime::task::forever().await;
}

impl Server {
    async fn handle(&self, request: Request) -> Response {
        runtime::cpu::work(self.parameters.request_work).await;
        match request {
            Request::Query { name } => match self.records.borrow().get(&name) {
                Some(record) if !record.addresses.is_empty() => {
                    Response::Answer { addresses: record.addresses.clone(), ttl: record.ttl }
                }
                _ => Response::NameUnknown,
            },
            Request::Update(update) => self.update(update).await,
            Request::Inspect { name } => match self.records.borrow().get(&name) {
                Some(record) => Response::Record(record.clone()),
                None => Response::NameUnknown,
            },
        }
    }

    async fn update(&self, update: Update) -> Response {
        let merged = self.records.borrow_mut().merge(update.clone());
        match merged {
            Merged::Superseded { version } => return Response::Superseded { version },
            Merged::Changed => self.append(update),
            Merged::Same => {}
        }
        // A repeated update may overtake the flush of the first: it is acknowledged only when it is durable too.
        self.log.flush().await;
        let length = self.log.records().len();
        if length > self.records.borrow().len() + LOG_SLACK && !self.rewriting.replace(true) {
            self.rewrite(length).await;
            self.rewriting.set(false);
        }
        Response::Accepted
    }

    fn append(&self, update: Update) {
        let (_, bytes) = runtime::digest::of(&update);
        self.log.append(update, bytes);
    }

    /// Replaces the log by the table: what the table says is durable before what it replaces is dropped.
    async fn rewrite(&self, length: usize) {
        for update in self.records.borrow().updates() {
            self.append(update);
        }
        self.log.flush().await;
        self.log.drop_oldest(length);
    }
}
