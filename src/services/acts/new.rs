//! `/protocol new`: a protocol begins.

use super::{Acted, Reply};
use crate::domain::command::{NewProtocol, Slug};
use crate::domain::event::EventKind;
use crate::domain::ids::{ProtocolNumber, Sha};
use crate::domain::job::Job;
use crate::domain::project::Requester;
use crate::domain::protocol::ProtocolMove;
use crate::domain::refusal::Refusal;
use crate::forge::ForgeError;
use crate::report;
use crate::services::change::{self, Draft};
use crate::services::commands::Asking;
use crate::services::{Ctx, remote};
use crate::store;

/// Starts planning what the person asked for: the text under the command, or else the issue.
pub(super) async fn start(ctx: &Ctx, asking: &Asking, new: &NewProtocol, dry_run: bool) -> Acted {
    let request = request(asking, new);
    if request.trim().is_empty() {
        return Ok(Err(Refusal::NothingAsked));
    }
    if let Some(refusal) = unknown_engine(ctx, new) {
        return Ok(Err(refusal));
    }
    let base = match base(ctx, asking, new).await? {
        Ok(base) => base,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let floor = highest_number(ctx, asking, &base.tip).await?;
    let record = store::protocol::NewProtocol {
        project: asking.project.id,
        slug: slug(asking, new).as_str().to_owned(),
        asked_in: asking.thread,
        base: base.branch,
        request,
        requester: Requester { login: asking.actor.login.clone(), id: asking.actor.id },
        engine: new.engine.clone(),
        model: new.model.clone(),
        number_floor: floor,
    };
    if dry_run {
        let lines = [format!("`{}` is planned on `{}` from the text here", record.slug, record.base)];
        return Ok(Ok(Some(Reply::plain(report::answer::rehearsal(&asking.actor.login, &lines)))));
    }
    let mut tx = ctx.store.begin().await?;
    let protocol = store::protocol::create(&mut tx, record).await?;
    let mut draft = change::load(&mut tx, protocol.id, ctx.now()).await?;
    let before = draft.clone();
    begin(&mut draft, asking)?;
    change::save(&mut tx, &before, draft).await?;
    for other in store::protocol::open_in_thread(&mut tx, asking.project.id, asking.thread).await? {
        store::job::push(&mut tx, Job::Publish { protocol: other.id }, ctx.now().plus(change::GATHER))
            .await?;
    }
    tx.commit().await?;
    Ok(Ok(None))
}

fn begin(draft: &mut Draft, asking: &Asking) -> Result<(), Refusal> {
    draft.apply(ProtocolMove::StartPlanning)?;
    draft.note(EventKind::PlanningEnqueued, None, format!("{} asked for a plan", asking.actor.login));
    asking.done(draft, None);
    draft.go_on();
    Ok(())
}

/// What is planned from: the stored delivery's text, never read again.
fn request(asking: &Asking, new: &NewProtocol) -> String {
    let issue = [asking.title.trim(), asking.description.trim()].join("\n\n");
    match &new.text {
        Some(text) if !text.trim().is_empty() && issue.trim().is_empty() => text.trim().to_owned(),
        Some(text) if !text.trim().is_empty() => format!("{}\n\n{}", text.trim(), issue.trim()),
        _ => issue.trim().to_owned(),
    }
}

fn slug(asking: &Asking, new: &NewProtocol) -> Slug {
    let words =
        new.text.as_deref().and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()));
    new.slug.clone().unwrap_or_else(|| Slug::from_text(words.unwrap_or(&asking.title)))
}

fn unknown_engine(ctx: &Ctx, new: &NewProtocol) -> Option<Refusal> {
    let engine = new.engine.as_ref().filter(|engine| !ctx.engines.contains_key(engine.as_str()))?;
    let known = ctx.engines.keys().map(|id| (*id).to_owned()).collect();
    Some(Refusal::NoSuchEngine { engine: engine.clone(), known })
}

/// The branch to build on and its tip.
struct Base {
    branch: String,
    tip: Sha,
}

/// The branch that was named; on a pull request of this repository its head; else the default branch.
async fn base(ctx: &Ctx, asking: &Asking, new: &NewProtocol) -> anyhow::Result<Result<Base, Refusal>> {
    let forge = ctx.forge_of(&asking.project)?;
    let repo = &asking.project.repo;
    let mut branch = asking.project.default_branch.clone();
    if asking.thread.is_pull() {
        if let Some(refusal) = own_pull(ctx, asking).await? {
            return Ok(Err(refusal));
        }
        let pull = forge.pull(repo, asking.thread.number).await?;
        if pull.from_fork {
            return Ok(Err(Refusal::Fork));
        }
        branch = pull.head_branch;
    }
    if let Some(named) = &new.base {
        branch = named.as_str().to_owned();
    }
    Ok(match forge.branch_tip(repo, &branch).await? {
        Some(tip) => Ok(Base { branch, tip }),
        None => Err(Refusal::NoSuchBranch { branch }),
    })
}

async fn own_pull(ctx: &Ctx, asking: &Asking) -> anyhow::Result<Option<Refusal>> {
    let here =
        store::protocol::in_thread(&mut ctx.store.read().await?, asking.project.id, asking.thread).await?;
    let own = here.iter().find(|p| p.pull.as_ref().is_some_and(|pull| pull.number == asking.thread.number));
    Ok(own.map(|protocol| Refusal::OwnPullRequest { number: protocol.number }))
}

/// The highest number that the repository itself knows: branches `NNNN-…` and folders of `.protocols/` on the base.
async fn highest_number(ctx: &Ctx, asking: &Asking, base: &Sha) -> anyhow::Result<u32> {
    let heads = remote::heads(ctx, &asking.project).await?;
    let mirror = remote::mirror(ctx, &asking.project).await?;
    if !ctx.git.has(&mirror, base).await? {
        let what = format!("commit {}, which its API names", base.short());
        return Err(ForgeError::behind("git", what).into());
    }
    let folders = ctx.git.list_dir(&mirror, base, ".protocols").await?;
    let branches = heads.heads.iter().map(|(branch, _)| branch.as_str());
    let numbers = branches.chain(folders.iter().map(String::as_str)).filter_map(number_of);
    Ok(numbers.map(|number| number.0).max().unwrap_or(0))
}

/// `0007-split-importer` is 7.
fn number_of(name: &str) -> Option<ProtocolNumber> {
    let (digits, rest) = name.split_once('-')?;
    let shaped = digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty();
    shaped.then(|| digits.parse().ok().map(ProtocolNumber)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_kind_of_name_has_a_number() {
        assert_eq!(number_of("0007-split"), Some(ProtocolNumber(7)));
        assert_eq!(number_of("12345-x"), Some(ProtocolNumber(12345)));
        for name in ["007-split", "0007", "0007-", "main", "v0007-x", "99999999999-x"] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
