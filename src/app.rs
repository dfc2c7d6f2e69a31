//! The composition root: settings to a running bot. The only place that picks adapters.

mod jobs;

use crate::config::{self, CodexSettings, Database, Intake, Links, Redactor, Settings};
use crate::domain::ids::Moment;
use crate::domain::project::ForgeKind;
use crate::domain::witness::{Act, Witness};
use crate::engine::codex::Codex;
use crate::engine::command::{CommandEngine, CommandSettings};
use crate::engine::demo::Demo;
use crate::engine::process::{Isolation, Network, find_program, search_path};
use crate::engine::{Engine, codex};
use crate::forge::Forge;
use crate::forge::github::{Github, GithubSettings, MergeMethod, Timeouts};
use crate::forge::gitlab::{Gitlab, GitlabSettings};
use crate::forge::signature::GitlabSecrets;
use crate::git::{Git, GitSettings, Identity};
use crate::meter::Meters;
use crate::services::{Ctx, DeliveryLogRules, Rules, disk};
use crate::store::{Clock, Store, StoreSettings, StoreUrl};
use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;

pub use jobs::StoredJobs;

/// How long whoever only looks at the store waits for it.
const GLANCE: Duration = Duration::from_secs(5);

/// The system's time.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

/// The program's own witness: outward acts are lines of its log.
#[derive(Debug)]
struct Logged;

impl Witness for Logged {
    fn before(&self, act: &Act) {
        tracing::trace!(%act, "acts");
    }

    fn after(&self, act: &Act) {
        tracing::debug!(%act, "acted");
    }
}

/// Who watches outward acts, and where work is counted.
#[derive(Clone)]
pub struct Observers {
    witness: Arc<dyn Witness>,
    meters: Meters,
}

impl Default for Observers {
    fn default() -> Self {
        Self { witness: Arc::new(Logged), meters: Meters::default() }
    }
}

/// Why the bot cannot be put together as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("there is no database {} yet", path.display())]
    NoDatabase { path: PathBuf },
    /// One sentence for each folder, which names its setting.
    #[error("{}", folders.join("; "))]
    Folders { folders: Vec<String> },
}

/// Opens the store that the settings name as it stands: nothing is made, nothing brought to this version.
///
/// Errors: besides those of opening it, that there is no database yet.
pub async fn existing_store(settings: &Settings, clock: Clock) -> anyhow::Result<Store> {
    if let Database::Sqlite(path) = &settings.database
        && !path.exists()
    {
        return Err(Unusable::NoDatabase { path: path.clone() }.into());
    }
    let settings = StoreSettings { patience: GLANCE, ..store_settings(settings, &Observers::default()) };
    Ok(Store::open(&settings, clock).await?)
}

/// Opens the store that the settings name and brings its tables to this version.
pub async fn open_store(settings: &Settings, clock: Clock, observers: &Observers) -> anyhow::Result<Store> {
    let store = Store::open(&store_settings(settings, observers), clock).await?;
    store.migrate().await?;
    Ok(store)
}

fn store_settings(settings: &Settings, observers: &Observers) -> StoreSettings {
    let url = match &settings.database {
        Database::Sqlite(path) => StoreUrl::Sqlite(path.clone()),
        Database::Postgres(url) => StoreUrl::Postgres(url.clone()),
    };
    let Observers { witness, meters } = observers.clone();
    StoreSettings { witness, meters, ..StoreSettings::new(url, settings.pool) }
}

/// Puts the bot together. `listening` is the address it listens on, the default for links.
///
/// Errors: settings that only show to be wrong when they are used, such as a private key that cannot be read.
pub async fn compose(settings: &Settings, clock: Clock, listening: &Url) -> anyhow::Result<Ctx> {
    compose_observed(Observers::default(), settings, clock, listening).await
}

/// [`compose`], with a witness of the caller's for every outward act.
pub async fn compose_watched(
    witness: Arc<dyn Witness>,
    settings: &Settings,
    clock: Clock,
    listening: &Url,
) -> anyhow::Result<Ctx> {
    compose_observed(Observers { witness, ..Observers::default() }, settings, clock, listening).await
}

