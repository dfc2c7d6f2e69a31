use crate::git::world::{World, run, script, settings, sha, write};
use tasksgodzilla::domain::ids::ProjectId;
use tasksgodzilla::git::{Git, GitError, Remote};

#[tokio::test]
async fn the_git_of_this_machine_is_new_enough() {
    let world = World::with_empty_remote();
    assert!(world.git.probe().await.unwrap().starts_with("2."));
}

#[tokio::test]
async fn an_old_or_absent_git_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let mut absent = settings(dir.path());
    absent.program = "no-such-git".into();
    let error = Git::new(absent).unwrap().probe().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot run `no-such-git`; install git 2.39 or newer and put it on the PATH"
    );

    let mut old = settings(dir.path());
    old.program = "echo".into();
    let error = Git::new(old).unwrap().probe().await.unwrap_err();
    assert!(matches!(error, GitError::TooOld { .. }), "{error}");
}

#[tokio::test]
async fn a_fetch_brings_new_branches_and_forgets_gone_ones() {
    let world = World::new();
    write(&world.person().join("a"), "a");
    let topic = world.person_pushes("Add a", "topic/a");
    let (mirror, main) = world.fetched().await;
    assert_eq!(world.git.branch_head(&mirror, "topic/a").await.unwrap(), Some(topic.clone()));

    run(&world.bare(), &["update-ref", "-d", "refs/heads/topic/a"]);
    let next = world.person_pushes("Add b", "topic");
    world.git.fetch(&mirror, &world.remote).await.unwrap();
    assert_eq!(world.git.branch_head(&mirror, "topic/a").await.unwrap(), None);
    assert_eq!(world.git.branch_head(&mirror, "topic").await.unwrap(), Some(next));

    let heads = world.git.remote_heads(&world.remote).await.unwrap();
    assert_eq!(heads.default_branch.as_deref(), Some("main"));
    assert_eq!(heads.get("main"), Some(&main));
    assert_eq!(heads.heads.len(), 2);
}

#[tokio::test]
async fn an_empty_remote_has_no_base() {
    let world = World::with_empty_remote();
    let mirror = world.git.mirror(ProjectId(1)).await.unwrap();
    world.git.fetch(&mirror, &world.remote).await.unwrap();
    assert_eq!(world.git.branch_head(&mirror, "main").await.unwrap(), None);
    assert_eq!(
        world.git.remote_heads(&world.remote).await.unwrap(),
        tasksgodzilla::git::RemoteHeads::default()
    );
}

