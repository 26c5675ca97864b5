//! The users service: sign-in, cards, and whether drivers are on duty, and in which vehicle.

mod erasure;
pub mod profiles;

use std::rc::Rc;

use ports::database::{Database, Transaction};
use runtime::call::CallContext;

use self::profiles::{Profile, Profiles};
use super::clock::now_ns;
use super::peers::Peers;
use super::transaction::{Failure, Store, update};
use super::transition::lock_driver;
use super::{Config, periodic, server};
use crate::api::error::Rejection;
use crate::api::users::{Request, Response, SignIn};
use crate::api::{ApiError, Reply, vehicles};
use crate::domain::driver::{DriverEvent, DriverState};
use crate::domain::idempotency::request_hash;
use crate::domain::ids::{DriverId, OrganisationId, RiderId};
use crate::domain::rider::PhoneNumber;
use crate::domain::schema::{Driver, Rider};
use crate::domain::session::{Caller, SessionKey, secret_digest};
use crate::domain::vehicle::Clearance;

/// Runs one replica. Sessions are signed with `key`.
pub async fn run<D: Database>(
    config: Rc<Config>,
    key: SessionKey,
    vehicles: Vehicles,
    profiles: impl Profiles,
    database: D,
) {
    let users = Rc::new(Users { key, store: Store::new(database, &config.calls), vehicles, profiles });
    let forgetting = (users.clone(), config.clone());
    let round = async move || erasure::round(&forgetting.0.store, &forgetting.1).await;
    periodic::every(config.sweep_interval, "users.erasure", round);
    let _ports = server::open(&config, move |request, context| {
        let users = users.clone();
        async move { users.handle(request, context).await }
    });
    runtime::task::forever().await;
}

/// Whoever knows which vehicles may be driven.
type Vehicles = Peers<vehicles::Request, vehicles::Response>;

struct Users<D, P> {
    key: SessionKey,
    store: Store<D>,
    vehicles: Vehicles,
    profiles: P,
}

impl<D: Database, P: Profiles> Users<D, P> {
    async fn handle(self: &Rc<Self>, request: Request, mut context: CallContext) -> Reply<Response> {
        match request {
            Request::SignIn(sign_in) => self.sign_in(sign_in, &mut context).await,
            Request::CardToken { rider } => {
                if let Some(profile) = self.profiles.read(rider).await {
                    return Ok(Response::CardToken(profile.card_token));
                }
                let rider =
                    self.store.run(&mut context, async |transaction| Ok(transaction.get::<Rider>(rider).await?));
                let rider = rider.await?.ok_or(ApiError::NotFound)?;
                Ok(Response::CardToken(rider.card_token.ok_or(ApiError::NotFound)?.cast_unsigned()))
            }
            Request::Erase { rider } => {
                let work = async |transaction: &mut D::Transaction| erasure::ask(transaction, rider).await;
                self.store.run(&mut context, work).await.map(|()| Response::Noted)
            }
            Request::GoOnDuty { driver, papers } => {
                let read = async |transaction: &mut D::Transaction| Ok(transaction.get::<Driver>(driver).await?);
                let known = self.store.run(&mut context, read).await?.ok_or(ApiError::NotFound)?;
                let clear = vehicles::Request::Clear { organisation: known.organisation_id, papers };
                let vehicles::Response::Cleared(clearance) = self.vehicles.call(clear, &mut context).await?;
                let work = async |transaction: &mut D::Transaction| go_on_duty(transaction, driver, clearance).await;
                self.store.run(&mut context, work).await.map(|()| Response::Noted)
            }
            Request::GoOffDuty { driver } => {
                let work = async |transaction: &mut D::Transaction| go_off_duty(transaction, driver).await;
                self.store.run(&mut context, work).await.map(|()| Response::Noted)
            }
        }
    }

