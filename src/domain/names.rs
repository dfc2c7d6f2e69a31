//! How a forge calls and writes what the bot speaks of.

use super::thread::{Thread, ThreadKind};
use std::borrow::Cow;

const PULL: &str = "pull request";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// What a pull request is called, in small letters.
    pub pull: &'static str,
    /// Stands before the number of one.
    pub pull_sign: char,
}

impl Names {
    /// What our own sentences are written with.
    pub const WRITTEN: Self = Self { pull: PULL, pull_sign: '#' };

    /// A thread as people write it, so that the forge makes a link of it: `#7`, or `!7`.
    pub fn reference(self, thread: Thread) -> String {
        match thread.kind {
            ThreadKind::Issue => format!("#{}", thread.number),
            ThreadKind::Pull => format!("{}{}", self.pull_sign, thread.number),
        }
    }

    /// A sentence of ours in the forge's words.
    pub fn spoken(self, sentence: &str) -> Cow<'_, str> {
        if self.pull == PULL || !sentence.contains(PULL) {
            return Cow::Borrowed(sentence);
        }
        Cow::Owned(sentence.replace(PULL, self.pull))
    }
}

/// Words of people and models, which [`Names::spoken`] leaves as they are: the no-break space in them looks the same, and
/// does not stand in our sentences.
pub fn as_written(words: &str) -> Cow<'_, str> {
    if words.contains(PULL) {
        Cow::Owned(words.replace(PULL, "pull\u{a0}request"))
    } else {
        Cow::Borrowed(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: Names = Names { pull: "merge request", pull_sign: '!' };

    #[test]
    fn words_of_others_stay_theirs() {
        let sentence = format!("the pull request waits for step 1: {}", as_written("List each pull request"));
        let spoken = OTHERS.spoken(&sentence).replace('\u{a0}', " ");
        assert_eq!(spoken, "the merge request waits for step 1: List each pull request");
    }

    #[test]
    fn each_forge_has_its_own_word_and_sign() {
        let sentence = "there is no pull request to merge yet";
        assert_eq!(Names::WRITTEN.spoken(sentence), sentence);
        assert_eq!(OTHERS.spoken(sentence), "there is no merge request to merge yet");
        let threads = [Thread::issue(4), Thread::pull(4)];
        assert_eq!(threads.map(|thread| Names::WRITTEN.reference(thread)), ["#4", "#4"]);
        assert_eq!(threads.map(|thread| OTHERS.reference(thread)), ["#4", "!4"]);
    }
}
