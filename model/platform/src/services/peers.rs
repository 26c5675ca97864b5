//! The calling side between services: one client of all replicas of one service.
//!
//! A replica that cannot be reached, or that keeps a request for the whole of an attempt, is left alone for a while (outlier ejection), and
//! its connection is given up: a dead host never says that it is dead. When all are ejected, all are tried (fail open): an answer that
//! is unlikely beats none. Replicas come and go as their [`Endpoints`] say; what is known of one that stays is kept.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ports::Retry;
use ports::endpoints::Endpoints;
use runtime::call::{CallContext, CallError, Caller};
use runtime::net::{Address, Frame};
use runtime::random::mix;
use runtime::{Time, now, timeout};
use tokio::sync::Mutex;

use super::backoff::Backoff;
use super::budget;
use super::config::CallPolicy;
use super::following::{self, Call, Following};
use crate::api::{ApiError, Reply};

/// Most replicas of one service that are called: one bit each. Of more, the first so many.
const REPLICAS_MAX: usize = 64;

/// Which replica a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// One after the other.
    Any,
    /// Always the same one for the same key, and the same next one when that is away (rendezvous hashing).
    Keyed(u64),
}

/// A client of all replicas of one service. Clones share connections and what is known of the replicas.
pub struct Peers<Q, A>(Rc<Inner<Q, A>>);

struct Inner<Q, A> {
    endpoints: Endpoints,
    /// The replicas, and the version of the endpoints that they are from.
    replicas: RefCell<(u64, Replicas<Q, A>)>,
    next: Cell<usize>,
    policy: CallPolicy,
    backoff: Backoff,
    following: Option<Following>,
}

type Replicas<Q, A> = Rc<[Rc<Replica<Q, A>>]>;

struct Replica<Q, A> {
    address: Address,
    connection: RefCell<Option<Caller<Q, Reply<A>>>>,
    /// Held by whoever dials: others wait for that attempt and share its result.
    dialling: Mutex<()>,
    failed_dials: Cell<u64>,
    ejected_until: Cell<Time>,
}

/// How an attempt ended.
enum Attempt<A> {
    /// Nothing was sent.
    Unreached,
    Sent(Reply<A>),
}

impl<Q, A> Clone for Peers<Q, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q: Frame + Clone + following::Request, A: Frame> Peers<Q, A> {
    /// A client of these replicas; it connects when there is something to say. `name` names its random stream.
    pub fn new(endpoints: Endpoints, policy: CallPolicy, name: &str, following: Option<Following>) -> Self {
        Self(Rc::new(Inner {
            endpoints,
            replicas: RefCell::new((0, Rc::new([]))),
            next: Cell::new(0),
            policy,
            backoff: Backoff::new(&policy, name),
            following,
        }))
    }

    /// Asks one replica; see [`call_by`](Self::call_by).
    pub async fn call(&self, request: Q, context: &mut CallContext) -> Reply<A> {
        self.call_by(Route::Any, request, context).await
    }

    /// Asks a replica, and another if that one fails and the caller's budget and deadline allow. Every request of the platform may be sent
    /// twice. A replica to which nothing could be sent costs no budget, since nothing was repeated.
    pub async fn call_by(&self, route: Route, request: Q, context: &mut CallContext) -> Reply<A> {
        let inner = &*self.0;
        let mut replicas = inner.replicas();
        let (mut tried, mut unreached, mut repetition, mut attempts) = (0u64, 0, 0, 0);
        loop {
            if replicas.is_empty() {
                return Err(ApiError::Unavailable);
            }
            let index = inner.pick(&replicas, route, tried).unwrap_or_else(|| {
                tried = 0;
                inner.pick(&replicas, route, 0).expect("there is a replica")
            });
            tried |= 1 << index;
            let began_at = now();
            let attempt = replicas[index].attempt(&inner.policy, request.clone(), context).await;
            attempts += 1;
            inner.tell(&request, replicas[index].address, began_at, attempts, &attempt);
            let error = match attempt {
                Attempt::Sent(Ok(answer)) => return Ok(answer),
                Attempt::Sent(Err(error)) if error.retry() == Retry::Useless => return Err(error),
                Attempt::Sent(Err(error)) => error,
                Attempt::Unreached => {
                    unreached += 1;
                    if unreached < replicas.len() && !context.remaining().is_zero() {
                        continue;
                    }
                    unreached = 0;
                    ApiError::Unavailable
                }
            };
            if !budget::spend(context) {
                return Err(error);
            }
            inner.backoff.wait(repetition).await;
            repetition += 1;
            let latest = inner.replicas();
            if !Rc::ptr_eq(&latest, &replicas) {
                (replicas, tried, unreached) = (latest, 0, 0);
            }
        }
    }

    /// Asks every replica that is not ejected at once, each one time. The answers are in the order of the replicas; none where there was none.
    pub async fn ask_all(&self, request: &Q, context: CallContext) -> Vec<(Address, Option<A>)> {
        let replicas = self.0.replicas();
        let available = replicas.iter().any(|replica| !replica.is_ejected());
        let mut asked = Vec::with_capacity(replicas.len());
        for replica in &*replicas {
            let (policy, replica, request) = (self.0.policy, replica.clone(), request.clone());
            let mut context = CallContext { retry_budget: 0, ..context };
            let address = replica.address;
            let asking = (!available || !replica.is_ejected()).then(|| {
                runtime::spawn(async move {
                    match replica.attempt(&policy, request, &mut context).await {
                        Attempt::Sent(Ok(answer)) => Some(answer),
                        Attempt::Sent(Err(_)) | Attempt::Unreached => None,
                    }
                })
            });
            asked.push((address, asking));
        }
        let mut answers = Vec::with_capacity(asked.len());
        for (address, asking) in asked {
            let answer = match asking {
                Some(answer) => answer.await,
                None => None,
            };
            answers.push((address, answer));
        }
        answers
    }
}

