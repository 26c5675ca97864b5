//! A server's reign as primary: claim it, recover, wait for the standby, accept writes, and stop when the agreement says so.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ports::observe::{Mark, Observation};

use super::configuration::{Configuration, NodeId};
use super::copies::{Copies, StandbyWatch};
use super::history::Reign;
use super::node::{Node, Writable};
use super::protocol::Wish;
use super::server::{Reigning, Server};
use super::wal::Wal;

/// How often a starting primary looks whether its standby is in step. Assumption.
const STANDBY_POLL: Duration = Duration::from_millis(20);

impl Node {
    /// Reigns if this epoch is this server's to begin, or else asks for one.
    pub(super) async fn lead(self: &Rc<Self>, configuration: Configuration) {
        if configuration.epoch > self.storage.last_epoch() {
            self.reign(configuration).await;
            return;
        }
        // It reigned in this epoch before: the process is new, or the lease had lapsed.
        let asked = async {
            if self.agreement.stands_back()
                || self.agreement.wish(configuration, Wish::Claim).await.is_none_or(|now| now == configuration)
            {
                runtime::sleep(self.plan.failover.heartbeat_interval).await;
            }
        };
        runtime::select! {
            () = self.agreement.until(|latest| latest.version > configuration.version) => {}
            () = asked => {}
        }
    }

    async fn reign(self: &Rc<Self>, configuration: Configuration) {
        let epoch = configuration.epoch;
        self.agreement.announce(None);
        runtime::select! {
            () = self.agreement.until(|latest| latest.epoch > epoch) => return,
            () = self.agreement.lease_comes() => {}
        }
        let ending = runtime::select! {
            ending = self.agreement.reign_ends(epoch) => ending,
            never = self.hold_court(configuration) => never,
        };
        self.stop_serving();
        let me = self.plan.server(self.id);
        self.plan.report(&me.zone, "not writable", format!("{}: {}", me.name, ending.reason()), None);
    }

    /// Everything a primary does; only the end of its reign ends it.
    async fn hold_court<T>(self: &Rc<Self>, configuration: Configuration) -> T {
        let takes_over = self.recover().await;
        let server = self.open_log(configuration).await;
        let reigning = server.reigning.as_ref().expect("a primary reigns");
        *self.leading.borrow_mut() = Some(server.clone());
        let opening = async {
            self.standby_in_step(reigning).await;
            self.accept_writes(&server, reigning.epoch, takes_over);
            runtime::task::forever().await;
        };
        runtime::select! {
            () = opening => {}
            () = self.keep_standby(&server, reigning) => {}
            () = self.checkpoint_often(&server, reigning) => {}
            () = server.write_log() => {}
        }
        unreachable!("each of them goes on for ever")
    }

    /// Gets the data back as a server that starts does; whether it takes over from another server.
    async fn recover(&self) -> bool {
        let plan = &self.plan;
        let me = plan.server(self.id);
        let takes_over = self.storage.history().last().is_some_and(|reign| reign.node != self.id);
        let is_first_start = self.storage.history().is_empty();
        if takes_over {
            let takes = if me.is_read_replica { plan.failover.replica_promote } else { plan.failover.promote };
            plan.report(&me.zone, "promoting", format!("{} takes over", me.name), None);
            runtime::sleep(takes).await;
        } else if !is_first_start {
            runtime::sleep(plan.server.process_restart).await;
        }
        let bytes = self.storage.tail_bytes();
        if !is_first_start {
            let detail = format!("{} replays {} KiB of write-ahead log", me.name, bytes >> 10);
            plan.report(&me.zone, "recovering", detail, None);
        }
        self.storage.replay(plan.server.replay_bytes_per_s).await;
        takes_over
    }

    /// Begins the reign's own part of the log.
    async fn open_log(self: &Rc<Self>, configuration: Configuration) -> Rc<Server> {
        let plan = &self.plan;
        let epoch = configuration.epoch;
        // What only the page cache holds must not be built upon.
        self.storage.flush().await;
        let start = self.storage.position().lsn;
        self.storage.begin_reign(Reign { epoch, node: self.id, start }).await;
        let mut store = self.storage.load();
        if store.epoch() < epoch {
            store.begin_epoch(epoch);
        }
        plan.observer.observe(&Observation::RecoveredTo {
            store: plan.store.clone(),
            node: plan.server(self.id).name.clone(),
            epoch,
            lsn: start.0,
            at: runtime::now(),
        });
        let reigning = Reigning {
            epoch,
            wal: Wal::new(self.storage.clone(), plan.server.durability),
            copies: Copies::new(configuration.standby),
            agreement: self.agreement.clone(),
            observer: plan.observer.clone(),
            observed: plan.observed.clone(),
            store_name: plan.store.clone(),
            node_name: plan.server(self.id).name.clone(),
            first_commit: RefCell::new(None),
        };
        // Of what was durable everywhere it had to be, the last server may have fallen before it could say so.
        let untold = self.storage.records_after(plan.observed.get()).unwrap_or_default();
        let reigns = self.storage.history();
        for record in &untold {
            let reign = reigns.iter().find(|reign| reign.epoch == record.epoch).expect("a record belongs to a reign");
            reigning.tell(record, &plan.server(reign.node).name);
        }
        plan.observed.set(start);
        Server::new(store, plan.server.clone(), Some(reigning))
    }

