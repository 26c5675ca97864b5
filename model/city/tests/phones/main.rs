//! Phones against a platform that does as it is told: rates, rides, and what phones do when it does not answer.

mod listening;
mod platform;
mod rates;
mod rides;
mod support;
mod trouble;
