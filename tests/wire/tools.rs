//! Where the real programs are. Absence is a failure with the way out, never a skip.

use std::path::PathBuf;

/// The Codex CLI's native program: `TASKSGODZILLA_CODEX_BIN`, else what `scripts/install-codex` installed.
pub(crate) fn codex() -> PathBuf {
    if let Some(given) = std::env::var_os("TASKSGODZILLA_CODEX_BIN") {
        return PathBuf::from(given);
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/codex/node_modules");
    tasksgodzilla::engine::codex::find_native(&root)
        .expect("the Codex CLI is missing: run `scripts/install-codex`, or set TASKSGODZILLA_CODEX_BIN")
}

/// The bubblewrap that the Codex CLI brings along.
pub(crate) fn bubblewrap() -> PathBuf {
    let codex = codex();
    codex.parent().unwrap().parent().unwrap().join("codex-resources/bwrap")
}

/// The folder of what `scripts/install-deploy-checks` installed.
pub(crate) fn deploy_checks() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/deploy")
}

pub(crate) fn deploy_check(program: &str) -> PathBuf {
    let path = deploy_checks().join("bin").join(program);
    assert!(path.is_file(), "{program} is missing: run `scripts/install-deploy-checks`");
    path
}
