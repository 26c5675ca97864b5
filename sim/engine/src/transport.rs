//! TCP as far as services can tell: dialling, arrival in order, silence and resets, resending, keepalive.

use std::rc::Rc;
use std::time::Duration;

use runtime::Time;
use runtime::backend::{ConnectionId, Endpoint, Side};
use runtime::net::{Address, Closed, HostId};
use runtime::random::mix;
use runtime::world::{INTERNET, ProcessId};

use crate::connections::{End, EndState, Keepalive, Loss, Stall};
use crate::core::{Core, Event, WORLD, word};
use crate::network::Distance;
use crate::trace::Kind;

/// Bytes of Ethernet, IPv4 and TCP headers a frame travels with (14 + 20 + 32 with timestamps).
const HEADER_BYTES: u32 = 66;

/// What became of a frame, or a notice, at its time of arrival.
enum Arrival {
    To(ProcessId, Rc<dyn Endpoint>),
    /// The receiver's host is up but knows no such connection.
    Unknown,
    /// Its host is silent or the path is cut.
    Lost,
    /// The receiver closed this connection itself.
    Ignored,
}

impl Core {
    fn distance(&self, from: HostId, to: HostId) -> Distance {
        let hosts = self.hosts.borrow();
        let (a, b) = (&hosts[from.0 as usize].spec, &hosts[to.0 as usize].spec);
        match (from == to, a.zone == b.zone, a.region == b.region) {
            (true, ..) => Distance::SameHost,
            _ if a.region == INTERNET || b.region == INTERNET => Distance::Internet,
            (_, true, true) => Distance::SameZone,
            (_, _, true) => Distance::CrossZone,
            _ => Distance::CrossRegion,
        }
    }

    fn resend_interval(&self, attempt: u8) -> Duration {
        self.network.borrow().transport.resend_interval(attempt)
    }

    /// Can a packet pass between two hosts that are powered?
    fn reaches(&self, from: HostId, to: HostId) -> bool {
        !self.troubled.get() || (self.hosts.borrow()[to.0 as usize].powered && self.network.borrow().passes(from, to))
    }

    pub(crate) fn dial(&self, to: Address, offer: Rc<dyn std::any::Any>, endpoint: Rc<dyn Endpoint>) -> ConnectionId {
        let process = self.current.get();
        let (host, ordinal, name) = {
            let mut processes = self.processes.borrow_mut();
            let entry = &mut processes[process.0 as usize];
            entry.dials += 1;
            (entry.host, entry.dials, entry.name.clone())
        };
        let name = xxhash_rust::xxh3::xxh3_64(name.as_bytes());
        let key = word(&[self.seed, name, ordinal, u64::from(to.host.0), u64::from(to.port)]);
        let end = |process, host, endpoint| End {
            process,
            host,
            state: EndState::Opening,
            endpoint,
            last_arrival: self.clock.get(),
            frames_sent: 0,
            stall: None,
            keepalive: None,
            probing: false,
        };
        let ends = [end(process, host, Some(endpoint)), end(WORLD, to.host, None)];
        let distance = self.distance(host, to.host);
        let id = self.connections.borrow_mut().insert(ends, to, key, distance, offer);
        self.record(process, Kind::Dial, key);
        let at = self.clock.get() + Duration::from_nanos(self.network.borrow().delay(host, to.host, distance, key));
        self.schedule(at, Event::Dial { connection: id, attempt: 0 });
        id
    }