    /// Returns when the standby, if commits wait for one, has everything that was recovered.
    async fn standby_in_step(&self, reigning: &Reigning) {
        while let Some(standby) = reigning.copies.standby() {
            if reigning.copies.caught_up(&[standby], reigning.wal.written()).is_some() {
                return;
            }
            runtime::sleep(STANDBY_POLL).await;
        }
    }

    fn accept_writes(&self, server: &Rc<Server>, epoch: u64, takes_over: bool) {
        let plan = self.plan.clone();
        let me = plan.server(self.id);
        let (name, zone) = (me.name.clone(), me.zone.clone());
        // The store's first epoch is no recovery.
        let phase_end = move |mark| (epoch > 1).then_some(mark);
        plan.report(&zone, "available", format!("{name} accepts writes in epoch {epoch}"), phase_end(Mark::Promoted));
        *self.writable.borrow_mut() = Some(Writable::begin(self, epoch));
        *self.accepting.borrow_mut() = Some(server.clone());
        self.agreement.announce(Some(epoch));
        let reigning = server.reigning.as_ref().expect("a primary reigns");
        let found = if takes_over { "clients found" } else { "clients came back to" };
        *reigning.first_commit.borrow_mut() = Some(Box::new(move || {
            plan.report(&zone, "in use", format!("{found} {name}: first write"), phase_end(Mark::Propagated));
        }));
    }

    /// Sees to it that commits wait for a standby whenever one keeps up, and for none that does not.
    async fn keep_standby(&self, server: &Server, reigning: &Reigning) {
        let timeout = self.plan.failover.standby_timeout;
        let mut watch = StandbyWatch::new();
        loop {
            runtime::sleep(timeout / 10).await;
            let Some(standby) = reigning.copies.standby() else {
                let members: Vec<NodeId> =
                    self.plan.nodes().filter(|node| !self.plan.server(*node).is_read_replica).collect();
                if let Some(standby) = reigning.copies.caught_up(&members, reigning.wal.flushed()) {
                    // First commits wait for it, then it may be promoted: never the other way round.
                    reigning.copies.wait_for(Some(standby));
                    watch = StandbyWatch::new();
                }
                continue;
            };
            let durable = reigning.copies.standby_durable().unwrap_or_default();
            let connected = reigning.copies.is_connected(standby);
            let behind_since = watch.behind_since(connected, durable, reigning.wal.written());
            let latest = self.agreement.latest();
            if latest.epoch != reigning.epoch {
                return runtime::task::forever().await; // about to be replaced
            }
            if runtime::now().since(behind_since) >= timeout {
                self.detach(server, reigning, latest, standby).await;
            } else if latest.standby != Some(standby) && reigning.copies.caught_up(&[standby], durable).is_some() {
                self.attach(reigning, latest, standby).await;
            }
        }
    }

    /// Asks for leave to go on without the standby. Without it, commits go on waiting.
    async fn detach(&self, server: &Server, reigning: &Reigning, latest: Configuration, standby: NodeId) {
        let Some(now) = self.agreement.wish(latest, Wish::Detach).await else { return };
        if now.epoch == reigning.epoch && now.version == latest.version + 1 && now.standby.is_none() {
            reigning.copies.wait_for(None);
            server.advance();
            let gone = self.plan.server(standby);
            let detail = format!("{} goes on without {}", self.plan.server(self.id).name, gone.name);
            self.plan.report(&gone.zone, "standby detached", detail, None);
        }
    }

    async fn attach(&self, reigning: &Reigning, latest: Configuration, standby: NodeId) {
        let Some(now) = self.agreement.wish(latest, Wish::Attach(standby)).await else { return };
        if now.epoch == reigning.epoch && now.standby == Some(standby) {
            let joined = self.plan.server(standby);
            let detail = format!("{} has every acknowledged commit", joined.name);
            self.plan.report(&joined.zone, "standby in step", detail, None);
        }
    }

    /// A checkpoint at the end of recovery, then one each interval.
    async fn checkpoint_often(&self, server: &Server, reigning: &Reigning) {
        let parameters = &self.plan.server;
        let mut covered = self.storage.position().lsn;
        if self.storage.tail_bytes() > 0 {
            self.checkpoint(server, reigning, Duration::ZERO).await;
        }
        loop {
            let started = runtime::now();
            if self.storage.position().lsn > covered {
                covered = self.storage.position().lsn;
                self.checkpoint(server, reigning, parameters.checkpoint_interval.mul_f64(parameters.checkpoint_spread))
                    .await;
            }
            runtime::sleep_until(started + parameters.checkpoint_interval).await;
        }
    }

    async fn checkpoint(&self, server: &Server, reigning: &Reigning, spread: Duration) {
        let checkpoint = server.store.borrow().checkpoint();
        let lsn = checkpoint.lsn;
        // No page before the log that explains it.
        server.flush_log(reigning).await;
        while reigning.copies.standby_durable().is_some_and(|durable| durable < lsn) {
            runtime::sleep(self.plan.failover.standby_timeout / 10).await;
        }
        self.storage.checkpoint(checkpoint, spread).await;
        reigning.copies.send_checkpoint(lsn);
    }
}
