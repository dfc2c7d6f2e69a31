//! What planning reads from the repository, and what it writes into the protocol's folder.

use crate::domain::ci;
use crate::domain::claim::Claimed;
use crate::domain::ids::Sha;
use crate::domain::project::Protocol;
use crate::prompt::plan::Plan;
use crate::prompt::{Done, Identity, PlanningFacts, RepairFacts, Replan};
use crate::report::record::log_entry;
use crate::services::Ctx;
use crate::services::head::{self, Ground};
use crate::store;
use serde_json::{Value, json};

/// Paths of the tree that a planning prompt shows at most.
const FILES: usize = 2_000;
const README_BYTES: usize = 20_000;
const FILE_BYTES: usize = 256 << 10;
/// Attempts at the first plan that are looked through at most.
const RUNS: u32 = 500;

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

/// What stands on the branch before the store has a plan.
pub(super) enum Found {
    Nothing,
    /// The plan that an earlier attempt pushed and did not live to record.
    Ours {
        plan: Plan,
        commit: Sha,
    },
    /// A branch of the same name that none of our commits is on.
    Foreign {
        head: Sha,
    },
}

/// Looks at the branch. Only for the first plan: later ones are made on a branch that is known to be ours.
pub(super) async fn found(ctx: &Ctx, turn: &Claimed, ground: &Ground) -> anyhow::Result<Found> {
    let Some(head) = ground.head.clone().filter(|_| ground.protocol.plan_revision == 0) else {
        return Ok(Found::Nothing);
    };
    let runs = store::run::of_protocol(&mut ctx.store.read().await?, ground.protocol.id, RUNS).await?;
    let ours = runs.into_iter().filter(|run| run.kind == turn.job.kind()).filter_map(|run| run.commit);
    for commit in ours.rev() {
        if head::is_on_branch(ctx, ground, &commit).await? {
            return Ok(Found::Ours { plan: written(ctx, ground, &commit).await?, commit });
        }
    }
    Ok(Found::Foreign { head })
}

/// The plan as a commit of ours holds it.
async fn written(ctx: &Ctx, ground: &Ground, commit: &Sha) -> anyhow::Result<Plan> {
    let folder = ground.protocol.folder();
    let file = async |name: &str| {
        let content = read(ctx, ground, commit, &format!("{folder}/{name}"), FILE_BYTES).await?;
        anyhow::Ok(content.unwrap_or_default())
    };
    let mut step_files = Vec::new();
    for name in ctx.git.list_dir(&ground.mirror, commit, &folder).await? {
        if crate::domain::spec::step_number(&name).is_some() {
            let content = file(&name).await?;
            step_files.push((name, content));
        }
    }
    step_files.sort();
    Ok(Plan {
        plan_md: file("plan.md").await?,
        context_md: file("context.md").await?,
        log_md: file("log.md").await?,
        step_files,
    })
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
