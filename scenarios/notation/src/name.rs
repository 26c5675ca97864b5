//! "Did you mean ...?" for names out of a known set.

/// The candidate nearest to what was written, if it is near enough to be a slip of the pen.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What would be right instead of `written`: the nearest candidate, or all of them.
pub fn suggest(written: &str, candidates: &[&str]) -> Option<String> {
    if let Some(candidate) = nearest(written, candidates.iter().copied()) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    match candidates {
        [] => None,
        [only] => Some(format!("only `{only}` is possible here")),
        many => Some(format!("one of: {}", many.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_word_and_a_stranger_gets_the_list() {
        assert_eq!(suggest("durtion", &["at", "duration"]).as_deref(), Some("did you mean `duration`?"));
        assert_eq!(suggest("colour", &["at", "for"]).as_deref(), Some("one of: at, for"));
        assert_eq!(suggest("colour", &[]), None);
    }
}
