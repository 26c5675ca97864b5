//! One suite for the modelled stores and the real ones. A script says what several clients do and whose turn it is; a subject does
//! it, the model or the real server, and what the two answer is compared.
//!
//! A crate of its own, so that it links the stores and their live clients alone: not the command, and none of what reports need.
//! One module for each port, [`database`] and [`cache`], on the same [`live`] world.

pub mod cache;
pub mod database;
pub mod live;
