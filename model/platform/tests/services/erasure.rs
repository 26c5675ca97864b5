//! Riders who want to be forgotten.

use std::time::Duration;

use platform::api::ApiError;
use platform::api::error::Rejection;
use platform::api::gateway::{Action, Response};
use platform::api::users::SignIn;
use platform::domain::ids::RiderId;
use platform::domain::rider::Erasure;
use platform::domain::schema::{Payment, Rider, Trip};
use platform::domain::session::Caller;
use platform::services::Config;

use crate::invariants;
use crate::phones::Phone;
use crate::world::World;

#[test]
fn a_rider_is_a_stranger_at_once_and_forgotten_when_nothing_is_owed_any_more() {
    // Longer than a wish is waited for: the card is held until then.
    let config = Config { match_timeout: Duration::from_secs(300), shared_locations: true, ..Config::default() };
    let mut world = World::with(1, &[], config);
    let answers = world.noting("rider", move |gateways, notes| async move {
        let rider = Phone::rider(&gateways, 1).await;
        rider.request_trip().await;
        notes.add(rider.ask(Action::EraseMe).await);
        notes.add(rider.ask(Action::EraseMe).await);
        let caller = Caller::Rider(RiderId(1));
        let sign_in = SignIn { caller, secret: 42, organisation: None, number: None };
        notes.add(rider.ask(Action::SignIn(sign_in)).await);
        let quote = rider.quote().await.id;
        notes.add(rider.ask(Action::RequestTrip { quote, key: rider.key() }).await);
        notes.add(Phone::off_duty_driver(&gateways, 1).await.ask(Action::EraseMe).await);
    });
    world.run(280);
    let not_allowed = Err(ApiError::Rejected { reason: Rejection::NotAllowed });
    let done = Ok(Response::Done);
    let stranger = Err(ApiError::Unauthenticated);
    assert_eq!(answers.values(), [done.clone(), done, stranger, not_allowed.clone(), not_allowed]);
    let [asked] = &world.database.all::<Rider>()[..] else { panic!("one rider") };
    assert!(asked.erasure == Some(Erasure::Asked) && asked.phone_number.is_some(), "{asked:?}");

    world.run(480);
    let [forgotten] = &world.database.all::<Rider>()[..] else { panic!("one rider") };
    assert!(forgotten.erasure == Some(Erasure::Done) && forgotten.is_forgotten(), "{forgotten:?}");
    assert_eq!(world.only_trip().rider_id, RiderId(1), "what the law wants kept is kept");
    assert_eq!(world.database.all::<Payment>().len(), world.database.all::<Trip>().len());
    invariants::check(&world);
}