    /// A dial reaches the server's host, or is lost on the way and resent.
    pub(crate) fn arrive(&self, id: ConnectionId, attempt: u8) {
        let (from, to, offer) = {
            let mut connections = self.connections.borrow_mut();
            let Some(connection) = connections.get(id) else { return };
            if connection.ends[0].state != EndState::Opening {
                // The dialler went away; nobody else knows of the connection yet.
                drop(connections.end(id, Side::Server, EndState::Closed));
                return;
            }
            (connection.ends[0].host, connection.to, connection.offer.clone())
        };
        if attempt > self.network.borrow().transport.syn_retries {
            return self.refuse(id, Closed::TimedOut, Duration::ZERO);
        }
        if !self.reaches(from, to.host) || !self.reaches(to.host, from) {
            let next = self.clock.get() + self.network.borrow().transport.redial_interval(attempt);
            self.schedule(next, Event::Dial { connection: id, attempt: attempt.saturating_add(1) });
            return;
        }
        let port = self.ports.borrow().get(&to).map(|port| (port.process, port.acceptor.clone()));
        let back = self.one_way(id, Side::Server);
        let Some((process, acceptor)) = port else { return self.refuse(id, Closed::Refused, back) };
        self.record(process, Kind::Accept, word(&[u64::from(from.0), u64::from(to.port)]));
        let former = self.current.replace(process);
        let accepted = acceptor.accept_typed(id, offer.expect("an unanswered dial holds its offer"));
        self.current.set(former);
        match accepted {
            Err(reason) => self.refuse(id, reason, back),
            Ok(endpoint) => {
                let opens = self.clock.get() + back;
                if let Some(connection) = self.connections.borrow_mut().get(id) {
                    connection.offer = None;
                    let end = &mut connection.ends[Side::Server as usize];
                    (end.process, end.endpoint, end.state) = (process, Some(endpoint), EndState::Open);
                    end.last_arrival = opens;
                }
                self.schedule(opens, Event::Open { connection: id });
            }
        }
    }

    /// A latency for a packet that carries no frame.
    fn one_way(&self, id: ConnectionId, from: Side) -> Duration {
        let mut connections = self.connections.borrow_mut();
        let Some(connection) = connections.get(id) else { return Duration::ZERO };
        let (a, b) = (connection.ends[from as usize].host, connection.ends[from.other() as usize].host);
        let draw = mix(connection.key, u64::MAX - from as u64);
        Duration::from_nanos(self.network.borrow().delay(a, b, connection.distance, draw))
    }

    fn refuse(&self, id: ConnectionId, reason: Closed, after: Duration) {
        drop(self.connections.borrow_mut().end(id, Side::Server, EndState::Closed));
        let close = Event::Close { connection: id, to: Side::Client, reason, attempt: 0 };
        self.schedule(self.clock.get() + after, close);
    }

    /// The server's answer reaches the dialler.
    pub(crate) fn open(&self, id: ConnectionId) {
        let (process, endpoint) = {
            let mut connections = self.connections.borrow_mut();
            let Some(connection) = connections.get(id) else { return };
            let end = &mut connection.ends[0];
            if end.state != EndState::Opening {
                return;
            }
            end.state = EndState::Open;
            (end.process, end.endpoint.clone())
        };
        self.record(process, Kind::Open, 0);
        self.current.set(process);
        endpoint.expect("an open end has its endpoint").opened();
    }

    /// A frame leaves.
    #[inline]
    pub(crate) fn sent(&self, id: ConnectionId, side: Side, digest: u64, bytes: u32) {
        let mut connections = self.connections.borrow_mut();
        let Some(connection) = connections.get(id) else { return };
        let (key, distance, to) = (connection.key, connection.distance, connection.ends[side.other() as usize].host);
        let end = &mut connection.ends[side as usize];
        if !matches!(end.state, EndState::Open) {
            return;
        }
        end.frames_sent += 1;
        if let Some(stall) = &mut end.stall {
            stall.frames.push_back(digest);
            return;
        }
        let draw = mix(key, end.frames_sent << 1 | side as u64);
        let left = self.hosts.borrow_mut()[end.host.0 as usize].egress(self.clock.get().nanos(), bytes + HEADER_BYTES);
        let delay = self.network.borrow().delay(end.host, to, distance, draw);
        let at = Time((left + delay).max(end.last_arrival.nanos() + 1));
        end.last_arrival = at;
        self.schedule(at, Event::Deliver { connection: id, to: side.other(), digest });
    }

