//! Tables of money: quotes, payments, the journal and balances. Amounts are minor units.

use ports::IdempotencyKey;
use ports::record;

use super::vehicles::VehicleClass;
use crate::domain::coded::coded;
use crate::domain::ids::{QuoteId, RiderId, TripId};
use crate::domain::money::Currency;

coded! {
    /// Where a payment stands.
    pub enum PaymentState {
        None = 1,
        AuthorisationPending = 2,
        /// The processor did not answer: the card may be authorised or not.
        AuthorisationUnknown = 3,
        Authorised = 4,
        CapturePending = 5,
        CaptureUnknown = 6,
        Captured = 7,
        VoidPending = 8,
        VoidUnknown = 9,
        Voided = 10,
        /// The processor declined.
        Failed = 11,
    }
}

coded! {
    /// What an account is for.
    pub enum AccountKind {
        /// What is held on a rider's card.
        RiderHold = 1,
        /// The other side of all holds.
        HoldsContra = 2,
        /// What the processor took for us and has not paid out.
        ProcessorClearing = 3,
        /// What we owe a driver.
        DriverPayable = 4,
        Commission = 5,
        TaxPayable = 6,
        TollsPayable = 7,
        /// What a rider owes us, because no card gave it.
        RiderReceivable = 8,
        /// What is on its way to drivers' bank accounts.
        PayoutsInTransit = 9,
    }
}

coded! {
    /// What a journal records. A trip has at most one of each.
    pub enum JournalKind {
        Authorisation = 1,
        Capture = 2,
        Void = 3,
        /// A capture of the fee for cancelling late or not coming.
        CancellationFee = 4,
        /// A fare that no card gave: the rider owes it, and the driver is owed all the same.
        Arrears = 5,
        /// Part of a capture, given back. A trip may have several, told apart by their lines.
        Refund = 6,
        /// A payout leaves its driver's account; its journal has a number of its own, below zero.
        PayoutBegun = 7,
        PayoutMade = 8,
        /// A payout that was declined is back on its driver's account.
        PayoutReturned = 9,
    }
}

coded! {
    /// Where the money goes.
    pub enum MovementKind {
        /// Part of a trip's capture, back to the rider. Its owner is the trip, its number counts the trip's refunds from 1.
        Refund = 1,
        /// A driver's earnings. Its owner is the driver, its number the period: one payout a driver and period.
        Payout = 2,
    }
}

coded! {
    /// Where a movement stands.
    pub enum MovementState {
        Pending = 1,
        /// The processor did not answer: it is to be asked, and nothing is to be sent.
        Unknown = 2,
        Done = 3,
        /// The processor declined.
        Refused = 4,
    }
}

record! {
    /// What the rider was promised.
    pub struct Quote in "quotes" as 6 {
        id: QuoteId,
        rider_id: RiderId,
        pickup_latitude_microdegrees: i32,
        pickup_longitude_microdegrees: i32,
        dropoff_latitude_microdegrees: i32,
        dropoff_longitude_microdegrees: i32,
        /// The H3 cell whose surge applies: the bits of its number.
        cell: i64,
        multiplier_per_mille: u32,
        /// The surge snapshot that the multiplier is from; none if there was no fresh one, and then the multiplier is 1,000.
        surge_version: Option<i64>,
        surge_expires_at_ns: Option<i64>,
        estimated_distance_m: u32,
        estimated_duration_s: u32,
        /// The shortest time in which the path can be driven.
        free_flow_duration_s: u32,
        /// What the rider wants to ride in; none takes any.
        vehicle_class: Option<VehicleClass>,
        tolls_minor: i64,
        estimate_minor: i64,
        /// The rider never pays more than this, and this is what the card is asked for.
        ceiling_minor: i64,
        currency: Currency,
        created_at_ns: i64,
        expires_at_ns: i64,
    }
    key(id)
    plain BY_EXPIRY(expires_at_ns)
}

record! {
    /// The payment of a trip: one a trip, changed only as [`Payment`]'s methods allow.
    pub struct Payment in "payments" as 7 {
        trip_id: TripId,
        rider_id: RiderId,
        state: PaymentState,
        currency: Currency,
        authorised_minor: i64,
        captured_minor: i64,
        /// What was given back of it, or is promised to be.
        refunded_minor: i64,
        /// What the operation under way is to take, if one is.
        pending_minor: Option<i64>,
        /// Names the operation under way at the processor.
        pending_key: Option<IdempotencyKey>,
        /// Names the authorisation that captures and voids refer to.
        authorisation_key: Option<IdempotencyKey>,
        /// Until when whoever is asking the processor about the operation under way is left alone. Also that one's fencing token: whoever
        /// comes back with an answer and finds another time here was too late, and the answer is not used.
        claimed_until_ns: i64,
        updated_at_ns: i64,
    }
    key(trip_id)
    plain BY_STATE(state, updated_at_ns)
    plain BY_RIDER(rider_id, state)
}

record! {
    /// Money given back to a rider or paid out to a driver: changed only as [`Movement`]'s methods allow.
    pub struct Movement in "movements" as 13 {
        kind: MovementKind,
        /// The trip of a refund, the driver of a payout.
        owner: i64,
        /// Which refund of the trip, from 1; the period of the payout.
        number: i64,
        currency: Currency,
        amount_minor: i64,
        /// Of a refund: who gives back how much of it.
        driver_pay_minor: i64,
        commission_minor: i64,
        tax_minor: i64,
        tolls_minor: i64,
        /// Of a refund: names the authorisation whose capture is given back.
        authorisation_key: Option<IdempotencyKey>,
        state: MovementState,
        /// Names the operation at the processor.
        pending_key: IdempotencyKey,
        /// As a payment's.
        claimed_until_ns: i64,
        updated_at_ns: i64,
    }
    key(kind, owner, number)
    plain BY_STATE(state, updated_at_ns)
}

record! {
    /// One line of a journal. Inserted once, never changed, and deleted with its trip, when it is carried forward. A trip has at most one
    /// journal of a kind, so its key keeps it from being written twice.
    pub struct JournalEntry in "journal_entries" as 8 {
        trip_id: TripId,
        kind: JournalKind,
        line: i64,
        account: AccountKind,
        /// The driver or rider whose account it is; 0 for accounts of the platform.
        owner: i64,
        currency: Currency,
        /// Debits are positive, credits negative.
        amount_minor: i64,
        at_ns: i64,
    }
    key(trip_id, kind, line)
    plain BY_TRIP(trip_id)
}

record! {
    /// The sum of an account's entries, deleted ones included. Only accounts of people have one: a row for the platform's would be a
    /// lock that all trips queue at.
    pub struct Balance in "balances" as 9 {
        account: AccountKind,
        owner: i64,
        currency: Currency,
        amount_minor: i64,
        /// How many entries the amount sums.
        entries: i64,
    }
    key(account, owner, currency)
    plain BY_AMOUNT(account, amount_minor)
}

record! {
    /// The balance carried forward: the part of an account's [`Balance`] whose entries are deleted. Only whoever deletes them writes it,
    /// so that no payment waits for that.
    pub struct CarriedBalance in "carried_balances" as 18 {
        account: AccountKind,
        owner: i64,
        currency: Currency,
        amount_minor: i64,
        entries: i64,
    }
    key(account, owner, currency)
}
