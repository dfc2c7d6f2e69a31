//! "Did you mean": the nearest known word, if one is near enough to be worth saying.

/// Longer words are not measured: the cost grows with the square, and nothing of ours is near them.
const LONGEST: usize = 32;
const NEAR_ENOUGH: f64 = 0.6;

/// The known word nearest to `word`, which may be a beginning (`stat`) or a slip (`rum`).
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let scored = known.into_iter().map(|candidate| (likeness(&word, candidate), candidate));
    scored
        .filter(|(score, _)| *score >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn likeness(word: &str, candidate: &str) -> f64 {
    let likeness = strsim::normalized_damerau_levenshtein(word, candidate);
    if word.len() >= 2 && candidate.starts_with(word) { likeness.max(NEAR_ENOUGH) } else { likeness }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        let known = ["run", "status", "pause", "resume", "replan", "retry"];
        assert_eq!(nearest(word, known), expected);
    }

    #[test]
    fn a_slip_or_a_beginning_finds_its_word() {
        check("rum", Some("run"));
        check("stat", Some("status"));
        check("RESUEM", Some("resume"));
    }

    #[test]
    fn a_far_or_endless_word_finds_nothing() {
        check("deploy", None);
        check("", None);
        check(&"run".repeat(1_000), None);
    }
}
