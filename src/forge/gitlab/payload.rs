//! The few fields of GitLab's webhooks that the bot reads. Everything else is skipped, so that new fields break nothing.
//!
//! The crate has no such structs in this version. <https://docs.gitlab.com/user/project/integrations/webhook_events/>

use super::loose;
use crate::domain::ids::Sha;
use crate::forge::wire::{full_sha, maybe_sha};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What tells the kind of a delivery, without its content. Project and group hooks say `object_kind`, system hooks may say
/// `event_name` only.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Head {
    #[serde(deserialize_with = "loose::text")]
    pub(super) object_kind: Option<String>,
    #[serde(deserialize_with = "loose::text")]
    pub(super) event_name: Option<String>,
    #[serde(rename = "ref", deserialize_with = "loose::text")]
    pub(super) git_ref: Option<String>,
    #[serde(deserialize_with = "loose::number")]
    pub(super) project_id: Option<i64>,
    #[serde(deserialize_with = "loose::object")]
    pub(super) project: Identified,
    /// Every pipeline that GitLab tells of has one.
    pub(super) user: Option<IgnoredAny>,
    #[serde(deserialize_with = "loose::object")]
    pub(super) object_attributes: HeadAttributes,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct HeadAttributes {
    pub(super) id: Option<IgnoredAny>,
    #[serde(deserialize_with = "loose::text")]
    pub(super) action: Option<String>,
    #[serde(deserialize_with = "loose::text")]
    pub(super) noteable_type: Option<String>,
    #[serde(deserialize_with = "loose::truth")]
    pub(super) system: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Identified {
    #[serde(deserialize_with = "loose::number")]
    pub(super) id: Option<i64>,
}

/// Who did it and where.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub(super) user: Option<Account>,
    pub(super) user_id: Option<i64>,
    pub(super) user_username: Option<String>,
    pub(super) project: Option<Project>,
}

#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) id: Option<i64>,
    pub(super) username: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Project {
    pub(super) path_with_namespace: String,
    /// `null` in a project without commits.
    pub(super) default_branch: Option<String>,
    /// 0 private, 10 internal, 20 public.
    pub(super) visibility_level: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct NoteEvent {
    pub(super) event_type: Option<String>,
    pub(super) object_attributes: Note,
    pub(super) issue: Option<Issue>,
    pub(super) merge_request: Option<MergeRequest>,
    pub(super) commit: Option<Commit>,
}

#[derive(Deserialize)]
pub(super) struct Note {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) note: String,
    pub(super) discussion_id: Option<String>,
    /// `DiscussionNote` or `DiffNote` within a thread that people began; `null` for a note by itself.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) author_id: Option<i64>,
    /// Who edited it last.
    pub(super) updated_by_id: Option<i64>,
    /// Older servers say `confidential`, newer ones `internal`.
    #[serde(default)]
    pub(super) confidential: Option<bool>,
    #[serde(default)]
    pub(super) internal: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct IssueEvent {
    pub(super) object_attributes: Issue,
}

#[derive(Deserialize)]
pub(super) struct Issue {
    pub(super) iid: u64,
    #[serde(default)]
    pub(super) title: String,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) confidential: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct MergeRequestEvent {
    pub(super) object_attributes: MergeRequest,
    pub(super) changes: Option<Changes>,
}

#[derive(Deserialize)]
pub(super) struct MergeRequest {
    pub(super) iid: u64,
    #[serde(default)]
    pub(super) title: String,
    pub(super) description: Option<String>,
    /// On `update`, when commits were pushed: the head before.
    pub(super) oldrev: Option<String>,
}

/// On `update`: what was changed.
#[derive(Deserialize)]
pub(super) struct Changes {
    pub(super) title: Option<IgnoredAny>,
    pub(super) draft: Option<IgnoredAny>,
    pub(super) target_branch: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct PipelineEvent {
    pub(super) object_attributes: Pipeline,
    pub(super) merge_request: Option<OfPipeline>,
}

#[derive(Deserialize)]
pub(super) struct Pipeline {
    #[serde(deserialize_with = "full_sha")]
    pub(super) sha: Sha,
    pub(super) source: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct OfPipeline {
    pub(super) iid: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct JobEvent {
    #[serde(deserialize_with = "full_sha")]
    pub(super) sha: Sha,
}

#[derive(Deserialize)]
pub(super) struct PushEvent {
    #[serde(rename = "ref")]
    pub(super) git_ref: String,
    #[serde(default, deserialize_with = "maybe_sha")]
    pub(super) before: Option<Sha>,
    #[serde(deserialize_with = "full_sha")]
    pub(super) after: Sha,
}

/// A system hook about a project.
#[derive(Deserialize)]
pub(super) struct ProjectEvent {
    pub(super) path_with_namespace: String,
    /// `private`, `internal`, `public`; older servers write `visibilitylevel|private`.
    pub(super) project_visibility: Option<String>,
}
