//! What a phone asked the platform last on its owner's behalf, and what it heard: why its owner is still in the middle of something.
//!
//! Pings and looks for offers are no part of it: they go on whether or not anything is pending.

use std::cell::RefCell;
use std::fmt;

use platform::api::gateway::{self, News, Response};
use platform::domain::trip::State;

use super::answer::{Attempt, Unfulfilled};

/// What a phone waits for in its owner's journey, and the last answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// What has neither an answer nor been given up, in the order in which the first of each was sent. It keeps its place in memory when
    /// it is empty: a phone changes it at every request.
    under_way: Vec<Alike>,
    heard: Option<Heard>,
}

/// Requests under way that wait for the same. People read of them, not how many they are: that differs between phones in the same trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Alike {
    awaited: Awaited,
    count: u32,
    /// Whether the last answer may have come after one of them was sent.
    heard_meanwhile: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// The answer to a request of this kind.
    Answer(&'static str),
    /// Whatever happens next: the platform keeps the look until then, or for so long as it was asked to.
    News,
}

/// How a request of this kind ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heard {
    kind: &'static str,
    answer: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// Where the trip stands.
    Trip(State),
    Granted,
    Refused(&'static str),
    /// Nothing that would end it: no answer, or that of a platform in trouble.
    Nothing(&'static str),
}

/// One request under way, until this is dropped: whoever waits for the answer may be dropped first.
#[must_use]
pub(super) struct UnderWay<'a> {
    asked: &'a RefCell<Asked>,
    kind: &'static str,
    awaited: Awaited,
}

impl Asked {
    /// A request of this kind is sent.
    pub(super) fn sends<'a>(asked: &'a RefCell<Asked>, kind: &'static str) -> UnderWay<'a> {
        UnderWay::new(asked, kind, Awaited::Answer(kind))
    }

    /// A look of this kind is sent that the platform keeps until there is news.
    pub(super) fn listens<'a>(asked: &'a RefCell<Asked>, kind: &'static str) -> UnderWay<'a> {
        UnderWay::new(asked, kind, Awaited::News)
    }

    fn begin(&mut self, awaited: Awaited) {
        match self.under_way.iter_mut().find(|alike| alike.awaited == awaited) {
            Some(alike) => alike.count += 1,
            None => self.under_way.push(Alike { awaited, count: 1, heard_meanwhile: false }),
        }
    }

    fn end(&mut self, awaited: Awaited) {
        if let Some(place) = self.under_way.iter().position(|alike| alike.awaited == awaited) {
            self.under_way[place].count -= 1;
            if self.under_way[place].count == 0 {
                self.under_way.remove(place);
            }
        }
    }

    fn hear(&mut self, heard: Heard) {
        self.heard = Some(heard);
        self.under_way.iter_mut().for_each(|alike| alike.heard_meanwhile = true);
    }

    /// What the phone waits for, if it does.
    fn waiting(&self) -> Option<String> {
        let listens = self.under_way.iter().any(|alike| alike.awaited == Awaited::News);
        let quoted = |alike: &Alike| match alike.awaited {
            Awaited::Answer(kind) => Some(format!("`{kind}`")),
            Awaited::News => None,
        };
        let kinds: Vec<String> = self.under_way.iter().filter_map(quoted).collect();
        let requests = match kinds.as_slice() {
            [] => return listens.then(|| "its phone listens for news".to_owned()),
            [kind] => format!("its phone's request {kind} has no answer yet"),
            [others @ .., last] => format!("its phone's requests {} and {last} have no answer yet", others.join(", ")),
        };
        Some(if listens { format!("{requests}, and it listens for news") } else { requests })
    }
}

impl<'a> UnderWay<'a> {
    fn new(asked: &'a RefCell<Asked>, kind: &'static str, awaited: Awaited) -> UnderWay<'a> {
        asked.borrow_mut().begin(awaited);
        UnderWay { asked, kind, awaited }
    }

    /// The request has ended like this.
    pub(super) fn ends(self, attempt: &Attempt) {
        let answer = match attempt {
            Ok(Response::Trip(view) | Response::Heard(gateway::Heard { news: News::Trip(view), .. })) => {
                Said::Trip(view.state)
            }
            Ok(_) => Said::Granted,
            Err((Unfulfilled::Answered(_), code)) => Said::Refused(code),
            Err((Unfulfilled::GaveUp, code)) => Said::Nothing(code),
        };
        self.asked.borrow_mut().hear(Heard { kind: self.kind, answer });
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.asked.borrow_mut().end(self.awaited);
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meanwhile = self.under_way.iter().any(|alike| alike.heard_meanwhile);
        match (self.waiting(), self.heard) {
            (None, None) => write!(out, "its phone waits for no answer and has heard none"),
            (None, Some(heard)) => write!(out, "{heard}{}", heard.what_follows()),
            (Some(waiting), None) => write!(out, "{waiting}; nothing has been answered so far"),
            (Some(waiting), Some(heard)) if meanwhile => write!(out, "{waiting}; meanwhile, {heard}"),
            (Some(waiting), Some(heard)) => write!(out, "{waiting}; before that, {heard}"),
        }
    }
}

