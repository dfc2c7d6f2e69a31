//! What must not be left in the end: unfinished rows, worktrees, locks, homes, scratch files, processes.

use super::story::Story;
use super::world::World;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tasksgodzilla::domain::ids::{CommandId, ProjectId, ProtocolId};
use tasksgodzilla::store::command::CommandOutcome;
use tasksgodzilla::store::delivery::DeliveryStatus;
use tasksgodzilla::store::job::JobStatus;
use tasksgodzilla::store::run::RunStatus;
use tasksgodzilla::store::{self, Session, Store, StoreSettings};

/// How long a process may need to be gone.
const PATIENCE: Duration = Duration::from_secs(20);
/// Commands that a story may have had, numbers that were never given away included.
const COMMANDS: i64 = 300;

/// Every fault that is found.
pub async fn faults(world: &World, story: Story) -> Vec<String> {
    let settings = StoreSettings::new(world.ground.store(), 1);
    let now = world.now();
    let store = Store::open(&settings, Arc::new(move || now)).await.unwrap();
    let mut db = store.read().await.unwrap();
    let projects = store::project::all(&mut db).await.unwrap();
    let protocols = store::protocol::list(&mut db, 10).await.unwrap();
    let ([project], [protocol]) = (projects.as_slice(), protocols.as_slice()) else {
        return vec![format!("there are {} projects and {} protocols", projects.len(), protocols.len())];
    };
    let mut faults = unfinished(&mut db, project.id).await;
    if protocol.status() != story.end() || protocol.merge.is_some() {
        faults.push(format!("the protocol is {}, merge {:?}", protocol.status(), protocol.merge));
    }
    for step in store::step::of_protocol(&mut db, protocol.id).await.unwrap() {
        if !step.status.is_done() {
            faults.push(format!("step {} is {}", step.number, step.status));
        }
    }
    faults.extend(runs(&mut db, world, protocol.id).await);
    drop(db);
    store.close().await;
    faults.extend(of_git(&world.file("projects"), project.id));
    faults.extend(running(world));
    faults
}

/// Rows that wait for somebody.
async fn unfinished(db: &mut Session, project: ProjectId) -> Vec<String> {
    let mut faults = Vec::new();
    for jobs in store::job::count_by_status(db).await.unwrap() {
        let is_regular = ["reconcile", "read_deliveries", "tidy"].contains(&jobs.kind.as_str());
        let is_next_round = is_regular && jobs.status == JobStatus::Queued;
        if jobs.status != JobStatus::Done && !is_next_round {
            faults.push(format!("{} {} jobs are {:?}", jobs.count, jobs.kind, jobs.status));
        }
    }
    for (status, count) in store::delivery::count_by_status(db).await.unwrap() {
        if matches!(status, DeliveryStatus::Stored | DeliveryStatus::Failed) {
            faults.push(format!("{count} deliveries are {status:?}"));
        }
    }
    for effect in store::effect::open(db, project).await.unwrap() {
        faults.push(format!("the effect {} is {:?}", effect.key, effect.status));
    }
    for id in 1..COMMANDS {
        if let Some(command) = store::command::load(db, CommandId(id)).await.unwrap()
            && command.outcome == CommandOutcome::Open
        {
            faults.push(format!("the command {} is open", command.line));
        }
    }
    faults
}

/// Runs that nobody closed, and folders of runs that nobody knows.
async fn runs(db: &mut Session, world: &World, protocol: ProtocolId) -> Vec<String> {
    let runs = store::run::of_protocol(db, protocol, 500).await.unwrap();
    let folder = |path: &str| world.file("runs").join(path).parent().unwrap().to_owned();
    let known: BTreeSet<PathBuf> = runs.iter().map(|run| folder(&run.log_path)).collect();
    let open = runs.iter().filter(|run| run.status == RunStatus::Running || run.finished_at.is_none());
    let mut faults: Vec<String> =
        open.map(|run| format!("{} run {} is {:?}", run.kind, run.id, run.status)).collect();
    for folder in entries(&world.file("runs")) {
        if !known.contains(&folder) {
            faults.push(format!("{} belongs to no run", folder.display()));
        }
        if folder.join("home").exists() {
            faults.push(format!("{} still has its home", folder.display()));
        }
    }
    faults
}

/// Worktrees, branches, locks and scratch files.
fn of_git(root: &Path, project: ProjectId) -> Vec<String> {
    let home = root.join(project.to_string());
    let mirror = home.join("mirror.git");
    let mut left = entries(&home.join("worktrees"));
    left.extend(entries(&mirror.join("worktrees")));
    left.extend(below(&mirror.join("refs/heads")));
    let files = below(&mirror).into_iter();
    left.extend(files.filter(|path| path.extension().is_some_and(|ending| ending == "lock")));
    let known = ["askpass", "home", "trusting.gitconfig"];
    let private = entries(&root.join(".git-private")).into_iter();
    left.extend(private.filter(|path| known.iter().all(|name| !path.ends_with(name))));
    left.iter().map(|path| format!("{} is left", path.display())).collect()
}

/// Processes whose environment or command line names the world's folder. They get a moment to end.
fn running(world: &World) -> Vec<String> {
    let folder = world.folder.path().to_string_lossy().into_owned();
    let names_it = |file: PathBuf| {
        let bytes = std::fs::read(file).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(&folder)
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut found = entries(Path::new("/proc"));
        found.retain(|process| names_it(process.join("environ")) || names_it(process.join("cmdline")));
        if found.is_empty() || Instant::now() > deadline {
            return found.iter().map(|process| told(process)).collect();
        }
        std::thread::yield_now();
    }
}

fn told(process: &Path) -> String {
    let line = std::fs::read_to_string(process.join("cmdline")).unwrap_or_default();
    format!("{} still runs: {}", process.display(), line.replace('\0', " "))
}

/// What lies directly in a folder; nothing where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// Every file below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    entries(folder)
        .into_iter()
        .flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] })
        .collect()
}
