//! Which names may reach git's command line and our directories.

use super::error::GitError;

/// Accepts a plain file name that is also a branch name: letters, digits, `.`, `_`, `-`; 120 bytes at most.
pub(super) fn worktree_name(name: &str) -> Result<&str, GitError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let fits = name.len() <= 120 && !name.is_empty() && name.bytes().all(plain);
    if fits && !name.starts_with(['.', '-']) && branch(name).is_ok() {
        return Ok(name);
    }
    Err(GitError::refused(format!("`{}` cannot name a worktree", name.escape_debug())))
}

/// Accepts a branch name by the rules of `git check-ref-format --branch`; 250 bytes at most.
pub(super) fn branch(name: &str) -> Result<&str, GitError> {
    let bad_char = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad = name.len() > 250
        || name.starts_with('-')
        || name.ends_with('.')
        || name == "@"
        || name == "HEAD"
        || name.contains("..")
        || name.contains("@{")
        || name.contains(bad_char)
        || name.split('/').any(bad_part);
    if bad {
        return Err(GitError::refused(format!("`{}` is no branch name", name.escape_debug())));
    }
    Ok(name)
}

/// Accepts a path inside a tree: relative, without empty, `.` or `..` parts and without NUL.
pub(super) fn tree_path(path: &str) -> Result<&str, GitError> {
    if path.contains('\0') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(GitError::refused(format!("`{}` is no path inside a repository", path.escape_debug())));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_or_the_disk_would_misread_are_refused() {
        for good in ["0007-split-importer", "a", "v1.2_x"] {
            assert_eq!(worktree_name(good).unwrap(), good);
        }
        for bad in ["", ".git", "-f", "a/b", "a..b", "a b", "x.lock", "é", "..", &"a".repeat(121)] {
            assert!(worktree_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn branches_may_have_folders_but_no_refspec_characters() {
        for good in ["main", "feature/é-1", "a/b/c"] {
            assert_eq!(branch(good).unwrap(), good);
        }
        for bad in
            ["", "+x:y", "a:b", "-d", "a//b", "/a", "a/", "a/.b", "a.lock/b", "a@{1}", "HEAD", "a\nb", "*"]
        {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_stay_inside_the_tree() {
        assert!(tree_path(".protocols/0001-x/plan.md").is_ok());
        for bad in ["", "/etc/passwd", "a/../b", "./a", "a\0b", "a//b"] {
            assert!(tree_path(bad).is_err(), "{bad}");
        }
    }
}
