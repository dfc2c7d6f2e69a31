//! The repository as git reaches it: an address with a fresh credential, and the mirror, fetched.

use super::Ctx;
use crate::domain::project::Project;
use crate::forge::GitRights;
use crate::git::{Access, Mirror, Remote};

/// The project's repository for git, with a credential narrowed to `rights`.
pub async fn access(ctx: &Ctx, project: &Project, rights: GitRights) -> anyhow::Result<Remote> {
    let access = ctx.forge_of(project)?.git_access(&project.repo, rights).await?;
    let credential = Access { username: access.username, secret: access.secret };
    Ok(Remote::new(&access.url, Some(credential))?)
}

/// The project's mirror, fetched just now.
pub async fn mirror(ctx: &Ctx, project: &Project, remote: &Remote) -> anyhow::Result<Mirror> {
    let mirror = ctx.git.mirror(project.id).await?;
    ctx.git.fetch(&mirror, remote).await?;
    Ok(mirror)
}
