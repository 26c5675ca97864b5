//! What people are shown: what they have done or seen does not come undone before their eyes, wherever it is read from.

use platform::domain::ids::TripId;
use ports::observe::{Observation, ReceiptRead};

use crate::oracle::{Oracle, Tally};
use crate::view::View;

pub(crate) fn oracles() -> Vec<Box<dyn Oracle>> {
    vec![Box::new(OwnWritesRead)]
}

/// Read your writes, and monotonic reads (Terry and others, "Session guarantees for weakly consistent replicated data", 1994).
struct OwnWritesRead;

impl OwnWritesRead {
    /// The oldest version that the phone may be shown. What a recovery left out nobody can show any more.
    fn owed(read: &ReceiptRead, view: &View) -> i64 {
        if !view.has_losses() {
            return read.seen_version;
        }
        let trip = view.dossier(TripId(read.trip)).and_then(|dossier| dossier.trip.as_ref());
        trip.map_or(0, |trip| read.seen_version.min(trip.version))
    }
}

impl Oracle for OwnWritesRead {
    fn name(&self) -> &'static str {
        "own-writes-read"
    }

    fn statement(&self) -> &'static str {
        "whoever has seen a trip in some state, by their own doing or not, is never shown an older one"
    }

    fn observed(&mut self, observation: &Observation, view: &View, tally: &mut Tally) {
        let Observation::ReceiptRead(read) = observation else { return };
        let owed = Self::owed(read, view);
        tally.check(read.at, read.shown_version >= owed, || {
            format!("trip {} was shown at version {} after {}", read.trip, read.shown_version, read.seen_version)
        });
    }
}
