//! What a bench finds the bot in: a temporary folder, a GitHub in a box, and settings that name nothing else.

use super::process;
use super::{Args, load};
use crate::cli::Failure;
use crate::config::{Manifest, Needs, Raw, Settings};
use crate::sandbox::github::AppCredentials;
use crate::sandbox::{Account, Ci, Hooks, Role, Twin, TwinOptions};
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Child;

/// The person of a bench.
pub(super) const PERSON: &str = "mia";
pub(super) const REPO: &str = "mia/api";
/// How long the bot may take to start.
const START: Duration = Duration::from_secs(60);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(1);

pub(super) struct World {
    pub(super) twin: Twin,
    pub(super) app: AppCredentials,
    /// What the person's git pushes with.
    pub(super) token: String,
    folder: TempDir,
    postgres: Option<String>,
    redis: Option<String>,
}

/// A bot in a process of its own.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) address: SocketAddr,
}

impl World {
    /// With one private repository, a copy of `source` or empty, that the App is installed on.
    pub(super) async fn new(args: &Args, source: Option<&Path>) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tasksgodzilla-bench-").tempdir()?;
        let twin = Twin::start(TwinOptions { hooks: Hooks::Send, ..TwinOptions::default() }).await?;
        let token = twin.user(PERSON);
        twin.repository(PERSON, "api", source)?;
        twin.make_private(REPO)?;
        twin.grant(REPO, PERSON, Role::Admin)?;
        twin.set_ci(REPO, Ci::None)?;
        let app = twin.register_manifest(&Manifest::embedded())?;
        twin.install(app.app_id, &[REPO])?;
        Ok(Self { twin, app, token, folder, postgres: args.postgres.clone(), redis: args.redis.clone() })
    }

    pub(super) fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The settings of a bot that keeps its data in the folder `name`, in the form of variables.
    pub(super) fn variables(&self, name: &str, port: u16) -> anyhow::Result<BTreeMap<String, String>> {
        let home = self.inside(name);
        std::fs::create_dir_all(&home)?;
        let inside = |file: &str| home.join(file).to_string_lossy().into_owned();
        let raw = Account::Github(self.app.clone())
            .settings(&self.twin, Raw::default())
            .with("DB_PATH", inside("bot.sqlite"))
            .with("DB_URL", self.postgres.clone().unwrap_or_default())
            .with("REDIS_URL", self.redis.clone().unwrap_or_default())
            .with("PROJECTS_ROOT", inside("projects"))
            .with("RUNS_DIR", inside("runs"))
            .with("API_PORT", port.to_string())
            .with("DEFAULT_ENGINE_ID", "demo")
            .with("CI_SILENCE_SECONDS", "0")
            .with("LOG_LEVEL", "error");
        let mut variables = raw.0;
        variables.extend(Raw::from_environment().0.into_iter().filter(|(name, _)| name == "PATH"));
        Ok(variables)
    }

    /// The same for a bot in this process.
    pub(super) fn settings(&self, name: &str) -> Result<Settings, Failure> {
        let raw = Raw(self.variables(name, 0)?);
        Settings::check(&raw, Needs::Forge).map_err(Failure::settings)
    }

    /// Starts `tasksgodzilla` with these arguments and has the twin send it what happens.
    pub(super) fn start(&self, args: &[&str], name: &str) -> anyhow::Result<Running> {
        let address = process::free_port()?;
        let variables = self.variables(name, address.port())?;
        let child = process::ourselves(args, &variables).spawn().context("cannot start the bot")?;
        self.twin.set_webhook(self.app.app_id, &format!("http://{address}/webhooks/github"));
        Ok(Running { child, address })
    }

    /// Sends deliveries one after the other until the bot stores one; `name` begins their ids.
    pub(super) async fn first_stored(&self, address: SocketAddr, name: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        let secret = self.app.webhook_secret.clone();
        loop {
            let name = format!("{name}-{}", uuid::Uuid::new_v4().simple());
            if load::send_one(address, &secret, &name).await.is_ok() {
                return Ok(());
            }
            if began.elapsed() > START {
                bail!("nothing at {address} stores a delivery");
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
