//! The suite of the database port: the model's store against PostgreSQL 15.
//!
//! A [`Script`] of several sessions runs on the real server ([`real`]); whatever it answers, and whomever it lets wait, the model
//! must answer too ([`compare`]). Where PostgreSQL leaves it to chance who goes first, any order will do that the model allows.
//! At SERIALIZABLE the two may refuse different transactions; there, what each commits must have a serial order ([`serial`]).

pub mod compare;
pub mod generate;
pub mod model;
pub mod real;
pub mod recording;
pub mod script;
pub mod serial;
pub mod tables;

pub use recording::{Move, Reply, Subject};
pub use script::Script;
