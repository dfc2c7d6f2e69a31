//! Whoever plays CI: it queues runs at each push and finishes them when they are played. What a run looks like is the host's.

use crate::sandbox::Host;
use crate::sandbox::hooks::{Chore, Hooks};
use crate::sandbox::model::{CheckConclusion, Ci, Model, Workflow};

impl Model {
    /// Queues CI for a commit of a branch: for pushes beside the default branch, and for heads of pull requests.
    pub(super) fn ask_ci(&mut self, repo: u64, branch: &str, sha: &str) {
        let Some(found) = self.repo(repo) else { return };
        let known = self.workflows.iter().any(|w| w.repo == repo && w.sha == sha);
        if found.ci == Ci::None || branch == found.default_branch || known {
            return;
        }
        let stages: &[&str] = match found.ci {
            Ci::Staged => &["lint", "test"],
            _ => &["build"],
        };
        match self.host {
            Host::Github => self.queue_runs(repo, (branch, sha), stages),
            Host::Gitlab => self.queue_jobs(repo, (branch, sha), stages),
        }
        self.play_later();
    }

    /// Notes a run of CI that is to be played. `run` is the check run or job that shows it.
    pub(crate) fn add_workflow(&mut self, repo: u64, (branch, sha): (&str, &str), run: Option<u64>) -> u64 {
        let id = self.next_id("workflow");
        let (branch, sha) = (branch.to_owned(), sha.to_owned());
        self.workflows.push(Workflow { id, repo, branch, sha, run, attempt: 1, done: false });
        id
    }

    pub(crate) fn play_later(&self) {
        if self.hooks == Hooks::Send {
            // The task is gone only while the twin stops.
            let _ = self.chores.send(Chore::PlayCi);
        }
    }

    /// Plays every waiting CI run to its end, of stages only the first, and returns how many there were.
    pub(crate) fn play_ci(&mut self) -> usize {
        let silent = |w: &&Workflow| self.repo(w.repo).is_none_or(|r| r.ci == Ci::Silent);
        let mut waiting: Vec<Workflow> =
            self.workflows.iter().filter(|w| !w.done && !silent(w)).cloned().collect();
        let staged = |w: &Workflow| self.repo(w.repo).is_some_and(|r| r.ci == Ci::Staged);
        waiting
            .dedup_by(|later, first| staged(later) && (later.repo, &later.sha) == (first.repo, &first.sha));
        for workflow in &waiting {
            self.play_one(workflow);
        }
        waiting.len()
    }

    fn play_one(&mut self, workflow: &Workflow) {
        let outcome = self.ci_outcome(workflow);
        if let Some(mine) = self.workflows.iter_mut().find(|w| w.id == workflow.id) {
            mine.done = true;
        }
        match self.host {
            Host::Github => self.play_run(workflow, outcome),
            Host::Gitlab => self.play_job(workflow, outcome),
        }
    }

    fn ci_outcome(&mut self, workflow: &Workflow) -> CheckConclusion {
        let Some(repo) = self.repo_mut(workflow.repo) else {
            return CheckConclusion::Cancelled;
        };
        let red = match repo.ci {
            Ci::Red => true,
            Ci::RedOnce => repo.ci_failed_once.insert(workflow.branch.clone()),
            Ci::None | Ci::Green | Ci::Silent | Ci::Statuses | Ci::Staged => false,
        };
        if red { CheckConclusion::Failure } else { CheckConclusion::Success }
    }

    /// Has a run of CI played again. `None` when the check run or job is not CI's.
    pub(crate) fn again(&mut self, run: u64) -> Option<&mut Workflow> {
        let workflow = self.workflows.iter_mut().find(|w| w.run == Some(run))?;
        workflow.done = false;
        workflow.attempt += 1;
        Some(workflow)
    }
}
