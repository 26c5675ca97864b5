//! Cluster mode off, at a server: hears from the control plane who is primary, and says how it is.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::mpsc;

use super::history::next_reign;
use super::node::{Node, Role};
use super::protocol::{AGENT_PORT, AgentAnswer, AgentRequest, Configuration};

/// Answers the control plane for ever.
pub(super) async fn run(node: &Rc<Node>) {
    let newest: Rc<Cell<Option<Configuration>>> = Rc::default();
    let acted_on: Rc<Cell<Option<Configuration>>> = Rc::default();
    let (decisions, mut to_act_on) = mpsc::unbounded_channel();
    let (answering, known, done) = (node.clone(), newest.clone(), acted_on.clone());
    let _port = runtime::call::serve(AGENT_PORT, move |AgentRequest(decided), _| {
        if known.get().is_none_or(|known| decided.epoch > known.epoch) {
            known.set(Some(decided));
            // The receiver is part of the same process.
            let _ = decisions.send(decided);
        }
        let answer = describe(&answering, done.get());
        async move { answer }
    })
    .expect("a server has its host to itself");
    while let Some(decided) = to_act_on.recv().await {
        act_on(node, decided).await;
        acted_on.set(Some(decided));
    }
}

async fn act_on(node: &Node, decided: Configuration) {
    if decided.primary != node.id {
        node.obey(decided.primary);
    } else if !has_reigned_in(node, decided.epoch) {
        node.reign(decided.epoch, "the control plane decided so").await;
    }
}

/// Whether this server began its reign in this epoch in this life or an earlier one.
fn has_reigned_in(node: &Node, epoch: u64) -> bool {
    node.last_reign().is_some_and(|last| last >= next_reign(epoch, None))
}

fn describe(node: &Node, acted_on: Option<Configuration>) -> AgentAnswer {
    let is_to_reign = acted_on.is_some_and(|decided| decided.primary == node.id);
    AgentAnswer {
        decided: acted_on,
        restarted: is_to_reign && node.role() == Role::Unknown,
        position: node.data.borrow().position(),
    }
}
