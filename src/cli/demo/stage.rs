//! The demo's world: a twin of a forge with a copy of the repository, and the bot pointed at it by its settings alone.

use super::tell::{Summary, Teller};
use super::{Args, Ci, Forge};
use crate::cli::Failure;
use crate::cli::bot::{Bot, Duty};
use crate::config::{Needs, Raw, Settings};
use crate::domain::names::Names;
use crate::domain::project::Protocol;
use crate::domain::thread::Thread;
use crate::forge::gitlab;
use crate::git::{Git, GitSettings, Identity};
use crate::report::view::ProtocolView;
use crate::sandbox::{self as twin, Account, Hooks, Host, Role, Twin, TwinOptions};
use crate::services::views;
use crate::store;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The person of the demo.
const YOU: &str = "you";

pub(super) struct Stage {
    twin: Twin,
    bot: Bot,
    repo: String,
    names: Names,
    ci: Ci,
    began: Instant,
    folder: TempDir,
}

impl Stage {
    pub(super) async fn build(args: &Args, teller: &Teller) -> Result<Self, Failure> {
        let began = Instant::now();
        let folder =
            tempfile::Builder::new().prefix("tasksgodzilla-demo-").tempdir().map_err(anyhow::Error::from)?;
        let copy = copied(args, &folder).await?;
        let (host, names) = match args.forge {
            Forge::Github => (Host::Github, Names::WRITTEN),
            Forge::Gitlab => (Host::Gitlab, gitlab::NAMES),
        };
        let options = TwinOptions {
            host,
            hooks: Hooks::Send,
            ci_delay: Duration::from_millis(500),
            visitor: YOU.to_owned(),
            ..TwinOptions::default()
        };
        let twin = Twin::start(options).await.map_err(anyhow::Error::from)?;
        let name = repo_name(args);
        let repo = format!("{YOU}/{name}");
        furnish(&twin, &repo, &copy, args).map_err(anyhow::Error::from)?;
        let account = Account::open(&twin, &repo).map_err(anyhow::Error::from)?;
        teller.say(&format!("a copy of the repository is at {}/{repo}", twin.url()));
        let settings = settings(args, &twin, &account, &folder)?;
        let bot = Bot::start(&settings, Duty::WebAndWorker).await?;
        account.install(&twin, &repo, &bot.address).map_err(anyhow::Error::from)?;
        Ok(Self { twin, bot, repo, names, ci: args.ci, began, folder })
    }

    pub(super) fn open_issue(&self, ask: &str) -> anyhow::Result<Thread> {
        let body = "Asked by the demo. The text of this issue is what is planned from.";
        Ok(Thread::issue(self.twin.open_issue(YOU, &self.repo, ask, body)?))
    }

    /// Comments as the person. CI that is to fail once fails from the first step until that is tried again.
    pub(super) fn comment(&self, thread: Thread, words: &str) -> anyhow::Result<()> {
        if self.ci == Ci::RedOnce {
            let ci = if words == "/protocol run" { twin::Ci::Red } else { twin::Ci::Green };
            self.twin.set_ci(&self.repo, ci)?;
        }
        let thread = self.twin.thread_called(&self.repo, &self.names.reference(thread))?;
        self.twin.comment(YOU, &self.repo, thread, words)?;
        Ok(())
    }

    /// The first protocol as the bot's own reports see it.
    pub(super) async fn look(&self) -> anyhow::Result<Option<ProtocolView>> {
        let ctx = &self.bot.ctx;
        let first = store::protocol::list(&mut ctx.store.read().await?, 1).await?;
        match first.first() {
            Some(protocol) => Ok(Some(views::protocol(ctx, protocol.id).await?)),
            None => Ok(None),
        }
    }

