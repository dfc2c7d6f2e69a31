//! What is true after checking: one struct per concern, secrets kept as secrets.

use super::github::GithubSettings;
use super::gitlab::{self, GitlabSettings};
use super::keep::Keep;
use super::log_level;
use super::reader::{Raw, Reader};
use crate::domain::spec::QaPolicy;
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// What the caller is about to do, hence what must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The store only: `migrate`.
    Store,
    /// A forge as well: `serve`.
    Forge,
}

#[derive(Debug, Clone)]
pub enum Database {
    Sqlite(PathBuf),
    Postgres(SecretString),
}

/// Models by phase; none means the engine's own default.
#[derive(Debug, Clone, Default)]
pub struct Models {
    pub planning: Option<String>,
    pub decompose: Option<String>,
    pub execute: Option<String>,
    pub quality: Option<String>,
}

#[derive(Debug, Clone)]
pub struct CodexSettings {
    pub bin: Option<PathBuf>,
    pub config: Vec<String>,
}

/// Every setting, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    pub github: Option<GithubSettings>,
    pub gitlab: Option<GitlabSettings>,
    pub public_url: Option<Url>,
    pub host: IpAddr,
    pub port: u16,
    /// Where a process that only works is watched.
    pub worker_port: Option<u16>,
    pub api_token: Option<SecretString>,
    /// What scripts of CI tell results with: the current one, then the previous one.
    pub ci_tokens: Vec<SecretString>,
    pub database: Database,
    pub pool: u32,
    /// Carries wake-ups between processes; without it every process looks for jobs by itself.
    pub redis: Option<SecretString>,
    pub projects_root: PathBuf,
    pub runs_dir: PathBuf,
    pub workers: usize,
    pub lease: Duration,
    pub shutdown: Duration,
    pub default_engine: String,
    pub planning_engine: Option<String>,
    pub execution_engine: Option<String>,
    pub quality_engine: Option<String>,
    pub models: Models,
    pub codex: CodexSettings,
    /// Program and arguments of the engine `command`.
    pub command_engine: Vec<String>,
    /// Variables that engines receive, with their values.
    pub engine_env: Vec<(String, SecretString)>,
    pub decompose: bool,
    pub skip_simple_decompose: bool,
    pub qa_policy: QaPolicy,
    pub engine_wall: Duration,
    pub engine_idle: Duration,
    pub ci_silence: Duration,
    pub ci_patience: Duration,
    pub git_user: Option<String>,
    pub git_email: Option<String>,
    pub allow_public: bool,
    pub keep: Keep,
    pub log_json: bool,
    pub log_level: String,
}

impl Settings {
    /// Checks everything at once.
    ///
    /// Errors: one sentence per fault, each naming its variable and what to do.
    pub fn check(raw: &Raw, needs: Needs) -> Result<Self, Vec<String>> {
        let (settings, faults) = Self::inspect(raw, needs);
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }

    /// As far as it can be read, and every fault. What is wrong is a harmless stand-in, so this is for looking at only.
    pub fn inspect(raw: &Raw, needs: Needs) -> (Self, Vec<String>) {
        let mut reader = Reader::new(raw);
        let settings = Self::read(&mut reader, needs);
        (settings, reader.faults)
    }

