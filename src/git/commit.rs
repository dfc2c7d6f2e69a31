//! Making commits, by plumbing: no hook, no signature, no editor, no identity but ours.

use super::error::GitError;
use super::settings::{Git, Identity};
use super::worktree::Worktree;
use crate::domain::ids::{Moment, Sha};
use std::path::PathBuf;

/// What a commit says besides its content.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    pub message: &'a str,
    /// Author and committer, always the bot; as the settings call it when `None`.
    pub author: Option<&'a Identity>,
    /// People whose `Co-authored-by` lines end the message.
    pub co_authors: &'a [Identity],
    /// The date of the commit; now when `None`.
    pub at: Option<Moment>,
}

/// What became of our one commit on another parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebased {
    Done(Sha),
    /// Nothing was changed; these paths were changed by both sides.
    Conflict {
        paths: Vec<PathBuf>,
    },
}

impl Git {
    /// Commits everything that differs from `HEAD`; `None` when nothing does.
    pub async fn commit_all(&self, tree: &Worktree, new: &NewCommit<'_>) -> Result<Option<Sha>, GitError> {
        let changes = self.status(tree).await?;
        if changes.is_empty() {
            return Ok(None);
        }
        let index = tree.git_dir.join("index");
        self.stage(tree, &index, &changes).await?;
        let content = self.write_tree(tree, &index).await?;
        self.commit_content(tree, &content, new).await
    }

    /// Puts the worktree's newest commit, and only that, onto `onto`, which must descend from its parent.
    ///
    /// Works on objects alone, so that a conflict leaves no trace; the worktree must have nothing uncommitted.
    pub async fn rebase_one(&self, tree: &Worktree, onto: &Sha) -> Result<Rebased, GitError> {
        let ours = self.head(tree).await?;
        let parent = self.commit_at(&tree.mirror, &format!("{ours}^")).await?;
        let parent =
            parent.ok_or_else(|| GitError::refused("the first commit of a history cannot be moved"))?;
        if !self.is_ancestor(&tree.mirror, &parent, onto).await? {
            return Err(GitError::refused(format!("{} does not build on {}", onto.short(), parent.short())));
        }
        if !self.status(tree).await?.is_empty() {
            return Err(GitError::refused("the worktree has changes that are not committed"));
        }
        // Since `onto` holds our parent, that parent is the base of this merge: it is a cherry-pick.
        let args = [
            "merge-tree",
            "--write-tree",
            "-z",
            "--name-only",
            "--no-messages",
            onto.as_str(),
            ours.as_str(),
        ];
        let merged = self.in_mirror(&tree.mirror, &args).run().await?;
        let mut listed = super::mirror::records(&merged.stdout);
        let merged_tree = String::from_utf8_lossy(listed.next().unwrap_or_default()).trim().to_owned();
        match merged.code {
            0 => {}
            1 => {
                return Ok(Rebased::Conflict { paths: listed.map(super::mirror::bytes_path).collect() });
            }
            _ => return Err(super::error::classify("merge-tree", &merged.words)),
        }
        let message =
            self.in_mirror(&tree.mirror, &["log", "-1", "--format=%B", ours.as_str()]).text().await?;
        let said =
            self.in_mirror(&tree.mirror, &["log", "-1", "--format=%an%n%ae", ours.as_str()]).text().await?;
        let (name, email) = said.split_once('\n').unwrap_or((&said, ""));
        let author = Identity { name: name.to_owned(), email: email.to_owned() };
        let moved = self.commit_tree(tree, (&merged_tree, onto), &message, (&author, None)).await?;
        self.reset(tree, &moved).await?;
        Ok(Rebased::Done(moved))
    }

    /// Moves the worktree's branch to a new commit of the tree `content`; `None` when `HEAD` has that content.
    async fn commit_content(
        &self,
        tree: &Worktree,
        content: &str,
        new: &NewCommit<'_>,
    ) -> Result<Option<Sha>, GitError> {
        let head = self.head(tree).await?;
        let before = self.in_mirror(&tree.mirror, &["rev-parse", &format!("{head}^{{tree}}")]).text().await?;
        if content == before {
            return Ok(None);
        }
        let message = with_trailers(new.message, new.co_authors);
        let made = self
            .commit_tree(
                tree,
                (content, &head),
                &message,
                (new.author.unwrap_or(&self.settings.identity), new.at),
            )
            .await?;
        let branch = format!("refs/heads/{}", tree.name);
        self.in_worktree(tree, &["update-ref", &branch, made.as_str(), head.as_str()]).ok().await?;
        Ok(Some(made))
    }

    async fn commit_tree(
        &self,
        tree: &Worktree,
        (content, parent): (&str, &Sha),
        message: &str,
        (author, at): (&Identity, Option<Moment>),
    ) -> Result<Sha, GitError> {
        let Identity { name, email } = author;
        let args = ["commit-tree", "--no-gpg-sign", "-F", "-", "-p", parent.as_str(), content];
        let mut call = self.in_mirror(&tree.mirror, &args).stdin(format!("{}\n", message.trim_end()));
        call = call.env("GIT_AUTHOR_NAME", name).env("GIT_AUTHOR_EMAIL", email);
        call = call.env("GIT_COMMITTER_NAME", name).env("GIT_COMMITTER_EMAIL", email);
        if let Some(Moment(millis)) = at {
            let date = format!("@{} +0000", millis.div_euclid(1000));
            call = call.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        }
        let made = call.text().await?;
        Sha::parse(&made).ok_or_else(|| GitError::Fault { command: "commit-tree".to_owned(), words: made })
    }
}

/// Ends a message with one `Co-authored-by` line per person, as git-interpret-trailers(1) describes trailers.
///
/// NUL is dropped; line ends and angle brackets in names and addresses become spaces, so that a name cannot add lines.
fn with_trailers(message: &str, co_authors: &[Identity]) -> String {
    let clean = |text: &str| {
        let plain = |c: char| {
            if c.is_control() || matches!(c, '<' | '>') { ' ' } else { c }
        };
        text.chars().map(plain).collect::<String>().trim().to_owned()
    };
    let mut text = message.replace('\0', "").trim_end().to_owned();
    let lines =
        co_authors.iter().map(|p| format!("Co-authored-by: {} <{}>", clean(&p.name), clean(&p.email)));
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        text.push_str("\n\n");
        text.push_str(&lines.join("\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_add_lines_to_a_message() {
        let vera = Identity { name: "Vera\nSigned-off-by: x <y>".into(), email: "v@x.org".into() };
        insta::assert_snapshot!(with_trailers("Add parser\n\nWhy.\n", &[vera]), @r"
        Add parser

        Why.

        Co-authored-by: Vera Signed-off-by: x  y <v@x.org>
        ");
        assert_eq!(with_trailers("Add\0 parser\n", &[]), "Add parser");
    }
}
