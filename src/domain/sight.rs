//! Whether what git shows of a branch is the newest, or what a replica still remembers.
//!
//! A webhook may come before git knows of its push, and a branch may be shown as it was before our own push. Both pass
//! within seconds; until then nothing is concluded from them.

use super::ids::{Moment, Sha};
use std::time::Duration;

/// How long a forge may not show what we wrote or pushed.
const OURS: Duration = Duration::from_secs(10);
/// How long a forge may not show what a webhook told of. It may never show it: what came after may have replaced it.
const TOLD: Duration = Duration::from_secs(60);

/// Whether a forge may still not show what we wrote at `written`: that it is not seen says nothing.
pub fn may_lack_ours(written: Moment, now: Moment) -> bool {
    now.since(written) < OURS
}

/// Whether a forge may still not show what one of its webhooks told of at `told`.
pub fn may_lack_told(told: Moment, now: Moment) -> bool {
    now.since(told) < TOLD
}

/// A push that a webhook told of.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub before: Option<&'a Sha>,
    /// `None`: the branch was deleted.
    pub after: Option<&'a Sha>,
    pub at: Moment,
    /// The commit that the branch was moved to is there.
    pub has_come: bool,
}

/// A branch as git shows it, beside what we know of it.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The last head that we pushed or adopted, and since when it is that.
    pub ours: Option<&'a Sha>,
    pub ours_since: Option<Moment>,
    pub shown: Option<&'a Sha>,
    /// The branch is shown at a commit before ours, or not at all.
    pub shows_less: bool,
    pub told: Option<Told<'a>>,
}

impl Sight<'_> {
    /// Whether a decision may rest on it now.
    pub fn is_settled(&self, now: Moment) -> bool {
        if self.told.is_some_and(|told| !told.has_come && may_lack_told(told.at, now)) {
            return false;
        }
        let is_fresh = self.ours_since.is_some_and(|since| may_lack_ours(since, now));
        !(self.shows_less && is_fresh) || self.told.is_some_and(|told| self.is_confirmed_by(told))
    }

    /// Somebody really moved the branch from our head to what is shown.
    fn is_confirmed_by(&self, told: Told<'_>) -> bool {
        let is_after_ours = self.ours_since.is_none_or(|since| told.at >= since);
        let from_ours = told.before == self.ours || told.after.is_none();
        is_after_ours && from_ours && told.after == self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(letter: &str) -> Sha {
        Sha::parse(&letter.repeat(40)).expect("forty digits")
    }

    /// Our head `b` stands since second 100; git shows `shown` (`a` came before it); `told` is (before, after, has come).
    #[track_caller]
    fn check(shown: Option<&str>, told: Option<(&str, Option<&str>, bool)>, now_s: i64, expected: bool) {
        let ours = sha("b");
        let shown = shown.map(sha);
        let told = told.map(|(before, after, has_come)| (sha(before), after.map(sha), has_come));
        let sight = Sight {
            ours: Some(&ours),
            ours_since: Some(Moment(100_000)),
            shown: shown.as_ref(),
            shows_less: shown.as_ref().is_none_or(|shown| *shown == sha("a")),
            told: told.as_ref().map(|(before, after, has_come)| Told {
                before: Some(before),
                after: after.as_ref(),
                at: Moment(100_000),
                has_come: *has_come,
            }),
        };
        assert_eq!(sight.is_settled(Moment(now_s * 1000)), expected, "{sight:?} at {now_s} s");
    }

    #[test]
    fn what_is_not_less_than_ours_is_believed_at_once() {
        check(Some("b"), None, 100, true);
        check(Some("c"), None, 100, true);
    }

    #[test]
    fn less_than_ours_is_believed_once_our_push_must_have_come() {
        check(Some("a"), None, 101, false);
        check(None, None, 101, false);
        check(Some("a"), None, 110, true);
        check(None, None, 110, true);
    }

    #[test]
    fn less_than_ours_is_believed_at_once_when_a_webhook_told_of_it() {
        check(Some("a"), Some(("b", Some("a"), true)), 101, true);
        check(None, Some(("b", None, true)), 101, true);
        check(Some("a"), Some(("c", Some("a"), true)), 101, false);
        check(Some("a"), Some(("b", Some("c"), true)), 101, false);
    }

    #[test]
    fn a_push_that_was_told_is_waited_for_but_not_for_ever() {
        check(Some("b"), Some(("b", Some("c"), false)), 101, false);
        check(Some("b"), Some(("b", Some("c"), false)), 160, true);
        check(Some("c"), Some(("b", Some("c"), true)), 101, true);
    }
}
