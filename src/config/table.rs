//! Every setting, once: its name, default and meaning. Reader, documentation and "did you mean" come from this table.

use std::fmt::Write as _;

/// One environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Without the prefix `TASKSGODZILLA_`.
    pub name: &'static str,
    /// Empty: not set.
    pub default: &'static str,
    pub meaning: &'static str,
}

/// What every setting's name begins with.
pub(super) const PREFIX: &str = "TASKSGODZILLA_";

const fn setting(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default, meaning }
}

/// All settings, in the order in which an operator meets them.
pub const TABLE: &[Setting] = &[
    setting("GITHUB_APP_ID", "", "The App's numeric id. Needed to serve GitHub."),
    setting(
        "GITHUB_PRIVATE_KEY",
        "",
        "The App's private key, PEM. This or `GITHUB_PRIVATE_KEY_PATH` is needed to serve GitHub.",
    ),
    setting("GITHUB_PRIVATE_KEY_PATH", "", "A file that holds the private key; readable by its owner only."),
    setting(
        "GITHUB_WEBHOOK_SECRET",
        "",
        "The secret that deliveries are signed with. Needed to serve GitHub.",
    ),
    setting(
        "GITHUB_WEBHOOK_SECRET_PREVIOUS",
        "",
        "The secret before it, accepted as well while you change it.",
    ),
    setting(
        "GITHUB_INTAKE",
        "push",
        "How deliveries come: `push` (GitHub posts them; its log is read every 5 minutes for those that got lost) or `pull` (they are read from that log only; no webhook reaches the bot, and no webhook secret is needed).",
    ),
    setting("GITHUB_POLL_SECONDS", "15", "How often the log is read with `pull`, 5 to 3600."),
    setting(
        "GITHUB_API_URL",
        "https://api.github.com",
        "Where the REST API is; may have a path (`https://ghe.example/api/v3`, GraphQL is then at `/api/graphql`). Plain http only on loopback.",
    ),
    setting(
        "GITHUB_URL",
        "https://github.com",
        "Where repositories are cloned from. Plain http only on loopback.",
    ),
    setting(
        "GITLAB_URL",
        "https://gitlab.com",
        "Where GitLab is; may have a path (`https://example.com/gitlab`). Plain http only on loopback.",
    ),
    setting(
        "GITLAB_TOKEN",
        "",
        "Access token of a project, group or user, or an OAuth token, with the scope `api`. Needed to serve GitLab.",
    ),
    setting(
        "GITLAB_WEBHOOK_TOKEN",
        "",
        "What GitLab sends as `X-Gitlab-Token`. This or `GITLAB_SIGNING_TOKEN` is needed to serve GitLab.",
    ),
    setting(
        "GITLAB_WEBHOOK_TOKEN_PREVIOUS",
        "",
        "The token before it, accepted as well while you change it.",
    ),
    setting(
        "GITLAB_SIGNING_TOKEN",
        "",
        "`whsec_…`, the key that newer servers sign deliveries with. What carries a signature must then be signed with it.",
    ),
    setting(
        "GITLAB_SIGNING_TOKEN_PREVIOUS",
        "",
        "The signing token before it, accepted as well while you change it.",
    ),
    setting(
        "PUBLIC_URL",
        "",
        "How people's browsers reach this service; details links begin with it. Default: the address it listens on.",
    ),
    setting("API_HOST", "127.0.0.1", "Address to listen on."),
    setting("API_PORT", "8010", "Port to listen on; 0 takes a free one."),
    setting(
        "WORKER_PORT",
        "",
        "Port on which `worker` answers `/health` and `/metrics`, 1 to 65535. Without it a worker listens nowhere.",
    ),
    setting(
        "API_TOKEN",
        "",
        "Bearer token that opens every page, the API and `/metrics`. Without it only signed links open pages, and `/metrics` is for this machine.",
    ),
    setting(
        "CI_TOKEN",
        "",
        "With it scripts of CI tell the results of their stages (docs/ci.md), and can do nothing else.",
    ),
    setting("CI_TOKEN_PREVIOUS", "", "The token before it, accepted as well while you change it."),
    setting("DB_URL", "", "PostgreSQL address (`postgres://…`). Without it SQLite is used."),
    setting("DB_PATH", ".tasksgodzilla.sqlite", "SQLite file."),
    setting("DB_POOL_SIZE", "5", "Connections to the database, 1 to 100."),
    setting(
        "REDIS_URL",
        "",
        "Redis (`redis://…` or `rediss://…`) that carries wake-ups between processes. Without it a process finds what another one queued by looking every second.",
    ),
    setting("PROJECTS_ROOT", "projects", "Folder of mirrors and worktrees."),
    setting("RUNS_DIR", "runs", "Folder of run logs and artifacts."),
    setting("WORKERS", "4", "Jobs that run at once, 1 to 64."),
    setting(
        "LEASE_SECONDS",
        "10",
        "How long a worker holds a job without a sign of life, 3 to 300; a killed worker's job starts again after it.",
    ),
    setting(
        "SHUTDOWN_SECONDS",
        "30",
        "How long running jobs may go on after SIGTERM before they are handed back.",
    ),
    setting(
        "DEFAULT_ENGINE_ID",
        "codex",
        "The engine that is used when nobody names one: `codex`, `command` or `demo`.",
    ),
    setting("PLANNING_ENGINE_ID", "", "The engine for planning; default: the default engine."),
    setting("EXEC_ENGINE_ID", "", "The engine for execution; default: the default engine."),
    setting("QA_ENGINE_ID", "", "The engine for QA; default: the default engine."),
    setting("PLANNING_MODEL", "", "The model for planning; default: the engine's own."),
    setting("DECOMPOSE_MODEL", "", "The model for taking steps apart; default: the planning model."),
    setting("EXEC_MODEL", "", "The model for execution; default: the engine's own."),
    setting("QA_MODEL", "", "The model for QA; default: the engine's own."),
    setting("CODEX_BIN", "", "The Codex CLI; default: `codex` on the PATH."),
    setting("CODEX_CONFIG", "[]", "A JSON array of `key=value` strings, each passed to Codex as `-c`."),
    setting(
        "COMMAND_ENGINE",
        "",
        "The program (and its arguments, as a JSON array) of the engine `command`.",
    ),
    setting(
        "ENGINE_ENV",
        "",
        "Comma-separated names of environment variables that engines receive, besides `OPENAI_API_KEY` and `CODEX_API_KEY`.",
    ),
    setting("DECOMPOSE", "true", "Take steps apart by a second model call after planning."),
    setting("SKIP_SIMPLE_DECOMPOSE", "true", "Leave short steps as planned."),
    setting("QA_POLICY", "full", "QA of work steps: `full`, `light` (in the same job) or `skip`."),
    setting(
        "ENGINE_TIMEOUT_SECONDS",
        "1200",
        "Wall limit of an engine call, 1 to 86400; a step's own limit may be longer.",
    ),
    setting("ENGINE_IDLE_SECONDS", "300", "How long an engine may be silent, 1 to 86400."),
    setting(
        "CI_SILENCE_SECONDS",
        "60",
        "How long a commit may stay without any CI result before CI counts as none, 0 to 3600.",
    ),
    setting(
        "CI_PATIENCE_SECONDS",
        "3600",
        "How long CI may stay unfinished before it counts as inconclusive.",
    ),
    setting("GIT_USER", "", "Name on the bot's commits; default: the bot's account on the forge."),
    setting(
        "GIT_EMAIL",
        "",
        "Mail address on the bot's commits; default: that of the bot's account on the forge.",
    ),
    setting("ALLOW_PUBLIC", "false", "Serve public repositories too."),
    setting("KEEP_BODIES_DAYS", "14", "How long the bodies of processed deliveries are kept, at least 1."),
    setting(
        "KEEP_DELIVERIES_DAYS",
        "30",
        "How long it is known that a delivery came, at least 8: longer than any forge's own log. Deliveries that held commands are never forgotten.",
    ),
    setting("KEEP_JOBS_DAYS", "14", "How long done jobs are kept, at least 1."),
    setting(
        "KEEP_RUNS_DAYS",
        "90",
        "How long runs of ended protocols are kept, with their logs and artifacts, at least 1.",
    ),
    setting(
        "KEEP_MIRRORS_DAYS",
        "30",
        "How long the mirror of a project without open protocols is kept, at least 1.",
    ),
    setting(
        "DISK_FLOOR_MIB",
        "512",
        "MiB that must be free on the disks of `PROJECTS_ROOT`, `RUNS_DIR` and the SQLite file; with less, no new work begins. 0 is no limit.",
    ),
    setting("LOG_JSON", "false", "One JSON object per log line."),
    setting(
        "LOG_LEVEL",
        "info",
        "`off`, `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,tasksgodzilla=debug`. Libraries that repeat the bot are quiet unless they are named.",
    ),
];

/// `docs/settings.md`.
pub fn docs_markdown() -> String {
    let mut text = String::from(
        "# Settings\n\nEvery setting is an environment variable with the prefix `TASKSGODZILLA_`. Wrong settings are reported \
         all at once, by name, with exit code 2; so is a variable with the prefix that is not listed here.\n\n\
         | variable | default | meaning |\n|---|---|---|\n",
    );
    for Setting { name, default, meaning } in TABLE {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        let _ = writeln!(text, "| `{PREFIX}{name}` | {default} | {meaning} |");
    }
    text
}