async fn compose_observed(
    observers: Observers,
    settings: &Settings,
    clock: Clock,
    listening: &Url,
) -> anyhow::Result<Ctx> {
    writable_folders(settings)?;
    let store = open_store(settings, clock.clone(), &observers).await?;
    let isolation = Isolation::probe(None).await;
    tracing::info!(isolation = isolation.describe(), "programs of others run like this");
    let git = git(settings, &settings.projects_root, &observers)?;
    git.probe().await?;
    Ok(Ctx {
        store,
        git: Arc::new(git),
        forges: forges(settings, &observers)?,
        engines: engines(settings, &isolation),
        clock,
        rules: Arc::new(rules(settings, listening)?),
        redactor: Arc::new(Redactor::new(&settings.secrets())),
        isolation,
        meters: observers.meters,
        free_space: Arc::new(disk::free_space),
    })
}

/// Makes the folders of the bot that are missing, and sees that it can write to each.
fn writable_folders(settings: &Settings) -> Result<(), Unusable> {
    let folders = [("PROJECTS_ROOT", &settings.projects_root), ("RUNS_DIR", &settings.runs_dir)];
    let told = |(name, path): (&str, &PathBuf)| {
        let tried = std::fs::create_dir_all(path)
            .and_then(|()| tempfile::Builder::new().prefix(".tried").tempfile_in(path));
        let why = tried.err()?;
        Some(format!("TASKSGODZILLA_{name} is `{}`, which cannot be written: {why}", path.display()))
    };
    match folders.into_iter().filter_map(told).collect::<Vec<_>>() {
        folders if folders.is_empty() => Ok(()),
        folders => Err(Unusable::Folders { folders }),
    }
}

fn forges(
    settings: &Settings,
    observers: &Observers,
) -> anyhow::Result<BTreeMap<&'static str, Arc<dyn Forge>>> {
    let mut forges: BTreeMap<&'static str, Arc<dyn Forge>> = BTreeMap::new();
    if let Some(settings) = &settings.github {
        forges.insert(ForgeKind::Github.as_str(), Arc::new(github(settings, observers)?));
    }
    if let Some(settings) = &settings.gitlab {
        forges.insert(ForgeKind::Gitlab.as_str(), Arc::new(gitlab(settings, observers)?));
    }
    Ok(forges)
}

/// What GitLab may prove its deliveries with; nothing when it is not served.
pub fn gitlab_secrets(settings: &Settings) -> GitlabSecrets {
    settings.gitlab.as_ref().map_or_else(GitlabSecrets::default, |gitlab| GitlabSecrets {
        tokens: gitlab.webhook_tokens.clone(),
        signing: gitlab.signing_tokens.clone(),
    })
}

/// The git command, with its folders below `root`.
pub fn git(settings: &Settings, root: &Path, observers: &Observers) -> anyhow::Result<Git> {
    let identity = Identity {
        name: settings.git_user.clone().unwrap_or_else(|| "TasksGodzilla".to_owned()),
        email: settings.git_email.clone().unwrap_or_else(|| "tasksgodzilla@localhost".to_owned()),
    };
    let mut settings = GitSettings::new(root, identity);
    settings.environment = git_environment();
    settings.witness = observers.witness.clone();
    settings.meters = observers.meters.clone();
    if let Some(found) = find_program(&settings.program, &search_path()) {
        settings.program = found;
    }
    Ok(Git::new(settings)?)
}

/// GitLab, as the account of the settings.
pub fn gitlab(gitlab: &config::GitlabSettings, observers: &Observers) -> anyhow::Result<Gitlab> {
    let settings = GitlabSettings {
        url: gitlab.url.clone(),
        token: gitlab.token.clone(),
        timeout: GitlabSettings::TIMEOUT,
        witness: observers.witness.clone(),
        meters: observers.meters.clone(),
    };
    Ok(Gitlab::new(&settings)?)
}

