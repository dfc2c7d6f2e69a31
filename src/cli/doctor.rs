//! `doctor`: every part of an installation, looked at once.

mod reach;

use super::gitlab::hook_url;
use super::{Failure, output};
use crate::app::{self, Observers};
use crate::config::{Database, Manifest, Needs, Raw, Redactor, Settings};
use crate::domain::project::{ForgeKind, Project, RepoAccess};
use crate::engine::process::Isolation;
use crate::forge::Forge;
use crate::forge::github::Github;
use crate::forge::gitlab::Gitlab;
use crate::services::doctor::{Finding, State, forge, gitlab, ground, in_time, store, tools};
use crate::store::{Store, StoreError, project};
use std::collections::BTreeSet;
use std::path::Path;
use url::Url;

/// See what is wrong with this installation, and what to do about it
///
/// Looks at the settings, the database and its queue, folders and disks, git, engines, the App on GitHub, the
/// account and webhooks on GitLab, and the bot's address; changes nothing, and works beside a running bot. Exits with 1 when anything is wrong.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON array, for scripts
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let (settings, faults) = Settings::inspect(&Raw::from_environment(), Needs::Forge);
    let findings = look(&settings, &faults).await;
    let text = match args.json {
        true => serde_json::to_string_pretty(&findings).map_err(anyhow::Error::from)?,
        false => findings.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    output::data(Redactor::new(&settings.secrets()).redact(&text))?;
    let wrong = findings.iter().filter(|finding| finding.state == State::Wrong).count();
    match wrong {
        0 => Ok(()),
        wrong => Err(Failure::no(format!("{wrong} of {} are wrong", findings.len()))),
    }
}

fn line(finding: &Finding) -> String {
    let Finding { about, state, says, todo } = finding;
    let todo = if todo.is_empty() { String::new() } else { format!("\n       -> {todo}") };
    format!("{:<5}  {about}: {says}{todo}", state.as_str())
}

async fn look(settings: &Settings, faults: &[String]) -> Vec<Finding> {
    let stored = stored(settings, faults).await;
    let github = settings.github.as_ref().map(|github| app::github(github, &Observers::default()));
    let gitlab = settings.gitlab.as_ref().map(|gitlab| app::gitlab(gitlab, &Observers::default()));
    let clients = Clients { github: known(github.as_ref()), gitlab: known(gitlab.as_ref()) };
    let (redis, git, app, account, engines, addresses) = tokio::join!(
        redis(settings, faults),
        git(settings, clients, &stored.projects),
        async {
            match settings.gitlab.is_some() && settings.github.is_none() && are_right(faults, "GITHUB_") {
                true => Vec::new(),
                false => on_github(settings, github.as_ref()).await,
            }
        },
        on_gitlab(settings, gitlab.as_ref(), &stored.projects),
        engines(settings),
        addresses(settings, faults),
    );
    let mut findings = in_settings(faults);
    findings.extend(stored.findings);
    findings.extend(redis);
    findings.extend(folders(settings));
    findings.extend(git);
    findings.extend(engines);
    findings.extend(app);
    findings.extend(account);
    findings.extend(addresses);
    findings.push(ground::public_repositories(settings.allow_public, &stored.projects));
    findings
}

/// The forges that can be asked.
#[derive(Clone, Copy)]
struct Clients<'a> {
    github: Option<&'a Github>,
    gitlab: Option<&'a Gitlab>,
}

impl<'a> Clients<'a> {
    fn of(self, kind: ForgeKind) -> Option<&'a dyn Forge> {
        match kind {
            ForgeKind::Github => self.github.map(|client| client as &dyn Forge),
            ForgeKind::Gitlab => self.gitlab.map(|client| client as &dyn Forge),
        }
    }
}

fn known<C>(client: Option<&anyhow::Result<C>>) -> Option<&C> {
    client.and_then(|client| client.as_ref().ok())
}

