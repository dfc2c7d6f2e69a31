//! Notes and reactions. Issues and merge requests count apart and have routes of their own.

use super::Gitlab;
use super::client::{Ask, Author, Words, in_project};
use super::text::{folded, is_folded, quiet};
use crate::domain::effect::Reaction;
use crate::domain::forge_event::CommentSource;
use crate::domain::project::RepoRef;
use crate::domain::thread::{Thread, ThreadKind};
use crate::forge::wire::encoded;
use crate::forge::{Access, CommentRef, ForgeError, Place, ThreadHead, Threads};
use async_trait::async_trait;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// What commenting takes.
const TALK: &str = "Reporter in this project";

#[derive(Deserialize)]
struct WireNote {
    id: i64,
    #[serde(default)]
    body: String,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct WireHead {
    title: String,
    description: Option<String>,
    state: String,
}

#[async_trait]
impl Threads for Gitlab {
    /// <https://docs.gitlab.com/api/notes/>, <https://docs.gitlab.com/api/discussions/>
    async fn create_comment(
        &self,
        repo: &RepoRef,
        place: Place<'_>,
        body: &str,
    ) -> Result<CommentRef, ForgeError> {
        let thread = route(place.thread);
        let list = match place.discussion {
            Some(discussion) => format!("{thread}/discussions/{}/notes", encoded(discussion)),
            None => format!("{thread}/notes"),
        };
        let words = Words::new("post a note", named(place.thread), TALK);
        let path = in_project(repo, &format!("/{list}"));
        let ask = Ask::write(Method::POST, path, json!({ "body": quiet(body) }), words);
        let posted: WireNote = self.client.read(&ask).await?;
        Ok(CommentRef { id: posted.id, node_id: thread })
    }

    async fn edit_comment(&self, repo: &RepoRef, comment: &CommentRef, body: &str) -> Result<(), ForgeError> {
        let words = Words::new("edit a note", format!("note {}", comment.id), TALK);
        let body = json!({ "body": quiet(body) });
        self.client.act(&Ask::write(Method::PUT, note(repo, comment), body, words)).await
    }

    async fn delete_comment(&self, repo: &RepoRef, comment: &CommentRef) -> Result<(), ForgeError> {
        let words = Words::new("delete a note", format!("note {}", comment.id), TALK);
        self.client.act(&Ask::delete(note(repo, comment), words)).await
    }

    async fn find_comment(
        &self,
        repo: &RepoRef,
        thread: Thread,
        marker: &str,
    ) -> Result<Option<CommentRef>, ForgeError> {
        let us = self.identity().await?.actor.id;
        let path = in_project(repo, &format!("/{}/notes?order_by=created_at&sort=desc", route(thread)));
        let ask = Ask::get(path, Words::new("read notes", named(thread), TALK));
        let mut next = Some(1);
        while let Some(number) = next {
            let (page, after) = self.client.page::<WireNote>(&ask, number).await?;
            if let Some(found) = page.into_iter().find(|note| note.is_ours(us, marker)) {
                return Ok(Some(CommentRef { id: found.id, node_id: route(thread) }));
            }
            next = after;
        }
        Ok(None)
    }

    /// GitLab can hide no note, so it is rewritten as a fold.
    async fn hide_comment(&self, repo: &RepoRef, comment: &CommentRef) -> Result<(), ForgeError> {
        let words = Words::new("read a note", format!("note {}", comment.id), TALK);
        let stands: WireNote = self.client.read(&Ask::get(note(repo, comment), words)).await?;
        if is_folded(&stands.body) {
            return Ok(());
        }
        self.edit_comment(repo, comment, &folded(&stands.body)).await
    }

    /// What was awarded already is refused as "not found". <https://docs.gitlab.com/api/emoji_reactions/>
    async fn react(
        &self,
        repo: &RepoRef,
        thread: Thread,
        to: CommentSource,
        reaction: Reaction,
    ) -> Result<(), ForgeError> {
        let post = route(thread);
        let (place, thing) = match to {
            CommentSource::Comment(id) => (format!("{post}/notes/{id}"), format!("note {id}")),
            CommentSource::Issue(_) | CommentSource::Pull(_) => (post, named(thread)),
            CommentSource::Check(_) | CommentSource::Commit(_) => return Ok(()),
        };
        let path = in_project(repo, &format!("/{place}/award_emoji"));
        let ask = Ask::write(
            Method::POST,
            path,
            json!({ "name": reaction.emoji() }),
            Words::new("react", thing, TALK),
        );
        let (status, answer) = self.client.exchange(&ask).await?;
        let is_there = status == StatusCode::NOT_FOUND
            && String::from_utf8_lossy(&answer.content).contains("already been taken");
        if status.is_success() || is_there { Ok(()) } else { Err(self.client.refusal(&ask, status, &answer)) }
    }

    async fn thread(&self, repo: &RepoRef, thread: Thread) -> Result<ThreadHead, ForgeError> {
        let words = Words::new("read a thread", named(thread), TALK);
        let ask = Ask::get(in_project(repo, &format!("/{}", route(thread))), words);
        let head: WireHead = self.client.read(&ask).await?;
        Ok(ThreadHead {
            title: head.title,
            body: head.description.unwrap_or_default(),
            is_open: head.state == "opened",
        })
    }
}

/// A thread's place within its project; of a note it is what [`CommentRef`] keeps beside the number.
fn route(thread: Thread) -> String {
    match thread.kind {
        ThreadKind::Issue => format!("issues/{}", thread.number),
        ThreadKind::Pull => format!("merge_requests/{}", thread.number),
    }
}

fn named(thread: Thread) -> String {
    match thread.kind {
        ThreadKind::Issue => format!("issue #{}", thread.number),
        ThreadKind::Pull => format!("merge request !{}", thread.number),
    }
}

fn note(repo: &RepoRef, comment: &CommentRef) -> String {
    in_project(repo, &format!("/{}/notes/{}", comment.node_id, comment.id))
}

impl WireNote {
    /// Anybody may quote our marker, so the author counts as well.
    fn is_ours(&self, us: i64, marker: &str) -> bool {
        self.author.as_ref().is_some_and(|author| author.id == us) && self.body.contains(marker)
    }
}
