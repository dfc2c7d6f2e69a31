//! Merge requests.

use super::Gitlab;
use super::client::{Ask, Words, in_project};
use super::errors::give_role;
use super::text::{as_draft, as_ready, quiet};
use crate::domain::ids::Sha;
use crate::domain::project::{PullState, RepoRef};
use crate::forge::wire::{encoded, full_sha};
use crate::forge::{ForgeError, NewPull, Pull, Pulls};
use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

const NEEDS: &str = "Developer in this project";

#[derive(Deserialize)]
pub(super) struct WirePull {
    iid: u64,
    web_url: String,
    title: String,
    /// `opened`, `closed`, `merged`, and `locked` while it is being merged.
    state: String,
    #[serde(default)]
    draft: bool,
    #[serde(deserialize_with = "full_sha")]
    sha: Sha,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<i64>,
    target_project_id: Option<i64>,
    merge_commit_sha: Option<String>,
    squash_commit_sha: Option<String>,
    /// Why it cannot be merged, or `mergeable`; older servers do not say.
    #[serde(default)]
    detailed_merge_status: String,
}

#[async_trait]
impl Pulls for Gitlab {
    /// <https://docs.gitlab.com/api/merge_requests/#create-mr>
    async fn open_pull(&self, repo: &RepoRef, new: &NewPull) -> Result<Pull, ForgeError> {
        let body = json!({
            "source_branch": new.head,
            "target_branch": new.base,
            "title": as_draft(&new.title),
            "description": quiet(&new.body),
            "remove_source_branch": false,
        });
        let thing = format!("branch {} or {}", new.head, new.base);
        let words = Words::new("open a merge request", thing, NEEDS);
        let ask = Ask::write(Method::POST, in_project(repo, "/merge_requests"), body, words);
        match self.client.read::<WirePull>(&ask).await {
            Ok(pull) => Ok(pull.into_pull()),
            Err(ForgeError::Refused { host, words, .. }) if words.contains("already exists") => {
                let found = self.open_pull_of(repo, &new.head).await?;
                found.ok_or_else(|| ForgeError::behind(host, format!("the merge request of `{}`", new.head)))
            }
            Err(error) => Err(error),
        }
    }

    async fn pull(&self, repo: &RepoRef, number: u64) -> Result<Pull, ForgeError> {
        Ok(self.wire_pull(repo, number).await?.into_pull())
    }

    /// The title says whether it is a draft, so what it is now is asked first.
    async fn describe_pull(
        &self,
        repo: &RepoRef,
        number: u64,
        title: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        let stands = self.wire_pull(repo, number).await?;
        let title = if stands.draft { as_draft(title) } else { as_ready(title).to_owned() };
        let body = json!({ "title": title, "description": quiet(body) });
        self.update(repo, number, "describe a merge request", body).await
    }

    async fn close_pull(&self, repo: &RepoRef, number: u64) -> Result<(), ForgeError> {
        let closed = self.update(repo, number, "close a merge request", json!({ "state_event": "close" }));
        match closed.await {
            Err(error @ ForgeError::Refused { .. }) => match self.pull(repo, number).await?.state {
                PullState::Closed | PullState::Merged => Ok(()),
                PullState::Draft | PullState::Ready => Err(error),
            },
            answered => answered,
        }
    }

    async fn mark_ready(&self, repo: &RepoRef, pull: &Pull) -> Result<(), ForgeError> {
        let stands = self.wire_pull(repo, pull.number).await?;
        if !stands.draft {
            return Ok(());
        }
        let body = json!({ "title": as_ready(&stands.title) });
        self.update(repo, pull.number, "mark the merge request ready", body).await
    }

