//! From GitLab's answers to [`ForgeError`].
//!
//! <https://docs.gitlab.com/api/rest/troubleshooting/#status-codes>

use super::client::{Answer, Words};
use crate::forge::ForgeError;
use crate::forge::wire::{cut, since_epoch, wait};
pub(super) use crate::forge::wire::{silent, unreadable};
use http::StatusCode;
use serde_json::Value;

/// Says when calls are taken again.
/// <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers>
const RESET: &str = "ratelimit-reset";

/// Maps an answer that is not a success.
pub(super) fn from_answer(host: &str, words: &Words, status: StatusCode, answer: &Answer) -> ForgeError {
    let host = host.to_owned();
    let said = Said::read(&answer.content);
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            ForgeError::Limited { host, wait: wait(&answer.headers, Some(RESET), since_epoch()) }
        }
        StatusCode::UNAUTHORIZED => unauthorized(host),
        StatusCode::FORBIDDEN => {
            ForgeError::Forbidden { host, what: words.act.clone(), todo: said.todo(words) }
        }
        // Webhooks and pushes come before every part of GitLab knows of their commit.
        StatusCode::NOT_FOUND if said.lacks_commit() => ForgeError::behind(host, words.thing.clone()),
        StatusCode::NOT_FOUND | StatusCode::GONE => ForgeError::Missing { host, what: words.thing.clone() },
        _ if status.is_server_error() => {
            ForgeError::Broken { host, what: words.act.clone(), status: status.as_u16() }
        }
        _ => ForgeError::Refused { host, what: words.act.clone(), words: said.words(status) },
    }
}

fn unauthorized(host: String) -> ForgeError {
    let todo = "check TASKSGODZILLA_GITLAB_TOKEN: it may have expired or been revoked";
    ForgeError::Unauthorized { host, todo }
}

/// What to do about a right that is lacking; `role` says where, too.
pub(super) fn give_role(role: &str) -> String {
    format!("give the bot's account the role {role}, and its token the scope `api`")
}

/// What an answer says for itself.
struct Said(Value);

impl Said {
    /// An answer without JSON (from a proxy, say) says nothing.
    fn read(content: &[u8]) -> Self {
        Self(serde_json::from_slice(content).unwrap_or_default())
    }

    fn todo(&self, words: &Words) -> String {
        if self.0["error"] == "insufficient_scope" {
            return "give its token the scope `api`".to_owned();
        }
        give_role(words.needs)
    }

    /// No such commit, or no tree of it; of a path that is not in a tree GitLab says something else.
    fn lacks_commit(&self) -> bool {
        let said = self.0["message"].as_str().unwrap_or_default();
        matches!(said, "404 Commit Not Found" | "404 Tree Not Found")
    }

    /// `message` (a text, a list, or lists of texts by field), else `error`, else the status.
    fn words(&self, status: StatusCode) -> String {
        let told = [&self.0["message"], &self.0["error_description"], &self.0["error"]];
        let told = told.into_iter().map(flat).find(|words| !words.is_empty());
        cut(&told.unwrap_or_else(|| status.to_string()))
    }
}

fn flat(told: &Value) -> String {
    match told {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(flat).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(name, told): (&String, &Value)| match name.as_str() {
                "base" => flat(told),
                _ => format!("{name} {}", flat(told)),
            };
            fields.iter().map(field).collect::<Vec<_>>().join("; ")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check_words(answer: &Value, expected: &str) {
        assert_eq!(Said(answer.clone()).words(StatusCode::BAD_REQUEST), expected);
    }

    #[test]
    fn a_commit_that_is_not_there_may_be_on_its_way() {
        let words = Words::new("set a status", "commit 0123456", "Developer in this project");
        let error = |message: &str| {
            let content = json!({ "message": message }).to_string().into_bytes();
            let answer = Answer { content, headers: http::HeaderMap::new() };
            from_answer("gitlab.example", &words, StatusCode::NOT_FOUND, &answer)
        };
        for there in ["404 Commit Not Found", "404 Tree Not Found"] {
            assert!(matches!(error(there), ForgeError::Behind { .. }), "{there}");
        }
        for gone in ["404 Project Not Found", "404 invalid revision or path Not Found", "404 Not Found"] {
            assert!(matches!(error(gone), ForgeError::Missing { .. }), "{gone}");
        }
    }

    #[test]
    fn gitlabs_words_are_found_in_each_of_its_forms() {
        check_words(&json!({ "message": "405 Method Not Allowed" }), "405 Method Not Allowed");
        check_words(&json!({ "message": ["one", "two"] }), "one, two");
        let by_field = json!({ "message": { "title": ["is too long"], "base": ["no"] } });
        check_words(&by_field, "title is too long; no");
        check_words(&json!({ "error": "state is missing" }), "state is missing");
        check_words(&json!({ "error": "e", "error_description": "words" }), "words");
        check_words(&json!({}), "400 Bad Request");
    }
}
