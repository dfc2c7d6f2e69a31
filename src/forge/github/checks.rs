//! Check runs of ours, and asking for those of others.

use super::Github;
use super::ci::{WireRun, WireRuns};
use super::client::{Ask, Words};
use super::links::{encoded, repo_path};
use crate::domain::ci::CiResult;
use crate::domain::colour::Colour;
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::{CheckReport, Checks, ForgeError};
use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

const NEEDS: &str = "checks=write";

#[derive(Deserialize)]
struct WireId {
    id: i64,
}

#[async_trait]
impl Checks for Github {
    /// Times are left to GitHub, which sets them as the status moves.
    /// <https://docs.github.com/en/rest/checks/runs>
    async fn put_check(
        &self,
        repo: &RepoRef,
        known: Option<i64>,
        check: &CheckReport,
    ) -> Result<i64, ForgeError> {
        let known = match known {
            Some(id) => vec![id],
            None => self.own_runs(repo, check).await?,
        };
        for id in &known {
            self.on(repo).act(&update(repo, *id, check)).await?;
        }
        match known.into_iter().max() {
            Some(newest) => Ok(newest),
            None => Ok(self.on(repo).read::<WireId>(&create(repo, check)).await?.id),
        }
    }

    async fn ci_results(&self, repo: &RepoRef, sha: &Sha) -> Result<Vec<CiResult>, ForgeError> {
        self.others_results(repo, sha).await
    }

    async fn job_log(&self, repo: &RepoRef, job: i64) -> Result<Option<String>, ForgeError> {
        self.said_by(repo, job).await
    }

    /// A check run hangs on its commit and stays there.
    async fn check_home(&self, _: &RepoRef, _: &Sha) -> Result<Option<i64>, ForgeError> {
        Ok(None)
    }
}

impl Github {
    /// The runs of ours with this name on this commit.
    async fn own_runs(&self, repo: &RepoRef, check: &CheckReport) -> Result<Vec<i64>, ForgeError> {
        let (sha, name, app) = (&check.sha, encoded(&check.name), self.app_id);
        let query = format!("check_name={name}&app_id={app}&filter=all&per_page=100");
        let path = repo_path(repo, &format!("/commits/{sha}/check-runs?{query}"));
        let ask = Ask::get(path, Words::new("list check runs", format!("commit {}", sha.short()), NEEDS));
        let pages: Vec<WireRuns> = self.on(repo).all(&ask).await?;
        let runs = pages.into_iter().flat_map(|page| page.check_runs);
        let ours = runs.filter(|run| run.is_of(app) && run.name == check.name);
        Ok(ours.map(|run: WireRun| run.id).collect())
    }
}

fn create(repo: &RepoRef, check: &CheckReport) -> Ask {
    let mut body = state(check);
    body["head_sha"] = json!(check.sha);
    let words = Words::new("create a check run", format!("commit {}", check.sha.short()), NEEDS);
    Ask::write(Method::POST, repo_path(repo, "/check-runs"), body, words)
}

fn update(repo: &RepoRef, id: i64, check: &CheckReport) -> Ask {
    let words = Words::new("update a check run", format!("check run {id}"), NEEDS);
    Ask::write(Method::PATCH, repo_path(repo, &format!("/check-runs/{id}")), state(check), words)
}

/// Without a conclusion, GitHub takes away the one that a finished run had. An empty list takes away old buttons.
fn state(check: &CheckReport) -> Value {
    let buttons = check.buttons.iter();
    let actions: Vec<Value> = buttons
        .map(|b| json!({ "label": b.label, "description": b.description, "identifier": b.identifier }))
        .collect();
    let (status, conclusion) = status_of(check.colour);
    let mut body = json!({
        "name": check.name,
        "status": status,
        "external_id": check.external_id,
        "details_url": check.details_url,
        "output": { "title": check.title, "summary": check.summary },
        "actions": actions,
    });
    if let Some(conclusion) = conclusion {
        body["conclusion"] = json!(conclusion);
    }
    if let Some(text) = &check.text {
        body["output"]["text"] = json!(text);
    }
    body
}

fn status_of(colour: Colour) -> (&'static str, Option<&'static str>) {
    let done = |conclusion| ("completed", Some(conclusion));
    match colour {
        Colour::Queued => ("queued", None),
        Colour::Running => ("in_progress", None),
        Colour::Success => done("success"),
        Colour::Failure => done("failure"),
        Colour::ActionRequired => done("action_required"),
        Colour::Cancelled => done("cancelled"),
        Colour::Neutral => done("neutral"),
    }
}
