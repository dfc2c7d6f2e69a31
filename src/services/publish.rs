//! Makes the forge show what the store says: sticky comments, the pull request's text, check runs.
//!
//! Level-triggered: every call renders everything and sends what differs from what was sent last. A lost worker is healed by
//! the next call; comments are found again by their marker, check runs by their name. What was recorded with an empty hash
//! was begun, or is doubted: nobody knows what it shows, so it is sent.

use super::posting::{self, Memory, Post, comment_of, name_of};
use super::{Ctx, views};
use crate::domain::claim::Claimed;
use crate::domain::colour::Colour;
use crate::domain::event::EventKind;
use crate::domain::ids::{JobId, Moment, ProtocolId, Sha};
use crate::domain::project::{Project, RepoAccess};
use crate::domain::sight::may_lack_ours;
use crate::domain::step::{Step, StepStatus};
use crate::domain::thread::Thread;
use crate::domain::verdict::Judgement;
use crate::forge::{Button, CheckReport, CommentRef, ForgeError};
use crate::report::check::{self, CheckText};
use crate::report::comment::{self, Comment};
use crate::report::tongue;
use crate::report::view::ProtocolView;
use crate::store;
use crate::store::posted::{PostedCheck, PostedComment};
use sha2::{Digest as _, Sha256};

/// Publishes one protocol.
pub async fn publish(ctx: &Ctx, turn: &Claimed, id: ProtocolId) -> anyhow::Result<()> {
    let facts = views::facts(ctx, id).await?;
    if facts.project.access != RepoAccess::Granted {
        return Ok(());
    }
    let view = views::protocol(ctx, id).await?;
    let publisher = Publisher { ctx, turn, project: &facts.project, view: &view };
    publisher.comments().await?;
    publisher.checks().await?;
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    store::protocol::mark_published(&mut tx, id, view.protocol.revision).await?;
    tx.commit().await?;
    Ok(())
}

/// Publishes everything anew that may have been written after the job `late` began, whatever was recorded of it: the worker of
/// that job lost its lease, and may have written after the next one.
pub async fn anew(ctx: &Ctx, turn: &Claimed, id: ProtocolId, late: JobId) -> anyhow::Result<()> {
    let job = store::job::load(&mut ctx.store.read().await?, late).await?;
    let since = job.map_or(Moment(0), |job| job.created_at);
    let mut tx = ctx.store.begin_held(turn.hold()).await?;
    store::posted::doubt(&mut tx, id, since).await?;
    tx.commit().await?;
    publish(ctx, turn, id).await
}

struct Publisher<'a> {
    ctx: &'a Ctx,
    turn: &'a Claimed,
    project: &'a Project,
    view: &'a ProtocolView,
}

