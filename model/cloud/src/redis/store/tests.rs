//! The store against a little model that is obviously right, and what the model does not know: memory, rounds, replicas.

mod edges;
mod generated;
mod model;
