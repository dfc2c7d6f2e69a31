//! Files in a worktree that an agent wrote in: never through a symbolic link, never outside.

use std::fs;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::{Component, Path, PathBuf};

/// Bytes of a file that are read at most.
const MOST: u64 = 1 << 20;

/// Writes a file below `tree`; missing folders are made.
///
/// Errors: the path leaves the tree, or a part of it is a symbolic link.
pub fn write(tree: &Path, path: &str, content: &[u8]) -> Result<()> {
    let target = place(tree, path)?;
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(target, content)
}

/// The text of a file below `tree`, at most 1 MiB of it; empty when there is none.
pub fn read(tree: &Path, path: &str) -> Result<String> {
    let file = match fs::File::open(place(tree, path)?) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Removes a file below `tree`, or the link that stands in its place.
pub fn remove(tree: &Path, path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().ok_or_else(|| outside(path))?;
    match fs::remove_file(walk(tree, parent)?.join(name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn place(tree: &Path, path: &str) -> Result<PathBuf> {
    walk(tree, Path::new(path))
}

/// Follows `path` part by part and refuses links and steps to the outside.
fn walk(tree: &Path, path: &Path) -> Result<PathBuf> {
    let mut target = tree.to_owned();
    for part in path.components() {
        let Component::Normal(name) = part else {
            return Err(outside(path));
        };
        target.push(name);
        if fs::symlink_metadata(&target).is_ok_and(|about| about.file_type().is_symlink()) {
            let shown = target.strip_prefix(tree).unwrap_or(&target).display().to_string();
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{shown}` is a symbolic link; the bot does not follow it"),
            ));
        }
    }
    Ok(target)
}

fn outside(path: &Path) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{}` is no plain path below the repository", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_is_written_or_read_through_a_link() {
        let tree = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("secret"), "s").unwrap();
        symlink(elsewhere.path(), tree.path().join("folder")).unwrap();
        symlink(elsewhere.path().join("secret"), tree.path().join("file")).unwrap();
        for path in ["folder/new", "file", "folder/secret", "../x", "/etc/passwd"] {
            assert!(write(tree.path(), path, b"x").is_err(), "{path}");
            assert!(read(tree.path(), path).is_err(), "{path}");
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(elsewhere.path().join("secret")).unwrap(), "s");
        remove(tree.path(), Path::new("file")).unwrap();
        assert!(elsewhere.path().join("secret").exists());
    }

    #[test]
    fn plain_files_are_written_read_and_removed() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "a/b/c.md", b"text").unwrap();
        assert_eq!(read(tree.path(), "a/b/c.md").unwrap(), "text");
        assert_eq!(read(tree.path(), "a/none").unwrap(), "");
        remove(tree.path(), Path::new("a/b/c.md")).unwrap();
        remove(tree.path(), Path::new("a/b/c.md")).unwrap();
        assert_eq!(read(tree.path(), "a/b/c.md").unwrap(), "");
    }
}
