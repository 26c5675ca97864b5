//! Oracles over a history that the platform's own rules write: silent while it is good, and each one speaks alone when its fault is
//! planted.

mod memory;
mod planted_faults;
mod recovery;
mod script;
mod story;
