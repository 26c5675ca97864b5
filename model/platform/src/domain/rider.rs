//! What the platform knows of a rider as a person, and how it forgets it.
//!
//! What is left of a rider who is forgotten is a number, on trips and in the books: a pseudonym that nothing ties to a person any more.

use super::schema::Rider;

pub use super::phone_number::PhoneNumber;
pub use super::schema::accounts::Erasure;

impl Rider {
    /// Notes the wish to be forgotten; false if it was known.
    pub fn ask_erasure(&mut self, now_ns: i64) -> bool {
        let is_new = self.erasure.is_none();
        if is_new {
            (self.erasure, self.erasure_at_ns) = (Some(Erasure::Asked), Some(now_ns));
        }
        is_new
    }

    /// Whether the wish is old enough to be carried out.
    pub fn is_erasure_due(&self, delay_ns: i64, now_ns: i64) -> bool {
        let asked_at_ns = self.erasure_at_ns.filter(|_| self.erasure == Some(Erasure::Asked));
        asked_at_ns.is_some_and(|asked_at_ns| asked_at_ns + delay_ns <= now_ns)
    }

    /// Forgets the person.
    pub fn erase(&mut self, now_ns: i64) {
        if !runtime::planted::is("erasure-forgets-a-column") {
            self.phone_number = None;
        }
        (self.card_token, self.secret_digest) = (None, None);
        (self.erasure, self.erasure_at_ns) = (Some(Erasure::Done), Some(now_ns));
    }

    /// Whether nothing is known of the person.
    pub fn is_forgotten(&self) -> bool {
        self.phone_number.is_none() && self.card_token.is_none() && self.secret_digest.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RiderId;

    fn rider() -> Rider {
        Rider {
            id: RiderId(1),
            phone_number: Some(PhoneNumber(12_125_550_123)),
            card_token: Some(2),
            secret_digest: Some(vec![3]),
            erasure: None,
            erasure_at_ns: None,
            created_at_ns: 4,
        }
    }

    #[test]
    fn a_wish_is_carried_out_when_it_is_old_enough_and_leaves_a_number() {
        let mut rider = rider();
        assert!(!rider.is_erasure_due(10, i64::MAX));
        assert_eq!([rider.ask_erasure(100), rider.ask_erasure(200)], [true, false]);
        assert_eq!([109, 110].map(|now_ns| rider.is_erasure_due(10, now_ns)), [false, true]);
        assert!(!rider.is_forgotten());
        rider.erase(120);
        assert!(rider.is_forgotten() && !rider.is_erasure_due(10, i64::MAX));
        assert!(!rider.ask_erasure(130), "it is done");
        assert_eq!((rider.id, rider.created_at_ns, rider.erasure_at_ns), (RiderId(1), 4, Some(120)));
    }
}