    /// A frame arrives, or is found lost and will be resent.
    #[inline]
    pub(crate) fn deliver(&self, id: ConnectionId, to: Side, digest: u64) {
        let arrival = {
            let mut connections = self.connections.borrow_mut();
            let Some(connection) = connections.get(id) else { return };
            if let Some(stall) = &mut connection.ends[to.other() as usize].stall {
                stall.frames.push_back(digest);
                return;
            }
            self.arrival(&connection.ends[to.other() as usize], &connection.ends[to as usize])
        };
        match arrival {
            Arrival::To(process, endpoint) => {
                self.record(process, Kind::Deliver, digest);
                self.current.set(process);
                endpoint.deliver();
            }
            Arrival::Ignored => {}
            Arrival::Unknown => self.reset_sender(id, to.other()),
            Arrival::Lost => {
                if let Some(connection) = self.connections.borrow_mut().get(id) {
                    let frames = [digest].into();
                    connection.ends[to.other() as usize].stall = Some(Box::new(Stall { attempt: 0, frames }));
                }
                self.schedule(self.clock.get() + self.resend_interval(0), Event::Retransmit { connection: id, to });
            }
        }
    }

    #[inline]
    fn arrival(&self, from: &End, to: &End) -> Arrival {
        if !self.reaches(from.host, to.host) {
            return Arrival::Lost;
        }
        match (to.state, &to.endpoint) {
            (EndState::Open, Some(endpoint)) => Arrival::To(to.process, endpoint.clone()),
            (EndState::Gone, _) => Arrival::Unknown,
            _ => Arrival::Ignored,
        }
    }

    /// The receiver's host answers that it knows no such connection.
    fn reset_sender(&self, id: ConnectionId, sender: Side) {
        let at = self.clock.get() + self.one_way(id, sender.other());
        self.schedule(at, Event::Close { connection: id, to: sender, reason: Closed::Reset, attempt: 0 });
    }

    /// The sender's kernel resends what was not acknowledged.
    pub(crate) fn retransmit(&self, id: ConnectionId, to: Side) {
        let sender = to.other();
        let arrival = {
            let mut connections = self.connections.borrow_mut();
            let Some(connection) = connections.get(id) else { return };
            let arrival = self.arrival(&connection.ends[sender as usize], &connection.ends[to as usize]);
            let end = &mut connection.ends[sender as usize];
            if end.state != EndState::Open {
                return;
            }
            self.record(end.process, Kind::Retransmit, 0);
            arrival
        };
        match arrival {
            Arrival::Lost => {
                let attempt = {
                    let mut connections = self.connections.borrow_mut();
                    let stall = connections.get(id).and_then(|found| found.ends[sender as usize].stall.as_mut());
                    let Some(stall) = stall else { return };
                    stall.attempt = stall.attempt.saturating_add(1);
                    stall.attempt
                };
                let (at, event) = if attempt > self.network.borrow().transport.retries {
                    let close = Event::Close { connection: id, to: sender, reason: Closed::TimedOut, attempt: 0 };
                    (self.clock.get(), close)
                } else {
                    (self.clock.get() + self.resend_interval(attempt), Event::Retransmit { connection: id, to })
                };
                self.schedule(at, event);
            }
            Arrival::Unknown => self.reset_sender(id, sender),
            Arrival::Ignored | Arrival::To(..) => {
                let stall =
                    self.connections.borrow_mut().get(id).and_then(|found| found.ends[sender as usize].stall.take());
                for digest in stall.map(|stall| stall.frames).unwrap_or_default() {
                    self.deliver(id, to, digest);
                }
            }
        }
    }

    /// An owner closes its end: the peer hears after everything that was sent.
    pub(crate) fn close(&self, id: ConnectionId, side: Side) {
        let (endpoint, heard) = {
            let mut connections = self.connections.borrow_mut();
            let Some(connection) = connections.get(id) else { return };
            let end = &connection.ends[side as usize];
            let told = end.state == EndState::Open;
            if !matches!(end.state, EndState::Open | EndState::Opening) {
                return;
            }
            let last = end.last_arrival;
            (connections.end(id, side, EndState::Closed), told.then_some(last))
        };
        drop(endpoint);
        if let Some(last) = heard {
            self.tell_closed(id, side.other(), Closed::Finished, last);
        }
    }

    fn tell_closed(&self, id: ConnectionId, to: Side, reason: Closed, last_arrival: Time) {
        let at = (self.clock.get() + self.one_way(id, to.other())).max(last_arrival + Duration::from_nanos(1));
        self.schedule(at, Event::Close { connection: id, to, reason, attempt: 0 });
    }

