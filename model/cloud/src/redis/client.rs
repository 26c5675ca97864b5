//! The client of the store that services use: a pool of connections to each server behind the cache port, and with cluster mode a map of
//! who serves what, mended whenever a server says that it is wrong or does not answer.

mod pool;
mod session;
mod subscription;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::cache::{Bytes, Cache, CacheError, Command, Reply};
use ports::observe::{CacheWrite, CommitPosition, Observation};
use ports::resolver::Resolver;
use runtime::Time;
use runtime::net::Address;

use self::pool::Pool;
pub use self::subscription::Subscription;
use super::parameters::{ClientParameters, Mode};
use super::plan::Plan;
use super::protocol::{ClientFrame, Place, ServerFrame};
use super::slot::{shard_of, slot_of};

struct Shared<R> {
    plan: Rc<Plan>,
    /// The name that is resolved: the store's, or a server's own.
    endpoint: String,
    resolver: R,
    parameters: ClientParameters,
    pools: RefCell<BTreeMap<Address, Rc<Pool>>>,
    /// By shard, as far as this client knows; empty until it asked, and without cluster mode for ever.
    map: RefCell<Vec<Address>>,
    /// When the map last came.
    refreshed_at: Cell<Option<Time>>,
    /// When it was last found wrong.
    doubted_at: Cell<Option<Time>>,
    refreshing: tokio::sync::Mutex<()>,
    /// Which shard's server is asked what any of them can do: another one after each failure.
    anybody: Cell<u16>,
}

/// A cache on modelled servers. Clones share connections; it belongs to one process.
pub struct Client<R>(Rc<Shared<R>>);

impl<R> Clone for Client<R> {
    fn clone(&self) -> Self {
        Client(self.0.clone())
    }
}

/// What a server answered, if it did what was asked.
enum Heard {
    Frame(ServerFrame),
    Elsewhere { slot: u16, to: Address },
}

impl<R: Resolver> Client<R> {
    pub(super) fn new(plan: Rc<Plan>, endpoint: String, resolver: R, parameters: ClientParameters) -> Self {
        Client(Rc::new(Shared {
            plan,
            endpoint,
            resolver,
            parameters,
            pools: RefCell::default(),
            map: RefCell::default(),
            refreshed_at: Cell::new(None),
            doubted_at: Cell::new(None),
            refreshing: tokio::sync::Mutex::new(()),
            anybody: Cell::new(0),
        }))
    }

    fn pool(&self, address: Address) -> Rc<Pool> {
        let mut pools = self.0.pools.borrow_mut();
        pools.entry(address).or_insert_with(|| Rc::new(Pool::new(address, self.0.parameters))).clone()
    }

    fn is_clustered(&self) -> bool {
        matches!(self.0.plan.mode, Mode::Cluster(_))
    }

