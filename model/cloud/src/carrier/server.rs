//! The provider's process: takes its time, and then the message or not.

use std::cell::RefCell;
use std::rc::Rc;

use runtime::call::serve;
use runtime::random::{RngExt, Stream, mix, stream};

use super::parameters::Parameters;
use super::protocol::{Channel, PORT, Request, Response};
use crate::latency::Latency;

struct Server {
    parameters: Parameters,
    latency: Latency,
    latencies: RefCell<Stream>,
    failures: RefCell<Stream>,
}

/// Runs the provider in the current process.
///
/// # Panics
/// If its port is taken: two servers share a host.
pub(super) async fn run(parameters: Parameters) {
    let Parameters { latency_median, latency_p99, latency_max, .. } = parameters;
    let server = Rc::new(Server {
        parameters,
        latency: Latency::new(latency_median, latency_p99, latency_max),
        latencies: RefCell::new(stream("latencies")),
        failures: RefCell::new(stream("failures")),
    });
    let _port = serve(PORT, move |request: Request, _| {
        let server = server.clone();
        async move { server.take(request).await }
    })
    .expect("the provider has its host to itself");
    runtime::task::forever().await;
}

impl Server {
    async fn take(&self, request: Request) -> Response {
        let latency = self.latency.draw(&mut *self.latencies.borrow_mut());
        runtime::sleep(latency).await;
        if is_unreachable(request, self.parameters.unreachable_probability) {
            return Response::Unknown;
        }
        let failed = self.failures.borrow_mut().random::<f64>() < self.parameters.failure_probability;
        if failed { Response::Refused } else { Response::Taken }
    }
}

/// Whether a channel does not reach a person: always the same answer, so it is drawn by whom it is about.
fn is_unreachable(Request { channel, recipient }: Request, probability: f64) -> bool {
    let channel = match channel {
        Channel::Push => 1,
        Channel::Text => 2,
        Channel::Mail => 3,
    };
    let drawn = mix(mix(recipient as u64, channel), 0x0063_6172_7269_6572);
    (drawn as f64) < probability * (u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_people_are_never_reached_over_a_channel_and_mostly_over_another() {
        let unreached = |channel| -> Vec<i64> {
            (-5_000..5_000).filter(|&recipient| is_unreachable(Request { channel, recipient }, 0.02)).collect()
        };
        let (push, text) = (unreached(Channel::Push), unreached(Channel::Text));
        assert!((150..=250).contains(&push.len()) && (150..=250).contains(&text.len()));
        let both = push.iter().filter(|person| text.contains(person)).count();
        assert!(both < 20, "{both} of {} are reached by neither", push.len());
    }
}
