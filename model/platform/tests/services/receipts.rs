//! Receipts: read from a copy of the database that lags, and never older than what their reader has seen.

use platform::api::ApiError;
use platform::api::gateway::{Action, Response};
use platform::domain::trip::State;
use runtime::Time;

use crate::phones::Phone;
use crate::world::World;

#[test]
fn a_rider_reads_what_the_copy_has_unless_they_have_seen_more() {
    let mut world = World::new(1);
    let (database, copy) = (world.database.clone(), world.copy.clone());
    let read = world.noting("rider", move |gateways, notes| async move {
        let (rider, stranger) = (Phone::rider(&gateways, 1).await, Phone::rider(&gateways, 2).await);
        let trip = rider.request_trip().await;
        let receipt = async |phone: &Phone, seen_version| match phone
            .ask(Action::Receipt { trip: trip.id, seen_version })
            .await
        {
            Ok(Response::Receipt(receipt)) => notes.add(Ok((receipt.state, receipt.version))),
            Ok(other) => panic!("{other:?}"),
            Err(error) => notes.add(Err(error)),
        };
        // The copy knows of no trip yet.
        receipt(&rider, trip.version).await;
        runtime::sleep_until(Time::from_secs(10)).await;
        copy.copy_from(&database);
        let cancel = Action::CancelTrip { trip: trip.id, key: rider.key() };
        let Ok(Response::Trip(cancelled)) = rider.ask(cancel).await else { panic!("it can be cancelled") };
        receipt(&rider, cancelled.version).await;
        receipt(&rider, trip.version).await;
        receipt(&stranger, 0).await;
        copy.down_until(Time::from_secs(60));
        receipt(&rider, trip.version).await;
    });
    world.run(20);
    let cancelled = (State::CancelledByRider, 3);
    let (first, copied) = (read.values()[0], (State::Matching, 2));
    assert!(first.is_ok_and(|(state, _)| state.is_active()), "{first:?}");
    assert_eq!(read.values()[1..], [Ok(cancelled), Ok(copied), Err(ApiError::NotFound), Ok(cancelled)]);
}
