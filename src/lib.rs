//! The `rehearse` command and what it is made of: scenarios in, rehearsals, answers out.
//!
//! In the order of a run: [`cli`] says what is asked for, [`prepare`] makes sure that it makes sense, [`world`] builds
//! it on an engine, [`rehearsal`] lives it, [`recorder`] writes it down; [`following`] lives it again for one trip's sake. [`verify`] holds runs to their seed, and [`chaos`] looks for seeds that break something.

#[cfg(feature = "canary")]
mod canary;
pub mod chaos;
pub mod cli;
pub mod commands;
pub mod exit;
pub mod following;
pub mod not_modelled;
pub mod other_engines;
pub mod prepare;
pub mod recorder;
pub mod rehearsal;
pub mod reproduce;
pub mod settlement;
pub mod verify;
pub mod world;