impl Publisher<'_> {
    fn protocol(&self) -> ProtocolId {
        self.view.protocol.id
    }

    /// The short comment on the issue, the sticky one on the pull request, and the pull request's own text.
    async fn comments(&self) -> anyhow::Result<()> {
        let protocol = &self.view.protocol;
        self.comment("issue", protocol.asked_in, &comment::on_issue(self.view)).await?;
        let Some(pull) = &protocol.pull else { return Ok(()) };
        self.comment("sticky", Thread::pull(pull.number), &comment::sticky(self.view)).await?;
        let (title, body) = (comment::pull_title(self.view), self.clean(&comment::pull_body(self.view).body));
        let hash = hash(&[&title, &body]);
        let posted =
            store::posted::comment(&mut self.ctx.store.read().await?, self.protocol(), "pull").await?;
        if posted.is_none_or(|posted| posted.hash != hash) {
            let forge = self.ctx.forge_of(self.project)?;
            let described = forge.describe_pull(&self.project.repo, pull.number, &title, &body).await;
            described.map_err(|error| self.ctx.about_ours(self.view.protocol.changed_at, error))?;
            self.remember_comment("pull", Thread::pull(pull.number), None, &hash).await?;
        }
        Ok(())
    }

    async fn comment(&self, kind: &str, thread: Thread, comment: &Comment) -> anyhow::Result<()> {
        let body = self.clean(&comment.body);
        let hash = hash(&[&body]);
        let posted = store::posted::comment(&mut self.ctx.store.read().await?, self.protocol(), kind).await?;
        let stands = posted.as_ref().and_then(|posted| posted.forge_ref.as_deref()).and_then(comment_of);
        if stands.is_some() && posted.as_ref().is_some_and(|posted| posted.hash == hash) {
            return Ok(());
        }
        let stands = match (stands, &posted) {
            (None, Some(begun)) => self.found(thread, &comment.marker, begun.at).await?,
            (stands, _) => stands,
        };
        if let Some(stands) = stands {
            let forge = self.ctx.forge_of(self.project)?;
            match forge.edit_comment(&self.project.repo, &stands, &body).await {
                Ok(()) => return self.remember_comment(kind, thread, Some(&stands), &hash).await,
                // Somebody deleted it: it is written anew.
                Err(ForgeError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.created((kind, thread), body, &hash).await
    }

    /// The comment whose creation was begun and never answered. While the forge may not show it yet, its absence says
    /// nothing.
    async fn found(&self, thread: Thread, marker: &str, begun: Moment) -> anyhow::Result<Option<CommentRef>> {
        let forge = self.ctx.forge_of(self.project)?;
        let found = forge.find_comment(&self.project.repo, thread, marker).await?;
        if found.is_none() && self.may_be_unseen(begun) {
            return Err(self.unseen("the comment that was just posted").into());
        }
        Ok(found)
    }

    fn may_be_unseen(&self, written: Moment) -> bool {
        may_lack_ours(written, self.ctx.now())
    }

    fn unseen(&self, what: &str) -> ForgeError {
        ForgeError::behind(self.project.forge.as_str(), what)
    }

    /// Creates a comment. That it may exist is stored first, so that a lost worker's one is looked for.
    async fn created(&self, (kind, thread): (&str, Thread), body: String, hash: &str) -> anyhow::Result<()> {
        self.remember_comment(kind, thread, None, "").await?;
        let memory = Memory::Report(self.protocol(), self.posted(kind, thread, None, hash));
        let post = Post { thread, discussion: None, body };
        posting::post(self.ctx, self.turn, self.project, post, memory).await.map(drop)
    }

    fn posted(&self, kind: &str, thread: Thread, shown: Option<&CommentRef>, hash: &str) -> PostedComment {
        PostedComment {
            kind: kind.to_owned(),
            thread,
            forge_ref: shown.map(name_of),
            hash: hash.to_owned(),
            revision: self.view.protocol.revision,
            at: self.ctx.now(),
        }
    }

    async fn remember_comment(
        &self,
        kind: &str,
        thread: Thread,
        shown: Option<&CommentRef>,
        hash: &str,
    ) -> anyhow::Result<()> {
        let posted = self.posted(kind, thread, shown, hash);
        let mut tx = self.ctx.store.begin_held(self.turn.hold()).await?;
        store::posted::save_comment(&mut tx, self.protocol(), &posted).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The checks of the head; what was unfinished on older commits is closed as superseded.
    async fn checks(&self) -> anyhow::Result<()> {
        let Some(head) = self.view.protocol.head.clone() else {
            return Ok(());
        };
        let posted = store::posted::checks(&mut self.ctx.store.read().await?, self.protocol()).await?;
        let home = self.home(&head).await?;
        for text in self.wanted(&head) {
            let known = posted.iter().find(|posted| posted.name == text.name && posted.sha == head);
            self.check((&head, home), &text, known).await?;
        }
        let open = |posted: &&PostedCheck| !posted.is_final || posted.hash.is_empty();
        for old in posted.iter().filter(|posted| posted.sha != head).filter(open) {
            let lasting =
                self.lasting(&old.sha).into_iter().find(|text| old.is_final && text.name == old.name);
            let text = lasting.unwrap_or_else(|| self.superseded(&old.name, &head));
            self.check((&old.sha, None), &text, Some(old)).await?;
        }
        Ok(())
    }

    /// Where checks of this commit belong now, if they may have to move.
    async fn home(&self, sha: &Sha) -> anyhow::Result<Option<i64>> {
        let forge = self.ctx.forge_of(self.project)?;
        if !forge.capabilities().checks_move {
            return Ok(None);
        }
        Ok(forge.check_home(&self.project.repo, sha).await?)
    }

    /// The protocol's check is always there; the plan's on the plan's commit; a step's once it is executed, on its commit.
    fn wanted(&self, head: &Sha) -> Vec<CheckText> {
        let view = self.view;
        let mut wanted = vec![check::protocol(view)];
        if view.steps.iter().all(|step| step.commit.is_none()) && view.protocol.plan_revision > 0 {
            wanted.push(check::plan(view));
        }
        wanted.extend(self.of_steps(head));
        wanted
    }

    /// What finished checks of an older commit go on saying.
    fn lasting(&self, sha: &Sha) -> Vec<CheckText> {
        let plan = Some(check::plan(self.view)).filter(|plan| plan.colour == Colour::Success);
        self.of_steps(sha).into_iter().chain(plan).collect()
    }

    /// The checks of the steps that are executed, and of those that are judged, on this commit.
    fn of_steps(&self, sha: &Sha) -> Vec<CheckText> {
        let view = self.view;
        let is_executed = |step: &&Step| {
            step.commit.as_ref() == Some(sha)
                && !matches!(step.status, StepStatus::Running | StepStatus::Pending)
        };
        let is_judged = |step: &&Step| step.judged.as_ref().is_some_and(|judged| judged.sha == *sha);
        let executed = view.steps.iter().filter(is_executed).map(|step| check::step(view, step));
        let judged = view.steps.iter().filter(is_judged);
        executed
            .chain(judged.filter_map(|step| check::quality(view, step, self.judgement(step).as_ref())))
            .collect()
    }

    /// What QA said last of a step, as the timeline has it.
    fn judgement(&self, step: &Step) -> Option<Judgement> {
        const QA: [EventKind; 3] = [EventKind::QaPassed, EventKind::QaFailed, EventKind::QaUndecided];
        let last = self
            .view
            .events
            .iter()
            .rev()
            .find(|event| event.step == Some(step.id) && QA.contains(&event.kind));
        last.and_then(|event| serde_json::from_value(event.facts.clone()).ok())
    }

    /// Sends a check if it differs from what stands there, or stands where it belongs no more. One that was finished and is
    /// not any more is the same run in its next generation.
    async fn check(
        &self,
        (sha, home): (&Sha, Option<i64>),
        text: &CheckText,
        known: Option<&PostedCheck>,
    ) -> anyhow::Result<()> {
        let forge = self.ctx.forge_of(self.project)?;
        let is_final = !matches!(text.colour, Colour::Queued | Colour::Running);
        let again = known.filter(|known| known.is_final && !is_final);
        let generation = known.map_or(1, |known| known.generation) + i64::from(again.is_some());
        let report = CheckReport {
            name: text.name.clone(),
            sha: sha.clone(),
            branch: self.view.protocol.branch(),
            colour: text.colour,
            external_id: format!("protocol-{}:{generation}", self.protocol()),
            details_url: text.details.clone().unwrap_or_default(),
            title: self.view.names.spoken(&text.title).into_owned(),
            summary: self.clean(&text.summary),
            text: text.text.as_deref().map(|text| self.clean(text)),
            buttons: text.buttons.iter().filter(|_| forge.capabilities().buttons).map(button).collect(),
        };
        let hash = hash(&[&format!("{report:?}")]);
        let stands = known.and_then(|known| known.forge_id.filter(|_| known.hash == hash));
        if stands.is_some_and(|stands| home.is_none_or(|home| home == stands)) {
            return Ok(());
        }
        let begun = PostedCheck {
            name: text.name.clone(),
            sha: sha.clone(),
            forge_id: None,
            hash: String::new(),
            is_final: false,
            generation,
            revision: self.view.protocol.revision,
            at: self.ctx.now(),
        };
        self.begin_check(&begun, known).await?;
        let known = known.filter(|known| !known.hash.is_empty()).and_then(|known| known.forge_id);
        let id = self.ctx.forge_of(self.project)?.put_check(&self.project.repo, known, &report).await?;
        self.remember_check(&PostedCheck { forge_id: Some(id), hash, is_final, ..begun }).await
    }

    /// That a check may exist is stored before it is created: a run that a lost worker created is closed with its commit,
    /// though nobody knows its id. One that was begun before and never answered is looked for by its name, once the forge
    /// must show it.
    async fn begin_check(&self, begun: &PostedCheck, known: Option<&PostedCheck>) -> anyhow::Result<()> {
        match known {
            Some(known) if known.hash.is_empty() && self.may_be_unseen(known.at) => {
                Err(self.unseen("the check run that was just created").into())
            }
            // It may run again although nobody is told, and must be finished then, also when the head has moved on.
            Some(known) if known.forge_id.is_some() && begun.generation > known.generation => {
                let (generation, revision) = (begun.generation, begun.revision);
                let again = PostedCheck { generation, revision, is_final: false, ..known.clone() };
                self.remember_check(&again).await
            }
            Some(known) if known.forge_id.is_some() => Ok(()),
            _ => self.remember_check(begun).await,
        }
    }

    async fn remember_check(&self, posted: &PostedCheck) -> anyhow::Result<()> {
        let mut tx = self.ctx.store.begin_held(self.turn.hold()).await?;
        store::posted::save_check(&mut tx, self.protocol(), posted).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What an unfinished check of an older commit becomes.
    fn superseded(&self, name: &str, head: &Sha) -> CheckText {
        let words = format!("Superseded by {}", head.short());
        CheckText {
            name: name.to_owned(),
            colour: Colour::Cancelled,
            title: words.clone(),
            summary: format!("{words}: the work went on there."),
            text: None,
            details: self.view.links.page.clone(),
            buttons: Vec::new(),
        }
    }

    fn clean(&self, text: &str) -> String {
        let spoken = tongue::spoken(self.view.names, text);
        self.ctx.redactor.redact(&spoken).into_owned()
    }
}

fn button(button: &check::Button) -> Button {
    Button { label: button.label, description: button.description, identifier: button.identifier.clone() }
}

fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    hex::encode(digest.finalize())
}