    fn read(reader: &mut Reader<'_>, needs: Needs) -> Self {
        let (github, gitlab) = forges(reader, needs);
        Self {
            github,
            gitlab,
            public_url: reader.address("PUBLIC_URL"),
            host: host(reader),
            port: reader.number("API_PORT", 0..=u16::MAX),
            worker_port: worker_port(reader),
            api_token: reader.secret("API_TOKEN"),
            ci_tokens: ["CI_TOKEN", "CI_TOKEN_PREVIOUS"]
                .into_iter()
                .filter_map(|name| reader.secret(name))
                .collect(),
            database: database(reader),
            pool: reader.number("DB_POOL_SIZE", 1..=100),
            redis: redis(reader),
            projects_root: path(reader, "PROJECTS_ROOT"),
            runs_dir: path(reader, "RUNS_DIR"),
            workers: reader.number("WORKERS", 1..=64),
            lease: seconds(reader, "LEASE_SECONDS", 3, 300),
            shutdown: seconds(reader, "SHUTDOWN_SECONDS", 1, 3600),
            default_engine: engine(reader, "DEFAULT_ENGINE_ID").unwrap_or_default(),
            planning_engine: engine(reader, "PLANNING_ENGINE_ID"),
            execution_engine: engine(reader, "EXEC_ENGINE_ID"),
            quality_engine: engine(reader, "QA_ENGINE_ID"),
            models: models(reader),
            codex: CodexSettings {
                bin: reader.text("CODEX_BIN").map(PathBuf::from),
                config: codex_config(reader),
            },
            command_engine: reader.list("COMMAND_ENGINE"),
            engine_env: engine_env(reader),
            decompose: reader.flag("DECOMPOSE"),
            skip_simple_decompose: reader.flag("SKIP_SIMPLE_DECOMPOSE"),
            qa_policy: qa_policy(reader),
            engine_wall: seconds(reader, "ENGINE_TIMEOUT_SECONDS", 1, 86_400),
            engine_idle: seconds(reader, "ENGINE_IDLE_SECONDS", 1, 86_400),
            ci_silence: seconds(reader, "CI_SILENCE_SECONDS", 0, 3600),
            ci_patience: seconds(reader, "CI_PATIENCE_SECONDS", 1, 86_400),
            git_user: reader.text("GIT_USER"),
            git_email: reader.text("GIT_EMAIL"),
            allow_public: reader.flag("ALLOW_PUBLIC"),
            keep: Keep::read(reader),
            log_json: reader.flag("LOG_JSON"),
            log_level: log_level::read(reader),
        }
    }

    /// A secret that every process of one bot has, to derive keys from: one of GitHub's, else of GitLab's.
    pub fn shared_secret(&self) -> Option<&SecretString> {
        let github = self.github.iter().map(GithubSettings::shared_secret);
        let gitlab =
            self.gitlab.iter().flat_map(|gitlab| gitlab.webhook_tokens.iter().chain(&gitlab.signing_tokens));
        github.chain(gitlab).next()
    }

    /// Every secret the process knows from its settings, for redaction.
    pub fn secrets(&self) -> Vec<SecretString> {
        let github = self.github.iter().flat_map(|github| {
            std::iter::once(github.private_key.clone()).chain(github.webhook_secrets.iter().cloned())
        });
        let gitlab = self.gitlab.iter().flat_map(GitlabSettings::secrets).cloned();
        let database = match &self.database {
            Database::Postgres(url) => Some(url.clone()),
            Database::Sqlite(_) => None,
        };
        let engine = self.engine_env.iter().map(|(_, text)| text.clone());
        let addresses = database.into_iter().chain(self.redis.clone()).flat_map(with_password);
        let ours = self.api_token.iter().chain(&self.ci_tokens).cloned();
        github.chain(gitlab).chain(ours).chain(addresses).chain(engine).collect()
    }
}

/// An address, and the password in it as others may print it alone.
fn with_password(address: SecretString) -> Vec<SecretString> {
    let url = Url::parse(address.expose_secret()).ok();
    let password = url.and_then(|url| url.password().map(SecretString::from));
    std::iter::once(address).chain(password).collect()
}

/// The engines' own keys, handed to them without being named in `ENGINE_ENV`.
const ENGINE_KEYS: [&str; 2] = ["OPENAI_API_KEY", "CODEX_API_KEY"];

/// What says that a forge is to be served.
const CREDENTIALS: [&str; 7] = [
    "GITHUB_APP_ID",
    "GITHUB_PRIVATE_KEY",
    "GITHUB_PRIVATE_KEY_PATH",
    "GITHUB_WEBHOOK_SECRET",
    "GITLAB_TOKEN",
    "GITLAB_WEBHOOK_TOKEN",
    "GITLAB_SIGNING_TOKEN",
];