impl<Q: following::Request, A> Inner<Q, A> {
    /// Tells of an attempt if somebody follows what it is about.
    fn tell(&self, request: &Q, at: Address, began_at: Time, number: u32, attempt: &Attempt<A>) {
        let Some(following) = self.following.as_ref().filter(|of| of.follower.follows(request.subject())) else {
            return;
        };
        following.follower.called(Call {
            from: following.from.clone(),
            to: following.to,
            at,
            what: request.what(),
            began_at,
            ended_at: now(),
            attempt: number,
            error: match attempt {
                Attempt::Sent(Ok(_)) => None,
                Attempt::Sent(Err(error)) => Some(*error),
                Attempt::Unreached => Some(ApiError::Unavailable),
            },
        });
    }
}

impl<Q: Frame, A: Frame> Inner<Q, A> {
    /// The replicas as the endpoints have them now.
    fn replicas(&self) -> Replicas<Q, A> {
        let version = self.endpoints.version();
        let (known, replicas) = &mut *self.replicas.borrow_mut();
        if *known != version {
            let addresses = self.endpoints.addresses();
            let of = |&address: &Address| {
                let kept = replicas.iter().find(|replica| replica.address == address).cloned();
                kept.unwrap_or_else(|| Rc::new(Replica::new(address)))
            };
            let latest = addresses.iter().take(REPLICAS_MAX).map(of).collect();
            (*known, *replicas) = (version, latest);
        }
        replicas.clone()
    }

    /// The replica whose turn it is among those not tried yet; an ejected one only if there is no other.
    fn pick(&self, replicas: &[Rc<Replica<Q, A>>], route: Route, tried: u64) -> Option<usize> {
        let first = self.next.get() % replicas.len();
        if route == Route::Any {
            self.next.set((first + 1) % replicas.len());
        }
        let candidates = || (0..replicas.len()).filter(move |index| tried & 1 << index == 0);
        // Smaller is better.
        let rank = |index: usize| match route {
            Route::Any => ((index + replicas.len() - first) % replicas.len()) as u64,
            Route::Keyed(key) => {
                let Address { host, port } = replicas[index].address;
                mix(mix(key, u64::from(host.0)), u64::from(port))
            }
        };
        candidates().min_by_key(|&index| (replicas[index].is_ejected(), rank(index)))
    }
}

impl<Q: Frame, A: Frame> Replica<Q, A> {
    fn new(address: Address) -> Self {
        Replica {
            address,
            connection: RefCell::new(None),
            dialling: Mutex::new(()),
            failed_dials: Cell::new(0),
            ejected_until: Cell::new(Time::ZERO),
        }
    }

    async fn attempt(&self, policy: &CallPolicy, request: Q, context: &mut CallContext) -> Attempt<A> {
        let limit = context.at_most(policy.attempt_timeout);
        let Some(caller) = self.connection(policy, limit).await else { return Attempt::Unreached };
        let lent = CallContext { deadline: limit.deadline, ..budget::lend(context) };
        Attempt::Sent(match caller.call(request, lent).await {
            Ok(reply) => {
                self.ejected_until.set(Time::ZERO);
                reply
            }
            Err(CallError::DeadlineExceeded) => {
                // With less than a full attempt's time, silence says nothing about the replica.
                if lent.deadline < context.deadline {
                    self.eject(policy);
                }
                Err(ApiError::DeadlineExceeded)
            }
            Err(CallError::Connection(_)) => {
                self.connection.take();
                Err(ApiError::OutcomeUnknown)
            }
        })
    }

    fn is_ejected(&self) -> bool {
        now() < self.ejected_until.get()
    }

    fn eject(&self, policy: &CallPolicy) {
        self.connection.take();
        self.ejected_until.set(now() + policy.ejection);
    }

    fn open_connection(&self) -> Option<Caller<Q, Reply<A>>> {
        self.connection.borrow().as_ref().filter(|caller| caller.closed().is_none()).cloned()
    }

    /// The connection, dialled if there is none.
    async fn connection(&self, policy: &CallPolicy, context: CallContext) -> Option<Caller<Q, Reply<A>>> {
        if let Some(caller) = self.open_connection() {
            return Some(caller);
        }
        let failed_dials = self.failed_dials.get();
        let limit = context.at_most(policy.connect_timeout).remaining();
        let dialled = timeout(limit, async {
            let _turn = self.dialling.lock().await;
            if let Some(caller) = self.open_connection() {
                return Some(caller);
            }
            if self.failed_dials.get() != failed_dials {
                return None;
            }
            let caller = Caller::connect(self.address).await.ok()?;
            *self.connection.borrow_mut() = Some(caller.clone());
            Some(caller)
        });
        let caller = dialled.await.ok().flatten();
        if caller.is_none() {
            self.failed_dials.set(self.failed_dials.get() + 1);
            self.eject(policy);
        }
        caller
    }
}
