//! What happened when a subject ran a script: each turn, and who was answered what before the next one.

use std::fmt;

use ports::database::{Answer, DatabaseError, Isolation};

use super::script::{Action, Plan, Script, list};
use super::tables::read_everything;

/// What a script runs on: as many sessions as it has, on tables that hold its rows.
pub trait Subject {
    /// A session acts, and everybody who can comes to rest: is answered, or waits for another session. Returns the answers, in the
    /// order of the sessions. Who is not among them waits.
    fn act(&mut self, session: usize, action: &Action) -> Vec<(usize, Reply)>;
}

/// What a session was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Answer(Answer),
    Ended,
    Failed(DatabaseError),
}

/// One turn.
#[derive(Clone, Debug)]
pub struct Move {
    pub session: usize,
    pub action: Action,
    pub replies: Vec<(usize, Reply)>,
}

/// How far a session is.
struct Session<'a> {
    plans: &'a [Plan],
    done: usize,
    has_failed: bool,
    is_ending: bool,
    is_waiting: bool,
}

impl Session<'_> {
    fn can_act(&self) -> bool {
        !self.is_waiting && !self.plans.is_empty()
    }

    /// A transaction that failed goes to its end at once.
    fn next_action(&mut self) -> Action {
        let plan = &self.plans[0];
        self.is_waiting = true;
        match plan.statements.get(self.done).filter(|_| !self.has_failed) {
            Some(statement) => Action::Execute(plan.isolation, statement.clone()),
            None => {
                self.is_ending = true;
                if plan.is_committed { Action::Commit } else { Action::Rollback }
            }
        }
    }

    fn hear(&mut self, reply: &Reply) {
        self.is_waiting = false;
        if self.is_ending {
            (self.plans, self.done, self.has_failed, self.is_ending) = (&self.plans[1..], 0, false, false);
        } else {
            self.done += 1;
            self.has_failed = matches!(reply, Reply::Failed(_));
        }
    }
}

/// Runs a script to its end, and then reads every row in a last transaction of the first session.
///
/// # Panics
/// If all who have not finished wait: the subject is at rest with a deadlock in it.
pub fn record(script: &Script, subject: &mut impl Subject) -> Vec<Move> {
    let begin = |plans| Session { plans, done: 0, has_failed: false, is_ending: false, is_waiting: false };
    let mut sessions: Vec<Session<'_>> = script.sessions.iter().map(|plans| begin(plans)).collect();
    let mut moves = Vec::new();
    let mut turns = script.turns.iter();
    loop {
        let able: Vec<usize> = (0..sessions.len()).filter(|&session| sessions[session].can_act()).collect();
        if able.is_empty() {
            break;
        }
        let session = turns.next().map_or(able[0], |turn| *turn.get(&able));
        let action = sessions[session].next_action();
        let replies = subject.act(session, &action);
        for (heard, reply) in &replies {
            sessions[*heard].hear(reply);
        }
        moves.push(Move { session, action, replies });
    }
    assert!(sessions.iter().all(|session| session.plans.is_empty()), "they wait for ever: {}", Moves(&moves));
    let reads = read_everything().into_iter().map(|statement| Action::Execute(Isolation::ReadCommitted, statement));
    for action in reads.chain([Action::Commit]) {
        let replies = subject.act(0, &action);
        moves.push(Move { session: 0, action, replies });
    }
    moves
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(Answer::Rows(rows)) if rows.is_empty() => f.write_str("no rows"),
            Self::Answer(Answer::Rows(rows)) => {
                f.write_str(&rows.iter().map(|row| list(row)).collect::<Vec<_>>().join(" "))
            }
            Self::Answer(Answer::Changed(count)) => write!(f, "{count} changed"),
            Self::Ended => f.write_str("done"),
            Self::Failed(error) => write!(f, "ERROR {error:?}"),
        }
    }
}

/// Turns, one a line, each with whoever is answered after it.
pub struct Moves<'a>(pub &'a [Move]);

impl fmt::Display for Moves<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Move { session, action, replies } in self.0 {
            writeln!(f, "session {session}: {action}")?;
            writeln!(f, "    {}", Replies(*session, replies))?;
        }
        Ok(())
    }
}

/// What the acting session is answered, and then the others.
pub struct Replies<'a>(pub usize, pub &'a [(usize, Reply)]);

impl fmt::Display for Replies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1.iter().find(|(session, _)| *session == self.0) {
            Some((_, own)) => write!(f, "{own}")?,
            None => f.write_str("waits")?,
        }
        for (session, reply) in self.1.iter().filter(|(session, _)| *session != self.0) {
            write!(f, "; session {session}: {reply}")?;
        }
        Ok(())
    }
}