/// Each forge is served when one of its credentials is set; `serve` needs one.
fn forges(reader: &mut Reader<'_>, needs: Needs) -> (Option<GithubSettings>, Option<GitlabSettings>) {
    let forges = (GithubSettings::read(reader), gitlab::gitlab(reader));
    let is_named = CREDENTIALS.iter().any(|name| reader.text(name).is_some());
    if needs == Needs::Forge && matches!(forges, (None, None)) && !is_named {
        reader.fault(
            "GITHUB_APP_ID",
            "and TASKSGODZILLA_GITLAB_TOKEN are both missing; `tasksgodzilla setup` registers a GitHub App, \
             docs/gitlab.md tells how to serve GitLab",
        );
    }
    forges
}

fn worker_port(reader: &mut Reader<'_>) -> Option<u16> {
    reader.text("WORKER_PORT")?;
    Some(reader.number("WORKER_PORT", 1..=u16::MAX))
}

fn host(reader: &mut Reader<'_>) -> IpAddr {
    let text = reader.text("API_HOST").unwrap_or_default();
    text.parse().unwrap_or_else(|_| {
        reader.fault("API_HOST", format!("is `{text}`; it must be an IP address"));
        IpAddr::from([127, 0, 0, 1])
    })
}

fn database(reader: &mut Reader<'_>) -> Database {
    match reader.text("DB_URL") {
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Database::Postgres(SecretString::from(url))
        }
        Some(_) => {
            reader.fault("DB_URL", "must begin with postgres://; for SQLite set TASKSGODZILLA_DB_PATH");
            Database::Sqlite(PathBuf::new())
        }
        None => Database::Sqlite(path(reader, "DB_PATH")),
    }
}

/// The database number is the only path that Redis knows.
fn redis(reader: &mut Reader<'_>) -> Option<SecretString> {
    let text = reader.text("REDIS_URL")?;
    let fits = Url::parse(&text).is_ok_and(|url| {
        let number = url.path().trim_start_matches('/');
        matches!(url.scheme(), "redis" | "rediss")
            && url.has_host()
            && (number.is_empty() || number.parse::<u32>().is_ok())
    });
    if !fits {
        reader.fault(
            "REDIS_URL",
            "must be redis://host:port/number or rediss://…, with :password@ before the host as needed",
        );
    }
    Some(SecretString::from(text))
}

fn path(reader: &mut Reader<'_>, name: &str) -> PathBuf {
    reader.text(name).map(PathBuf::from).unwrap_or_default()
}

pub(super) fn seconds(reader: &mut Reader<'_>, name: &str, least: u64, most: u64) -> Duration {
    Duration::from_secs(reader.number(name, least..=most))
}

fn engine(reader: &mut Reader<'_>, name: &str) -> Option<String> {
    let id = reader.text(name)?;
    if !["codex", "command", "demo"].contains(&id.as_str()) {
        reader.fault(name, format!("is `{id}`; the engines are codex, command and demo"));
    }
    Some(id)
}

fn models(reader: &mut Reader<'_>) -> Models {
    let planning = reader.text("PLANNING_MODEL");
    Models {
        decompose: reader.text("DECOMPOSE_MODEL").or_else(|| planning.clone()),
        planning,
        execute: reader.text("EXEC_MODEL"),
        quality: reader.text("QA_MODEL"),
    }
}

fn codex_config(reader: &mut Reader<'_>) -> Vec<String> {
    let config = reader.list("CODEX_CONFIG");
    for entry in &config {
        if !entry.contains('=') {
            reader.fault("CODEX_CONFIG", format!("holds `{entry}`; every entry must be `key=value`"));
        }
    }
    config
}

fn engine_env(reader: &mut Reader<'_>) -> Vec<(String, SecretString)> {
    let named = reader.text("ENGINE_ENV").unwrap_or_default();
    let names: Vec<&str> = named.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &names {
        let shaped = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !shaped || name.starts_with(super::table::PREFIX) {
            reader.fault("ENGINE_ENV", format!("names `{name}`, which engines may not have"));
        } else if reader.foreign(name).is_none() {
            reader.fault("ENGINE_ENV", format!("names `{name}`, which is not set"));
        }
    }
    let all = names.into_iter().chain(ENGINE_KEYS);
    let mut env: Vec<(String, SecretString)> = Vec::new();
    for name in all {
        if let Some(text) = reader.foreign(name).filter(|_| env.iter().all(|(known, _)| known != name)) {
            env.push((name.to_owned(), SecretString::from(text)));
        }
    }
    env
}

