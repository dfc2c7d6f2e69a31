//! The command line of `codex exec`, and the files it names.

use crate::engine::{Access, EngineCall};
use std::ffi::OsString;
use std::path::PathBuf;

/// Said after the operator's own configuration, so that it has the last word.
const OURS: [&str; 13] = [
    "analytics.enabled=false",
    "check_for_update_on_startup=false",
    "web_search=disabled",
    // Commands get search path, home and temporary directory, and neither the model's key nor anything else.
    "shell_environment_policy.inherit=core",
    "shell_environment_policy.set={}",
    "allow_login_shell=false",
    // The temporary directory of the run stays writable, the shared one does not.
    "sandbox_workspace_write.exclude_slash_tmp=true",
    "features.plugins=false",
    "features.apps=false",
    // Otherwise a refused connection is waited for without end.
    "features.unbounded_connection_retries=false",
    "features.multi_agent=false",
    "features.goals=false",
    "mcp_servers={}",
];

/// Files in the private home that the command line names.
pub(super) struct Files {
    pub last_message: PathBuf,
    schema: Option<PathBuf>,
}

/// Writes the schema and clears the place of the last message.
pub(super) fn write_files(call: &EngineCall) -> std::io::Result<Files> {
    std::fs::create_dir_all(&call.home)?;
    let last_message = call.home.join("last-message.txt");
    match std::fs::remove_file(&last_message) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let Some(schema) = &call.schema else {
        return Ok(Files { last_message, schema: None });
    };
    let path = call.home.join("answer.schema.json");
    std::fs::write(&path, schema.to_string())?;
    Ok(Files { last_message, schema: Some(path) })
}

/// The arguments for one call; `config` is the operator's.
pub(super) fn arguments(call: &EngineCall, config: &[String], files: &Files) -> Vec<OsString> {
    let sandbox = match call.access {
        Access::ReadOnly => "read-only",
        Access::Workspace => "workspace-write",
    };
    let fixed =
        ["exec", "--json", "--color", "never", "--ephemeral", "--ignore-user-config", "--ignore-rules"];
    let mut line: Vec<OsString> = fixed.map(OsString::from).into();
    line.extend(["--skip-git-repo-check", "-s", sandbox, "-C"].map(OsString::from));
    line.push(call.cwd.clone().into());
    line.extend([OsString::from("-o"), files.last_message.clone().into()]);
    if let Some(schema) = &files.schema {
        line.extend([OsString::from("--output-schema"), schema.into()]);
    }
    if let Some(model) = &call.model {
        line.extend([OsString::from("-m"), model.into()]);
    }
    for setting in config.iter().map(String::as_str).chain(OURS) {
        line.extend(["-c".into(), setting.into()]);
    }
    line.push("-".into());
    line
}
