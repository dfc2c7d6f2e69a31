//! Statuses of commits, which are what GitLab has for checks.
//!
//! A status hangs on a pipeline. CI's pipeline may come after ours was made by the first status, and the one that a merge
//! request looks at may be a third: so a check moves to the pipeline that counts, and is finished where it was before.

use super::Gitlab;
use super::client::{Ask, Author, Words, in_project};
use crate::domain::ci::CiResult;
use crate::domain::colour::Colour;
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::wire::encoded;
use crate::forge::{Access, CheckReport, Checks, ForgeError};
use async_trait::async_trait;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const NEEDS: &str = "Developer in this project";
/// Characters of a description and of an address.
const MOST: usize = 255;

#[derive(Deserialize)]
pub(super) struct WirePipeline {
    pub(super) id: i64,
    #[serde(rename = "ref")]
    pub(super) branch: Option<String>,
    #[serde(default)]
    pub(super) status: String,
    pub(super) source: Option<String>,
    pub(super) web_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireStatus {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) target_url: Option<String>,
    #[serde(default)]
    pub(super) allow_failure: bool,
    author: Option<Author>,
    /// Older servers do not say.
    pipeline_id: Option<i64>,
}

/// A status to set.
struct Status<'a> {
    sha: &'a Sha,
    branch: &'a str,
    name: &'a str,
    state: &'static str,
    description: String,
    page: &'a str,
}

/// What became of an attempt to set a status.
enum Set {
    /// In this pipeline; `None` when GitLab does not say.
    Done(Option<i64>),
    /// From where it stands there is no way to the new state: `running` cannot become `pending`, nor `running` again.
    NoWay(ForgeError),
}

#[async_trait]
impl Checks for Gitlab {
    /// `known` and what is returned are ids of pipelines.
    async fn put_check(
        &self,
        repo: &RepoRef,
        known: Option<i64>,
        check: &CheckReport,
    ) -> Result<i64, ForgeError> {
        let status = Status::of(check);
        let home = self.check_home(repo, &check.sha).await?;
        let pipeline = self.set(repo, home.or(known), &status).await?;
        if known != Some(pipeline) {
            self.finish_elsewhere(repo, pipeline, &status).await?;
        }
        Ok(pipeline)
    }

