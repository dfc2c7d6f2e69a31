//! Issues, comments, reactions and pull requests.

use super::extend;
use crate::sandbox::git::Bare;
use crate::sandbox::model::{Comment, Issue, Model, Pull, Reaction, Repo, Role, Side, iso};
use serde_json::{Value, json};

pub(crate) const REACTIONS: [&str; 8] =
    ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];

impl Model {
    pub(crate) fn issue_json(&self, repo: &Repo, issue: &Issue) -> Value {
        let url = self.at(&format!("/repos/{}/issues/{}", repo.full_name(), issue.number));
        let kind = if issue.pull.is_some() { "pull" } else { "issues" };
        let html = format!("{}/{}/{kind}/{}", self.site.url, repo.full_name(), issue.number);
        let (id, node) = match &issue.pull {
            Some(_) => (issue.id, format!("PR_{}", issue.id)),
            None => (issue.id, format!("I_{}", issue.id)),
        };
        let mut value = json!({
            "url": url,
            "repository_url": self.at(&format!("/repos/{}", repo.full_name())),
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "html_url": html,
            "id": id,
            "node_id": node,
            "number": issue.number,
            "title": issue.title,
            "user": self.user_json(&issue.author),
            "labels": [],
            "state": if issue.open { "open" } else { "closed" },
            "locked": false,
            "assignee": null,
            "assignees": [],
            "milestone": null,
            "comments": issue.comments.len(),
            "created_at": iso(issue.created),
            "updated_at": iso(issue.updated),
            "closed_at": issue.closed.map(iso),
            "author_association": self.association(repo, &issue.author),
            "active_lock_reason": null,
            "body": if issue.body.is_empty() { Value::Null } else { json!(issue.body) },
            "reactions": reactions_json(&format!("{url}/reactions"), &issue.reactions),
            "timeline_url": format!("{url}/timeline"),
            "performed_via_github_app": null,
            "state_reason": if issue.open { Value::Null } else { json!("completed") },
        });
        if let Some(pull) = &issue.pull {
            let api = self.at(&format!("/repos/{}/pulls/{}", repo.full_name(), issue.number));
            let link = json!({
                "url": api, "html_url": html, "diff_url": format!("{html}.diff"),
                "patch_url": format!("{html}.patch"), "merged_at": pull.merged.map(iso),
            });
            extend(&mut value, json!({ "draft": pull.draft, "pull_request": link }));
        }
        value
    }

