//! What oracles remember is bounded by what goes on, and not by for how long.

use oracles::Rules;

use crate::script::{speaking, strict};
use crate::story::days;

#[test]
fn a_longer_run_is_not_remembered_at_greater_length() {
    let rules = Rules { commits_remembered: 60, ..strict() };
    let remembered = |rides| {
        let watch = days(rides).play(rules.clone());
        assert!(speaking(&watch.reports()).is_empty());
        watch.rows_remembered()
    };
    let after_ten = remembered(10);
    assert!(after_ten > 10, "{after_ten} rows: the last trip is remembered");
    assert_eq!(remembered(60), after_ten);
}
