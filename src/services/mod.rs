//! Floor 2: one file per use case. Services know our rooms' own types and traits, never an SDK.
//!
//! A service reads as a list of sentences: load, ask, decide, store, report. Decisions are `domain`'s; every change of a
//! protocol goes through [`change`].

pub mod change;
pub mod fault;

pub mod acts;
pub mod commands;
pub mod fates;
pub mod intake;
pub mod missed;
pub mod permissions;
pub mod repository_file;
pub mod waiting;

pub mod ci;
pub mod execution;
pub mod planning;
pub mod pulls;
pub mod quality;
mod stages;

pub mod answers;
pub mod pages;
pub mod posting;
pub mod publish;
pub mod views;

pub mod cleanup;
pub mod credentials;
pub mod disk;
pub mod giving_up;
pub mod leftovers;
pub mod reconcile;
pub mod tidying;

pub mod doctor;
pub mod figures;

pub mod engines;
pub mod files;
pub mod head;
pub mod pushing;
pub mod remote;
pub mod runs;

use crate::config::{Keep, Links, Models, Redactor};
use crate::domain::ids::Moment;
use crate::domain::project::{ForgeKind, Project};
use crate::domain::sight::may_lack_ours;
use crate::domain::spec::QaPolicy;
use crate::engine::Engine;
use crate::engine::process::Isolation;
use crate::forge::{Forge, ForgeError};
use crate::git::Git;
use crate::meter::Meters;
use crate::store::{Clock, Store};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Everything a service works with; made once by `app`.
#[derive(Clone)]
pub struct Ctx {
    pub store: Store,
    pub git: Arc<Git>,
    pub forges: BTreeMap<&'static str, Arc<dyn Forge>>,
    pub engines: BTreeMap<&'static str, Arc<dyn Engine>>,
    pub clock: Clock,
    pub rules: Arc<Rules>,
    pub redactor: Arc<Redactor>,
    pub isolation: Isolation,
    pub meters: Meters,
    pub free_space: FreeSpace,
}

/// Tells how many bytes are free where a path is, or will be.
pub type FreeSpace = Arc<dyn Fn(&Path) -> std::io::Result<u64> + Send + Sync>;

/// The operator's settings, as far as services look at them.
#[derive(Debug, Clone)]
pub struct Rules {
    pub default_engine: String,
    pub planning_engine: Option<String>,
    pub execution_engine: Option<String>,
    pub quality_engine: Option<String>,
    pub models: Models,
    pub decompose: bool,
    pub skip_simple_decompose: bool,
    pub qa_policy: QaPolicy,
    pub engine_wall: Duration,
    pub engine_idle: Duration,
    pub ci_silence: Duration,
    pub ci_patience: Duration,
    pub allow_public: bool,
    pub delivery_log: DeliveryLogRules,
    pub keep: Keep,
    /// Where the bot writes to, by the setting that names it.
    pub places: Vec<(&'static str, PathBuf)>,
    /// Name and address on commits; else those of the bot's account on the forge.
    pub git_user: Option<String>,
    pub git_email: Option<String>,
    pub runs_dir: PathBuf,
    /// This machine's name: a recorded process is killed only where it runs.
    pub host: String,
    pub links: Links,
}

/// How the forge's own log of deliveries is read.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryLogRules {
    pub every: Duration,
    /// Deliveries are pushed to us as well; the log is there for those that got lost.
    pub is_pushed: bool,
}

impl Ctx {
    pub fn now(&self) -> Moment {
        (self.clock)()
    }

    /// The forge that a project lives on.
    ///
    /// Errors: the forge is not configured any more, though projects of it are stored.
    pub fn forge(&self, kind: ForgeKind) -> anyhow::Result<&dyn Forge> {
        let forge = self.forges.get(kind.as_str());
        forge.map(AsRef::as_ref).ok_or_else(|| anyhow::anyhow!("no {} is configured", kind.as_str()))
    }

    pub fn forge_of(&self, project: &Project) -> anyhow::Result<&dyn Forge> {
        self.forge(project.forge)
    }

    /// An error about something that we wrote then, which the forge may not show yet.
    fn about_ours(&self, written: Moment, error: ForgeError) -> ForgeError {
        if may_lack_ours(written, self.now()) { error.of_something_new() } else { error }
    }
}