    /// A merge request that is merged already at `head` is success, so that this may be asked again after a crash. How it is
    /// merged is the project's setting. <https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request>
    async fn merge_pull(&self, repo: &RepoRef, number: u64, head: &Sha) -> Result<Sha, ForgeError> {
        let path = in_project(repo, &format!("/merge_requests/{number}/merge"));
        let body = json!({ "sha": head, "should_remove_source_branch": false });
        let words = Words::new("merge", named(number), NEEDS);
        let ask = Ask::write(Method::PUT, path, body, words);
        let (status, answer) = self.client.exchange(&ask).await?;
        if status.is_success() {
            let merged: WirePull = self.client.understood(&ask, &answer)?;
            return Ok(merged.merged_as());
        }
        let refusal = self.client.refusal(&ask, status, &answer);
        match refusal {
            // A merge without the right to merge is "unauthorized", as a token that has expired is.
            ForgeError::Unauthorized { host, .. } if self.is_accepted().await? => {
                let todo = format!(
                    "{}, or let it merge into the target branch",
                    give_role("Maintainer in this project")
                );
                Err(ForgeError::Forbidden { host, what: ask.words.act, todo })
            }
            refusal @ ForgeError::Refused { .. } => {
                self.wire_pull(repo, number).await?.unmerged(head, refusal)
            }
            other => Err(other),
        }
    }
}

impl Gitlab {
    async fn wire_pull(&self, repo: &RepoRef, number: u64) -> Result<WirePull, ForgeError> {
        let words = Words::new("read a merge request", named(number), NEEDS);
        self.client.read(&Ask::get(in_project(repo, &format!("/merge_requests/{number}")), words)).await
    }

    async fn update(&self, repo: &RepoRef, number: u64, act: &str, body: Value) -> Result<(), ForgeError> {
        let path = in_project(repo, &format!("/merge_requests/{number}"));
        self.client.act(&Ask::write(Method::PUT, path, body, Words::new(act, named(number), NEEDS))).await
    }

    async fn open_pull_of(&self, repo: &RepoRef, branch: &str) -> Result<Option<Pull>, ForgeError> {
        let query = format!("state=opened&source_branch={}", encoded(branch));
        let words = Words::new("list merge requests", "such project", NEEDS);
        let ask = Ask::get(in_project(repo, &format!("/merge_requests?{query}")), words);
        let found: Vec<WirePull> = self.client.all(&ask).await?;
        let mut ours = found.into_iter().map(WirePull::into_pull);
        Ok(ours.find(|pull| pull.head_branch == branch && !pull.from_fork))
    }
}

fn named(number: u64) -> String {
    format!("merge request !{number}")
}

impl WirePull {
    fn state(&self) -> PullState {
        match (self.state.as_str(), self.draft) {
            ("merged", _) => PullState::Merged,
            ("closed", _) => PullState::Closed,
            (_, true) => PullState::Draft,
            (_, false) => PullState::Ready,
        }
    }

    /// What the merge left on the target: a merge commit, a squashed one, or the head itself.
    fn merged_as(&self) -> Sha {
        let made = [&self.merge_commit_sha, &self.squash_commit_sha].into_iter().flatten();
        made.filter_map(|sha| Sha::parse(sha)).next().unwrap_or_else(|| self.sha.clone())
    }

    /// What a refused merge means. GitLab works out whether there are conflicts a while after each change: until it has,
    /// "not allowed" is said for now only.
    fn unmerged(self, head: &Sha, refusal: ForgeError) -> Result<Sha, ForgeError> {
        const UNDECIDED: [&str; 4] = ["checking", "unchecked", "preparing", "approvals_syncing"];
        if self.state() == PullState::Merged && self.sha == *head {
            return Ok(self.merged_as());
        }
        match refusal {
            ForgeError::Refused { host, .. } if UNDECIDED.contains(&self.detailed_merge_status.as_str()) => {
                Err(ForgeError::behind(host, "whether it can be merged"))
            }
            ForgeError::Refused { host, what, words } => {
                let why = self.detailed_merge_status.replace('_', " ");
                let words =
                    if why.is_empty() || why == "mergeable" { words } else { format!("{words}: {why}") };
                Err(ForgeError::Refused { host, what, words })
            }
            other => Err(other),
        }
    }

    fn into_pull(self) -> Pull {
        let state = self.state();
        Pull {
            from_fork: self.source_project_id.is_none() || self.source_project_id != self.target_project_id,
            merge_sha: (state == PullState::Merged).then(|| self.merged_as()),
            number: self.iid,
            node_id: String::new(),
            url: self.web_url,
            state,
            head: self.sha,
            head_branch: self.source_branch,
            base_branch: self.target_branch,
        }
    }
}
