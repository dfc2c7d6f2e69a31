//! From changes in a worktree to a commit on the remote.

use super::engines::Trouble;
use super::head::Ground;
use super::runs::Run;
use super::{Ctx, remote};
use crate::domain::diff;
use crate::domain::ids::Sha;
use crate::domain::protocol::ReasonKey;
use crate::git::{GitError, Identity, NewCommit, Push, PushError, Rebased, Worktree};
use crate::store;

/// What is committed, and onto what it is pushed (`None`: the branch must not exist yet).
pub struct Commit {
    pub message: String,
    pub onto: Option<Sha>,
}

/// Bytes of a diff that are searched for secrets.
const SEARCHED: usize = 32 << 20;

/// Commits everything in the worktree and pushes it. Our one commit is put onto a head that came first, once.
///
/// `Err` inside is for people: the diff may not be pushed, or the remote refuses it for a reason that only they can mend.
pub async fn commit_and_push(
    ctx: &Ctx,
    ground: &Ground,
    tree: &Worktree,
    run: &mut Run,
    commit: &Commit,
) -> anyhow::Result<Result<Sha, Trouble>> {
    let parent = ctx.git.head(tree).await?;
    let (author, co_authors) = (author(ctx, ground).await?, [co_author(ctx, ground)?]);
    let new = NewCommit {
        message: &commit.message,
        author: Some(&author),
        co_authors: &co_authors,
        at: Some(ctx.now()),
    };
    let made = match ctx.git.commit_all(tree, &new).await {
        Ok(made) => made.unwrap_or_else(|| parent.clone()),
        Err(GitError::Refused { why }) => {
            return Ok(Err(Trouble { key: ReasonKey::DiffRefused, detail: why }));
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(trouble) = refused(ctx, ground, &parent, &made).await? {
        return Ok(Err(trouble));
    }
    run.committed(ctx, &made).await?;
    let pushed = push(ctx, ground, (tree, run), made, commit.onto.as_ref()).await?;
    if pushed.is_ok() {
        run.pushed(ctx).await?;
    }
    Ok(pushed)
}

/// The bot's account on this forge, as far as the operator did not name another.
async fn author(ctx: &Ctx, ground: &Ground) -> anyhow::Result<Identity> {
    let account = ctx.forge_of(&ground.project)?.identity().await?;
    Ok(Identity {
        name: ctx.rules.git_user.clone().unwrap_or(account.actor.login),
        email: ctx.rules.git_email.clone().unwrap_or(account.email),
    })
}

/// The person who asked is named in every commit.
fn co_author(ctx: &Ctx, ground: &Ground) -> anyhow::Result<Identity> {
    let requester = &ground.protocol.requester;
    let forge = ctx.forge_of(&ground.project)?;
    let email = forge.nobodys_email(requester.id, &requester.login);
    Ok(Identity { name: requester.login.clone(), email })
}

/// Looks at what would be pushed: protected paths, workflow files, secrets.
async fn refused(ctx: &Ctx, ground: &Ground, from: &Sha, to: &Sha) -> anyhow::Result<Option<Trouble>> {
    let paths = ctx.git.changed_paths(&ground.mirror, from, to).await?;
    let paths: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let mut faults = diff::faults(&paths, &ground.protocol.folder());
    let changed = ctx.git.diff_commits(&ground.mirror, from, to, SEARCHED).await?;
    if ctx.redactor.finds(&changed.text()) {
        faults.push("the changes hold a secret that the bot knows or a token's shape".to_owned());
    }
    if faults.is_empty() {
        return Ok(None);
    }
    let detail = format!("the changes were not pushed: {}", faults.join("; "));
    Ok(Some(Trouble { key: ReasonKey::DiffRefused, detail }))
}

async fn push(
    ctx: &Ctx,
    ground: &Ground,
    (tree, run): (&Worktree, &mut Run),
    made: Sha,
    onto: Option<&Sha>,
) -> anyhow::Result<Result<Sha, Trouble>> {
    let branch = ground.protocol.branch();
    let once = Push { branch: &branch, new: &made, onto };
    let first = remote::push(ctx, &ground.project, &ground.mirror, &once).await?;
    let Err(PushError::LostRace { remote_head }) = first else {
        return settled(first.map(|_| made));
    };
    // Ours would stand there twice. The next attempt finds the commit on the branch and goes on from it.
    if store::run::of_commit(&mut ctx.store.read().await?, ground.protocol.id, &remote_head).await?.is_some()
    {
        anyhow::bail!("the commit of an earlier attempt reached the branch first");
    }
    remote::fetch(ctx, &ground.project, &ground.mirror).await?;
    let rebased = match ctx.git.rebase_one(tree, &remote_head).await {
        Ok(Rebased::Done(rebased)) => rebased,
        Ok(Rebased::Conflict { paths }) => return Ok(Err(conflict(&paths))),
        Err(GitError::Refused { why }) => {
            return Ok(Err(Trouble { key: ReasonKey::PushRefused, detail: why }));
        }
        Err(error) => return Err(error.into()),
    };
    run.committed(ctx, &rebased).await?;
    let again = Push { branch: &branch, new: &rebased, onto: Some(&remote_head) };
    let second = remote::push(ctx, &ground.project, &ground.mirror, &again).await?;
    settled(second.map(|_| rebased.clone()))
}

fn settled(pushed: Result<Sha, PushError>) -> anyhow::Result<Result<Sha, Trouble>> {
    let refused = |key, detail| Ok(Err(Trouble { key, detail }));
    match pushed {
        Ok(sha) => Ok(Ok(sha)),
        Err(PushError::Rejected { reason }) => {
            refused(ReasonKey::PushRefused, format!("the forge refused the push: {reason}"))
        }
        Err(PushError::BranchGone) => refused(ReasonKey::BranchGone, "the branch is gone".to_owned()),
        Err(error @ PushError::LostRace { .. }) => refused(ReasonKey::PushRefused, error.to_string()),
        Err(PushError::Git(error)) => Err(error.into()),
    }
}

fn conflict(paths: &[std::path::PathBuf]) -> Trouble {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let detail = format!("somebody pushed first and changed the same files: {}", paths.join(", "));
    Trouble { key: ReasonKey::StepFailed, detail }
}
