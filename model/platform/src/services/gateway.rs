//! The gateway: what phones talk to. It checks the session, and passes each request to the one service that answers it.

mod ear;
mod listen;

use std::rc::Rc;
use std::time::Duration;

use ports::cache::Cache;
use runtime::call::CallContext;

use super::clock::now_ns;
use super::peers::{Peers, Route};
use super::{Config, server};
use crate::api::error::Rejection;
use crate::api::gateway::{Action, Request, Response};
use crate::api::matching::OfferView;
use crate::api::{ApiError, Reply, geo, matching, payments, pricing, trips, users};
use crate::domain::ids::{DriverId, OperatorId, RiderId};
use crate::domain::session::{Caller, SessionKey};
use ear::Ear;

/// The services behind the gateway.
pub struct Services {
    pub users: Peers<users::Request, users::Response>,
    pub geo: Peers<geo::Request, geo::Response>,
    pub pricing: Peers<pricing::Request, pricing::Response>,
    pub matching: Peers<matching::Request, matching::Response>,
    pub trips: Peers<trips::Request, trips::Response>,
    pub payments: Peers<payments::Request, payments::Response>,
}

/// Runs one replica. Sessions are checked with `key`. It hears of nothing: whoever listens is answered at once.
pub async fn run(config: Rc<Config>, key: SessionKey, services: Services) {
    serve(Gateway { config, key, services, ear: Rc::default() }).await;
}

/// The same for a replica that hears, through the cache, of what happens: it keeps the requests of those who listen.
pub async fn run_hearing(config: Rc<Config>, key: SessionKey, services: Services, cache: impl Cache) {
    let ear = Rc::new(Ear::default());
    drop(runtime::spawn(ear::keep_open(ear.clone(), cache, config.clone())));
    serve(Gateway { config, key, services, ear }).await;
}

async fn serve(gateway: Gateway) {
    let config = gateway.config.clone();
    let gateway = Rc::new(gateway);
    let _ports = server::open(&config, move |request, context| {
        let gateway = gateway.clone();
        async move { gateway.handle(request, context).await }
    });
    runtime::task::forever().await;
}

struct Gateway {
    config: Rc<Config>,
    key: SessionKey,
    services: Services,
    ear: Rc<Ear>,
}

impl Gateway {
    async fn handle(&self, Request { session, action }: Request, mut context: CallContext) -> Reply<Response> {
        let context = &mut context;
        if let Action::SignIn(sign_in) = action {
            return match self.services.users.call(users::Request::SignIn(sign_in), context).await? {
                users::Response::SignedIn(token) => Ok(Response::SignedIn(token)),
                _ => Err(ApiError::Internal),
            };
        }
        let session = session.ok_or(ApiError::Unauthenticated)?;
        let caller = self.key.check(session, now_ns()).map_err(|_| ApiError::Unauthenticated)?;
        match action {
            // By far the most requests.
            Action::Ping { at, class, available } => {
                let driver = driver(caller)?;
                let route = Route::Keyed(driver.0.cast_unsigned());
                let ping = geo::Request::Ping { driver, at, class, available };
                match self.services.geo.call_by(route, ping, context).await? {
                    geo::Response::Noted(noted) => Ok(Response::Noted(noted)),
                    _ => Err(ApiError::Internal),
                }
            }
            Action::PollOffer => self.offer(driver(caller)?, context).await.map(Response::Offer),
            Action::Listen { look, keep_for_ms } => {
                let keep_for = Duration::from_millis(keep_for_ms.into());
                self.listen(caller, look, keep_for, *context).await.map(Response::Heard)
            }
            Action::Quote { pickup, dropoff, class } => {
                let pickup = pickup.checked().map_err(|_| ApiError::MALFORMED)?;
                let route = Route::Keyed(pickup.cell(self.config.cell_size).0);
                let quote = pricing::Request::Quote { rider: rider(caller)?, pickup, dropoff, class };
                let pricing::Response::Quote(quote) = self.services.pricing.call_by(route, quote, context).await?;
                Ok(Response::Quote(quote))
            }
            Action::GoOnDuty { papers } => {
                let request = users::Request::GoOnDuty { driver: driver(caller)?, papers };
                self.services.users.call(request, context).await.map(|_| Response::Done)
            }
            Action::GoOffDuty => {
                let request = users::Request::GoOffDuty { driver: driver(caller)? };
                self.services.users.call(request, context).await.map(|_| Response::Done)
            }
            Action::EraseMe => {
                let request = users::Request::Erase { rider: rider(caller)? };
                self.services.users.call(request, context).await.map(|_| Response::Done)
            }
            Action::Refund { trip, amount_minor, key } => {
                let refund = payments::Request::Refund { operator: operator(caller)?, trip, amount_minor, key };
                let payments::Response::Payment(view) = self.services.payments.call(refund, context).await?;
                Ok(Response::Payment(view))
            }
            trip => {
                let request = trip_request(caller, trip)?;
                Ok(match self.services.trips.call(request, context).await? {
                    trips::Response::Trip(trip) => Response::Trip(trip),
                    trips::Response::Active(trip) => Response::ActiveTrip(trip),
                    trips::Response::Receipt(receipt) => Response::Receipt(receipt),
                })
            }
        }
    }
}

