//! `rehearse explain`: what can break, and how.

use scenarios::FaultKind;
use scenarios::fault::{Family, Parameter};

use super::say;
use crate::exit::Exit;

pub fn explain(kind: Option<&str>) -> Exit {
    let Some(key) = kind else { return say::and_exit(&list(), Exit::Passed) };
    match one(key) {
        Some(text) => say::and_exit(&text, Exit::Passed),
        None => {
            let near = scenarios::fault::nearest(key).map_or(String::new(), |near| format!(" (did you mean {near}?)"));
            let all = "`rehearse explain` lists them";
            say::complaint(Exit::BadInput, &format!("there is no fault called {key}{near}; {all}"))
        }
    }
}

/// Every kind with what it is, by family.
fn list() -> String {
    let mut text = String::from("Faults that a scenario may have; `rehearse explain KIND` says more.\n");
    let mut family: Option<Family> = None;
    for key in FaultKind::KEYS {
        let kind = FaultKind::example(key).expect("every kind has an example");
        if family.replace(kind.family()) != Some(kind.family()) {
            text.push_str(&format!("\n{}\n", kind.family().name()));
        }
        text.push_str(&format!("  {key:<24}  {}\n", kind.meaning()));
    }
    text
}

/// One kind: what it is and does, its parameters, a stanza to copy.
fn one(key: &str) -> Option<String> {
    let explanation = FaultKind::explain(key)?;
    let mut text = format!("{key}\n  {}\n\n", explanation.meaning);
    text.push_str(&format!("acts\n  {}\n\nheals\n  {}\n\nparameters\n", explanation.acts, explanation.heals));
    for parameter in &explanation.parameters {
        let Parameter { key, meaning, written, .. } = parameter;
        text.push_str(&format!("  {key}  ({written}{})\n      {meaning}\n", standing(parameter)));
    }
    if explanation.parameters.is_empty() {
        text.push_str("  none\n");
    }
    text.push_str(&format!("\nexample\n{}", explanation.example));
    Some(text)
}

fn standing(parameter: &Parameter) -> String {
    match (&parameter.default, parameter.required) {
        (Some(default), _) => format!("; {default} if left out"),
        (None, true) => "; must be given".to_owned(),
        (None, false) => "; may be left out".to_owned(),
    }
}