fn qa_policy(reader: &mut Reader<'_>) -> QaPolicy {
    match reader.text("QA_POLICY").unwrap_or_default().as_str() {
        "full" => QaPolicy::Full,
        "light" => QaPolicy::Light,
        "skip" => QaPolicy::Skip,
        other => {
            reader.fault("QA_POLICY", format!("is `{other}`; it must be full, light or skip"));
            QaPolicy::Full
        }
    }
}

impl PartialEq for Database {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(a), Self::Sqlite(b)) => a == b,
            (Self::Postgres(a), Self::Postgres(b)) => a.expose_secret() == b.expose_secret(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN RSA PRIVATE KEY-----\\nMII=\\n-----END RSA PRIVATE KEY-----";

    fn complete() -> Raw {
        Raw::default()
            .with("GITHUB_APP_ID", "7")
            .with("GITHUB_PRIVATE_KEY", PEM)
            .with("GITHUB_WEBHOOK_SECRET", "s3cret")
    }

    #[track_caller]
    fn faults(raw: &Raw) -> String {
        Settings::check(raw, Needs::Forge).err().unwrap_or_default().join("\n")
    }

    #[test]
    fn three_settings_are_enough_and_the_defaults_are_safe() {
        let settings = Settings::check(&complete(), Needs::Forge).expect("complete");
        assert!(settings.host.is_loopback());
        assert!(!settings.allow_public);
        assert_eq!(settings.default_engine, "codex");
        assert_eq!(settings.models.execute, None);
        assert_eq!(settings.database, Database::Sqlite(".tasksgodzilla.sqlite".into()));
        let key = settings.github.expect("github").private_key;
        assert!(key.expose_secret().contains("KEY-----\nMII="), "an escaped key is unfolded");
    }

    #[test]
    fn every_fault_is_told_at_once_and_by_name() {
        let raw = Raw::default()
            .with("GITHUB_APP_ID", "seven")
            .with("API_PORT", "80800")
            .with("ALLOW_PUBLIC", "maybe")
            .with("DB_URL", "mysql://x")
            .with("REDIS_URL", "redis://h/one")
            .with("GITHUB_API_URL", "http://github.example")
            .with("CODEX_CONFIG", "model=x")
            .with("ENGINE_ENV", "MISSING_KEY,TASKSGODZILLA_API_TOKEN")
            .with("API_PROT", "1");
        insta::assert_snapshot!(faults(&raw), @r#"
        TASKSGODZILLA_API_PROT is not a setting; did you mean TASKSGODZILLA_API_PORT?
        TASKSGODZILLA_GITHUB_API_URL must be an https address without user name; plain http is for loopback only
        TASKSGODZILLA_GITHUB_PRIVATE_KEY is missing; `tasksgodzilla setup` registers the App and writes it
        TASKSGODZILLA_GITHUB_WEBHOOK_SECRET is missing; `tasksgodzilla setup` registers the App and writes it
        TASKSGODZILLA_GITHUB_APP_ID is `seven`; it must be the App's numeric id
        TASKSGODZILLA_API_PORT is `80800`; it must be a number from 0 to 65535
        TASKSGODZILLA_DB_URL must begin with postgres://; for SQLite set TASKSGODZILLA_DB_PATH
        TASKSGODZILLA_REDIS_URL must be redis://host:port/number or rediss://…, with :password@ before the host as needed
        TASKSGODZILLA_CODEX_CONFIG must be a JSON array of strings, such as ["a=1"]
        TASKSGODZILLA_ENGINE_ENV names `MISSING_KEY`, which is not set
        TASKSGODZILLA_ENGINE_ENV names `TASKSGODZILLA_API_TOKEN`, which engines may not have
        TASKSGODZILLA_ALLOW_PUBLIC is `maybe`; it must be true or false
        "#);
    }

    #[test]
    fn what_is_known_of_deliveries_outlives_the_forges_log() {
        insta::assert_snapshot!(faults(&complete().with("KEEP_DELIVERIES_DAYS", "7")), @"TASKSGODZILLA_KEEP_DELIVERIES_DAYS is `7`; it must be a number from 8 to 36500");
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        assert_eq!(faults(&complete().with("GITHUB_API_URL", "http://127.0.0.1:4000/api/v3")), "");
        assert_eq!(faults(&complete().with("PUBLIC_URL", "https://bot.example")), "");
        for wrong in ["http://bot.example", "https://user:pw@bot.example", "ftp://127.0.0.1"] {
            assert!(faults(&complete().with("PUBLIC_URL", wrong)).contains("PUBLIC_URL"), "{wrong}");
        }
    }

    #[test]
    fn engines_receive_what_is_named_and_nothing_else() {
        let mut raw = complete().with("ENGINE_ENV", "EXTRA");
        for (name, text) in [("EXTRA", "1"), ("OPENAI_API_KEY", "k"), ("GITHUB_TOKEN", "t")] {
            raw.0.insert(name.to_owned(), text.to_owned());
        }
        let settings = Settings::check(&raw, Needs::Forge).expect("complete");
        let names: Vec<_> = settings.engine_env.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["EXTRA", "OPENAI_API_KEY"]);
    }

    #[test]
    fn a_redis_has_a_scheme_a_host_and_perhaps_a_number() {
        for right in ["redis://h", "redis://:pw@h:6379/2", "rediss://me:pw@redis.example"] {
            assert_eq!(faults(&complete().with("REDIS_URL", right)), "", "{right}");
        }
        for wrong in ["h:6379", "http://h", "redis://", "redis://h/name"] {
            assert!(faults(&complete().with("REDIS_URL", wrong)).contains("REDIS_URL"), "{wrong}");
        }
    }

    #[test]
    fn passwords_of_addresses_are_secrets_by_themselves() {
        let raw = complete().with("REDIS_URL", "redis://:hush@h").with("DB_URL", "postgres://u:quiet@h/d");
        let secrets = Settings::check(&raw, Needs::Forge).expect("complete").secrets();
        for secret in ["redis://:hush@h", "hush", "postgres://u:quiet@h/d", "quiet"] {
            assert!(secrets.iter().any(|known| known.expose_secret() == secret), "{secret}");
        }
    }

    #[test]
    fn the_current_and_the_previous_token_of_ci_are_secrets() {
        let raw = complete().with("CI_TOKEN", "new").with("CI_TOKEN_PREVIOUS", "old");
        let settings = Settings::check(&raw, Needs::Forge).expect("complete");
        let texts = |secrets: &[SecretString]| -> Vec<String> {
            secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect()
        };
        assert_eq!(texts(&settings.ci_tokens), ["new", "old"]);
        let all = texts(&settings.secrets());
        assert!(all.contains(&"new".to_owned()) && all.contains(&"old".to_owned()), "{all:?}");
    }

    #[test]
    fn a_setting_that_is_near_is_named_and_no_other() {
        assert!(
            faults(&complete().with("LOG_LEVLE", "info")).ends_with("did you mean TASKSGODZILLA_LOG_LEVEL?")
        );
        assert_eq!(
            faults(&complete().with("FOO", "1")),
            "TASKSGODZILLA_FOO is not a setting; docs/settings.md lists them"
        );
    }

    #[test]
    fn a_forge_is_missing_whatever_else_is_wrong() {
        let told = faults(&Raw::default().with("GITHUB_API_URL", "ftp://x"));
        assert!(told.contains("GITHUB_APP_ID and TASKSGODZILLA_GITLAB_TOKEN are both missing"), "{told}");
    }

    #[test]
    fn the_store_needs_no_forge() {
        assert!(
            Settings::check(&Raw::default(), Needs::Store).is_ok_and(|settings| settings.github.is_none())
        );
    }
}