impl Gateway {
    /// The offer that waits for the driver's answer.
    async fn offer(&self, driver: DriverId, context: &mut CallContext) -> Reply<Option<OfferView>> {
        match self.services.matching.call(matching::Request::PollOffer { driver }, context).await? {
            matching::Response::Offer(offer) => Ok(offer),
            matching::Response::Queued => Err(ApiError::Internal),
        }
    }
}

/// What the trips service is asked when the caller wants this; refused if the caller may not.
fn trip_request(caller: Caller, action: Action) -> Reply<trips::Request> {
    Ok(match action {
        Action::RequestTrip { quote, key } => trips::Request::Create { rider: rider(caller)?, quote, key },
        Action::CancelTrip { trip, key } => trips::Request::Cancel { caller, trip, key },
        Action::TripStatus { trip } => trips::Request::Status { caller, trip },
        Action::ActiveTrip => trips::Request::Active { caller },
        Action::Receipt { trip, seen_version } => trips::Request::Receipt { rider: rider(caller)?, trip, seen_version },
        Action::AnswerOffer { trip, token, answer, key } => {
            trips::Request::AnswerOffer { driver: driver(caller)?, trip, token, answer, key }
        }
        Action::Advance { trip, assignment, progress, key } => {
            if driver(caller)? != assignment.driver {
                return Err(NOT_ALLOWED);
            }
            trips::Request::Advance { assignment, trip, progress, key }
        }
        Action::SignIn(_)
        | Action::Quote { .. }
        | Action::Refund { .. }
        | Action::EraseMe
        | Action::GoOnDuty { .. }
        | Action::GoOffDuty
        | Action::Ping { .. }
        | Action::PollOffer
        | Action::Listen { .. } => {
            return Err(ApiError::Internal);
        }
    })
}

const NOT_ALLOWED: ApiError = ApiError::Rejected { reason: Rejection::NotAllowed };

fn rider(caller: Caller) -> Reply<RiderId> {
    match caller {
        Caller::Rider(rider) => Ok(rider),
        Caller::Driver(_) | Caller::Operator(_) => Err(NOT_ALLOWED),
    }
}

fn driver(caller: Caller) -> Reply<DriverId> {
    match caller {
        Caller::Driver(driver) => Ok(driver),
        Caller::Rider(_) | Caller::Operator(_) => Err(NOT_ALLOWED),
    }
}

fn operator(caller: Caller) -> Reply<OperatorId> {
    match caller {
        Caller::Operator(operator) => Ok(operator),
        Caller::Rider(_) | Caller::Driver(_) => Err(NOT_ALLOWED),
    }
}
