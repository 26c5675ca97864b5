//! Name servers, load balancers and the payment processor in a simulated network.

mod dns;
mod load_balancer;
mod processor;
mod support;
