//! The messages of the platform: what phones send to the gateway, and what services send each other. One request and one response
//! enum a service; coordinates, money and times are integers, so every message can be hashed and compared.
//!
//! Every request may be sent twice: it only reads, or it carries an idempotency key, or it names what is to be so. Deadline and retry budget
//! travel beside it, in [`runtime::call::CallContext`].

pub mod error;
pub mod gateway;
pub mod geo;
pub mod matching;
pub mod payments;
pub mod pricing;
pub mod trips;
pub mod users;
pub mod vehicles;

pub use error::ApiError;

/// What every service answers.
pub type Reply<R> = Result<R, ApiError>;
