//! The services together, on the engine: whole trips through real calls, and what crashes, doubts and races may not change.

mod cache;
mod crashes;
mod database;
mod dispatch;
mod endings;
mod erasure;
mod event_log;
mod events;
mod invariants;
mod listening;
mod locations;
mod money;
mod peers;
mod phones;
mod processor;
mod receipts;
mod retention;
mod surge;
mod trip;
mod vehicles;
mod world;
