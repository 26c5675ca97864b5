//! Name servers, load balancers and whoever is outside in a simulated network.

mod carrier;
mod dns;
mod load_balancer;
mod processor;
mod support;