    async fn resolve(&self, deadline: Time) -> Result<Vec<Address>, CacheError> {
        let left = deadline.since(runtime::now());
        match runtime::timeout(left, self.0.resolver.resolve(&self.0.endpoint)).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(_)) => Err(CacheError::ConnectionLost),
            Err(runtime::time::Elapsed) => Err(CacheError::DeadlineExceeded),
        }
    }

    /// Which server to ask about these keys.
    async fn route(&self, command: &Command, deadline: Time) -> Result<Address, CacheError> {
        if !self.is_clustered() {
            return self.resolve(deadline).await?.first().copied().ok_or(CacheError::ConnectionLost);
        }
        if self.0.map.borrow().is_empty() {
            self.refresh(deadline).await?;
        }
        let map = self.0.map.borrow();
        let shards = map.len() as u16;
        let anybody = || self.0.anybody.get() % shards.max(1);
        let shard = command.keys().first().map_or_else(anybody, |key| shard_of(slot_of(key), shards));
        map.get(usize::from(shard)).copied().ok_or(CacheError::ClusterDown)
    }

    /// Asks any member who serves what: those of the map first, then those of the name.
    async fn refresh(&self, deadline: Time) -> Result<(), CacheError> {
        let asked_at = runtime::now();
        let _refreshing = self.0.refreshing.lock().await;
        if self.0.refreshed_at.get().is_some_and(|at| at >= asked_at) {
            return Ok(()); // somebody else asked meanwhile
        }
        let mut members = self.0.map.borrow().clone();
        members.extend(self.resolve(deadline).await?);
        let mut error = CacheError::ConnectionLost;
        for (position, member) in members.iter().enumerate() {
            if members[..position].contains(member) {
                continue;
            }
            match self.pool(*member).ask(ClientFrame::Slots, deadline).await {
                Ok(ServerFrame::Slots(map)) => {
                    *self.0.map.borrow_mut() = map;
                    self.0.refreshed_at.set(Some(runtime::now()));
                    return Ok(());
                }
                Ok(_) => error = CacheError::Protocol,
                Err(lost) => error = lost.as_read(),
            }
        }
        Err(error)
    }

    /// Mends the map in the background, unless that was done a moment ago.
    fn doubt(&self) {
        if !self.is_clustered() {
            return;
        }
        let (now, interval) = (runtime::now(), self.0.parameters.refresh_interval);
        if self.0.doubted_at.get().is_some_and(|at| now < at + interval) {
            return;
        }
        self.0.doubted_at.set(Some(now));
        let client = self.clone();
        drop(runtime::spawn(async move {
            let deadline = runtime::now() + client.0.parameters.connect_timeout * 8;
            // If nobody answers, the next command that fails asks again.
            let _ = client.refresh(deadline).await;
        }));
    }

    async fn ask(&self, address: Address, command: &Command, deadline: Time) -> Result<Heard, CacheError> {
        let pool = self.pool(address);
        let elsewhere_next = || {
            if command.keys().is_empty() {
                self.0.anybody.set(self.0.anybody.get().wrapping_add(1));
            }
        };
        let answer = match pool.ask(ClientFrame::Execute(command.clone()), deadline).await {
            Ok(answer) => answer,
            Err(lost) => {
                elsewhere_next();
                self.doubt();
                return Err(if command.is_write() { lost.as_write() } else { lost.as_read() });
            }
        };
        match answer {
            ServerFrame::Moved { slot, to } => Ok(Heard::Elsewhere { slot, to }),
            ServerFrame::Failed(error) => {
                match error {
                    CacheError::ClusterDown | CacheError::Loading => {
                        elsewhere_next();
                        self.doubt();
                    }
                    // The name leads elsewhere by now, or soon: connections to this server are of no use.
                    CacheError::ReadOnly => pool.forget(),
                    _ => {}
                }
                Err(error)
            }
            frame => Ok(Heard::Frame(frame)),
        }
    }

    /// Tells whoever watches that this client was told of a write.
    fn acknowledged(&self, command: Command, place: Place) {
        let plan = &self.0.plan;
        let position = CommitPosition {
            store: plan.shard_name(place.shard).clone(),
            epoch: place.position.reign,
            lsn: place.position.offset,
            at: runtime::now(),
        };
        let write = CacheWrite { position, command: Rc::new(command) };
        plan.observer.observe(&Observation::CacheWriteAcknowledged(write));
    }
}

impl<R: Resolver> Cache for Client<R> {
    type Subscription = Subscription;

    async fn execute(&self, command: Command, deadline: Time) -> Result<Reply, CacheError> {
        let mut address = self.route(&command, deadline).await?;
        let mut followed = 0;
        loop {
            match self.ask(address, &command, deadline).await? {
                Heard::Frame(ServerFrame::Reply { reply, place }) => {
                    if let Some(place) = place {
                        self.acknowledged(command, place);
                    }
                    return Ok(reply);
                }
                Heard::Frame(_) => return Err(CacheError::Protocol),
                Heard::Elsewhere { slot, to } => {
                    followed += 1;
                    if followed > self.0.parameters.redirections_max {
                        return Err(CacheError::Moved { slot });
                    }
                    let mut map = self.0.map.borrow_mut();
                    let shard = shard_of(slot, map.len() as u16);
                    if let Some(known) = map.get_mut(usize::from(shard)) {
                        *known = to;
                    }
                    address = to;
                }
            }
        }
    }

    async fn subscribe(&self, channels: Vec<Bytes>, deadline: Time) -> Result<Subscription, CacheError> {
        if channels.is_empty() {
            return Err(CacheError::Arguments);
        }
        // In a cluster any member hears every message.
        let mut error = CacheError::ConnectionLost;
        for address in self.resolve(deadline).await? {
            let limit = deadline.since(runtime::now()).min(self.0.parameters.connect_timeout);
            match Subscription::open(address, channels.clone(), limit).await {
                Ok(subscription) => return Ok(subscription),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }
}