    /// Word of the end reaches one side, or is lost on the way and resent.
    pub(crate) fn hear_close(&self, id: ConnectionId, to: Side, reason: Closed, attempt: u8) {
        let own_knowledge = reason == Closed::TimedOut;
        let endpoint = {
            let mut connections = self.connections.borrow_mut();
            let Some(connection) = connections.get(id) else { return };
            let (here, there) = (&connection.ends[to as usize], &connection.ends[to.other() as usize]);
            if !matches!(here.state, EndState::Open | EndState::Opening) {
                return;
            }
            if !own_knowledge && !self.reaches(there.host, here.host) {
                let attempt = attempt.saturating_add(1);
                if attempt <= self.network.borrow().transport.retries {
                    let at = self.clock.get() + self.resend_interval(attempt);
                    self.schedule(at, Event::Close { connection: id, to, reason, attempt });
                }
                return;
            }
            self.record(here.process, Kind::Close, reason as u64);
            self.current.set(here.process);
            connections.end(id, to, EndState::Closed)
        };
        if let Some(endpoint) = endpoint {
            endpoint.closed(reason);
        }
    }

    /// Takes a process's connections from it. The endpoints are the caller's to drop outside every borrow.
    pub(crate) fn lose_connections(&self, process: ProcessId, loss: Loss) -> Vec<Rc<dyn Endpoint>> {
        let held = self.connections.borrow().of(process);
        let mut endpoints = Vec::new();
        for (id, side) in held {
            let last = match self.connections.borrow_mut().get(id) {
                Some(connection) => connection.ends[side as usize].last_arrival,
                None => continue,
            };
            let state = if loss == Loss::Reset { EndState::Closed } else { EndState::Gone };
            endpoints.extend(self.connections.borrow_mut().end(id, side, state));
            if loss == Loss::Reset {
                self.tell_closed(id, side.other(), Closed::Reset, last);
            }
        }
        endpoints
    }

    pub(crate) fn set_keepalive(&self, id: ConnectionId, side: Side, idle: Duration, give_up: Duration) {
        if let Some(connection) = self.connections.borrow_mut().get(id) {
            connection.ends[side as usize].keepalive = Some(Box::new(Keepalive { idle, give_up }));
        }
    }

    /// After a fault: every end with keepalive whose peer may have become silent starts to probe it.
    pub(crate) fn probe_unreachable(&self) {
        let candidates = self.connections.borrow().with_keepalive();
        for (id, of) in candidates {
            let idle = {
                let mut connections = self.connections.borrow_mut();
                let Some(connection) = connections.get(id) else { continue };
                let (here, there) = (&connection.ends[of as usize], &connection.ends[of.other() as usize]);
                if matches!(self.arrival(here, there), Arrival::To(..)) && self.reaches(there.host, here.host) {
                    continue;
                }
                let end = &mut connection.ends[of as usize];
                end.probing = true;
                end.keepalive.as_ref().expect("chosen for its keepalive").idle
            };
            self.schedule(self.clock.get() + idle, Event::Probe { connection: id, of, given_up: false });
        }
    }

    /// One keepalive probe: the peer answers, answers that it knows nothing, or stays silent.
    pub(crate) fn probe(&self, id: ConnectionId, of: Side, given_up: bool) {
        let (arrival, answers, give_up) = {
            let mut connections = self.connections.borrow_mut();
            let Some(connection) = connections.get(id) else { return };
            let (here, there) = (&connection.ends[of as usize], &connection.ends[of.other() as usize]);
            let Some(keepalive) = here.keepalive.as_ref().filter(|_| here.state == EndState::Open) else { return };
            (self.arrival(here, there), self.reaches(there.host, here.host), keepalive.give_up)
        };
        match arrival {
            Arrival::Unknown if answers => self.reset_sender(id, of),
            Arrival::To(..) | Arrival::Ignored if answers => {
                if let Some(connection) = self.connections.borrow_mut().get(id) {
                    connection.ends[of as usize].probing = false;
                }
            }
            _ => {
                let (at, event) = if given_up {
                    let close = Event::Close { connection: id, to: of, reason: Closed::TimedOut, attempt: 0 };
                    (self.clock.get(), close)
                } else {
                    let probe = Event::Probe { connection: id, of, given_up: true };
                    (self.clock.get() + give_up, probe)
                };
                self.schedule(at, event);
            }
        }
    }
}
