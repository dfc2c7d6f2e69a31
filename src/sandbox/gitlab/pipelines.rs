//! Pipelines, jobs and statuses from outside; CI that plays itself.

use super::desk::{Job, Pipeline};
use super::words::answered;
use crate::sandbox::acts::Refused;
use crate::sandbox::model::{Actor, CheckConclusion, Ci, Model, UserKind, Workflow};
use serde_json::json;

/// Who sets the statuses of a CI outside of GitLab.
const CI: &str = "ci";

/// A status that somebody sets from outside.
pub(crate) struct NewStatus {
    pub(crate) pipeline: u64,
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
}

impl Model {
    pub(crate) fn add_pipeline(
        &mut self,
        repo: u64,
        (branch, sha): (&str, &str),
        source: &'static str,
        author: &str,
    ) -> u64 {
        let (id, now) = (self.next_id("pipeline"), self.now());
        let iid = self.gitlab.pipelines.iter().filter(|p| p.repo == repo).count() as u64 + 1;
        let (branch, sha, author) = (branch.to_owned(), sha.to_owned(), author.to_owned());
        let pipeline = Pipeline { id, iid, repo, branch, sha, source, author, created: now, updated: now };
        self.gitlab.pipelines.push(pipeline);
        id
    }

    /// Jobs that count, oldest first.
    pub(crate) fn jobs_in(&self, pipeline: u64) -> Vec<&Job> {
        self.gitlab.jobs.iter().filter(|j| j.pipeline == pipeline && !j.retried).collect()
    }

