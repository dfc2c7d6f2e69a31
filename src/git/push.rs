//! Bringing commits to the remote: plain pushes onto a known parent, never forced.

use super::error::{GitError, classify};
use super::mirror::Mirror;
use super::names;
use super::remote::Remote;
use super::settings::Git;
use crate::domain::ids::Sha;

/// One push of `new` to `branch`.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    pub branch: &'a str,
    pub new: &'a Sha,
    /// Where the remote branch must be before; `None`: it must not exist.
    pub onto: Option<&'a Sha>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    Now,
    /// The remote has it already: an earlier try came through.
    Before,
}

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Somebody else was here: read again, decide again.
    #[error("the branch moved to {remote_head} before our push")]
    LostRace { remote_head: Sha },
    #[error("the branch is gone from the remote")]
    BranchGone,
    /// The remote does not want it: a protected branch, a missing permission for workflow files, a hook.
    #[error("the remote refused the push: {reason}")]
    Rejected { reason: String },
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Git {
    /// Pushes, after asking the remote whether the branch is where it must be. Safe to repeat after a crash.
    ///
    /// Whoever comes between the question and the push is found out by the remote refusing what is no fast-forward.
    pub async fn push(&self, mirror: &Mirror, remote: &Remote, push: &Push<'_>) -> Result<Pushed, PushError> {
        if let Some(onto) = push.onto
            && !self.is_ancestor(mirror, onto, push.new).await?
        {
            let why = format!("{} does not build on {}; nothing was pushed", push.new.short(), onto.short());
            return Err(GitError::refused(why).into());
        }
        match (self.remote_head(remote, push.branch).await?, push.onto) {
            (Some(head), _) if head == *push.new => return Ok(Pushed::Before),
            (Some(head), Some(onto)) if head == *onto => {}
            (None, None) => {}
            (Some(remote_head), _) => return Err(PushError::LostRace { remote_head }),
            (None, Some(_)) => return Err(PushError::BranchGone),
        }
        let refspec = format!("{}:refs/heads/{}", push.new, push.branch);
        match self.send(mirror, remote, &refspec).await? {
            Sent::Taken => Ok(Pushed::Now),
            Sent::Refused(reason) => Err(PushError::Rejected { reason }),
            Sent::Raced(reason) => match self.remote_head(remote, push.branch).await? {
                Some(head) if head == *push.new => Ok(Pushed::Before),
                Some(head) if Some(&head) == push.onto => Err(PushError::Rejected { reason }),
                Some(remote_head) => Err(PushError::LostRace { remote_head }),
                None => Err(PushError::BranchGone),
            },
        }
    }

    /// Deletes a branch of the remote; `false` when it was not there.
    pub async fn delete_branch(
        &self,
        mirror: &Mirror,
        remote: &Remote,
        branch: &str,
    ) -> Result<bool, PushError> {
        if self.remote_head(remote, branch).await?.is_none() {
            return Ok(false);
        }
        match self.send(mirror, remote, &format!(":refs/heads/{}", names::branch(branch)?)).await? {
            Sent::Taken => Ok(true),
            Sent::Refused(reason) | Sent::Raced(reason) => Err(PushError::Rejected { reason }),
        }
    }

    async fn send(&self, mirror: &Mirror, remote: &Remote, refspec: &str) -> Result<Sent, GitError> {
        self.check_allowed(remote)?;
        let args = ["push", "--porcelain", "--quiet", "--no-verify", "--no-follow-tags", "--no-signed", "--"];
        let finished =
            self.in_mirror(mirror, &args).arg(remote.url()).arg(refspec).talking_to(remote).run().await?;
        if finished.code == 0 {
            return Ok(Sent::Taken);
        }
        let told = String::from_utf8_lossy(&finished.stdout);
        parse_refusal(&told, &finished.words).ok_or_else(|| classify("push", &finished.words))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Sent {
    Taken,
    Raced(String),
    Refused(String),
}

/// Reads the `!` line of `push --porcelain`: `!\t<from>:<to>\t[rejected] (<why>)`. Without one, git never got that far.
fn parse_refusal(told: &str, words: &str) -> Option<Sent> {
    let line = told.lines().find(|line| line.starts_with("!\t"))?;
    let summary = line.rsplit('\t').next().unwrap_or_default();
    let raced =
        ["fetch first", "non-fast-forward", "stale info", "incorrect old value", "reference already exists"];
    if summary.starts_with("[rejected]") || raced.iter().any(|phrase| summary.contains(phrase)) {
        return Some(Sent::Raced(summary.to_owned()));
    }
    if summary.contains("cannot lock ref") || summary.contains("failed to update ref") {
        return Some(Sent::Raced(summary.to_owned()));
    }
    let why = summary.trim_start_matches("[remote rejected]").trim().trim_matches(['(', ')']);
    Some(Sent::Refused(remote_words(why, words)))
}

/// The remote's own words, bounded: its summary and the lines it sent along, without repetition.
fn remote_words(summary: &str, words: &str) -> String {
    let mut said = vec![summary];
    for line in words.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim) {
        if !line.is_empty() && !said.contains(&line) {
            said.push(line);
        }
    }
    let all = said.join("; ");
    all[..all.floor_char_boundary(1000)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_keep_the_words_of_the_remote() {
        let told =
            "To https://h/x\n!\tabc:refs/heads/main\t[remote rejected] (pre-receive hook declined)\nDone\n";
        let words =
            "remote: GitLab: You are not allowed to push code to protected branches.        \nerror: failed";
        let sent = parse_refusal(told, words);
        let reason =
            "pre-receive hook declined; GitLab: You are not allowed to push code to protected branches.";
        assert_eq!(sent, Some(Sent::Refused(reason.to_owned())));
    }

    #[test]
    fn a_branch_that_moved_is_a_race() {
        for why in [
            "[rejected] (fetch first)",
            "[rejected] (non-fast-forward)",
            "[remote rejected] (cannot lock ref 'x')",
        ] {
            let told = format!("!\tabc:refs/heads/main\t{why}\n");
            assert_eq!(parse_refusal(&told, ""), Some(Sent::Raced(why.to_owned())));
        }
    }

    #[test]
    fn without_an_answer_about_the_ref_there_is_no_refusal() {
        assert_eq!(parse_refusal("", "fatal: unable to access 'https://h/'"), None);
    }
}