fn in_settings(faults: &[String]) -> Vec<Finding> {
    if faults.is_empty() {
        return vec![Finding::ok("settings", "all are valid")];
    }
    faults.iter().map(|fault| Finding::wrong("settings", fault, "see docs/settings.md")).collect()
}

/// Whether all settings are right whose names begin so.
fn are_right(faults: &[String], names: &str) -> bool {
    faults.iter().all(|fault| !fault.starts_with(&format!("TASKSGODZILLA_{names}")))
}

/// What the store says, and the repositories in it.
struct Stored {
    findings: Vec<Finding>,
    projects: Vec<Project>,
}

async fn stored(settings: &Settings, faults: &[String]) -> Stored {
    let only = |finding| Stored { findings: vec![finding], projects: Vec::new() };
    if !are_right(faults, "DB_") {
        return only(Finding::wrong("database", "not looked at", "correct its settings first"));
    }
    if let Database::Sqlite(path) = &settings.database
        && !path.exists()
    {
        return only(not_there(path));
    }
    let mut projects = Vec::new();
    let opened = async {
        match app::existing_store(settings, app::system_clock()).await {
            Ok(opened) => looked_into(&opened, &mut projects).await,
            Err(error) => vec![Finding::wrong("database", format!("{error:#}"), unopened(settings, &error))],
        }
    };
    let findings = in_time("database", opened).await;
    Stored { findings, projects }
}

/// A file of SQLite is made by the bot, its folder is not.
fn not_there(path: &Path) -> Finding {
    match std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned)) {
        Some(folder) if !folder.is_dir() => {
            let says = format!("there is no folder {} for it", folder.display());
            Finding::wrong("database", says, "make the folder, or correct TASKSGODZILLA_DB_PATH")
        }
        _ => {
            let says = format!("there is no {} yet", path.display());
            Finding::warn("database", says, "`tasksgodzilla serve` makes it")
        }
    }
}

/// What to do about a database that could not be opened.
fn unopened(settings: &Settings, error: &anyhow::Error) -> &'static str {
    let is_setting = error.downcast_ref().is_some_and(StoreError::is_of_settings);
    match (&settings.database, is_setting) {
        (Database::Sqlite(_), _) => "correct TASKSGODZILLA_DB_PATH, or move away what lies there",
        (Database::Postgres(_), true) => "correct TASKSGODZILLA_DB_URL",
        (Database::Postgres(_), false) => "start it, or correct TASKSGODZILLA_DB_URL",
    }
}

async fn looked_into(opened: &Store, projects: &mut Vec<Project>) -> Vec<Finding> {
    let mut findings = store::database(opened).await;
    if findings.iter().any(|finding| finding.state == State::Wrong) {
        return findings;
    }
    findings.extend(store::queue(opened).await);
    match opened.read().await {
        Ok(mut db) => match project::all(&mut db).await {
            Ok(all) => *projects = all,
            Err(error) => {
                findings.push(Finding::wrong("repositories", error.to_string(), "mend the database first"))
            }
        },
        Err(error) => {
            findings.push(Finding::wrong("repositories", error.to_string(), "mend the database first"))
        }
    }
    opened.close().await;
    findings
}

async fn redis(settings: &Settings, faults: &[String]) -> Vec<Finding> {
    match &settings.redis {
        Some(url) if are_right(faults, "REDIS_") => {
            in_time("redis", async { vec![store::redis(url).await] }).await
        }
        Some(_) => vec![Finding::wrong("redis", "not looked at", "correct its settings first")],
        None => Vec::new(),
    }
}

fn folders(settings: &Settings) -> Vec<Finding> {
    match app::places(settings) {
        Ok(places) => {
            let floor = settings.keep.disk_floor;
            places.iter().map(|(setting, path)| ground::folder(setting, path, floor)).collect()
        }
        Err(error) => {
            let says = format!("their paths cannot be made absolute: {error}");
            vec![Finding::wrong("folders", says, "start the bot from a folder that exists")]
        }
    }
}

