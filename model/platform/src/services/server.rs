//! The listening side of a service: its calls, and its health check.

use std::future::Future;
use std::rc::Rc;

use ports::health::{Health, HealthCheck};
use ports::metrics::REQUESTS_TAKEN;
use runtime::call::{CallContext, serve};
use runtime::net::{Frame, OpenPort};
use runtime::telemetry::gauge;

use super::Config;
use crate::api::{ApiError, Reply};

/// The open ports of a service.
#[must_use = "the ports close when this is dropped"]
pub struct Ports {
    _api: OpenPort,
    _health: OpenPort,
}

/// Opens the health check's port alone, of a service that nobody calls.
///
/// # Panics
/// As [`open`].
pub fn health_only(config: &Config) -> OpenPort {
    serve(config.health_port, |HealthCheck, _| async { Health::Healthy }).expect("the health port is free")
}

/// Opens the ports. Each request is counted, costs its processor time and is then handled. The health check is shallow: it says that the process answers,
/// not that its database does, or one lost database would take every replica out of service and leave nobody to say so.
///
/// # Panics
/// If a port is in use: a service has its ports to itself, so that is a mistake in the deployment, and the process ends as a real one would.
pub fn open<Q, A, F>(config: &Config, handle: impl Fn(Q, CallContext) -> F + 'static) -> Ports
where
    Q: Frame,
    A: Frame,
    F: Future<Output = Reply<A>> + 'static,
{
    let Config { cpu_per_request, fails_calls, .. } = *config;
    let (taken, handle) = (gauge(REQUESTS_TAKEN), Rc::new(handle));
    let api = serve(config.api_port, move |request: Q, context| {
        taken.add(1);
        let handle = handle.clone();
        async move {
            runtime::cpu::work(cpu_per_request).await;
            // Not before: until then the request alone is held.
            if fails_calls { Err(ApiError::Internal) } else { handle(request, context).await }
        }
    });
    let health = serve(config.health_port, |HealthCheck, _| async { Health::Healthy });
    Ports { _api: api.expect("the API port is free"), _health: health.expect("the health port is free") }
}
