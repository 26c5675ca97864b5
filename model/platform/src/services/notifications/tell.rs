//! One notification, from its claim to its end: told, dropped, waiting in a retry topic, or dead.

use ports::database::{Database, Transaction};
use ports::event_log::Producer;

use super::{Carrier, CarrierError, DEAD_LETTERS, RETRIES, Teller};
use crate::domain::notification::{Fate, Notification, Telling};
use crate::domain::schema::{ToldNotification, TripNews};
use crate::services::clock::now_ns;
use crate::services::once::caller_number;
use crate::services::transaction::{Failure, update};

/// Whether a notification may be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    Ours,
    /// It was told, is no longer worth telling, or no longer so.
    Over,
    /// Somebody died while telling it over this channel.
    InDoubt,
}

impl<D: Database, P: Producer, C: Carrier> Teller<D, P, C> {
    /// Tells it, or sees to it that it is tried again, or gives it up.
    pub(super) async fn tell(&self, mut notification: Notification) {
        loop {
            let claim = async |transaction: &mut D::Transaction| claim(transaction, &notification).await;
            let fate = match self.insist(claim).await {
                Claim::Over => return,
                Claim::InDoubt => notification.failed(true, now_ns()),
                Claim::Ours => match self.deliver(&notification).await {
                    Ok(()) => return,
                    Err(error) => notification.failed(error == CarrierError::NoSuchRecipient, now_ns()),
                },
            };
            let (topic, notification_left) = match fate {
                Fate::Escalate(next) => {
                    notification = next;
                    continue;
                }
                Fate::Retry(number, next) => (RETRIES[number], next),
                Fate::Dead(last) => (DEAD_LETTERS, last),
            };
            let value = postcard::to_stdvec(&notification_left).expect("integers and enums always serialise");
            self.send(topic, notification_left.trip.0.to_be_bytes().to_vec(), value).await;
            return;
        }
    }

    async fn deliver(&self, notification: &Notification) -> Result<(), CarrierError> {
        let deadline = runtime::now() + self.config.carrier_timeout;
        let delivered = self.carrier.deliver(notification, deadline).await;
        runtime::fault_point!("notifications.after_delivery");
        let state = if delivered.is_ok() { Telling::Told } else { Telling::Failed };
        let row = row(notification, state);
        self.insist(async |transaction: &mut D::Transaction| update(transaction, &row).await).await;
        delivered
    }
}

/// Claims a notification for this process, if it is still worth telling.
async fn claim<X: Transaction>(transaction: &mut X, notification: &Notification) -> Result<Claim, Failure> {
    let row = row(notification, Telling::Claimed);
    let told = transaction.get_for_update::<ToldNotification>(row.key()).await?;
    let news = transaction.get::<TripNews>(notification.trip).await?;
    let newest = news.map_or((notification.sequence, notification.state), |news| (news.sequence, news.state));
    match told.map(|told| told.state) {
        Some(Telling::Told) if !runtime::planted::is("rebalance-replays") => return Ok(Claim::Over),
        _ if notification.check(newest, now_ns()).is_err() => return Ok(Claim::Over),
        Some(Telling::Claimed) => return Ok(Claim::InDoubt),
        Some(Telling::Failed | Telling::Told) => update(transaction, &row).await?,
        None => transaction.insert(&row).await?,
    }
    Ok(Claim::Ours)
}

fn row(notification: &Notification, state: Telling) -> ToldNotification {
    ToldNotification {
        trip_id: notification.trip,
        sequence: notification.sequence,
        recipient: caller_number(notification.recipient),
        channel: notification.channel,
        state,
        at_ns: now_ns(),
    }
}