/// In a folder of its own: a running bot's is left alone.
async fn git(settings: &Settings, clients: Clients<'_>, projects: &[Project]) -> Vec<Finding> {
    let made = tempfile::tempdir().map_err(anyhow::Error::from);
    let made =
        made.and_then(|folder| Ok((app::git(settings, folder.path(), &Observers::default())?, folder)));
    let (git, _folder) = match made {
        Ok(made) => made,
        Err(error) => {
            return vec![Finding::wrong("git", format!("{error:#}"), "see that temporary files can be made")];
        }
    };
    let known = projects.iter().find_map(|project| {
        let forge = clients.of(project.forge).filter(|_| project.access == RepoAccess::Granted)?;
        Some((forge, project))
    });
    in_time("git", tools::git(&git, known)).await
}

async fn engines(settings: &Settings) -> Vec<Finding> {
    let isolation = Isolation::probe(None).await;
    let engines = app::engines(settings, &isolation);
    let others = [&settings.planning_engine, &settings.execution_engine, &settings.quality_engine];
    let named: BTreeSet<&str> =
        others.into_iter().flatten().chain([&settings.default_engine]).map(String::as_str).collect();
    let mut findings = Vec::new();
    for name in named.into_iter().filter(|name| !name.is_empty()) {
        let engine = engines.get(name).map(AsRef::as_ref);
        findings.extend(in_time(&format!("engine {name}"), tools::engine(name, engine)).await);
    }
    findings.push(tools::sandbox(&isolation));
    findings
}

async fn on_github(settings: &Settings, client: Option<&anyhow::Result<Github>>) -> Vec<Finding> {
    const TODO: &str = "`tasksgodzilla setup` registers the App and writes its settings";
    let client = match client {
        Some(Ok(client)) => client,
        Some(Err(error)) => return vec![Finding::wrong("App", format!("{error:#}"), TODO)],
        None => return vec![Finding::wrong("App", "not looked at: its settings are missing or wrong", TODO)],
    };
    let manifest = Manifest::embedded();
    let wanted = forge::Wanted {
        manifest: &manifest,
        webhook: settings.public_url.as_ref().map(|public| manifest.webhook_at(public)),
        now: app::system_clock()(),
    };
    in_time("App", forge::app(client, &wanted)).await
}

async fn on_gitlab(
    settings: &Settings,
    client: Option<&anyhow::Result<Gitlab>>,
    projects: &[Project],
) -> Vec<Finding> {
    let client = match client {
        Some(Ok(client)) => client,
        Some(Err(error)) => {
            let todo = "correct TASKSGODZILLA_GITLAB_URL or the token";
            return vec![Finding::wrong("GitLab account", format!("{error:#}"), todo)];
        }
        None => return Vec::new(),
    };
    let webhook = settings.public_url.as_ref().map(hook_url);
    let ours =
        |project: &&Project| project.forge == ForgeKind::Gitlab && project.access == RepoAccess::Granted;
    let ours: Vec<&Project> = projects.iter().filter(ours).collect();
    let (mut account, projects) = tokio::join!(
        in_time("GitLab account", gitlab::account(client, app::system_clock()())),
        in_time("GitLab projects", gitlab::projects(client, &ours, webhook.as_ref())),
    );
    account.extend(projects);
    account
}

/// The bot where it listens, and where others reach it.
async fn addresses(settings: &Settings, faults: &[String]) -> Vec<Finding> {
    if !are_right(faults, "API_") || !are_right(faults, "PUBLIC_URL") {
        return vec![Finding::wrong("address", "not looked at", "correct its settings first")];
    }
    let listening = reach::listening(settings.host, settings.port);
    let (here, there) = tokio::join!(
        in_time("bot", async { vec![reach::bot(listening.as_ref()).await] }),
        in_time("public address", async {
            vec![reach::public(settings.public_url.as_ref(), listening.as_ref()).await]
        }),
    );
    here.into_iter().chain(there).collect()
}

/// An address below `base`, which may have a path.
fn below(base: &Url, path: &str) -> String {
    format!("{}{path}", base.as_str().trim_end_matches('/'))
}
