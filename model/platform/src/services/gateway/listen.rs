//! Requests that are kept until there is news: how the platform reaches a phone that it cannot call.
//!
//! Whoever listens is enlisted before the first look, so that nothing falls between the two. A nudge only says that it is worth looking
//! again: what there is to say is read from the service that knows it. A nudge that is lost costs no more than the wait, since every
//! request begins with a look.

use std::time::Duration;

use runtime::call::CallContext;
use runtime::now;
use runtime::time::nanos;

use super::ear::Woken;
use super::{Gateway, driver};
use crate::api::gateway::{Heard, Look, News};
use crate::api::{ApiError, Reply, trips};
use crate::domain::session::Caller;

impl Gateway {
    /// What the caller looks for, at once if it is new or if nobody would tell of it; else as soon as it is, or after `keep_for`, or a call's
    /// length before the deadline: whoever stands between the phone and this replica must not lose patience first.
    pub(super) async fn listen(
        &self,
        caller: Caller,
        look: Look,
        keep_for: Duration,
        context: CallContext,
    ) -> Reply<Heard> {
        let enlisted = self.ear.enlist(caller);
        let kept_apart = context.remaining().saturating_sub(keep_for).max(self.config.calls.attempt_timeout);
        let news = self.look(caller, look, &mut context.at_most(kept_apart)).await?;
        let mut heard = Heard { news, kept_ns: 0, hears: enlisted.is_some() };
        let Some(enlisted) = enlisted else { return Ok(heard) };
        let since = now();
        let until = (since + keep_for).min(context.deadline - self.config.calls.attempt_timeout);
        while !heard.news.is_new(look) {
            let woken = enlisted.woken(until).await;
            heard.kept_ns = nanos(now().since(since));
            match woken {
                Woken::Nudged => match self.look(caller, look, &mut context.clone()).await {
                    Ok(news) => heard.news = news,
                    // The phone looks again by itself, and is told what is wrong.
                    Err(_) => {
                        heard.hears = false;
                        break;
                    }
                },
                Woken::Late => break,
                Woken::Deaf => {
                    heard.hears = false;
                    break;
                }
            }
        }
        Ok(heard)
    }

    async fn look(&self, caller: Caller, look: Look, context: &mut CallContext) -> Reply<News> {
        match look {
            Look::Offer => self.offer(driver(caller)?, context).await.map(News::Offer),
            Look::Trip { trip, .. } => {
                match self.services.trips.call(trips::Request::Status { caller, trip }, context).await? {
                    trips::Response::Trip(view) => Ok(News::Trip(view)),
                    trips::Response::Active(_) | trips::Response::Receipt(_) => Err(ApiError::Internal),
                }
            }
        }
    }
}
