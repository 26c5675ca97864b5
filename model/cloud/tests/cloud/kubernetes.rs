//! A cluster as its pods and their callers see it.

mod nodes;
mod pods;
mod support;
