//! The one file that the demo engine writes: its own, and nobody else's.

use super::CONFESSION;
use crate::engine::FileChange;
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// First line of the file; a file without it belongs to somebody else.
const MARK: &str = "<!-- TasksGodzilla demo -->";
/// Other names that are tried when a name is taken.
const TRIES: u32 = 9;

/// What was written, by its name in the folder.
pub(super) struct Change {
    pub name: String,
    pub kind: FileChange,
}

/// The file's name for a protocol; `attempt` counts from 1.
pub(super) fn name(number: &str, attempt: u32) -> String {
    match attempt {
        1 => format!("TASKSGODZILLA-DEMO-{number}.md"),
        more => format!("TASKSGODZILLA-DEMO-{number}-{more}.md"),
    }
}

/// Adds `section` to the protocol's file in `folder`.
///
/// A name that is taken by somebody's file, by a link, or by another spelling (one file on some disks) is left alone.
pub(super) fn write(folder: &Path, number: &str, section: &str) -> Result<Change> {
    let taken: Vec<String> = folder
        .read_dir()?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    for name in (1..=TRIES).map(|attempt| name(number, attempt)) {
        let path = folder.join(&name);
        if !taken.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
            let head = format!("{MARK}\n\n# Protocol {number}\n\n{CONFESSION}\n");
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            file.write_all(format!("{head}\n{section}").as_bytes())?;
            return Ok(Change { name, kind: FileChange::Added });
        }
        if taken.contains(&name) && is_ours(&path) {
            let mut file = open(OpenOptions::new().append(true), &path)?;
            file.write_all(format!("\n{section}").as_bytes())?;
            return Ok(Change { name, kind: FileChange::Updated });
        }
    }
    Err(Error::new(ErrorKind::AlreadyExists, "every name for the demo's file is taken"))
}

fn is_ours(path: &Path) -> bool {
    let mut head = vec![0; MARK.len()];
    let Ok(mut file) = open(OpenOptions::new().read(true), path) else {
        return false;
    };
    file.metadata().is_ok_and(|data| data.is_file())
        && file.read_exact(&mut head).is_ok()
        && head == MARK.as_bytes()
}

/// Never through a link, and never waiting for a pipe.
fn open(options: &mut OpenOptions, path: &Path) -> Result<File> {
    options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const FIRST: &str = "TASKSGODZILLA-DEMO-0007.md";

    #[track_caller]
    fn writes(folder: &Path, wanted: &str) {
        assert_eq!(write(folder, "0007", "## Step\n").unwrap().name, wanted);
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FIRST), "mine").unwrap();
        writes(dir.path(), "TASKSGODZILLA-DEMO-0007-2.md");
        assert_eq!(std::fs::read_to_string(dir.path().join(FIRST)).unwrap(), "mine");
    }

    #[test]
    fn another_spelling_of_the_name_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tasksgodzilla-demo-0007.MD"), MARK).unwrap();
        writes(dir.path(), "TASKSGODZILLA-DEMO-0007-2.md");
    }

    #[test]
    fn a_link_out_of_the_tree_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside.md");
        std::fs::write(&outside, MARK).unwrap();
        let tree = dir.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        symlink(&outside, tree.join(FIRST)).unwrap();
        symlink(dir.path().join("nowhere"), tree.join("TASKSGODZILLA-DEMO-0007-2.md")).unwrap();
        writes(&tree, "TASKSGODZILLA-DEMO-0007-3.md");
        assert_eq!(std::fs::read_to_string(&outside).unwrap(), MARK);
    }

    #[test]
    fn when_all_names_are_taken_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        (1..=TRIES).for_each(|attempt| std::fs::create_dir(dir.path().join(name("0007", attempt))).unwrap());
        assert!(write(dir.path(), "0007", "x").is_err());
    }
}
