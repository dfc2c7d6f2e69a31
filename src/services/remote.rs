//! The repository as git reaches it: every question to the remote goes with a credential narrowed to what it needs.

use super::Ctx;
use crate::domain::ids::Sha;
use crate::domain::project::Project;
use crate::forge::{GitAccess, GitRights};
use crate::git::{Access, GitError, Mirror, Push, PushError, Pushed, Remote, RemoteHeads};
use std::future::Future;

/// The project's mirror, fetched just now.
pub async fn mirror(ctx: &Ctx, project: &Project) -> anyhow::Result<Mirror> {
    let mirror = ctx.git.mirror(project.id).await?;
    fetch(ctx, project, &mirror).await?;
    Ok(mirror)
}

pub async fn fetch(ctx: &Ctx, project: &Project, mirror: &Mirror) -> anyhow::Result<()> {
    let fetched =
        ask(ctx, project, GitRights::Read, |remote| async move { ctx.git.fetch(mirror, &remote).await });
    Ok(fetched.await??)
}

/// Every branch of the remote.
pub async fn heads(ctx: &Ctx, project: &Project) -> anyhow::Result<RemoteHeads> {
    let heads =
        ask(ctx, project, GitRights::Read, |remote| async move { ctx.git.remote_heads(&remote).await });
    Ok(heads.await??)
}

/// Where one branch of the remote stands.
pub async fn head(ctx: &Ctx, project: &Project, branch: &str) -> anyhow::Result<Option<Sha>> {
    let head =
        ask(
            ctx,
            project,
            GitRights::Read,
            |remote| async move { ctx.git.remote_head(&remote, branch).await },
        );
    Ok(head.await??)
}

/// Pushes with a credential that was minted just now. Inside are the answers of the remote, see [`crate::git::Git::push`].
pub async fn push(
    ctx: &Ctx,
    project: &Project,
    mirror: &Mirror,
    push: &Push<'_>,
) -> anyhow::Result<Result<Pushed, PushError>> {
    ask(ctx, project, GitRights::Write, |remote| async move { ctx.git.push(mirror, &remote, push).await })
        .await
}

/// Asks the remote, and once more with another credential when the first is refused: it may have been revoked, or may
/// have run out while the remote was being asked.
async fn ask<T, E, F>(
    ctx: &Ctx,
    project: &Project,
    rights: GitRights,
    question: impl Fn(Remote) -> F,
) -> anyhow::Result<Result<T, E>>
where
    E: Denial,
    F: Future<Output = Result<T, E>>,
{
    let forge = ctx.forge_of(project)?;
    let access = forge.git_access(&project.repo, rights).await?;
    match question(remote(&access)?).await {
        Err(error) if error.is_denial() => {
            tracing::info!(project.id = %project.id, "git was refused a credential; asking for another one");
            let other = forge.other_git_access(&project.repo, rights, &access).await?;
            Ok(question(remote(&other)?).await)
        }
        answered => Ok(answered),
    }
}

fn remote(access: &GitAccess) -> Result<Remote, GitError> {
    let credential = Access { username: access.username.clone(), secret: access.secret.clone() };
    Remote::new(&access.url, Some(credential))
}

/// Tells whether it was the credential that was not accepted.
trait Denial {
    fn is_denial(&self) -> bool;
}

impl Denial for GitError {
    fn is_denial(&self) -> bool {
        matches!(self, Self::AccessDenied { .. })
    }
}

impl Denial for PushError {
    fn is_denial(&self) -> bool {
        matches!(self, Self::Git(error) if error.is_denial())
    }
}
