//! Where the Codex program is. npm puts a Node script in front of it, and a kill of that script spares the program.

use crate::engine::EngineError;
use crate::engine::process::{find_program, search_path};
use std::path::{Path, PathBuf};

/// The native program for a configured path, or for `codex` on the search path.
pub(super) fn resolve(configured: Option<&Path>) -> Result<PathBuf, EngineError> {
    let wanted = configured.unwrap_or(Path::new("codex"));
    let missing = || EngineError::NotInstalled {
        todo: format!("there is no program {}; install the Codex CLI or set its path", wanted.display()),
    };
    let found = match configured.filter(|path| path.is_dir()) {
        Some(folder) => return find_native(folder).ok_or_else(missing),
        None => find_program(wanted, &search_path()).ok_or_else(missing)?,
    };
    let real = found.canonicalize().map_err(|_| missing())?;
    if real.extension().is_none_or(|extension| extension != "js") {
        return Ok(real);
    }
    let package = real.parent().and_then(Path::parent).ok_or_else(missing)?;
    let modules = package.ancestors().filter(|folder| folder.ends_with("node_modules"));
    let nested = package.join("node_modules");
    std::iter::once(nested.as_path()).chain(modules).find_map(find_native).ok_or_else(missing)
}

/// Finds the native program below a `node_modules` folder.
pub fn find_native(modules: &Path) -> Option<PathBuf> {
    let packages = modules.join("@openai").read_dir().ok()?.flatten();
    let ours = packages.filter(|entry| entry.file_name().to_string_lossy().starts_with("codex"));
    let targets =
        ours.filter_map(|entry| entry.path().join("vendor").read_dir().ok()).flat_map(Iterator::flatten);
    let mut programs = targets.map(|target| target.path().join("bin/codex"));
    programs.find(|program| find_program(program, "").is_some())
}

/// The folder of small tools (ripgrep) that the wrapper would put on the search path.
pub(super) fn tools_beside(program: &Path) -> Option<PathBuf> {
    let tools = program.parent()?.parent()?.join("codex-path");
    tools.is_dir().then_some(tools)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn install(root: &Path, file: &str) -> PathBuf {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.canonicalize().unwrap()
    }

    #[test]
    fn npms_wrapper_leads_to_the_native_program() {
        let root = tempfile::tempdir().unwrap();
        let wrapper = install(root.path(), "node_modules/@openai/codex/bin/codex.js");
        let native =
            install(root.path(), "node_modules/@openai/codex-linux-x64/vendor/x86_64-musl/bin/codex");
        let link = root.path().join("codex");
        symlink(&wrapper, &link).unwrap();
        for given in [&wrapper, &link, &native, &root.path().join("node_modules")] {
            assert_eq!(resolve(Some(given)).unwrap().canonicalize().unwrap(), native);
        }
    }

    #[test]
    fn a_wrapper_without_its_program_is_not_installed() {
        let root = tempfile::tempdir().unwrap();
        let wrapper = install(root.path(), "node_modules/@openai/codex/bin/codex.js");
        for given in [wrapper, root.path().join("nothing"), root.path().to_path_buf()] {
            assert!(matches!(resolve(Some(&given)), Err(EngineError::NotInstalled { .. })));
        }
    }
}
