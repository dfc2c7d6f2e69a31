//! What planning reads from the repository, and what it writes into the protocol's folder.

use crate::domain::ci;
use crate::domain::ids::Sha;
use crate::domain::project::Protocol;
use crate::prompt::plan::Plan;
use crate::prompt::{Done, Identity, PlanningFacts, RepairFacts, Replan};
use crate::report::record::log_entry;
use crate::services::Ctx;
use crate::services::head::Ground;
use serde_json::{Value, json};

/// Paths of the tree that a planning prompt shows at most.
const FILES: usize = 2_000;
const README_BYTES: usize = 20_000;
const FILE_BYTES: usize = 256 << 10;

/// What is read from the tree that is planned on.
pub(super) struct Facts {
    repo: String,
    title: String,
    files: Vec<String>,
    readme: String,
    ci_files: Vec<String>,
    commands: Vec<String>,
}

impl Facts {
    pub(super) async fn read(ctx: &Ctx, ground: &Ground) -> anyhow::Result<Self> {
        let at = ground.head.as_ref().unwrap_or(&ground.base);
        let files = ctx.git.files(&ground.mirror, at, FILES).await?;
        let readme = files.iter().find(|path| path.to_lowercase().starts_with("readme"));
        let readme = match readme {
            Some(path) => read(ctx, ground, at, path, README_BYTES).await?.unwrap_or_default(),
            None => String::new(),
        };
        let title = ground.protocol.request.lines().next().unwrap_or_default().to_owned();
        Ok(Self {
            repo: ground.project.repo.full_name(),
            title,
            readme,
            ci_files: files.iter().filter(|path| ci::is_ci_file(path)).cloned().collect(),
            commands: commands(&files),
            files,
        })
    }

    pub(super) fn of<'a>(&'a self, ground: &'a Ground, done: &'a [Done]) -> PlanningFacts<'a> {
        let protocol = &ground.protocol;
        PlanningFacts {
            identity: identity(protocol),
            repo: &self.repo,
            base: &protocol.base,
            title: &self.title,
            request: &protocol.request,
            files: &self.files,
            readme: &self.readme,
            ci_files: &self.ci_files,
            commands: &self.commands,
            replan: (protocol.plan_revision > 0).then_some(Replan {
                plan: &protocol.plan,
                done,
                words: &protocol.request,
            }),
        }
    }
}

/// Commands that probably check the repository, by what lies at its top.
fn commands(files: &[String]) -> Vec<String> {
    const KNOWN: [(&str, &str); 8] = [
        ("Cargo.toml", "cargo test"),
        ("package.json", "npm test"),
        ("go.mod", "go test ./..."),
        ("pyproject.toml", "pytest"),
        ("pom.xml", "mvn test"),
        ("build.gradle", "gradle test"),
        ("Makefile", "make test"),
        ("Gemfile", "bundle exec rake test"),
    ];
    let top = KNOWN
        .iter()
        .filter(|(file, _)| files.iter().any(|path| path == file))
        .map(|(_, command)| (*command).to_owned());
    let scripts =
        files.iter().filter(|path| path.starts_with("scripts/ci/") && path.ends_with(".sh")).cloned();
    top.chain(scripts).collect()
}

pub fn identity(protocol: &Protocol) -> Identity<'_> {
    Identity { number: protocol.number, slug: &protocol.slug }
}

pub(super) fn repair<'a>(
    protocol: &'a Protocol,
    faults: &'a str,
    answer: &'a str,
    done: &'a [Done],
) -> RepairFacts<'a> {
    RepairFacts { identity: identity(protocol), faults, answer, done }
}

/// Structured facts for engines that read no prose.
pub fn engine_facts(protocol: &Protocol) -> Value {
    json!({"number": protocol.number.0, "slug": protocol.slug, "request": protocol.request})
}

/// The files of the protocol's folder, by name.
pub(super) fn folder<'a>(ctx: &Ctx, ground: &Ground, plan: &'a Plan) -> Vec<(&'a str, String)> {
    let entry =
        log_entry(ctx.now(), &format!("planned on `{}` at {}", ground.protocol.base, ground.base.short()));
    let log = format!("{}\n{entry}", plan.log_md.trim_end());
    let steps = plan.step_files.iter().map(|(name, content)| (name.as_str(), content.clone()));
    [("plan.md", plan.plan_md.clone()), ("context.md", plan.context_md.clone()), ("log.md", log)]
        .into_iter()
        .chain(steps)
        .collect()
}

/// A plan that stands on the branch already.
pub(super) struct PushedPlan {
    pub(super) plan: Plan,
    pub(super) commit: Sha,
}

/// The plan that an earlier attempt pushed and did not live to record.
///
/// Only for the first plan: its commit is then the one that the branch has over the base.
pub(super) async fn pushed(ctx: &Ctx, ground: &Ground) -> anyhow::Result<Option<PushedPlan>> {
    let Some(head) = ground.head.clone().filter(|_| ground.protocol.plan_revision == 0) else {
        return Ok(None);
    };
    let folder = ground.protocol.folder();
    let file = |name: &str| format!("{folder}/{name}");
    let Some(plan_md) = read(ctx, ground, &head, &file("plan.md"), FILE_BYTES).await? else {
        return Ok(None);
    };
    let context_md = read(ctx, ground, &head, &file("context.md"), FILE_BYTES).await?.unwrap_or_default();
    let log_md = read(ctx, ground, &head, &file("log.md"), FILE_BYTES).await?.unwrap_or_default();
    let mut step_files = Vec::new();
    for name in ctx.git.list_dir(&ground.mirror, &head, &folder).await? {
        if crate::domain::spec::step_number(&name).is_some() {
            let content = read(ctx, ground, &head, &file(&name), FILE_BYTES).await?.unwrap_or_default();
            step_files.push((name, content));
        }
    }
    step_files.sort();
    Ok(Some(PushedPlan { plan: Plan { plan_md, context_md, log_md, step_files }, commit: head }))
}

async fn read(
    ctx: &Ctx,
    ground: &Ground,
    at: &Sha,
    path: &str,
    most: usize,
) -> anyhow::Result<Option<String>> {
    let bytes = ctx.git.read_file(&ground.mirror, at, path, most).await?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_guessed_from_what_lies_at_the_top() {
        let files =
            ["Cargo.toml", "sub/package.json", "scripts/ci/test.sh", "scripts/ci/README"].map(str::to_owned);
        assert_eq!(commands(&files), ["cargo test", "scripts/ci/test.sh"]);
    }
}