    async fn sign_in(self: &Rc<Self>, sign_in: SignIn, context: &mut CallContext) -> Reply<Response> {
        let digest = secret_digest(sign_in.secret);
        let (known, profile) = self
            .store
            .run(context, async |transaction| match sign_in.caller {
                Caller::Rider(rider) => {
                    let rider = rider_or_newcomer(transaction, rider, sign_in.number, &digest).await?;
                    let profile = profile_of(&rider).map(|profile| (rider.id, profile));
                    if let (Some((rider, profile)), true) = (profile, runtime::planted::is("cache-before-commit")) {
                        self.profiles.keep(rider, profile).await;
                    }
                    // Who asked to be forgotten is a stranger from then on.
                    Ok((rider.secret_digest.filter(|_| rider.erasure.is_none()), profile))
                }
                Caller::Driver(driver) => {
                    let known = driver_digest(transaction, driver, sign_in.organisation, &digest).await?;
                    Ok((Some(known), None))
                }
                // No phone signs an operator in.
                Caller::Operator(_) => Err(ApiError::Unauthenticated.into()),
            })
            .await?;
        if known != Some(digest) {
            return Err(ApiError::Unauthenticated);
        }
        if let Some((rider, profile)) = profile {
            let users = self.clone();
            // While the answer is on its way: nobody waits for it.
            drop(runtime::spawn(async move { users.profiles.keep(rider, profile).await }));
        }
        Ok(Response::SignedIn(self.key.sign(sign_in.caller, now_ns())))
    }
}

/// None of a rider who is forgotten.
fn profile_of(rider: &Rider) -> Option<Profile> {
    rider.card_token.map(|card_token| Profile { card_token: card_token.cast_unsigned() })
}

/// The rider as known; whoever is unknown registers with this digest.
async fn rider_or_newcomer<X: Transaction>(
    transaction: &mut X,
    id: RiderId,
    phone_number: Option<PhoneNumber>,
    digest: &[u8],
) -> Result<Rider, Failure> {
    if let Some(rider) = transaction.get::<Rider>(id).await? {
        return Ok(rider);
    }
    // Stands for the token that the processor would have given to the rider's phone.
    let card_token = Some(request_hash(&("card", id)));
    let (secret_digest, created_at_ns) = (Some(digest.to_vec()), now_ns());
    let (erasure, erasure_at_ns) = (None, None);
    let rider = Rider { id, phone_number, card_token, secret_digest, erasure, erasure_at_ns, created_at_ns };
    transaction.insert(&rider).await?;
    Ok(rider)
}

async fn driver_digest<X: Transaction>(
    transaction: &mut X,
    id: DriverId,
    organisation_id: Option<OrganisationId>,
    digest: &[u8],
) -> Result<Vec<u8>, Failure> {
    if let Some(driver) = transaction.get::<Driver>(id).await? {
        return Ok(driver.secret_digest);
    }
    let driver = Driver::registered(id, organisation_id, digest.to_vec(), now_ns());
    transaction.insert(&driver).await?;
    Ok(driver.secret_digest)
}

/// A driver who is asked or under way is on duty already, in whichever vehicle that is.
async fn go_on_duty<X: Transaction>(transaction: &mut X, id: DriverId, clearance: Clearance) -> Result<(), Failure> {
    let mut driver = lock_driver(transaction, id).await?;
    // Said here in words; the unique index says it again to whoever slips past.
    let drivers = transaction.scan::<Driver>(Driver::BY_VEHICLE, clearance.vehicle, 1).await?;
    if drivers.iter().any(|other| other.id != id) {
        return Err(ApiError::Rejected { reason: Rejection::VehicleTaken }.into());
    }
    match driver.state {
        DriverState::Offline => driver.come_online(clearance, now_ns())?,
        DriverState::Idle => driver.change_vehicle(clearance, now_ns()),
        DriverState::Offered | DriverState::EnRoute | DriverState::AtPickup | DriverState::OnTrip => return Ok(()),
    }
    update(transaction, &driver).await
}

/// A driver who is asked or under way cannot go off duty before that is over.
async fn go_off_duty<X: Transaction>(transaction: &mut X, id: DriverId) -> Result<(), Failure> {
    let mut driver = lock_driver(transaction, id).await?;
    match driver.state {
        DriverState::Offline => return Ok(()),
        DriverState::Idle => driver.apply(DriverEvent::WentOffline, now_ns())?,
        _ => return Err(ApiError::Rejected { reason: Rejection::IllegalTransition }.into()),
    }
    update(transaction, &driver).await
}
