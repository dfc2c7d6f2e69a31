//! Programs that the bot calls: git and engines, and the walls around them.

use super::{Finding, chain};
use crate::domain::project::Project;
use crate::engine::Engine;
use crate::engine::process::Isolation;
use crate::forge::{Forge, GitRights};
use crate::git::{Access, Git, Remote};

/// The version, and whether a repository that the bot knows can be reached.
pub async fn git(git: &Git, known: Option<(&dyn Forge, &Project)>) -> Vec<Finding> {
    const ABOUT: &str = "git";
    let version = match git.probe().await {
        Ok(version) => Finding::ok(ABOUT, format!("version {version}")),
        Err(error) => return vec![Finding::wrong(ABOUT, chain(error), "install git 2.39 or newer")],
    };
    let Some((forge, project)) = known else {
        let says = "no repository is known yet, so none was reached";
        return vec![version, Finding::ok("clone", says)];
    };
    let name = project.repo.full_name();
    let reached = match reach(git, forge, project).await {
        Ok(()) => Finding::ok("clone", format!("{name} can be reached")),
        Err(fault) => {
            let todo = "see whether git may reach the forge from here: proxy, certificates, firewall";
            Finding::wrong("clone", format!("{name} cannot be reached: {}", chain(fault)), todo)
        }
    };
    vec![version, reached]
}

async fn reach(git: &Git, forge: &dyn Forge, project: &Project) -> anyhow::Result<()> {
    let access = forge.git_access(&project.repo, GitRights::Read).await?;
    let credential = Access { username: access.username, secret: access.secret };
    let remote = Remote::new(&access.url, Some(credential))?;
    git.remote_head(&remote, &project.default_branch).await?;
    Ok(())
}

/// An engine that the settings name: found, and with the credentials that it needs.
pub async fn engine(name: &str, engine: Option<&dyn Engine>) -> Vec<Finding> {
    let about = format!("engine {name}");
    let Some(engine) = engine else {
        let todo = "set TASKSGODZILLA_COMMAND_ENGINE to its program, or name another engine";
        return vec![Finding::wrong(about, "is named and not configured", todo)];
    };
    let version = match engine.probe().await {
        Ok(version) => version,
        Err(error) => return vec![Finding::wrong(about, chain(error), "see docs/engines.md")],
    };
    match engine.check_credentials() {
        Ok(()) => vec![Finding::ok(about, format!("version {version}"))],
        Err(error) => {
            let says = format!("version {version}, but {}", chain(error));
            vec![Finding::wrong(about, says, "see docs/engines.md, then restart the bot")]
        }
    }
}

/// What keeps programs that others wrote apart from the rest of the machine.
pub fn sandbox(isolation: &Isolation) -> Finding {
    if isolation.has_sandbox() {
        return Finding::ok("sandbox", isolation.describe());
    }
    let todo =
        "install bubblewrap and allow user namespaces; without it QA does not run a repository's scripts";
    Finding::warn("sandbox", isolation.describe(), todo)
}
