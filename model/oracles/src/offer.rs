//! Invariants 6 and 7: how many offers there are at once, and when one may be accepted.

use std::collections::BTreeSet;

use platform::domain::ids::TripId;
use platform::domain::offer::OfferStatus;

use crate::oracle::{Oracle, Tally};
use crate::transaction::Transaction;
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(OneLiveOffer), Box::new(AcceptedInTime)]
}

/// Invariant 6.
struct OneLiveOffer;

impl Oracle for OneLiveOffer {
    fn name(&self) -> &'static str {
        "one-live-offer"
    }

    fn statement(&self) -> &'static str {
        "a driver has at most one live offer, and a trip at most one that stands accepted"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        let mut trips: BTreeSet<TripId> = BTreeSet::new();
        for offer in transaction.offers().filter_map(|pair| pair.after.as_ref()) {
            trips.insert(offer.trip_id);
            let live = view.live_offers_of(offer.driver_id);
            tally.check(transaction.at, live.len() <= 1, || {
                format!("driver {} has the live offers {live:?}, as trip and attempt", offer.driver_id)
            });
        }
        for id in trips {
            let Some(dossier) = view.dossier(id) else { continue };
            let accepted = || dossier.offers.iter().filter(|offer| offer.status == OfferStatus::Accepted);
            tally.check(transaction.at, accepted().count() <= 1, || {
                let by: Vec<_> = accepted().map(|offer| (offer.attempt, offer.driver_id)).collect();
                format!("trip {id} stands accepted by several, as attempt and driver: {by:?}")
            });
        }
    }
}

/// Invariant 7.
struct AcceptedInTime;

impl Oracle for AcceptedInTime {
    fn name(&self) -> &'static str {
        "accepted-in-time"
    }

    fn statement(&self) -> &'static str {
        "an offer is accepted while it is live, before it expires on the server's clock, under the driver's newest lease"
    }

    fn committed(&mut self, transaction: &Transaction, view: &View, tally: &mut Tally) {
        for pair in transaction.offers() {
            let status_before = pair.before.as_ref().map(|offer| offer.status);
            let Some(offer) = &pair.after else { continue };
            if offer.status != OfferStatus::Accepted || status_before == Some(OfferStatus::Accepted) {
                continue;
            }
            let newest = view.driver(offer.driver_id).map(|driver| driver.lease_token);
            let in_time = offer.decided_at_ns.is_some_and(|decided_at_ns| decided_at_ns < offer.expires_at_ns);
            let was_live = status_before == Some(OfferStatus::Live);
            // A driver whose record was never seen is not judged: it was there before the watch began.
            let newest_lease = newest.is_none_or(|newest| newest == offer.token);
            tally.check(transaction.at, was_live && in_time && newest_lease, || {
                format!(
                    "attempt {} of trip {} was {status_before:?} and accepted at {:?} ns of {} under token {} of {newest:?}",
                    offer.attempt, offer.trip_id, offer.decided_at_ns, offer.expires_at_ns, offer.token
                )
            });
        }
    }
}