#[tokio::test]
async fn a_shallow_remote_is_mirrored_and_worked_on() {
    let world = World::new();
    world.person_pushes("Second", "main");
    let url = format!("file://{}", world.bare().display());
    run(world.dir.path(), &["clone", "-q", "--bare", "--depth=1", &url, "shallow.git"]);
    let remote = Remote::directory(&world.dir.path().join("shallow.git")).unwrap();
    let mirror = world.git.mirror(ProjectId(2)).await.unwrap();
    world.git.fetch(&mirror, &remote).await.unwrap();
    let main = world.git.branch_head(&mirror, "main").await.unwrap().unwrap();
    let tree = world.git.worktree(&mirror, "0001-x", &main).await.unwrap();
    let ours = world.bot_commits(&tree, "x", "x").await;
    assert_eq!(world.git.log(&mirror, None, &ours, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn many_fetches_at_once_take_turns() {
    let world = World::new();
    let mirror = world.git.mirror(ProjectId(1)).await.unwrap();
    let other = Git::new(settings(&world.dir.path().join("projects"))).unwrap();
    let fetches = (0..6).map(|n| {
        let git = if n % 2 == 0 { &world.git } else { &other };
        git.fetch(&mirror, &world.remote)
    });
    for done in futures::future::join_all(fetches).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_mirror_that_another_process_holds_is_left_alone() {
    let world = World::new();
    let (mirror, _) = world.fetched().await;
    let lock = std::fs::File::create(mirror.path.with_file_name("mirror.lock")).unwrap();
    lock.lock().unwrap();
    let mut hasty = settings(&world.dir.path().join("projects"));
    hasty.limits.network = std::time::Duration::from_millis(50);
    let error = Git::new(hasty).unwrap().fetch(&mirror, &world.remote).await.unwrap_err();
    assert!(matches!(error, GitError::Busy { .. }), "{error}");
    drop(lock);
    world.git.fetch(&mirror, &world.remote).await.unwrap();
}

#[tokio::test]
async fn the_tree_of_a_base_is_read_without_a_worktree() {
    let world = World::new();
    write(&world.person().join(".protocols/0003-old/plan.md"), "plan");
    write(&world.person().join(".protocols/0004-new/plan.md"), "plan");
    std::os::unix::fs::symlink("/etc/passwd", world.person().join("link")).unwrap();
    world.person_pushes("Add protocols", "main");
    let (mirror, main) = world.fetched().await;
    let git = &world.git;

    assert_eq!(git.list_dir(&mirror, &main, ".protocols").await.unwrap(), ["0003-old", "0004-new"]);
    assert!(git.list_dir(&mirror, &main, "no/such").await.unwrap().is_empty());
    assert_eq!(git.files(&mirror, &main, 3).await.unwrap().len(), 3);
    assert_eq!(git.files(&mirror, &main, 100).await.unwrap().len(), 5);

    let read = async |path: &str, most| git.read_file(&mirror, &main, path, most).await;
    assert_eq!(read("README.md", 100).await.unwrap(), Some(b"hello\n".to_vec()));
    for nothing in ["no", "link", "src", ".protocols"] {
        assert_eq!(read(nothing, 100).await.unwrap(), None, "{nothing}");
    }
    let error = read("README.md", 3).await.unwrap_err().to_string();
    assert_eq!(error, "`README.md` has 6 bytes; at most 3 are read");
    assert!(read("../x", 3).await.is_err());
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_who_does_not_answer_is_unreachable() {
    let world = World::new();
    let (mirror, _) = world.fetched().await;
    let nowhere = Remote::directory(&world.dir.path().join("nowhere.git")).unwrap();
    let error = world.git.fetch(&mirror, &nowhere).await.unwrap_err();
    assert!(matches!(error, GitError::Missing { .. }), "{error}");

    let silent = Remote::new("http://127.0.0.1:1/acme/api.git", None).unwrap();
    let error = world.git.fetch(&mirror, &silent).await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
    assert!(error.is_passing());

    let unknown = sha(&"1".repeat(40));
    let error = world.git.worktree(&mirror, "0001-x", &unknown).await.unwrap_err();
    assert_eq!(error.to_string(), "git has no commit 1111111; fetch first");
}

#[tokio::test]
async fn directories_of_this_machine_are_no_remotes_unless_allowed() {
    let world = World::new();
    let (mirror, _) = world.fetched().await;
    let mut strict = settings(&world.dir.path().join("projects"));
    strict.allow_file = false;
    let error = Git::new(strict).unwrap().fetch(&mirror, &world.remote).await.unwrap_err();
    assert_eq!(error.to_string(), "remotes on this machine's disk are switched off");
}

#[tokio::test]
async fn a_mirror_is_packed_without_losing_work() {
    let world = World::new();
    let (tree, _) = world.worktree().await;
    let ours = world.bot_commits(&tree, "x", "x").await;
    world.git.maintain(&tree.mirror).await.unwrap();
    assert_eq!(world.git.head(&tree).await.unwrap(), ours);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_killed_with_all_it_started() {
    let world = World::with_empty_remote();
    let slow = world.dir.path().join("slow-git");
    script(&slow, "sleep 1000 &\necho $! > \"$PIDS\"\nwait");
    let pids = world.dir.path().join("pids");
    let mut settings = settings(&world.dir.path().join("projects"));
    settings.program = slow;
    settings.environment.push(("PIDS".into(), pids.display().to_string()));
    settings.limits.local = std::time::Duration::from_millis(300);
    let error = Git::new(settings).unwrap().probe().await.unwrap_err();
    assert!(matches!(error, GitError::TimedOut { .. }), "{error}");

    let pid: i32 = std::fs::read_to_string(pids).unwrap().trim().parse().unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let lives = || state().contains("(sleep)") && !state().contains(") Z ");
    let started = std::time::Instant::now();
    while lives() && started.elapsed().as_secs() < 5 {
        std::thread::yield_now();
    }
    let survived = lives();
    if survived {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    assert!(!survived, "what git had started lives on");
}

#[tokio::test]
async fn a_mirror_that_was_forgotten_is_made_anew_also_under_the_hands_of_others() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let mirror = tree.mirror.clone();
    assert_eq!(world.git.projects().unwrap(), [mirror.project]);
    world.git.forget(&mirror).await.unwrap();
    assert!(world.git.projects().unwrap().is_empty() && !tree.path.exists());

    world.git.fetch(&mirror, &world.remote).await.unwrap();
    assert!(world.git.has(&mirror, &main).await.unwrap());
    assert_eq!(world.git.worktree(&mirror, "0001-x", &main).await.unwrap().path, tree.path);
    assert_eq!(world.git.kept(&mirror).unwrap()[0].branch(), "0001-x");
}

#[tokio::test]
async fn a_packed_mirror_has_what_it_had() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    world.git.maintain(&tree.mirror).await.unwrap();
    assert!(world.git.has(&tree.mirror, &main).await.unwrap());
    assert_eq!(world.git.head(&tree).await.unwrap(), main);
}
