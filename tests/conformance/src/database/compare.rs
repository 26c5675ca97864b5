//! Whether the model can do what the real server did.

use std::fmt;

use ports::database::DatabaseError;

use super::Script;
use super::model::{Choices, Model};
use super::recording::{Move, Moves, Replies, Reply, Subject};
use super::script::Action;

/// Orders of chance that are tried at most; scripts of four sessions have far fewer.
const ORDERS_MAX: u32 = 20_000;

/// How far the model must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Every answer, error and wait.
    Exact,
    /// Until one refuses to serialise. The real server may do so alone: it remembers pages where the model remembers rows. The model may
    /// only do so earlier: a transaction that it refuses and the real server commits is no agreement.
    UntilRefusal,
}

/// Where the model parts from the real server, in the order that takes it furthest.
pub struct Divergence {
    /// What the real server did, up to where they part.
    moves: Vec<Move>,
    /// What the model answers at the last of the moves.
    model: Vec<(usize, Reply)>,
}

impl fmt::Debug for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", Moves(&self.moves))?;
        let session = self.moves.last().map_or(0, |last| last.session);
        writeln!(f, "but the model:\n    {}", Replies(session, &self.model))
    }
}

/// Looks for an order of chance in which the model does what the recording says. How many moves were compared.
///
/// # Errors
/// There is none.
pub fn compare(script: &Script, real: &[Move], agreement: Agreement) -> Result<usize, Divergence> {
    let mut choices = Choices::default();
    let mut furthest: Option<Divergence> = None;
    for _ in 0..ORDERS_MAX {
        match follow(script, real, agreement, &mut choices) {
            Ok(compared) => return Ok(compared),
            Err(divergence) => {
                if furthest.as_ref().is_none_or(|other| other.moves.len() < divergence.moves.len()) {
                    furthest = Some(divergence);
                }
            }
        }
        if !choices.advance() {
            break;
        }
    }
    Err(furthest.expect("one order is always tried"))
}

fn follow(script: &Script, real: &[Move], agreement: Agreement, choices: &mut Choices) -> Result<usize, Divergence> {
    let mut model = Model::new(script, choices);
    for (count, turn) in real.iter().enumerate() {
        let replies = model.act(turn.session, &turn.action);
        if replies == turn.replies {
            continue;
        }
        if agreement == Agreement::UntilRefusal && may_part(&real[count..], &replies) {
            return Ok(count);
        }
        return Err(Divergence { moves: real[..=count].to_vec(), model: replies });
    }
    Ok(real.len())
}

/// Whether the real server refuses in the first of these moves, or the model does and no transaction that the real server commits.
fn may_part(real: &[Move], model: &[(usize, Reply)]) -> bool {
    let mut refused_by_model = refused(model).peekable();
    let alone = refused_by_model.peek().is_some() && !refused_by_model.any(|session| commits(real, session));
    alone || refused(&real[0].replies).next().is_some()
}

fn refused(replies: &[(usize, Reply)]) -> impl Iterator<Item = usize> {
    let refusal = Reply::Failed(DatabaseError::SerialisationFailure);
    replies.iter().filter(move |(_, reply)| *reply == refusal).map(|(session, _)| *session)
}

/// Whether the transaction that a session has open is committed in these moves.
fn commits(moves: &[Move], session: usize) -> bool {
    let mut ends = moves.iter().filter(|turn| turn.session == session && !matches!(turn.action, Action::Execute(..)));
    ends.next().is_some_and(|end| end.action == Action::Commit && end.replies.contains(&(session, Reply::Ended)))
}
