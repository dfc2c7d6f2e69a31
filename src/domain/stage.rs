//! Stages: parts of a repository's CI that tell the bot their result themselves, by `report.sh`; and what they make of CI.
//!
//! A stage is believed for the commit and the protocol that it names and for nothing else. What the forge itself shows of a
//! commit is in [`super::ci`].

use super::ci::{CiResult, CiState};
use super::ids::{ProtocolId, Sha};
use super::project::RepoRef;
use serde::{Deserialize, Serialize};

/// One part of a pipeline, as it was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Stages of one pipeline end together; empty where it is not said.
    pub pipeline: String,
    /// Unique within the pipeline; its address, which may be cut, or nothing, where it has no name.
    pub name: String,
    /// Which try of the pipeline; empty where it is not said.
    pub attempt: String,
    pub state: CiState,
    pub url: Option<String>,
    pub ending: Ending,
}

/// What a stage says of the end of its pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Others come after it.
    Later,
    /// It is the last one.
    Now,
    /// The forge's own results have to say when all is over.
    Unsaid,
}

/// What a script told of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageTold {
    pub repo: Option<RepoHint>,
    /// The short name, without `refs/heads/`.
    pub branch: String,
    /// `None` from scripts that do not know it: the newest commit is meant.
    pub sha: Option<Sha>,
    pub stage: Stage,
}

/// How a script names its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoHint {
    Id(i64),
    /// `owner/name`; on GitLab the owner may have several parts.
    FullName(String),
}

/// Why a stage counts for no protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmatched {
    #[error("no open protocol has the repository and the branch that a stage of CI was told for")]
    Nobodys,
    #[error(
        "{0} projects have an open protocol on the branch that a stage of CI was told for; have the script send the \
         repository, or call it with ?protocol_run_id="
    )]
    Several(usize),
    #[error("a stage of CI was told for a protocol that has no commit yet")]
    NoCommit,
}

/// Decides which protocol a stage is of. `open` are the open protocols on its branch, in all projects of the forge.
///
/// `named` is the protocol in the address that the script called. Nobody signs an address, so it only chooses among those.
pub fn whose(
    told: &StageTold,
    named: Option<ProtocolId>,
    open: &[(ProtocolId, RepoRef)],
) -> Result<ProtocolId, Unmatched> {
    let fits = |(id, repo): &&(ProtocolId, RepoRef)| {
        named.is_none_or(|named| named == *id) && told.repo.as_ref().is_none_or(|hint| hint.fits(repo))
    };
    let fitting: Vec<ProtocolId> = open.iter().filter(fits).map(|(id, _)| *id).collect();
    match fitting[..] {
        [] => Err(Unmatched::Nobodys),
        [only] => Ok(only),
        _ => Err(Unmatched::Several(fitting.len())),
    }
}

impl RepoHint {
    fn fits(&self, repo: &RepoRef) -> bool {
        match self {
            Self::Id(id) => repo.id == *id,
            Self::FullName(name) => repo.full_name().eq_ignore_ascii_case(name),
        }
    }
}

/// What the forge shows of a commit, and its stages, in the order they were told.
///
/// A green stage counts as running until its pipeline is over: when the one that was told last says so, or, where that one
/// says nothing of it, when the forge shows results of its own.
pub fn with_stages(forge: Vec<CiResult>, stages: &[Stage]) -> Vec<CiResult> {
    let forge_shows_ci = !forge.is_empty();
    let is_over = |pipeline: &str| match newest(stages, pipeline).map(|stage| stage.ending) {
        Some(Ending::Now) => true,
        Some(Ending::Unsaid) => forge_shows_ci,
        Some(Ending::Later) | None => false,
    };
    let told = stages.iter().map(|stage| CiResult {
        name: stage.title(),
        state: match stage.state {
            CiState::Passed if !is_over(&stage.pipeline) => CiState::Pending,
            state => state,
        },
        url: stage.url.clone(),
        job: None,
    });
    let told: Vec<CiResult> = told.collect();
    forge.into_iter().chain(told).collect()
}

fn newest<'a>(stages: &'a [Stage], pipeline: &str) -> Option<&'a Stage> {
    stages.iter().rev().find(|stage| stage.pipeline == pipeline)
}

impl Stage {
    fn title(&self) -> String {
        let is_address =
            self.url.as_ref().is_some_and(|url| url.starts_with(self.name.trim_end_matches('…')));
        let has_name = !self.name.is_empty() && !is_address;
        match (self.pipeline.as_str(), has_name) {
            ("", true) => self.name.clone(),
            ("", false) => "a stage of CI".to_owned(),
            (pipeline, true) => format!("{pipeline} / {}", self.name),
            (pipeline, false) => pipeline.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
