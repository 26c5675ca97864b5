//! How long the database keeps what is over, before it goes to an archive.

use std::time::Duration;

use notation::section;
use notation::value::PositiveLength;

section! {
    /// What the platform's sweeps leave in the database. The archive is not modelled.
    pub struct Retention {
        /// Of an idempotency key, after its first use. Card processors: 24 hours (Stripe API documentation, 2023).
        idempotency_keys: Duration as PositiveLength = Duration::from_secs(24 * 3_600),
        /// Of a trip, after its last change, with all that hangs on it. Until then drivers may report late, and refunds may be asked for.
        /// Assumption.
        trips: Duration as PositiveLength = Duration::from_secs(3_600),
    }
}
