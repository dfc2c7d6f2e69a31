//! What the bot stands on: its folders, their disks, and who may use it.

use super::Finding;
use crate::domain::project::{Project, RepoAccess};
use crate::report::time::bytes;
use crate::services::disk;
use std::path::Path;

/// Less free space than this is told.
const LOW: u64 = 1 << 30;

/// A folder that must be there, writable, on a disk with space. One that is missing is made by `serve`, so its parent
/// counts. `setting` names it, without the prefix.
pub fn folder(setting: &str, path: &Path, floor: u64) -> Finding {
    let about = match setting {
        "PROJECTS_ROOT" => "projects",
        "RUNS_DIR" => "runs",
        _ => "database's folder",
    };
    let place = path.ancestors().find(|place| place.exists()).unwrap_or(Path::new("/"));
    let missing = if place == path { "" } else { ", made when it is needed" };
    match tempfile::Builder::new().prefix(".doctor").tempfile_in(place) {
        Ok(_) => space(about, &format!("{}{missing}", path.display()), disk::free_space(place), floor),
        Err(error) => {
            let says = format!("{} cannot be written: {error}", place.display());
            Finding::wrong(about, says, format!("give it to this user, or set TASKSGODZILLA_{setting}"))
        }
    }
}

fn space(about: &str, place: &str, free: std::io::Result<u64>, floor: u64) -> Finding {
    let free = match free {
        Ok(free) => free,
        Err(error) => {
            let says = format!("{place}: its disk cannot be looked at: {error}");
            return Finding::warn(about, says, "see whether it is mounted");
        }
    };
    let says = format!("{place}, {} free", bytes(free));
    let todo =
        format!("free space; under TASKSGODZILLA_DISK_FLOOR_MIB ({}) no new work begins", bytes(floor));
    match free {
        free if free < floor => Finding::wrong(about, says, todo),
        free if free < LOW => Finding::warn(about, says, todo),
        _ => Finding::ok(about, says),
    }
}

/// Whether public repositories are served, and whether there are any.
pub fn public_repositories(allowed: bool, projects: &[Project]) -> Finding {
    const ABOUT: &str = "public repositories";
    let public = projects.iter().filter(|project| !project.private && project.access == RepoAccess::Granted);
    let names: Vec<String> = public.take(5).map(|project| project.repo.full_name()).collect();
    match (allowed, names.is_empty()) {
        (true, _) => {
            let says = "are served: strangers may read what is planned, and their code may run where there is no sandbox";
            Finding::warn(ABOUT, says, "unset TASKSGODZILLA_ALLOW_PUBLIC if that is not meant")
        }
        (false, true) => Finding::ok(ABOUT, "are refused"),
        (false, false) => {
            let says = format!("are refused, and the bot hears of {}", names.join(", "));
            Finding::warn(ABOUT, says, "set TASKSGODZILLA_ALLOW_PUBLIC=true to serve them")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::doctor::State;

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_its_parent() {
        let room = tempfile::tempdir().expect("a folder");
        let found = folder("RUNS_DIR", &room.path().join("a/b"), 0);
        assert!(found.says.contains("made when it is needed"), "{found:?}");
        assert!(!room.path().join("a").exists(), "nothing is made");
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_told() {
        const FLOOR: u64 = 512 << 20;
        let look = |free| space("runs", "/srv/runs", free, FLOOR);
        assert_eq!(look(Ok(LOW)).state, State::Ok);
        let found = look(Ok(LOW - 1));
        assert_eq!((found.state, found.says.as_str()), (State::Warn, "/srv/runs, 1023.9 MiB free"));
        assert_eq!(look(Ok(FLOOR)).state, State::Warn);
        assert_eq!(look(Ok(FLOOR - 1)).state, State::Wrong);
        assert_eq!(look(Err(std::io::ErrorKind::NotFound.into())).state, State::Warn);
    }

    #[test]
    fn serving_public_repositories_is_told() {
        assert_eq!(public_repositories(true, &[]).state, State::Warn);
        assert_eq!(public_repositories(false, &[]).state, State::Ok);
    }

    #[test]
    fn a_folder_that_is_a_file_cannot_be_written() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let found = folder("RUNS_DIR", file.path(), 0);
        assert_eq!(found.state, State::Wrong);
        assert!(found.todo.contains("TASKSGODZILLA_RUNS_DIR"), "{found:?}");
    }
}
