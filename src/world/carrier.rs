//! The provider of messages, as the notifications service knows it.

use cloud::carrier::{self, Client, ClientParameters, DeliveryError};
use platform::domain::notification::{Channel, Notification};
use platform::domain::session::Caller;
use platform::services::notifications::{Carrier, CarrierError};
use runtime::Time;
use runtime::net::Address;

/// A client of the provider.
#[derive(Clone)]
pub struct Provider(Client);

impl Provider {
    /// Belongs to the process that calls this.
    pub fn new(address: Address) -> Self {
        Provider(Client::new(address, ClientParameters::default()))
    }
}

impl Carrier for Provider {
    async fn deliver(&self, notification: &Notification, deadline: Time) -> Result<(), CarrierError> {
        let channel = match notification.channel {
            Channel::Push => carrier::Channel::Push,
            Channel::Sms => carrier::Channel::Text,
            Channel::Email => carrier::Channel::Mail,
        };
        // Riders and drivers are numbered apart; to the provider they are people.
        let recipient = match notification.recipient {
            Caller::Rider(rider) => rider.0,
            Caller::Driver(driver) => !driver.0,
            Caller::Operator(_) => return Err(CarrierError::NoSuchRecipient),
        };
        self.0.deliver(channel, recipient, deadline).await.map_err(|error| match error {
            DeliveryError::Unavailable => CarrierError::Unavailable,
            DeliveryError::NoSuchRecipient => CarrierError::NoSuchRecipient,
        })
    }
}
