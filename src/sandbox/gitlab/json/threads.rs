//! Issues, merge requests, notes and emoji.

use super::at;
use crate::sandbox::git::Bare;
use crate::sandbox::gitlab::words::emoji;
use crate::sandbox::model::{Comment, Issue, Model, Reaction, Repo, extend};
use serde_json::{Value, json};

pub(super) fn state(issue: &Issue) -> &'static str {
    match &issue.pull {
        Some(pull) if pull.merged.is_some() => "merged",
        _ if issue.open => "opened",
        _ => "closed",
    }
}

impl Model {
    pub(in crate::sandbox::gitlab) fn thread_json(&self, repo: &Repo, issue: &Issue) -> Value {
        let iid = self.shown_number(repo.id, issue.number);
        let sign = if issue.pull.is_some() { '!' } else { '#' };
        let short = format!("{sign}{iid}");
        let mut value = json!({
            "id": issue.id, "iid": iid, "project_id": repo.id, "title": issue.title, "description": issue.body,
            "state": state(issue), "created_at": at(issue.created), "updated_at": at(issue.updated),
            "closed_at": issue.closed.filter(|_| state(issue) == "closed").map(at), "closed_by": null,
            "author": self.account_json(&issue.author), "assignees": [], "assignee": null, "labels": [],
            "milestone": null, "user_notes_count": issue.comments.len(), "upvotes": 0, "downvotes": 0,
            "web_url": self.thread_url(repo, issue), "discussion_locked": null,
            "references": { "short": short, "relative": short, "full": format!("{}{short}", repo.full_name()) },
        });
        let more = match &issue.pull {
            Some(_) => self.pull_only(repo, issue),
            None => json!({
                "confidential": issue.confidential, "issue_type": "issue", "type": "ISSUE", "due_date": null,
                "has_tasks": false, "merge_requests_count": 0,
            }),
        };
        extend(&mut value, more);
        value
    }

    fn pull_only(&self, repo: &Repo, issue: &Issue) -> Value {
        let Some(pull) = &issue.pull else {
            return json!({});
        };
        let status = self.merge_status(repo, issue);
        let here = self.gitlab.pipelines.iter().rev().find(|p| p.repo == repo.id && p.sha == pull.head.sha);
        let by = pull.merged_by.as_deref().map(|login| self.account_json(login));
        json!({
            "source_branch": pull.head.branch, "target_branch": pull.base.branch,
            "source_project_id": pull.head.repo, "target_project_id": pull.base.repo, "sha": pull.head.sha,
            "draft": pull.draft, "work_in_progress": pull.draft, "merge_status":
            if status == "conflict" { "cannot_be_merged" } else { "can_be_merged" },
            "detailed_merge_status": status, "has_conflicts": status == "conflict",
            "merged_at": pull.merged.map(at), "merged_by": by, "merge_user": by,
            "merge_commit_sha": pull.merge_sha, "squash_commit_sha": null, "squash": false,
            "reviewers": [], "should_remove_source_branch": null, "force_remove_source_branch": false,
            "merge_when_pipeline_succeeds": false, "blocking_discussions_resolved": true,
            "diff_refs": { "base_sha": pull.base.sha, "head_sha": pull.head.sha, "start_sha": pull.base.sha },
            "head_pipeline": here.map(|p| self.pipeline_json(p)), "pipeline": here.map(|p| self.pipeline_json(p)),
        })
    }

    /// <https://docs.gitlab.com/api/merge_requests/#merge-status>
    pub(in crate::sandbox::gitlab) fn merge_status(&self, repo: &Repo, issue: &Issue) -> &'static str {
        let Some(pull) = &issue.pull else {
            return "not_open";
        };
        let bare = Bare(&repo.dir);
        let fits =
            || bare.branch(&pull.base.branch).and_then(|tip| bare.merged_tree(&tip, &pull.head.sha, None));
        match () {
            () if !issue.open => "not_open",
            () if pull.draft => "draft_status",
            () if fits().is_none() => "conflict",
            () => "mergeable",
        }
    }

    pub(in crate::sandbox::gitlab) fn note_json(&self, repo: &Repo, issue: &Issue, note: &Comment) -> Value {
        let kind = if issue.pull.is_some() { "MergeRequest" } else { "Issue" };
        json!({
            "id": note.id, "type": note.in_thread.then_some("DiscussionNote"), "body": note.body,
            "attachment": null, "author": self.account_json(&note.author), "created_at": at(note.created),
            "updated_at": at(note.updated), "system": false, "noteable_id": issue.id, "noteable_type": kind,
            "project_id": repo.id, "noteable_iid": self.shown_number(repo.id, issue.number),
            "resolvable": false, "confidential": note.internal, "internal": note.internal,
            "commands_changes": {},
        })
    }

    /// The discussions of a thread, oldest first.
    pub(in crate::sandbox::gitlab) fn discussions(&self, repo: &Repo, issue: &Issue) -> Vec<Value> {
        let mut found: Vec<(&str, Vec<&Comment>)> = Vec::new();
        for note in &issue.comments {
            match found.iter_mut().find(|(id, _)| *id == note.discussion) {
                Some((_, notes)) => notes.push(note),
                None => found.push((&note.discussion, vec![note])),
            }
        }
        let json = |(id, notes): (&str, Vec<&Comment>)| {
            let alone = notes.iter().all(|note| !note.in_thread);
            let notes: Vec<Value> = notes.into_iter().map(|n| self.note_json(repo, issue, n)).collect();
            json!({ "id": id, "individual_note": alone, "notes": notes })
        };
        found.into_iter().map(json).collect()
    }

    pub(in crate::sandbox::gitlab) fn emoji_json(&self, reaction: &Reaction, on: (&str, u64)) -> Value {
        json!({
            "id": reaction.id, "name": emoji(&reaction.content), "user": self.account_json(&reaction.author),
            "created_at": at(reaction.created), "updated_at": at(reaction.created),
            "awardable_id": on.1, "awardable_type": on.0, "url": null,
        })
    }
}