    pub(super) async fn summary(&self, outcome: &str) -> anyhow::Result<Summary> {
        let view = self.look().await?;
        let protocol = view.as_ref().map(|view| &view.protocol);
        let commits = match protocol {
            Some(protocol) => self.commits(protocol).await?,
            None => Vec::new(),
        };
        let pull = protocol.and_then(|protocol| protocol.pull.as_ref());
        Ok(Summary {
            outcome: outcome.to_owned(),
            branch: protocol.map(Protocol::branch),
            folder: protocol.map(Protocol::folder),
            names: self.names,
            pull: pull.map(|pull| pull.url.clone()),
            page: view.as_ref().and_then(|view| view.links.page.clone()),
            commits,
            seconds: self.began.elapsed().as_secs_f64(),
            engine_seconds: view
                .map(|view| view.steps.iter().map(|step| step.engine_ms).sum::<u64>())
                .unwrap_or_default() as f64
                / 1000.0,
        })
    }

    /// The protocol's commits, oldest first, from the bot's own mirror.
    async fn commits(&self, protocol: &Protocol) -> anyhow::Result<Vec<String>> {
        let (Some(base), Some(head)) = (&protocol.base_sha, &protocol.head) else { return Ok(Vec::new()) };
        let git = &self.bot.ctx.git;
        let mirror = git.mirror(protocol.project).await?;
        let commits = git.log(&mirror, Some(base), head, 200).await?;
        Ok(commits.iter().rev().map(|commit| format!("{} {}", commit.sha.short(), commit.subject)).collect())
    }

    /// How a person goes on after the demo.
    pub(super) fn ways_on(&self) -> Vec<String> {
        let repo = &self.repo;
        vec![
            format!("open {}/{repo} in a browser", self.twin.url()),
            format!("curl --data '/bot help' {}", self.twin.comment_url(repo, 1)),
            format!("git clone {}", self.twin.clone_url(YOU, repo)),
        ]
    }

    /// Stops everything and removes what was made.
    pub(super) async fn strike(self) {
        self.bot.stop().await;
        drop(self.twin);
        if let Err(error) = self.folder.close() {
            tracing::warn!(%error, "the demo's folder could not be removed");
        }
    }
}

async fn copied(args: &Args, folder: &TempDir) -> Result<std::path::PathBuf, Failure> {
    let identity = Identity { name: "demo".to_owned(), email: "demo@localhost".to_owned() };
    let git =
        Git::new(GitSettings { allow_file: true, ..GitSettings::new(folder.path().join("copy"), identity) })
            .map_err(anyhow::Error::from)?;
    let source = git.snapshot_source(&args.repo, &folder.path().join("source.git")).await;
    let source = source
        .map_err(|why| Failure::asked(why.to_string()).hint("name a git repository with --repo PATH"))?;
    Ok(source.path)
}

/// The name of the copied repository: the folder's own, as far as a forge takes it.
fn repo_name(args: &Args) -> String {
    let path = args.repo.canonicalize().unwrap_or_else(|_| args.repo.clone());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    if plain.is_empty() { "repository".to_owned() } else { plain }
}

fn furnish(twin: &Twin, repo: &str, copy: &std::path::Path, args: &Args) -> Result<(), twin::SandboxError> {
    let name = repo.split_once('/').map_or(repo, |(_, name)| name);
    twin.user(YOU);
    twin.repository(YOU, name, Some(copy))?;
    twin.make_private(repo)?;
    twin.grant(repo, YOU, Role::Admin)?;
    let ci = match args.ci {
        Ci::Green | Ci::RedOnce => twin::Ci::Green,
        Ci::None => twin::Ci::None,
    };
    twin.set_ci(repo, ci)
}

/// The operator's settings of this machine, pointed at the twin.
fn settings(args: &Args, twin: &Twin, account: &Account, folder: &TempDir) -> Result<Settings, Failure> {
    let inside = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let raw = account
        .settings(twin, Raw::from_environment())
        .with("DB_PATH", inside("bot.sqlite"))
        .with("DB_URL", "")
        .with("REDIS_URL", "")
        .with("PROJECTS_ROOT", inside("projects"))
        .with("RUNS_DIR", inside("runs"))
        .with("API_HOST", "127.0.0.1")
        .with("API_PORT", "0")
        .with("PUBLIC_URL", "")
        .with("DEFAULT_ENGINE_ID", &args.engine);
    Settings::check(&raw, Needs::Forge).map_err(Failure::settings)
}