    /// What the jobs that count come to.
    pub(crate) fn pipeline_status(&self, pipeline: u64) -> &'static str {
        let jobs = self.jobs_in(pipeline);
        let any = |status: &str| jobs.iter().any(|job| job.status == status);
        let all = |status: &str| jobs.iter().all(|job| job.status == status);
        match () {
            () if jobs.is_empty() => "created",
            () if all("skipped") => "skipped",
            () if all("pending") => "pending",
            () if jobs.iter().any(|job| job.is_open()) => "running",
            () if any("failed") => "failed",
            () if any("canceled") => "canceled",
            () => "success",
        }
    }

    fn add_job(&mut self, pipeline: u64, name: &str, author: &str, outside: bool) -> Option<u64> {
        let (id, now) = (self.next_id("job"), self.now());
        let home = self.pipeline(pipeline)?;
        let (repo, branch, sha) = (home.repo, home.branch.clone(), home.sha.clone());
        let same = |job: &&mut Job| job.pipeline == pipeline && job.name == name;
        for old in self.gitlab.jobs.iter_mut().filter(same) {
            old.retried = true;
        }
        self.gitlab.jobs.push(Job {
            id,
            repo,
            pipeline,
            name: name.to_owned(),
            stage: if outside { "external".to_owned() } else { name.to_owned() },
            status: "pending",
            branch,
            sha,
            description: None,
            target_url: None,
            author: author.to_owned(),
            outside,
            retried: false,
            trace: String::new(),
            created: now,
            started: None,
            finished: None,
        });
        Some(id)
    }

    /// Moves a job and tells of it and of its pipeline.
    fn move_job(&mut self, id: u64, status: &'static str, actor: &Actor) {
        let now = self.now();
        let Some(job) = self.job_mut(id) else { return };
        job.status = status;
        if status == "running" {
            job.started = Some(now);
        }
        job.finished = (!job.is_open()).then_some(now);
        let pipeline = job.pipeline;
        if let Some(home) = self.gitlab.pipelines.iter_mut().find(|p| p.id == pipeline) {
            home.updated = now;
        }
        self.tell_job(id, actor);
        self.tell_pipeline(pipeline, actor);
    }

    /// Sets a status from outside. One of this name and author that is not finished is moved on; else a new one begins.
    /// Its words change even where its state may not.
    ///
    /// <https://docs.gitlab.com/api/commits/#set-the-pipeline-status-of-a-commit>
    pub(crate) fn set_status(&mut self, actor: &Actor, new: NewStatus) -> Result<u64, Refused> {
        let NewStatus { pipeline, name, state, description, target_url } = new;
        let mine = |job: &&Job| {
            job.pipeline == pipeline && job.outside && job.name == name && job.author == actor.login
        };
        let open = self.gitlab.jobs.iter().find(|job| mine(job) && job.is_open()).map(|job| job.id);
        let standing = open.and_then(|id| self.job(id)).map(|job| job.status);
        let to = transition(standing, &state)?;
        let id = match open {
            Some(id) => id,
            None => self.add_job(pipeline, &name, &actor.login, true).unwrap_or_default(),
        };
        if let Some(job) = self.job_mut(id) {
            job.description = description.or(job.description.take());
            job.target_url = target_url.or(job.target_url.take());
        }
        match to {
            Some(to) => self.move_job(id, to, actor),
            None => {
                let (word, from) = (via(&state), standing.unwrap_or_default());
                let why = format!(
                    "Cannot transition status via :{word} from :{from} (Reason(s): Status cannot transition via \"{word}\")"
                );
                return Err(Refused::new(400, why));
            }
        }
        Ok(id)
    }

    fn ci_user(&mut self) -> Actor {
        self.add_user(CI, UserKind::Bot);
        Actor::person(CI)
    }

    pub(crate) fn queue_jobs(&mut self, repo: u64, (branch, sha): (&str, &str), stages: &[&str]) {
        let by_status = self.repo(repo).is_some_and(|r| r.ci == Ci::Statuses);
        let actor = self.ci_user();
        let source = if by_status { "external" } else { "push" };
        let pipeline = self.add_pipeline(repo, (branch, sha), source, &actor.login);
        for stage in stages {
            let name = if by_status { "ci/build" } else { stage };
            let job = self.add_job(pipeline, name, &actor.login, by_status);
            self.add_workflow(repo, (branch, sha), job);
            if let Some(job) = job {
                self.tell_job(job, &actor);
            }
        }
        self.tell_pipeline(pipeline, &actor);
    }

    pub(crate) fn play_job(&mut self, workflow: &Workflow, outcome: CheckConclusion) {
        let Some(id) = workflow.run else { return };
        let actor = self.ci_user();
        self.move_job(id, "running", &actor);
        let (to, trace, words) = match outcome {
            CheckConclusion::Success => ("success", "12 tests passed.\n", "All tests passed"),
            _ => ("failed", "`adds_two_numbers` failed: expected 4, got 5.\n", "1 test failed"),
        };
        if let Some(job) = self.job_mut(id) {
            job.trace.push_str(trace);
            job.description = job.outside.then(|| words.to_owned());
        }
        self.move_job(id, to, &actor);
    }

    /// Plays a finished job of CI again, as a new one. `None` when it is not CI's.
    pub(crate) fn retry_job(&mut self, id: u64) -> Option<u64> {
        let old = self.job(id).filter(|job| !job.outside)?.clone();
        self.again(id)?;
        let actor = self.ci_user();
        let new = self.add_job(old.pipeline, &old.name, &actor.login, false)?;
        self.workflows.iter_mut().find(|w| w.run == Some(id))?.run = Some(new);
        self.tell_job(new, &actor);
        self.tell_pipeline(old.pipeline, &actor);
        self.play_later();
        Some(new)
    }
}

/// The event of GitLab's state machine that leads to a state.
fn via(state: &str) -> &'static str {
    match state {
        "pending" => "enqueue",
        "running" => "run",
        "success" => "success",
        "failed" => "drop",
        "canceled" => "cancel",
        _ => "skip",
    }
}

/// Where a status gets from where it stands; `None` where there is no way.
fn transition(standing: Option<&str>, state: &str) -> Result<Option<&'static str>, Refused> {
    let to = match state {
        "pending" => "pending",
        "running" => "running",
        "success" => "success",
        "failed" => "failed",
        "canceled" => "canceled",
        "skipped" => "skipped",
        _ => return Err(answered(400, json!({ "error": "state does not have a valid value" }))),
    };
    let stuck = matches!((standing, to), (Some(_), "pending") | (Some("running"), "running" | "skipped"));
    Ok((!stuck).then_some(to))
}

#[cfg(test)]
mod tests {
    use super::transition;

    #[track_caller]
    fn check(from: Option<&str>, to: &str, expected: bool) {
        assert_eq!(transition(from, to).unwrap().is_some(), expected, "{from:?} {to}");
    }

    #[test]
    fn a_status_never_goes_back_or_stays() {
        check(None, "pending", true);
        check(None, "running", true);
        check(Some("pending"), "running", true);
        check(Some("pending"), "pending", false);
        check(Some("running"), "pending", false);
        check(Some("running"), "running", false);
        check(Some("running"), "success", true);
        assert!(transition(None, "green").is_err());
    }
}
