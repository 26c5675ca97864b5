//! Sessions: tokens that the platform signs at sign-in and any service can check without asking anybody.

use serde::{Deserialize, Serialize};

use super::ids::{DriverId, OperatorId, RiderId};

/// For how long a session is good. Assumption: a working day.
pub const LIFETIME_NS: i64 = 12 * 3_600 * 1_000_000_000;

/// Who is calling, and in which role. Riders and drivers sign in with their phones; operators, who work for the platform, where the company
/// signs its people in: that is not modelled, and their tokens are signed with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Caller {
    Rider(RiderId),
    Driver(DriverId),
    Operator(OperatorId),
}

/// A signed statement that whoever holds it signed in as the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionToken {
    pub caller: Caller,
    pub expires_at_ns: i64,
    /// The first half of a keyed BLAKE3 over the other two.
    signature: [u8; 16],
}

/// Why a token is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("the session's signature is not ours")]
    Forged,
    #[error("the session expired at {expires_at_ns} ns and it is {now_ns} ns")]
    Expired { expires_at_ns: i64, now_ns: i64 },
}

/// What the services of one platform share in order to sign and check sessions.
#[derive(Clone, Copy)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// A token for the caller.
    pub fn sign(&self, caller: Caller, now_ns: i64) -> SessionToken {
        let expires_at_ns = now_ns + LIFETIME_NS;
        SessionToken { caller, expires_at_ns, signature: self.signature(caller, expires_at_ns) }
    }

    /// Who holds the token.
    pub fn check(&self, token: SessionToken, now_ns: i64) -> Result<Caller, SessionError> {
        if token.signature != self.signature(token.caller, token.expires_at_ns) {
            return Err(SessionError::Forged);
        }
        if now_ns >= token.expires_at_ns {
            return Err(SessionError::Expired { expires_at_ns: token.expires_at_ns, now_ns });
        }
        Ok(token.caller)
    }

    fn signature(&self, caller: Caller, expires_at_ns: i64) -> [u8; 16] {
        let (role, id) = match caller {
            Caller::Rider(rider) => (1, rider.0),
            Caller::Driver(driver) => (2, driver.0),
            Caller::Operator(operator) => (3, operator.0),
        };
        let mut message = [0; 17];
        message[0] = role;
        message[1..9].copy_from_slice(&id.to_le_bytes());
        message[9..].copy_from_slice(&expires_at_ns.to_le_bytes());
        let digest = blake3::keyed_hash(&self.0, &message);
        let mut signature = [0; 16];
        signature.copy_from_slice(&digest.as_bytes()[..16]);
        signature
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SessionKey(..)")
    }
}

/// What is stored of the secret that a phone signs in with. The secret is drawn at random, so one round is enough.
pub fn secret_digest(secret: u128) -> Vec<u8> {
    blake3::hash(&secret.to_le_bytes()).as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SessionKey = SessionKey([7; 32]);

    #[test]
    fn a_session_is_good_until_it_expires() {
        let caller = Caller::Rider(RiderId(1));
        let token = KEY.sign(caller, 100);
        assert_eq!(KEY.check(token, 99 + LIFETIME_NS), Ok(caller));
        let now_ns = 100 + LIFETIME_NS;
        assert_eq!(KEY.check(token, now_ns), Err(SessionError::Expired { expires_at_ns: now_ns, now_ns }));
    }

    #[test]
    fn nothing_about_a_session_can_be_changed() {
        let token = KEY.sign(Caller::Rider(RiderId(1)), 100);
        let forgeries = [
            SessionToken { caller: Caller::Rider(RiderId(2)), ..token },
            SessionToken { caller: Caller::Driver(DriverId(1)), ..token },
            SessionToken { caller: Caller::Operator(OperatorId(1)), ..token },
            SessionToken { expires_at_ns: token.expires_at_ns + 1, ..token },
            SessionKey([8; 32]).sign(token.caller, 100),
        ];
        for forgery in forgeries {
            assert_eq!(KEY.check(forgery, 100), Err(SessionError::Forged));
        }
    }
}
