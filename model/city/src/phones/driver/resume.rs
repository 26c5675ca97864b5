//! A driver who waits for an offer and hears of a trip instead: the platform has forgotten how it ended, or gave one that this phone never
//! heard it had.

use platform::api::gateway::{Action, Response};
use runtime::now;

use super::{Driver, Kept};

impl Driver {
    /// Tells again what the phone kept of the trip that the platform speaks of, or gives it back if it kept nothing.
    pub(super) async fn resume(&self) {
        let asked = self.phone.act("active-trip", &Action::ActiveTrip, now()).await;
        let Ok(Response::ActiveTrip(Some(view))) = asked else { return };
        let Some(assignment) = view.assignment.filter(|assignment| assignment.driver == self.id) else { return };
        let kept = self.kept.take().filter(|kept| (kept.trip, kept.assignment) == (view.id, assignment));
        let Some(Kept { told, .. }) = kept.as_ref() else {
            let cancel = Action::CancelTrip { trip: view.id, key: self.phone.new_key() };
            // A trip that cannot be given back any more is presumed over in the end.
            let _ = self.phone.insist("cancel", &cancel, now()).await;
            return;
        };
        for &progress in told {
            let action = Action::Advance { trip: view.id, assignment, progress, key: self.phone.new_key() };
            // What the platform still knows is refused as out of turn, and the next is told.
            let _ = self.phone.insist("progress", &action, now()).await;
        }
        self.kept.replace(kept);
    }
}
