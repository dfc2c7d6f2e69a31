//! What a repository's own file says, read from base branches only and once per branch and delivery.
//!
//! A command about one protocol goes by that protocol's base, every other by the default branch. The head of a pull
//! request is never asked, so a protocol that is stacked on somebody's pull request goes by the default branch too.

use super::commands::Asking;
use super::{Ctx, acts};
use crate::command::registry::{self, Scope};
use crate::config::{Changeable, RepositoryFile};
use crate::domain::command::Asked;
use crate::domain::project::{Project, REPOSITORY_FILE};
use crate::domain::retry::Retry;
use crate::forge::ForgeError;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What the file says on one branch.
#[derive(Debug)]
pub struct Said {
    pub branch: String,
    /// The defaults where there is no file, and where it cannot be followed.
    pub file: RepositoryFile,
    /// Why it cannot be followed, one sentence each.
    pub faults: Vec<String>,
}

/// The files that one delivery had to look at, by branch.
#[derive(Debug, Clone, Default)]
pub struct Files(Arc<Mutex<BTreeMap<String, Arc<Said>>>>);

impl Files {
    /// The file that a command goes by.
    ///
    /// Errors: the forge cannot be asked now. What it refuses for good is a fault of the file.
    pub async fn about(&self, ctx: &Ctx, asking: &Asking, asked: &Asked) -> anyhow::Result<Arc<Said>> {
        let mut branch = asking.project.default_branch.clone();
        if registry::spec_of(&asked.command).scope == Scope::Protocol
            && let Ok(protocol) = acts::target(ctx, asking, asked.protocol).await?
            && !protocol.asked_in.is_pull()
        {
            branch = protocol.base;
        }
        self.on(ctx, &asking.project, &branch).await
    }

    /// The file on a base branch; on the default branch when that one is gone.
    pub async fn on(&self, ctx: &Ctx, project: &Project, branch: &str) -> anyhow::Result<Arc<Said>> {
        let mut known = self.0.lock().await;
        if let Some(said) = known.get(branch) {
            return Ok(said.clone());
        }
        let said = Arc::new(read(ctx, project, branch).await?);
        known.insert(branch.to_owned(), said.clone());
        Ok(said)
    }
}

async fn read(ctx: &Ctx, project: &Project, branch: &str) -> anyhow::Result<Said> {
    let mut said = Said { branch: branch.to_owned(), file: RepositoryFile::default(), faults: Vec::new() };
    match content(ctx, project, &mut said.branch).await? {
        Ok(None) => {}
        Ok(Some(content)) => match RepositoryFile::check(&content, &changeable()) {
            Ok(file) => said.file = file,
            Err(faults) => said.faults = faults,
        },
        Err(error) if error.retry() == Retry::Never => said.faults = vec![error.to_string()],
        Err(error) => return Err(error.into()),
    }
    Ok(said)
}

/// The bytes of the file on `branch`, which becomes the default branch when there is no such branch any more.
async fn content(
    ctx: &Ctx,
    project: &Project,
    branch: &mut String,
) -> anyhow::Result<Result<Option<Vec<u8>>, ForgeError>> {
    let forge = ctx.forge_of(project)?;
    let ask = async {
        let mut tip = forge.branch_tip(&project.repo, branch).await?;
        if tip.is_none() && *branch != project.default_branch {
            branch.clone_from(&project.default_branch);
            tip = forge.branch_tip(&project.repo, branch).await?;
        }
        match tip {
            Some(tip) => forge.file(&project.repo, &tip, REPOSITORY_FILE, RepositoryFile::LIMIT).await,
            None => Ok(None),
        }
    };
    Ok(ask.await)
}

/// Every command, as far as the file may speak of it.
fn changeable() -> Vec<Changeable> {
    registry::commands().map(|spec| Changeable { name: spec.name, least: spec.least }).collect()
}