    async fn ci_results(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<CiResult>, ForgeError> {
        self.others_results(repo, sha).await
    }

    async fn job_log(&self, repo: &RepoRef, job: i64) -> Result<Option<String>, ForgeError> {
        self.trace(repo, job).await
    }

    async fn check_home(&self, repo: &RepoRef, sha: &Sha) -> Result<Option<i64>, ForgeError> {
        let pipelines = self.pipelines(repo, sha).await?;
        Ok(pipelines.iter().max_by_key(|pipeline| pipeline.weight()).map(|pipeline| pipeline.id))
    }
}

impl Gitlab {
    /// Every pipeline of a commit. <https://docs.gitlab.com/api/pipelines/#list-project-pipelines>
    pub(super) async fn pipelines(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<WirePipeline>, ForgeError> {
        let words = Words::new("list pipelines", format!("commit {}", sha.short()), NEEDS);
        self.client.all(&Ask::get(in_project(repo, &format!("/pipelines?sha={sha}")), words)).await
    }

    /// The newest status of each name on a commit, jobs of CI among them.
    /// <https://docs.gitlab.com/api/commits/#list-the-statuses-of-a-commit>
    pub(super) async fn statuses(
        &self,
        repo: &RepoRef,
        sha: &Sha,
        query: &str,
    ) -> Result<Vec<WireStatus>, ForgeError> {
        let words = Words::new("list statuses", format!("commit {}", sha.short()), NEEDS);
        let path = format!("/repository/commits/{sha}/statuses{query}");
        self.client.all(&Ask::get(in_project(repo, &path), words)).await
    }

    /// Sets a status and returns its pipeline. Where there is no way from the state in which it stands, it is closed first
    /// and begun anew, unless it stands there already.
    async fn set(
        &self,
        repo: &RepoRef,
        pipeline: Option<i64>,
        status: &Status<'_>,
    ) -> Result<i64, ForgeError> {
        let refused = match self.post(repo, pipeline, status).await? {
            Set::Done(found) => return self.pipeline_of(repo, found.or(pipeline), status).await,
            Set::NoWay(refused) => refused,
        };
        let standing = self.standing(repo, pipeline, status).await?;
        let pipeline = standing.as_ref().and_then(|standing| standing.pipeline_id).or(pipeline);
        if standing.is_none_or(|standing| standing.status != status.state) {
            let closed = Status { state: "canceled", description: status.description.clone(), ..*status };
            self.post(repo, pipeline, &closed).await?;
            if let Set::NoWay(_) = self.post(repo, pipeline, status).await? {
                return Err(refused);
            }
        }
        self.pipeline_of(repo, pipeline, status).await
    }

    /// The pipeline that a status is in: told by GitLab, or else the one that it made, once that is shown.
    async fn pipeline_of(
        &self,
        repo: &RepoRef,
        told: Option<i64>,
        status: &Status<'_>,
    ) -> Result<i64, ForgeError> {
        if let Some(id) = told {
            return Ok(id);
        }
        let made = self.check_home(repo, status.sha).await?;
        made.ok_or_else(|| {
            ForgeError::behind(self.client.host(), format!("the pipeline of `{}`", status.name))
        })
    }

    /// Ends what we began in pipelines that count no more.
    async fn finish_elsewhere(
        &self,
        repo: &RepoRef,
        here: i64,
        status: &Status<'_>,
    ) -> Result<(), ForgeError> {
        let ours = self.ours(repo, status).await?;
        let open = ours.iter().filter(|status| matches!(status.status.as_str(), "pending" | "running"));
        let elsewhere = open.filter_map(|open| open.pipeline_id).filter(|pipeline| *pipeline != here);
        for pipeline in elsewhere.collect::<BTreeSet<i64>>() {
            match self.post(repo, Some(pipeline), &status.at_its_end()).await {
                // A pipeline that was deleted shows nothing any more.
                Ok(_) | Err(ForgeError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Our newest status of this name, in this pipeline as far as that is known.
    async fn standing(
        &self,
        repo: &RepoRef,
        pipeline: Option<i64>,
        status: &Status<'_>,
    ) -> Result<Option<WireStatus>, ForgeError> {
        let here = |other: &WireStatus| {
            pipeline.is_none_or(|pipeline| other.pipeline_id.is_none_or(|theirs| theirs == pipeline))
        };
        Ok(self.ours(repo, status).await?.into_iter().filter(here).max_by_key(|other| other.id))
    }

    /// Every status of ours with this name on the commit.
    async fn ours(&self, repo: &RepoRef, status: &Status<'_>) -> Result<Vec<WireStatus>, ForgeError> {
        let us = self.identity().await?.actor.id;
        let query = format!("?all=true&name={}", encoded(status.name));
        let all = self.statuses(repo, status.sha, &query).await?;
        Ok(all.into_iter().filter(|other| other.name == status.name && other.is_of(us)).collect())
    }

    /// Two statuses set at once get in each other's way, which passes: so says 409.
    /// <https://docs.gitlab.com/api/commits/#set-the-pipeline-status-of-a-commit>
    async fn post(
        &self,
        repo: &RepoRef,
        pipeline: Option<i64>,
        status: &Status<'_>,
    ) -> Result<Set, ForgeError> {
        let words = Words::new("set a status", format!("commit {}", status.sha.short()), NEEDS);
        let path = in_project(repo, &format!("/statuses/{}", status.sha));
        let ask = Ask::write(Method::POST, path, status.body(pipeline), words);
        let (code, answer) = self.client.exchange(&ask).await?;
        if code.is_success() {
            let set: WireStatus = self.client.understood(&ask, &answer)?;
            return Ok(Set::Done(set.pipeline_id));
        }
        let refusal = self.client.refusal(&ask, code, &answer);
        match refusal {
            ForgeError::Refused { host, what, .. } if code == StatusCode::CONFLICT => {
                Err(ForgeError::Broken { host, what, status: code.as_u16() })
            }
            ForgeError::Refused { ref words, .. } if words.contains("annot transition") => {
                Ok(Set::NoWay(refusal))
            }
            refusal => Err(refusal),
        }
    }
}

impl<'a> Status<'a> {
    fn of(check: &'a CheckReport) -> Self {
        Self {
            sha: &check.sha,
            branch: &check.branch,
            name: &check.name,
            state: state_of(check.colour),
            description: check.title.chars().take(MOST).collect(),
            page: &check.details_url,
        }
    }

    /// As it ends where it goes on elsewhere.
    fn at_its_end(&self) -> Self {
        match self.state {
            "pending" | "running" => {
                Self { state: "canceled", description: "Goes on in a newer pipeline".to_owned(), ..*self }
            }
            _ => Self { description: self.description.clone(), ..*self },
        }
    }

    /// A pipeline that exists decides what the status is about; without one, GitLab makes one for the branch.
    fn body(&self, pipeline: Option<i64>) -> Value {
        let mut body = json!({ "state": self.state, "name": self.name, "description": self.description });
        match pipeline {
            Some(id) => body["pipeline_id"] = json!(id),
            None => body["ref"] = json!(self.branch),
        }
        if self.page.chars().count() > MOST {
            tracing::debug!(check.name = self.name, "GitLab takes no link this long; the status has none");
        } else if !self.page.is_empty() {
            body["target_url"] = json!(self.page);
        }
        body
    }
}

/// What needs a person is `canceled`: it ends the pipeline without being green, and sends nobody a mail about a failure.
fn state_of(colour: Colour) -> &'static str {
    match colour {
        Colour::Queued => "pending",
        Colour::Running => "running",
        Colour::Success => "success",
        Colour::Failure => "failed",
        Colour::ActionRequired | Colour::Cancelled => "canceled",
        Colour::Neutral => "skipped",
    }
}

impl WirePipeline {
    /// A merge request looks at its own pipeline, else at the branch's newest.
    fn weight(&self) -> (bool, i64) {
        (self.source.as_deref() == Some("merge_request_event"), self.id)
    }

    /// It was made by statuses from outside, and has no jobs.
    pub(super) fn is_external(&self) -> bool {
        self.source.as_deref() == Some("external")
    }
}

impl WireStatus {
    pub(super) fn is_of(&self, user: i64) -> bool {
        self.author.as_ref().is_some_and(|author| author.id == user)
    }
}