impl Heard {
    /// What the phone does where nothing is under way.
    fn what_follows(self) -> &'static str {
        match self.answer {
            Said::Trip(_) | Said::Granted => "",
            Said::Refused(_) => ", and its phone has not asked again",
            Said::Nothing(_) => ", and its phone waits before it asks again",
        }
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Heard { kind, answer } = self;
        match answer {
            Said::Trip(state) => write!(out, "the platform answered `{kind}`: the trip {}", standing(*state)),
            Said::Granted => write!(out, "the platform granted `{kind}`"),
            Said::Refused(code) => write!(out, "the platform refused `{kind}` ({code})"),
            Said::Nothing(code) => write!(out, "the request `{kind}` failed ({code})"),
        }
    }
}

/// Where a trip stands, as an app would put it.
fn standing(state: State) -> &'static str {
    match state {
        State::Quoted | State::QuoteExpired => "is only quoted",
        State::Requested | State::Matching | State::Offered => "has no driver yet",
        State::Accepted => "has a driver, who has not set off",
        State::EnRoutePickup => "has a driver on the way",
        State::Arrived => "has its driver at the pickup",
        State::InProgress => "has begun",
        State::Completed | State::PaymentPending | State::Settled | State::PaymentFailed | State::Arrears => "is over",
        State::CancelledByRider | State::CancelledByDriver | State::CancelledBySystem => "is cancelled",
        State::NoDriversFound => "found no driver",
        State::NoShow => "ended without its rider",
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use platform::api::ApiError;

    use super::super::code;
    use super::*;

    fn text(asked: &RefCell<Asked>) -> String {
        asked.borrow().to_string()
    }

    #[test]
    fn a_phone_says_what_it_waits_for_and_what_it_heard_last() {
        let refused = Err((Unfulfilled::Answered(ApiError::NotFound), code::of_error(ApiError::NotFound)));
        let failed = Err((Unfulfilled::GaveUp, code::of_error(ApiError::Unavailable)));
        let asked = RefCell::default();
        assert_eq!(text(&asked), "its phone waits for no answer and has heard none");
        let sign_in = Asked::sends(&asked, "sign-in");
        assert_eq!(text(&asked), "its phone's request `sign-in` has no answer yet; nothing has been answered so far");
        sign_in.ends(&Ok(Response::Done));
        assert_eq!(text(&asked), "the platform granted `sign-in`");
        let request = Asked::sends(&asked, "request");
        assert_eq!(
            text(&asked),
            "its phone's request `request` has no answer yet; before that, the platform granted `sign-in`"
        );
        request.ends(&failed);
        assert_eq!(
            text(&asked),
            "the request `request` failed (unavailable), and its phone waits before it asks again"
        );
        Asked::sends(&asked, "request").ends(&refused);
        assert_eq!(text(&asked), "the platform refused `request` (not-found), and its phone has not asked again");
        let look = Asked::listens(&asked, "status");
        assert_eq!(text(&asked), "its phone listens for news; before that, the platform refused `request` (not-found)");
        let cancel = Asked::sends(&asked, "cancel");
        assert_eq!(
            text(&asked),
            "its phone's request `cancel` has no answer yet, and it listens for news; before that, the platform \
             refused `request` (not-found)"
        );
        cancel.ends(&failed);
        assert_eq!(text(&asked), "its phone listens for news; meanwhile, the request `cancel` failed (unavailable)");
        look.ends(&Ok(Response::Done));
        assert_eq!(text(&asked), "the platform granted `status`");
    }

    #[test]
    fn requests_that_overlap_are_under_way_until_the_last_of_their_kind_has_ended() {
        let done = Ok(Response::Done);
        let asked = RefCell::default();
        let cancel = Asked::sends(&asked, "cancel");
        let [first, second] = ["status"; 2].map(|kind| Asked::sends(&asked, kind));
        first.ends(&done);
        assert_eq!(
            text(&asked),
            "its phone's requests `cancel` and `status` have no answer yet; meanwhile, the platform granted `status`"
        );
        second.ends(&done);
        assert_eq!(
            text(&asked),
            "its phone's request `cancel` has no answer yet; meanwhile, the platform granted `status`"
        );
        let third = Asked::sends(&asked, "status");
        cancel.ends(&done);
        drop(third);
        let fourth = Asked::sends(&asked, "status");
        assert_eq!(
            text(&asked),
            "its phone's request `status` has no answer yet; before that, the platform granted `cancel`"
        );
        fourth.ends(&done);
    }

    #[test]
    fn a_request_inside_another_leaves_it_under_way() {
        let asked = RefCell::default();
        let quote = Asked::sends(&asked, "quote");
        Asked::sends(&asked, "sign-in").ends(&Ok(Response::Done));
        assert_eq!(
            text(&asked),
            "its phone's request `quote` has no answer yet; meanwhile, the platform granted `sign-in`"
        );
        quote.ends(&Ok(Response::Done));
    }

    #[test]
    fn a_request_that_nobody_waits_for_any_more_is_not_under_way() {
        let asked = RefCell::default();
        {
            let mut request = pin!(async {
                let cancel = Asked::sends(&asked, "cancel");
                cancel.ends(&pending().await);
            });
            assert!(request.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(text(&asked).contains("`cancel`"), "{}", text(&asked));
        }
        assert_eq!(text(&asked), "its phone waits for no answer and has heard none");
    }
}
