//! CI: what others say of one commit, and what that makes of it.

use super::ids::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// CI of a step's newest commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CiStatus {
    None,
    Waiting,
    Passed,
    Failed,
    Inconclusive,
}

impl CiStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Waiting => "waiting",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The drive may go past a step whose CI is so.
    pub fn lets_pass(self) -> bool {
        matches!(self, Self::None | Self::Passed)
    }
}

/// How one check run or status of somebody else stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CiState {
    Pending,
    Passed,
    Failed,
    /// It waits for a person (GitHub's `action_required` before any job started).
    NeedsPerson,
}

/// One check run or status of somebody else on a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiResult {
    pub name: String,
    pub state: CiState,
    pub url: Option<String>,
    /// The forge's id of the job that it is the result of; `None` for what has no log that the forge could show.
    pub job: Option<i64>,
}

/// The end of what a job of CI printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiLog {
    /// The job's name.
    pub name: String,
    /// Its last lines, without secrets.
    pub text: String,
}

/// Everything that decides about CI of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiFacts {
    /// Results of others on this commit, read just now. Suites without runs are not results.
    pub results: Vec<CiResult>,
    /// No other App or status was ever seen on the repository, and the commit has no CI files.
    pub none_expected: bool,
    pub pushed_at: Moment,
    pub silence: Duration,
    pub patience: Duration,
}

/// How long a commit may stay without any result before its CI counts as none.
pub const SILENCE: Duration = Duration::from_secs(60);
/// How long results may stay unfinished before CI is inconclusive.
pub const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Decides CI from state that was read again, never from the order of events.
pub fn judge(facts: &CiFacts, now: Moment) -> CiStatus {
    let any = |state| facts.results.iter().any(|result| result.state == state);
    let waited = now.since(facts.pushed_at);
    if any(CiState::Failed) {
        return CiStatus::Failed;
    }
    if facts.results.is_empty() {
        return match facts.none_expected || waited >= facts.silence {
            true => CiStatus::None,
            false => CiStatus::Waiting,
        };
    }
    if any(CiState::Pending) || any(CiState::NeedsPerson) {
        return if waited >= facts.patience { CiStatus::Inconclusive } else { CiStatus::Waiting };
    }
    CiStatus::Passed
}

/// When to read again although no event came; `None` when CI is decided.
pub fn next_look(facts: &CiFacts, now: Moment) -> Option<Moment> {
    let deadline = if facts.results.is_empty() { facts.silence } else { facts.patience };
    (judge(facts, now) == CiStatus::Waiting).then(|| facts.pushed_at.plus(deadline))
}

/// Whether a path is a CI definition that a forge or a well-known service reads.
pub fn is_ci_file(path: &str) -> bool {
    const FILES: [&str; 9] = [
        ".gitlab-ci.yml",
        ".travis.yml",
        "appveyor.yml",
        ".cirrus.yml",
        "azure-pipelines.yml",
        "bitbucket-pipelines.yml",
        "Jenkinsfile",
        ".drone.yml",
        ".woodpecker.yml",
    ];
    const FOLDERS: [&str; 5] =
        [".github/workflows/", ".circleci/", ".buildkite/", ".woodpecker/", ".semaphore/"];
    FILES.contains(&path) || FOLDERS.iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(states: &[CiState], none_expected: bool, waited_s: i64, expected: CiStatus) {
        let results = states
            .iter()
            .map(|state| CiResult { name: "build".to_owned(), state: *state, url: None, job: None })
            .collect();
        let facts =
            CiFacts { results, none_expected, pushed_at: Moment(0), silence: SILENCE, patience: PATIENCE };
        assert_eq!(judge(&facts, Moment(waited_s * 1000)), expected);
    }

    #[test]
    fn silence_is_waited_out_only_where_ci_may_come() {
        check(&[], true, 0, CiStatus::None);
        check(&[], false, 59, CiStatus::Waiting);
        check(&[], false, 60, CiStatus::None);
    }

    #[test]
    fn the_first_green_stage_completes_nothing() {
        check(&[CiState::Passed, CiState::Pending], false, 1, CiStatus::Waiting);
        check(&[CiState::Passed, CiState::Passed], false, 1, CiStatus::Passed);
    }

    #[test]
    fn one_failure_decides_and_a_hung_run_does_not_pass() {
        check(&[CiState::Pending, CiState::Failed], false, 1, CiStatus::Failed);
        check(&[CiState::Failed], true, 1, CiStatus::Failed);
        check(&[CiState::Pending], false, 3600, CiStatus::Inconclusive);
        check(&[CiState::NeedsPerson], false, 10, CiStatus::Waiting);
        check(&[CiState::NeedsPerson], false, 3600, CiStatus::Inconclusive);
    }
}
