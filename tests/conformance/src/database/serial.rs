//! Whether the transactions that a run committed have an order in which, one after the other, they are answered the same. The last
//! one of a recording reads every row, and stays last: so they leave the same, too.

use cloud::rds::store::{Execution, Store};
use ports::database::{Answer, Isolation, Statement};

use super::Script;
use super::model::store_with;
use super::recording::{Move, Reply};
use super::script::Action;
use super::tables::TABLES;

type Transaction = Vec<(Statement, Answer)>;

/// An order of the committed transactions, as positions in the order of their commits; none if no order explains the run.
#[must_use]
pub fn serial_order(script: &Script, run: &[Move]) -> Option<Vec<usize>> {
    let transactions = committed(run);
    let mut order = Vec::new();
    let (last, others) = transactions.split_last()?;
    extend(&store_with(script), others, last, &mut order).then_some(order)
}

/// What each committed transaction asked and was answered.
fn committed(run: &[Move]) -> Vec<Transaction> {
    let sessions = run.iter().map(|turn| turn.session + 1).max().unwrap_or(0);
    let mut open: Vec<Transaction> = vec![Vec::new(); sessions];
    let mut asked: Vec<Option<Statement>> = vec![None; sessions];
    let mut committed = Vec::new();
    for turn in run {
        match &turn.action {
            Action::Execute(_, statement) => asked[turn.session] = Some(statement.clone()),
            Action::Commit => {
                let transaction = std::mem::take(&mut open[turn.session]);
                if turn.replies.contains(&(turn.session, Reply::Ended)) {
                    committed.push(transaction);
                }
            }
            Action::Rollback => open[turn.session].clear(),
        }
        for (session, reply) in &turn.replies {
            if let Reply::Answer(answer) = reply {
                let statement = asked[*session].take().expect("who is answered has asked");
                open[*session].push((statement, answer.clone()));
            }
        }
    }
    committed
}

fn extend(store: &Store, transactions: &[Transaction], last: &Transaction, order: &mut Vec<usize>) -> bool {
    let checkpoint = store.checkpoint();
    if order.len() == transactions.len() {
        return is_answered_alike(&mut Store::restore(TABLES, &checkpoint), last);
    }
    for next in 0..transactions.len() {
        if order.contains(&next) {
            continue;
        }
        let mut store = Store::restore(TABLES, &checkpoint);
        if !is_answered_alike(&mut store, &transactions[next]) {
            continue;
        }
        order.push(next);
        if extend(&store, transactions, last, order) {
            return true;
        }
        order.pop();
    }
    false
}

/// Runs a transaction alone.
fn is_answered_alike(store: &mut Store, transaction: &Transaction) -> bool {
    let id = store.begin(Isolation::ReadCommitted);
    for (statement, answer) in transaction {
        if store.execute(id, statement) != Execution::Done(answer.clone()) {
            return false;
        }
    }
    store.commit_record(id).expect("nobody else is there");
    store.finish_commit(id);
    true
}
