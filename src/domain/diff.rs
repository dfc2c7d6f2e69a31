//! What a change may touch before it is pushed.

use super::project::REPOSITORY_FILE;

/// Paths of one commit at most.
const PATHS: usize = 5_000;

/// What is wrong with a change by its paths alone; `folder` is the protocol's own folder under `.protocols/`.
///
/// CI definitions run with the repository's secrets and agents' instruction files steer later agents, so people change
/// them, not the bot.
pub fn faults(paths: &[String], folder: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if paths.len() > PATHS {
        faults.push(format!("{} files changed, more than {PATHS}", paths.len()));
    }
    let mut refuse = |what: &str, refused: fn(&str, &str) -> bool| {
        let found: Vec<&str> =
            paths.iter().map(String::as_str).filter(|path| refused(path, folder)).take(5).collect();
        if !found.is_empty() {
            faults.push(format!("{what}: {}", found.join(", ")));
        }
    };
    refuse("workflow files are changed by people only", |path, _| super::ci::is_ci_file(path));
    refuse("files of git itself", |path, _| {
        path.split('/').any(|part| part.eq_ignore_ascii_case(".git")) || path.ends_with(".gitmodules")
    });
    refuse("files of other protocols", |path, folder| {
        path.starts_with(".protocols/")
            && !path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    });
    refuse("the bot's own configuration", |path, _| path == REPOSITORY_FILE);
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, allowed: bool) {
        assert_eq!(faults(&[path.to_owned()], ".protocols/0001-a").is_empty(), allowed, "{path}");
    }

    #[test]
    fn workflows_git_files_and_other_protocols_are_not_pushed() {
        check("src/main.rs", true);
        check(".github/CODEOWNERS", true);
        check(".protocols/0001-a/log.md", true);
        check(".protocols/0001-ab/log.md", false);
        check(".protocols/0002-b/plan.md", false);
        check(".github/workflows/ci.yml", false);
        check(".gitlab-ci.yml", false);
        check("sub/.GIT/config", false);
        check(".gitmodules", false);
        check(".tasksgodzilla.yml", false);
    }
}
