//! Check suites, check runs and commit statuses.

use crate::sandbox::model::{CheckConclusion, CheckStatus};
use serde_json::Value;

pub(crate) struct Suite {
    pub(crate) id: u64,
    pub(crate) repo: u64,
    pub(crate) app: u64,
    pub(crate) branch: Option<String>,
    pub(crate) sha: String,
    pub(crate) before: Option<String>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) suite: u64,
    pub(crate) repo: u64,
    pub(crate) app: u64,
    pub(crate) sha: String,
    pub(crate) name: String,
    pub(crate) external_id: String,
    pub(crate) details_url: Option<String>,
    pub(crate) status: CheckStatus,
    pub(crate) conclusion: Option<CheckConclusion>,
    pub(crate) started: Option<String>,
    pub(crate) completed: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<Value>,
    pub(crate) actions: Vec<Value>,
}

pub(crate) struct CommitStatus {
    pub(crate) id: u64,
    pub(crate) repo: u64,
    pub(crate) sha: String,
    pub(crate) state: String,
    pub(crate) context: String,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
    pub(crate) creator: String,
    pub(crate) created: i64,
}
