//! Whether the model did what the real server did.

use std::fmt;

use ports::cache::{Command, Reply};

use super::script::list;
use super::{Happened, Script, Step};

/// By how many milliseconds two answers to `PTTL` may differ: more than any script takes, and less than any expiry in it that is not brief.
const MARGIN_MS: u64 = 100_000;

/// Where the model parts from the real server.
pub struct Divergence<'a> {
    script: &'a Script,
    real: &'a [Happened],
    model: &'a [Happened],
    at: usize,
}

/// Compares every answer and every message.
///
/// # Errors
/// The first that differs.
pub fn compare<'a>(script: &'a Script, real: &'a [Happened], model: &'a [Happened]) -> Result<(), Divergence<'a>> {
    let same = |at: &usize| is_same(&script.0[*at], &real[*at], &model[*at]);
    match (0..script.0.len()).find(|at| !same(at)) {
        Some(at) => Err(Divergence { script, real, model, at }),
        None => Ok(()),
    }
}

fn is_same(step: &Step, real: &Happened, model: &Happened) -> bool {
    match (step, &real.answer, &model.answer) {
        (Step::Execute(_, Command::PTtl { .. }), Ok(Reply::Integer(real)), Ok(Reply::Integer(model))) => {
            let lives = |left: i64| left > 0;
            real == model || (lives(*real) && lives(*model) && real.abs_diff(*model) < MARGIN_MS)
        }
        _ => real == model,
    }
}

impl fmt::Debug for Divergence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, happened) in self.script.0.iter().zip(self.real).take(self.at + 1) {
            write!(f, "\n{step}\n    {happened}")?;
        }
        write!(f, "\nbut the model:\n    {}", self.model[self.at])
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.answer {
            Ok(Reply::Bulk(bytes)) => f.write_str(&list(std::slice::from_ref(bytes)))?,
            Ok(Reply::Members(members)) => write!(f, "members {}", list(members))?,
            Ok(reply) => write!(f, "{reply:?}")?,
            Err(error) => write!(f, "ERROR {error:?}")?,
        }
        self.heard.iter().try_for_each(|heard| write!(f, "; heard {heard:?}"))
    }
}
