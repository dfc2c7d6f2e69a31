//! Pull requests.

use super::Github;
use super::client::{Ask, Words};
use super::links::{encoded, repo_path};
use super::on_repo::graphql;
use super::payload::full_sha;
use super::tokens::Rights;
use crate::domain::ids::Sha;
use crate::domain::project::{PullState, RepoRef};
use crate::forge::{ForgeError, NewPull, Pull, Pulls};
use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::json;

const NEEDS: &str = "pull_requests=write";

#[derive(Deserialize)]
struct WirePull {
    number: u64,
    node_id: String,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    /// Lists have this one only, and no `merged`.
    merged_at: Option<String>,
    merge_commit_sha: Option<String>,
    head: WireSide,
    base: WireSide,
}

#[derive(Deserialize)]
struct WireSide {
    #[serde(rename = "ref")]
    branch: String,
    #[serde(deserialize_with = "full_sha")]
    sha: Sha,
    /// `null` once a fork is deleted.
    repo: Option<WireRepo>,
}

#[derive(Deserialize)]
struct WireRepo {
    id: i64,
}

#[derive(Deserialize)]
struct WireMerge {
    #[serde(deserialize_with = "full_sha")]
    sha: Sha,
}

#[async_trait]
impl Pulls for Github {
    /// Where drafts are not to be had (private repositories on some plans), the pull request is opened as ready.
    /// <https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request>
    async fn open_pull(&self, repo: &RepoRef, new: &NewPull) -> Result<Pull, ForgeError> {
        let refused = match self.create_pull(repo, new, PullState::Draft).await {
            Err(ForgeError::Refused { words, .. }) if is_about_drafts(&words) => {
                self.create_pull(repo, new, PullState::Ready).await
            }
            answered => answered,
        };
        match refused {
            Err(ForgeError::Refused { host, words, .. }) if words.contains("already exists") => {
                let found = self.open_pull_of(repo, &new.head).await?;
                found.ok_or(ForgeError::behind(host, format!("the pull request of `{}`", new.head)))
            }
            answered => answered,
        }
    }

    async fn pull(&self, repo: &RepoRef, number: u64) -> Result<Pull, ForgeError> {
        let words =
            Words::new("read a pull request", format!("pull request #{number}"), "pull_requests=read");
        let ask = Ask::get(repo_path(repo, &format!("/pulls/{number}")), words);
        Ok(self.on(repo).read::<WirePull>(&ask).await?.into_pull())
    }

    async fn close_pull(&self, repo: &RepoRef, number: u64) -> Result<(), ForgeError> {
        let words = Words::new("close a pull request", format!("pull request #{number}"), NEEDS);
        let path = repo_path(repo, &format!("/pulls/{number}"));
        let ask = Ask::write(Method::PATCH, path, json!({ "state": "closed" }), words);
        self.on(repo).act(&ask).await
    }

    async fn describe_pull(
        &self,
        repo: &RepoRef,
        number: u64,
        title: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        let words = Words::new("describe a pull request", format!("pull request #{number}"), NEEDS);
        let path = repo_path(repo, &format!("/pulls/{number}"));
        let ask = Ask::write(Method::PATCH, path, json!({ "title": title, "body": body }), words);
        self.on(repo).act(&ask).await
    }

    /// Only GraphQL can: REST ignores `draft` on updates.
    /// <https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview>
    async fn mark_ready(&self, repo: &RepoRef, pull: &Pull) -> Result<(), ForgeError> {
        let query = "mutation($id: ID!) { \
                     markPullRequestReadyForReview(input: { pullRequestId: $id }) { clientMutationId } }";
        let thing = format!("pull request #{}", pull.number);
        let words = Words::new("mark the pull request ready", thing, NEEDS);
        let ask = graphql(query, &json!({ "id": pull.node_id }), words);
        match self.on(repo).mutate(&ask).await {
            Err(error @ ForgeError::Refused { .. }) => match self.pull(repo, pull.number).await?.state {
                PullState::Draft => Err(error),
                PullState::Ready | PullState::Merged | PullState::Closed => Ok(()),
            },
            answered => answered,
        }
    }

    /// A pull request that is merged already at `head` is success, so that this may be asked again after a crash.
    /// <https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request>
    async fn merge_pull(&self, repo: &RepoRef, number: u64, head: &Sha) -> Result<Sha, ForgeError> {
        let words = Words::new("merge", format!("pull request #{number}"), "contents=write");
        let path = repo_path(repo, &format!("/pulls/{number}/merge"));
        let body = json!({ "sha": head, "merge_method": self.merge_method.as_str() });
        let ask = Ask::write(Method::PUT, path, body, words);
        match self.client.on(repo, Rights::Merge).read::<WireMerge>(&ask).await {
            Ok(merged) => Ok(merged.sha),
            Err(error @ ForgeError::Refused { .. }) => {
                let now = self.pull(repo, number).await?;
                now.merge_sha.filter(|_| now.head == *head).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}

impl Github {
    async fn create_pull(&self, repo: &RepoRef, new: &NewPull, state: PullState) -> Result<Pull, ForgeError> {
        let body = json!({
            "title": new.title,
            "head": new.head,
            "base": new.base,
            "body": new.body,
            "draft": state == PullState::Draft,
        });
        let thing = format!("branch {} or {}", new.head, new.base);
        let words = Words::new("open a pull request", thing, NEEDS);
        let ask = Ask::write(Method::POST, repo_path(repo, "/pulls"), body, words);
        Ok(self.on(repo).read::<WirePull>(&ask).await?.into_pull())
    }

    async fn open_pull_of(&self, repo: &RepoRef, branch: &str) -> Result<Option<Pull>, ForgeError> {
        let head = encoded(&format!("{}:{branch}", repo.owner));
        let words = Words::new("list pull requests", "such repository", "pull_requests=read");
        let ask = Ask::get(repo_path(repo, &format!("/pulls?state=open&head={head}")), words);
        let found: Vec<WirePull> = self.on(repo).read(&ask).await?;
        Ok(found
            .into_iter()
            .map(WirePull::into_pull)
            .find(|pull| pull.head_branch == branch && !pull.from_fork))
    }
}

/// "Draft pull requests are not supported in this repository."
fn is_about_drafts(words: &str) -> bool {
    words.to_ascii_lowercase().contains("draft")
}

impl WirePull {
    fn into_pull(self) -> Pull {
        let state = match (self.merged_at.is_some(), self.state == "open", self.draft) {
            (true, _, _) => PullState::Merged,
            (false, false, _) => PullState::Closed,
            (false, true, true) => PullState::Draft,
            (false, true, false) => PullState::Ready,
        };
        let id = |side: &WireSide| side.repo.as_ref().map(|repo| repo.id);
        // Of an open pull request, this is a trial merge.
        let merge_sha = self.merge_commit_sha.filter(|_| state == PullState::Merged);
        Pull {
            from_fork: id(&self.head).is_none() || id(&self.head) != id(&self.base),
            number: self.number,
            node_id: self.node_id,
            url: self.html_url,
            state,
            head: self.head.sha,
            head_branch: self.head.branch,
            base_branch: self.base.branch,
            merge_sha: merge_sha.as_deref().and_then(Sha::parse),
        }
    }
}
