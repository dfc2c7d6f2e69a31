//! The few fields of GitHub's webhooks that the bot reads. Everything else is skipped, so that new fields break nothing.
//!
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

use crate::domain::ids::Sha;
pub(super) use crate::forge::wire::full_sha;
use crate::forge::wire::maybe_sha;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What tells the kind of a delivery, without its content.
#[derive(Deserialize, Default)]
pub(super) struct Head {
    /// Statuses have one.
    pub(super) id: Option<IgnoredAny>,
    /// Everything that GitHub sends has one, but an App's `ping`.
    pub(super) sender: Option<IgnoredAny>,
    pub(super) action: Option<String>,
    #[serde(rename = "ref")]
    pub(super) git_ref: Option<String>,
    pub(super) ref_type: Option<String>,
    pub(super) repository: Option<Identified>,
    pub(super) check_run: Option<Done>,
    pub(super) check_suite: Option<Done>,
    pub(super) comment: Option<Done>,
}

/// Something that an App may have done.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(alias = "performed_via_github_app")]
    pub(super) app: Option<Identified>,
}

#[derive(Deserialize)]
pub(super) struct Identified {
    pub(super) id: i64,
}

/// Who did it and where.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub(super) sender: Option<Account>,
    pub(super) repository: Option<Repository>,
    pub(super) installation: Option<Identified>,
}

#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) login: String,
    pub(super) id: i64,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) id: i64,
    pub(super) full_name: String,
    pub(super) default_branch: String,
    #[serde(default)]
    pub(super) private: bool,
    #[serde(default)]
    pub(super) archived: bool,
}

#[derive(Deserialize)]
pub(super) struct IssueEvent {
    pub(super) issue: Issue,
}

#[derive(Deserialize)]
pub(super) struct Issue {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    /// Present when the issue is a pull request.
    pub(super) pull_request: Option<IgnoredAny>,
    pub(super) performed_via_github_app: Option<Identified>,
}

#[derive(Deserialize)]
pub(super) struct CommentEvent {
    pub(super) issue: Issue,
    pub(super) comment: Comment,
}

#[derive(Deserialize)]
pub(super) struct Comment {
    pub(super) id: i64,
    pub(super) body: Option<String>,
    pub(super) performed_via_github_app: Option<Identified>,
}

#[derive(Deserialize)]
pub(super) struct PullEvent {
    pub(super) pull_request: Pull,
    /// On `edited` only: what was changed.
    pub(super) changes: Option<Changes>,
}

#[derive(Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Changes {
    pub(super) base: Option<IgnoredAny>,
    pub(super) title: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct CheckRunEvent {
    pub(super) check_run: CheckRun,
    pub(super) requested_action: Option<RequestedAction>,
}

#[derive(Deserialize)]
pub(super) struct CheckRun {
    pub(super) id: i64,
    pub(super) name: String,
    #[serde(deserialize_with = "full_sha")]
    pub(super) head_sha: Sha,
    pub(super) app: Option<Identified>,
}

#[derive(Deserialize)]
pub(super) struct RequestedAction {
    pub(super) identifier: String,
}

#[derive(Deserialize)]
pub(super) struct SuiteEvent {
    pub(super) check_suite: Suite,
}

#[derive(Deserialize)]
pub(super) struct Suite {
    #[serde(deserialize_with = "full_sha")]
    pub(super) head_sha: Sha,
    pub(super) app: Option<Identified>,
}

#[derive(Deserialize)]
pub(super) struct WorkflowEvent {
    pub(super) workflow_run: Workflow,
}

#[derive(Deserialize)]
pub(super) struct Workflow {
    #[serde(deserialize_with = "full_sha")]
    pub(super) head_sha: Sha,
}

#[derive(Deserialize)]
pub(super) struct StatusEvent {
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
    #[serde(default)]
    pub(super) deleted: bool,
}

#[derive(Deserialize)]
pub(super) struct DeleteEvent {
    /// The short name here, without `refs/heads/`.
    #[serde(rename = "ref")]
    pub(super) branch: String,
}

#[derive(Deserialize)]
pub(super) struct InstallationEvent {
    pub(super) installation: Identified,
    #[serde(default)]
    pub(super) repositories: Vec<Identified>,
    #[serde(default)]
    pub(super) repositories_added: Vec<Identified>,
    #[serde(default)]
    pub(super) repositories_removed: Vec<Identified>,
}
