//! Comments and reactions. A pull request's conversation is its issue's, and both count together, so every route here
//! is an issue's and a thread's number is enough.

use super::Github;
use super::client::{Ask, Words};
use super::links::{page_number, repo_path};
use super::on_repo::graphql;
use crate::domain::effect::Reaction;
use crate::domain::forge_event::CommentSource;
use crate::domain::project::RepoRef;
use crate::domain::thread::{Thread, ThreadKind};
use crate::forge::{Access, CommentRef, ForgeError, Place, ThreadHead, Threads};
use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::json;

/// Any one of these two lets an App comment.
const TALK: &str = "issues=write or pull_requests=write";

#[derive(Deserialize)]
struct WireComment {
    id: i64,
    node_id: String,
    body: Option<String>,
    /// `null` once the account is gone.
    user: Option<WireAuthor>,
}

#[derive(Deserialize)]
struct WireAuthor {
    id: i64,
}

#[derive(Deserialize)]
struct WireIssue {
    title: String,
    body: Option<String>,
    state: String,
}

#[async_trait]
impl Threads for Github {
    /// <https://docs.github.com/en/rest/issues/comments#create-an-issue-comment>
    async fn create_comment(
        &self,
        repo: &RepoRef,
        place: Place<'_>,
        body: &str,
    ) -> Result<CommentRef, ForgeError> {
        let number = place.thread.number;
        let path = repo_path(repo, &format!("/issues/{number}/comments"));
        let words = Words::new("post a comment", named(place.thread), TALK);
        let ask = Ask::write(Method::POST, path, json!({ "body": body }), words);
        let posted: WireComment = self.on(repo).read(&ask).await?;
        Ok(posted.into_ref())
    }

    async fn edit_comment(&self, repo: &RepoRef, comment: &CommentRef, body: &str) -> Result<(), ForgeError> {
        let path = repo_path(repo, &format!("/issues/comments/{}", comment.id));
        let words = Words::new("edit a comment", format!("comment {}", comment.id), TALK);
        let ask = Ask::write(Method::PATCH, path, json!({ "body": body }), words);
        self.on(repo).act(&ask).await
    }

    /// Reads the last page first when GitHub names it: its order is oldest first, and it has no other.
    async fn find_comment(
        &self,
        repo: &RepoRef,
        thread: Thread,
        marker: &str,
    ) -> Result<Option<CommentRef>, ForgeError> {
        let us = self.identity().await?.actor.id;
        let newest =
            |page: Vec<WireComment>| page.into_iter().rev().find(|comment| comment.is_ours(us, marker));
        let on = self.on(repo);
        let ask = comments_page(repo, thread, 1);
        let (first, mut links) = on.page::<Vec<WireComment>>(&ask).await?;
        if let Some(last) = links.last.as_deref().and_then(page_number) {
            for number in (2..=last).rev() {
                let page = on.read(&comments_page(repo, thread, number)).await?;
                if let Some(found) = newest(page) {
                    return Ok(Some(found.into_ref()));
                }
            }
            return Ok(newest(first).map(WireComment::into_ref));
        }
        let mut found = newest(first);
        while let Some(path) = links.next.take() {
            let (page, rest) = on.page_at(&ask, &path).await?;
            found = newest(page).or(found);
            links = rest;
        }
        Ok(found.map(WireComment::into_ref))
    }

    /// <https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment>
    async fn delete_comment(&self, repo: &RepoRef, comment: &CommentRef) -> Result<(), ForgeError> {
        let path = repo_path(repo, &format!("/issues/comments/{}", comment.id));
        let words = Words::new("delete a comment", format!("comment {}", comment.id), TALK);
        self.on(repo).act(&Ask::delete(path, words)).await
    }

    /// REST has no such thing. <https://docs.github.com/en/graphql/reference/mutations#minimizecomment>
    async fn hide_comment(&self, repo: &RepoRef, comment: &CommentRef) -> Result<(), ForgeError> {
        let query = "mutation($id: ID!) { \
                     minimizeComment(input: { subjectId: $id, classifier: OUTDATED }) { clientMutationId } }";
        let words = Words::new("fold a comment", format!("comment {}", comment.id), TALK);
        let ask = graphql(query, &json!({ "id": comment.node_id }), words);
        self.on(repo).mutate(&ask).await
    }

    /// First posts are known by the number of their thread, for that is what the route takes.
    /// <https://docs.github.com/en/rest/reactions/reactions>
    async fn react(
        &self,
        repo: &RepoRef,
        thread: Thread,
        to: CommentSource,
        reaction: Reaction,
    ) -> Result<(), ForgeError> {
        let (place, thing) = match to {
            CommentSource::Comment(id) => {
                (format!("/issues/comments/{id}/reactions"), format!("comment {id}"))
            }
            CommentSource::Issue(_) | CommentSource::Pull(_) => {
                (format!("/issues/{}/reactions", thread.number), named(thread))
            }
            CommentSource::Check(_) | CommentSource::Commit(_) => return Ok(()),
        };
        let words = Words::new("react", thing, TALK);
        let ask =
            Ask::write(Method::POST, repo_path(repo, &place), json!({ "content": reaction.emoji() }), words);
        self.on(repo).act(&ask).await
    }

    async fn thread(&self, repo: &RepoRef, thread: Thread) -> Result<ThreadHead, ForgeError> {
        let number = thread.number;
        let words = Words::new("read an issue", named(thread), "issues=read");
        let ask = Ask::get(repo_path(repo, &format!("/issues/{number}")), words);
        let issue: WireIssue = self.on(repo).read(&ask).await?;
        Ok(ThreadHead {
            title: issue.title,
            body: issue.body.unwrap_or_default(),
            is_open: issue.state == "open",
        })
    }
}

fn named(thread: Thread) -> String {
    match thread.kind {
        ThreadKind::Issue => format!("issue #{}", thread.number),
        ThreadKind::Pull => format!("pull request #{}", thread.number),
    }
}

fn comments_page(repo: &RepoRef, thread: Thread, number: u32) -> Ask {
    let path = repo_path(repo, &format!("/issues/{}/comments?per_page=100&page={number}", thread.number));
    Ask::get(path, Words::new("read comments", named(thread), TALK))
}

impl WireComment {
    /// Anybody may quote our marker, so the author counts as well.
    fn is_ours(&self, us: i64, marker: &str) -> bool {
        let is_from_us = self.user.as_ref().is_some_and(|user| user.id == us);
        is_from_us && self.body.as_deref().is_some_and(|body| body.contains(marker))
    }

    fn into_ref(self) -> CommentRef {
        CommentRef { id: self.id, node_id: self.node_id }
    }
}
