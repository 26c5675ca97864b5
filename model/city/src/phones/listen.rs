//! Looks at what is new - an offer, a trip's next step - and the push channel that spares most of them.
//!
//! A phone that listens sends its look as a request that the platform keeps until there is news. Where there is no channel, or it breaks, the
//! phone looks by itself at its beat, and listens again some time later; phones whose channel breaks at the same moment come back
//! spread over a beat, so that together they ask for no more than phones that never had one.

use std::rc::Rc;
use std::time::Duration;

use platform::api::gateway::{Action, Heard, Look, News, Response};
use ports::observe::{AttemptFailed, Kept, Observation};
use runtime::random::RngExt;
use runtime::time::nanos;
use runtime::{Time, now, sleep};

use super::answer::{Answer, Attempt, Unfulfilled};
use super::code;
use super::patience::about;
use super::phone::{Phone, trip_of};

/// For how many beats a look is kept at most. Assumption: three of 4 s, so that an offer whose nudge was lost is still found within its 15 s.
const KEPT_BEATS_MAX: u32 = 3;

/// For how long at most, unless one beat is longer. Assumption: 20 s, within the 30 s that a pod may take to end, so that a pod can see its
/// last requests off, and far below the 60 s after which a load balancer gives a request up.
const KEPT_MAX: Duration = Duration::from_secs(20);

/// Mean time after which a phone that looks by itself listens again. Assumption: 30 s.
const LISTENS_AGAIN: Duration = Duration::from_secs(30);

impl Phone {
    /// Whether the next look is one that the platform may keep.
    pub(super) fn listens(&self) -> bool {
        self.world.push && self.listens_from.get() <= now()
    }

    /// Looks once; or listens, where `alone` is what [`listens`](Self::listens) said, until there is news or it is time to look again.
    pub(super) async fn look(
        self: Rc<Self>,
        kind: &'static str,
        look: Look,
        (intended_at, every): (Time, Duration),
        alone: bool,
    ) -> Answer {
        if !alone {
            return self.tick(kind, looking(look), intended_at).await;
        }
        let (timeout, keep_for) = (self.world.patience.timeout, kept_for(every));
        let keep_for_ms = u32::try_from(keep_for.as_millis()).unwrap_or(u32::MAX);
        let action = Action::Listen { look, keep_for_ms };
        let trip = trip_of(&action);
        let listening = self.listens_for(kind, trip);
        let attempt = self.attempt(action, intended_at + keep_for + timeout).await;
        if let Some(listening) = listening {
            listening.ends(&attempt);
        }
        let passed = now().since(intended_at);
        let (kept, attempts, attempt) = match attempt {
            Ok(Response::Heard(Heard { news, kept_ns, hears })) => {
                if !hears {
                    self.look_by_itself();
                }
                let response = match news {
                    News::Offer(offer) => Response::Offer(offer),
                    News::Trip(view) => Response::Trip(view),
                };
                (Duration::from_nanos(kept_ns).min(passed), 1, Ok(response))
            }
            Err((_, error)) if code::is_broken_connection(error) => {
                self.look_by_itself();
                // Rare, and large: kept out of the looks that go well.
                let (kept, attempt) = Box::pin(self.look_after_all(kind, look, (intended_at, every), error)).await;
                (kept, 2, attempt)
            }
            attempt => {
                if let Err((Unfulfilled::GaveUp, _)) = attempt {
                    self.look_by_itself();
                }
                // Of a request that is never answered, the platform had been asked to keep it for so long.
                (if passed < keep_for { Duration::ZERO } else { keep_for.min(passed) }, 1, attempt)
            }
        };
        let spared = nanos(kept).div_ceil(nanos(every).max(1)).saturating_sub(1) as u32;
        self.observe(kind, trip, (intended_at + kept, Kept { span: kept, spared }), attempts, &attempt);
        attempt.map_err(|(why, _)| why)
    }

    /// The channel broke: the look that is now due comes somewhere within a beat. How long nothing was waited for, and what it showed.
    async fn look_after_all(
        &self,
        kind: &'static str,
        look: Look,
        (began_at, every): (Time, Duration),
        error: &'static str,
    ) -> (Duration, Attempt) {
        let failed = AttemptFailed { kind, actor: self.actor(), number: 1, began_at, ended_at: now(), error };
        self.world.observer.observe(&Observation::AttemptFailed(failed));
        let part: f64 = self.stream.borrow_mut().random();
        sleep(every.mul_f64(part)).await;
        let looked_at = now();
        let action = looking(look);
        let request = self.sends(kind, trip_of(&action));
        let attempt = self.attempt(action, looked_at + self.world.patience.timeout).await;
        if let Some(request) = request {
            request.ends(&attempt);
        }
        (looked_at.since(began_at), attempt)
    }

    fn look_by_itself(&self) {
        let pause = about(LISTENS_AGAIN, &mut self.stream.borrow_mut());
        self.listens_from.set(now() + pause);
    }
}

/// For how long a look is kept that would come at this beat: whole beats.
fn kept_for(every: Duration) -> Duration {
    let beats = (nanos(KEPT_MAX) / nanos(every).max(1)).clamp(1, KEPT_BEATS_MAX.into());
    every * beats as u32
}

/// The look that is answered at once.
fn looking(look: Look) -> Action {
    match look {
        Look::Offer => Action::PollOffer,
        Look::Trip { trip, .. } => Action::TripStatus { trip },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_kept_for_whole_beats_and_not_for_long() {
        let seconds = Duration::from_secs;
        let kept: Vec<u64> = [1, 4, 5, 8, 15, 25].map(|every| kept_for(seconds(every)).as_secs()).to_vec();
        assert_eq!(kept, [3, 12, 15, 16, 15, 25]);
    }
}