/// GitHub, as the App of the settings.
pub fn github(github: &config::GithubSettings, observers: &Observers) -> anyhow::Result<Github> {
    let settings = GithubSettings {
        api_url: github.api_url.clone(),
        web_url: github.web_url.clone(),
        app_id: github.app_id,
        private_key: github.private_key.clone(),
        timeouts: Timeouts::default(),
        merge_method: MergeMethod::default(),
        witness: observers.witness.clone(),
        meters: observers.meters.clone(),
    };
    Ok(Github::new(&settings)?)
}

/// Every engine that the settings configure, by its id.
pub fn engines(settings: &Settings, isolation: &Isolation) -> BTreeMap<&'static str, Arc<dyn Engine>> {
    let env: Vec<(String, String)> = settings
        .engine_env
        .iter()
        .map(|(name, text)| (name.clone(), text.expose_secret().to_owned()))
        .collect();
    let CodexSettings { bin, config } = settings.codex.clone();
    let codex = Codex::new(codex::CodexSettings { bin, config, env: env.clone() }, isolation.clone());
    let mut engines: BTreeMap<&'static str, Arc<dyn Engine>> = BTreeMap::from([
        ("codex", Arc::new(codex) as Arc<dyn Engine>),
        ("demo", Arc::new(Demo::new(Duration::ZERO))),
    ]);
    if let [program, args @ ..] = settings.command_engine.as_slice() {
        let command = CommandSettings {
            id: "command".to_owned(),
            program: PathBuf::from(program),
            args: args.to_vec(),
            env,
            network: Network::Open,
        };
        engines.insert("command", Arc::new(CommandEngine::new(command, isolation.clone())));
    }
    engines
}

fn rules(settings: &Settings, listening: &Url) -> anyhow::Result<Rules> {
    let base = settings.public_url.clone().unwrap_or_else(|| listening.clone());
    let secret = settings.shared_secret().context("no webhook secret is set")?;
    Ok(Rules {
        default_engine: settings.default_engine.clone(),
        planning_engine: settings.planning_engine.clone(),
        execution_engine: settings.execution_engine.clone(),
        quality_engine: settings.quality_engine.clone(),
        models: settings.models.clone(),
        decompose: settings.decompose,
        skip_simple_decompose: settings.skip_simple_decompose,
        qa_policy: settings.qa_policy,
        engine_wall: settings.engine_wall,
        engine_idle: settings.engine_idle,
        ci_silence: settings.ci_silence,
        ci_patience: settings.ci_patience,
        allow_public: settings.allow_public,
        delivery_log: delivery_log(settings.github.as_ref()),
        keep: settings.keep,
        places: places(settings)?,
        git_user: settings.git_user.clone(),
        git_email: settings.git_email.clone(),
        runs_dir: std::path::absolute(&settings.runs_dir)?,
        host: nix::unistd::gethostname()?.to_string_lossy().into_owned(),
        links: Links::new(base, secret),
    })
}

/// In push mode the log is only a second look.
fn delivery_log(github: Option<&config::GithubSettings>) -> DeliveryLogRules {
    const SECOND_LOOK: Duration = Duration::from_secs(5 * 60);
    match github {
        Some(github) if github.intake == Intake::Pull => {
            DeliveryLogRules { every: github.poll, is_pushed: false }
        }
        _ => DeliveryLogRules { every: SECOND_LOOK, is_pushed: true },
    }
}

/// The folders that the bot writes to, by the setting that names each or what lies in it.
pub fn places(settings: &Settings) -> std::io::Result<Vec<(&'static str, PathBuf)>> {
    let mut places = vec![
        ("PROJECTS_ROOT", std::path::absolute(&settings.projects_root)?),
        ("RUNS_DIR", std::path::absolute(&settings.runs_dir)?),
    ];
    if let Database::Sqlite(path) = &settings.database {
        let path = std::path::absolute(path)?;
        places.push(("DB_PATH", path.parent().unwrap_or(&path).to_owned()));
    }
    Ok(places)
}

/// What git needs of our environment to reach the forge: the search path, proxies and certificates.
fn git_environment() -> Vec<(String, String)> {
    const NAMES: [&str; 9] = [
        "PATH",
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "NO_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ];
    NAMES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect()
}
