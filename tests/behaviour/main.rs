//! The twin must behave as the thing does: move a cause, and its effect moves with it.

mod cluster;
mod database;
mod disasters;
mod listening;
mod network;
mod phones;
mod processor;
mod retries;
mod smoke;
mod stores;
mod support;
