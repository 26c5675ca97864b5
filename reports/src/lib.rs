//! From records to answers: measures, RTO and RPO, tables, charts and pages.
//!
//! A run hands each [`records::Record`] to a [`writer::Writer`] and to [`measures::Measures`]; what the measures conclude is a
//! [`report::Report`], drawn by [`terminal`] and [`html`]. [`rebuild`] feeds the same measures from the files instead.
//! Nothing here sees a live object, and nothing is printed that the measures did not compute.

pub mod drill;
pub mod error;
pub mod explain;
pub mod files;
pub mod format;
pub mod html;
pub mod measures;
pub mod objective;
pub mod outcome;
pub mod reader;
pub mod rebuild;
pub mod records;
pub mod report;
pub mod run;
pub mod schema;
mod story;
pub mod terminal;
pub mod writer;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod round_trip_tests;