    /// As webhooks see it: without a viewer, so that a private member looks like a stranger.
    fn association(&self, repo: &Repo, login: &str) -> &'static str {
        match self.role(repo, login) {
            _ if repo.owner.eq_ignore_ascii_case(login) => "OWNER",
            Some(Role::Read) | None => "NONE",
            Some(_) => "COLLABORATOR",
        }
    }

    pub(crate) fn comment_json(&self, repo: &Repo, number: u64, comment: &Comment) -> Value {
        let api = self.at(&format!("/repos/{}/issues", repo.full_name()));
        let url = format!("{api}/comments/{}", comment.id);
        let is_pull = self.issue(repo.id, number).is_some_and(|i| i.pull.is_some());
        let kind = if is_pull { "pull" } else { "issues" };
        let html = format!("{}/{}/{kind}/{number}", self.site.url, repo.full_name());
        json!({
            "url": url,
            "html_url": format!("{html}#issuecomment-{}", comment.id),
            "issue_url": format!("{api}/{number}"),
            "id": comment.id,
            "node_id": format!("IC_{}", comment.id),
            "user": self.user_json(&comment.author),
            "created_at": iso(comment.created),
            "updated_at": iso(comment.updated),
            "author_association": self.association(repo, &comment.author),
            "body": comment.body,
            "reactions": reactions_json(&format!("{url}/reactions"), &comment.reactions),
            "performed_via_github_app": comment.app.map(|id| self.app_json(id)),
        })
    }

    pub(crate) fn reaction_json(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id, "node_id": format!("REA_{}", reaction.id), "user": self.user_json(&reaction.author),
            "content": reaction.content, "created_at": iso(reaction.created),
        })
    }

    /// A pull request in full, as `GET` and webhooks have it; asks git whether it can be merged.
    pub(crate) fn pull_json(&self, repo: &Repo, issue: &Issue, pull: &Pull) -> Value {
        let mut value = self.pull_short_json(repo, issue, pull);
        let bare = Bare(&repo.dir);
        let base = bare.branch(&pull.base.branch).unwrap_or_else(|| pull.base.sha.clone());
        let size = bare.diff_size(&base, &pull.head.sha);
        let mergeable = issue.open.then(|| bare.merged_tree(&base, &pull.head.sha, None).is_some());
        let state = match mergeable {
            None => "unknown",
            Some(false) => "dirty",
            Some(true) if pull.draft => "draft",
            Some(true) => "clean",
        };
        let details = json!({
            "merged": pull.merged.is_some(),
            "mergeable": mergeable,
            "rebaseable": mergeable,
            "mergeable_state": state,
            "merged_by": pull.merged_by.as_ref().map(|who| self.user_json(who)),
            "comments": issue.comments.len(),
            "review_comments": 0,
            "maintainer_can_modify": false,
            "commits": bare.commits(&base, &pull.head.sha).len(),
            "additions": size.additions,
            "deletions": size.deletions,
            "changed_files": size.files,
        });
        extend(&mut value, details);
        value
    }

    /// A pull request as lists have it.
    pub(crate) fn pull_short_json(&self, repo: &Repo, issue: &Issue, pull: &Pull) -> Value {
        let base = self.at(&format!("/repos/{}", repo.full_name()));
        let url = format!("{base}/pulls/{}", issue.number);
        let issue_url = format!("{base}/issues/{}", issue.number);
        let html = format!("{}/{}/pull/{}", self.site.url, repo.full_name(), issue.number);
        let links = json!({
            "self": { "href": url },
            "html": { "href": html },
            "issue": { "href": issue_url },
            "comments": { "href": format!("{issue_url}/comments") },
            "review_comments": { "href": format!("{url}/comments") },
            "review_comment": { "href": format!("{base}/pulls/comments{{/number}}") },
            "commits": { "href": format!("{url}/commits") },
            "statuses": { "href": format!("{base}/statuses/{}", pull.head.sha) },
        });
        json!({
            "url": url,
            "id": pull.id,
            "node_id": format!("PR_{}", issue.id),
            "html_url": html,
            "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"),
            "issue_url": issue_url,
            "number": issue.number,
            "state": if issue.open { "open" } else { "closed" },
            "locked": false,
            "title": issue.title,
            "user": self.user_json(&issue.author),
            "body": if issue.body.is_empty() { Value::Null } else { json!(issue.body) },
            "created_at": iso(issue.created),
            "updated_at": iso(issue.updated),
            "closed_at": issue.closed.map(iso),
            "merged_at": pull.merged.map(iso),
            "merge_commit_sha": pull.merge_sha,
            "assignee": null,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "labels": [],
            "milestone": null,
            "draft": pull.draft,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{base}/pulls/comments{{/number}}"),
            "comments_url": format!("{issue_url}/comments"),
            "statuses_url": format!("{base}/statuses/{}", pull.head.sha),
            "head": self.side_json(&pull.head),
            "base": self.side_json(&pull.base),
            "_links": links,
            "author_association": self.association(repo, &issue.author),
            "auto_merge": null,
            "active_lock_reason": null,
        })
    }

    fn side_json(&self, side: &Side) -> Value {
        let repo = self.repo(side.repo);
        let owner = repo.map_or("unknown", |r| r.owner.as_str());
        json!({
            "label": format!("{owner}:{}", side.branch),
            "ref": side.branch,
            "sha": side.sha,
            "user": self.user_json(owner),
            "repo": repo.map(|r| self.repo_json(r)),
        })
    }
}

fn reactions_json(url: &str, reactions: &[Reaction]) -> Value {
    let mut value = json!({ "url": url, "total_count": reactions.len() });
    for content in REACTIONS {
        value[content] = json!(reactions.iter().filter(|r| r.content == content).count());
    }
    value
}
