//! The repository's own `scripts/ci/*.sh` as evidence, run in the strongest sandbox there is, or not at all.

use crate::engine::Limits;
use crate::engine::process::{self, Confinement, Network, ProcessError, ProcessSpec, base_env};
use crate::git::Worktree;
use crate::prompt::Evidence;
use crate::services::Ctx;
use crate::services::runs::Run;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The scripts that are looked for, in the order in which they run.
const SCRIPTS: [&str; 5] = ["bootstrap", "lint", "typecheck", "test", "build"];
/// Wall limit of one script.
const WALL: Duration = Duration::from_secs(600);
/// Bytes of a script's output that are kept, from its end.
const TAIL: usize = 8_000;

/// Runs what is there. Code of a repository never runs without a sandbox: the evidence then says so.
pub(super) async fn gather(ctx: &Ctx, tree: &Worktree, run: &mut Run) -> anyhow::Result<Vec<Evidence>> {
    let mut gathered = Vec::new();
    for name in SCRIPTS {
        let script = format!("scripts/ci/{name}.sh");
        let is_file = std::fs::symlink_metadata(tree.path.join(&script)).is_ok_and(|about| about.is_file());
        if !is_file {
            continue;
        }
        let evidence = one(ctx, tree, run, &script).await?;
        let ended =
            evidence.exit.map_or_else(|| "was not run".to_owned(), |code| format!("ended with {code}"));
        run.say(&format!("{script} {ended}")).await;
        gathered.push(evidence);
    }
    Ok(gathered)
}

async fn one(ctx: &Ctx, tree: &Worktree, run: &Run, script: &str) -> anyhow::Result<Evidence> {
    let home = run.home();
    let spec = ProcessSpec {
        program: PathBuf::from("/bin/sh"),
        args: vec![script.into()],
        cwd: tree.path.clone(),
        env: base_env(&home)?,
        stdin: Vec::new(),
        limits: Limits { wall: WALL, idle: WALL, ..Limits::default() },
        stop: CancellationToken::new(),
        isolation: ctx.isolation.clone(),
        confinement: Confinement::Sandbox {
            writable: vec![tree.path.clone(), home],
            network: Network::Closed,
        },
    };
    let (exit, tail) = match process::run(spec).await {
        Ok((output, exit)) => (exit.code, format!("{output}\n{}", exit.stderr_tail)),
        Err(error @ ProcessError::NoSandbox) => (None, format!("not run: {error}")),
        Err(error) => (None, error.to_string()),
    };
    let from = tail.len().saturating_sub(TAIL);
    let from = (from..tail.len()).find(|index| tail.is_char_boundary(*index)).unwrap_or(tail.len());
    Ok(Evidence { script: script.to_owned(), exit, tail: tail[from..].to_owned() })
}
