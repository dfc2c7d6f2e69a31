//! The kinds of words that commands take: what each must look like, and how it is read.

use crate::domain::command::{BranchName, BudgetOf, ShaPrefix, Slug, WhichStep};

/// One kind of word.
pub(super) struct Kind<T> {
    /// Completes "has to be …".
    pub wants: &'static str,
    pub read: fn(&str) -> Option<T>,
}

pub(super) const STEP: Kind<u32> = Kind { wants: "a step number such as `2`", read: number };

pub(super) const WHICH_STEP: Kind<WhichStep> = Kind {
    wants: "a step number such as `2`, `next` or `all`",
    read: |word| match word.to_ascii_lowercase().as_str() {
        "next" => Some(WhichStep::Next),
        "all" => Some(WhichStep::All),
        other => number(other).map(WhichStep::Number),
    },
};

pub(super) const SLUG: Kind<Slug> = Kind {
    wants: "a word of letters, digits and dashes",
    read: |word| Slug::parse(&word.to_ascii_lowercase()),
};

pub(super) const SHA: Kind<ShaPrefix> =
    Kind { wants: "a commit id of 7 or more hexadecimal digits", read: ShaPrefix::parse };

pub(super) const BRANCH: Kind<BranchName> = Kind { wants: "the name of a branch", read: BranchName::parse };

pub(super) const NAME: Kind<String> =
    Kind { wants: "a name of letters, digits and `. _ : / @ + -`, at most 100 long", read: name };

pub(super) const PATH: Kind<String> = Kind { wants: "a path within the repository", read: path };

pub(super) const TOKENS: Kind<u64> =
    Kind { wants: "a number of tokens such as `200000` or `200k`", read: tokens };

pub(super) const BUDGET_OF: Kind<BudgetOf> = Kind {
    wants: "`step` or `protocol`",
    read: |word| match word.to_ascii_lowercase().as_str() {
        "step" => Some(BudgetOf::Step),
        "protocol" => Some(BudgetOf::Protocol),
        _ => None,
    },
};

pub(super) const CODEMACHINE: Kind<()> =
    Kind { wants: "`codemachine`", read: |word| word.eq_ignore_ascii_case("codemachine").then_some(()) };

fn number(word: &str) -> Option<u32> {
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    if digits { word.parse().ok() } else { None }
}

/// Ids of engines, models, packs and the like: they end up in arguments of other programs, so no dash leads.
fn name(word: &str) -> Option<String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._:/@+-".contains(&b);
    let fits = (1..=100).contains(&word.len()) && !word.starts_with('-') && word.bytes().all(legal);
    fits.then(|| word.to_owned())
}

fn path(word: &str) -> Option<String> {
    let legal = |part: &str| !part.is_empty() && part != ".." && !part.starts_with('-');
    let clean = !word.chars().any(|c| c.is_control() || c == '\\' || c == ':');
    let trimmed = word.strip_suffix('/').unwrap_or(word);
    (word.len() <= 200 && clean && trimmed.split('/').all(legal)).then(|| trimmed.to_owned())
}

fn tokens(word: &str) -> Option<u64> {
    let (digits, unit) = match word.char_indices().next_back()? {
        (at, 'k' | 'K') => (&word[..at], 1_000),
        (at, 'm' | 'M') => (&word[..at], 1_000_000),
        _ => (word, 1),
    };
    let digits: String = digits.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let count: u64 = if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().ok()?
    } else {
        return None;
    };
    count.checked_mul(unit).filter(|tokens| *tokens > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(kind: &Kind<T>, word: &str, expected: impl Into<Option<T>>) {
        assert_eq!((kind.read)(word), expected.into(), "{word:?}");
    }

    #[test]
    fn step_numbers_are_plain_digits() {
        check(&STEP, "2", Some(2));
        check(&STEP, "02", Some(2));
        check(&STEP, "+2", None);
        check(&STEP, "", None);
        check(&STEP, "99999999999", None);
    }

    #[test]
    fn which_step_knows_next_and_all_in_any_case() {
        check(&WHICH_STEP, "Next", Some(WhichStep::Next));
        check(&WHICH_STEP, "ALL", Some(WhichStep::All));
        check(&WHICH_STEP, "3", Some(WhichStep::Number(3)));
        check(&WHICH_STEP, "last", None);
    }

    #[test]
    fn a_name_cannot_be_taken_for_an_option_or_a_sentence() {
        check(&NAME, "openai/gpt-5.1:latest", Some("openai/gpt-5.1:latest".to_owned()));
        check(&NAME, "-rf", None);
        check(&NAME, "a b", None);
        check(&NAME, "", None);
        check(&NAME, &"x".repeat(101), None);
    }

    #[test]
    fn a_path_stays_within_the_repository() {
        check(&PATH, ".codemachine/", Some(".codemachine".to_owned()));
        check(&PATH, "a/b", Some("a/b".to_owned()));
        for outside in ["/etc", "../x", "a/../b", "C:\\x", "", "a//b", "-x"] {
            check(&PATH, outside, None);
        }
    }

    #[test]
    fn tokens_may_be_written_short() {
        check(&TOKENS, "200k", Some(200_000));
        check(&TOKENS, "1_500_000", Some(1_500_000));
        check(&TOKENS, "2M", Some(2_000_000));
        check(&TOKENS, "0", None);
        check(&TOKENS, "k", None);
        check(&TOKENS, "99999999999999999999k", None);
    }
}
