use crate::git::world::{World, message, run, write};
use std::fs;
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::git::{GitError, Identity, NewCommit, Rebased, Standing};

#[tokio::test]
async fn a_commit_is_the_bots_and_names_its_co_authors() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    write(&tree.path.join("x"), "x");
    let vera = Identity { name: "Vera".into(), email: "vera@example.org".into() };
    let co_authors = [vera];
    let new = NewCommit { co_authors: &co_authors, ..message("Add x\n\nWhy.") };
    let made = world.git.commit_all(&tree, &new).await.unwrap().unwrap();

    let log = world.git.log(&tree.mirror, Some(&main), &made, 10).await.unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].author.as_str(), log[0].email.as_str()), ("godzilla[bot]", "bot@example.org"));
    assert_eq!((log[0].subject.as_str(), log[0].at), ("Add x", Moment(1_700_000_000_000)));
    let body = run(&tree.mirror.path, &["log", "-1", "--format=%cn|%B", made.as_str()]);
    assert_eq!(body.trim(), "godzilla[bot]|Add x\n\nWhy.\n\nCo-authored-by: Vera <vera@example.org>");
}

#[tokio::test]
async fn equal_work_at_an_equal_time_is_an_equal_commit() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let one = world.bot_commits(&tree, "x", "x").await;
    world.git.worktree(&tree.mirror, "0001-x", &main).await.unwrap();
    assert_eq!(world.bot_commits(&tree, "x", "x").await, one);
}

#[tokio::test]
async fn nothing_changed_means_no_commit() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    assert_eq!(world.git.commit_all(&tree, &message("Nothing")).await.unwrap(), None);
    // Same content written again.
    write(&tree.path.join("README.md"), "hello\n");
    assert_eq!(world.git.commit_all(&tree, &message("Nothing")).await.unwrap(), None);
    // Staged by an agent and taken back.
    write(&tree.path.join("x"), "x");
    run(&tree.path, &["add", "x"]);
    fs::remove_file(tree.path.join("x")).unwrap();
    assert_eq!(world.git.commit_all(&tree, &message("Nothing")).await.unwrap(), None);
    // Taken out of the index by an agent, but still there.
    run(&tree.path, &["rm", "-q", "--cached", "README.md"]);
    assert_eq!(world.git.commit_all(&tree, &message("Nothing")).await.unwrap(), None);
    assert_eq!(world.git.head(&tree).await.unwrap(), main);
}

#[tokio::test]
async fn deletions_mode_changes_and_swaps_of_kind_are_committed() {
    let world = World::new();
    write(&world.person().join("dir/a"), "a");
    write(&world.person().join("file"), "f");
    world.person_pushes("More", "main");
    let (tree, main) = world.worktree().await;
    let path = |name: &str| tree.path.join(name);
    fs::remove_file(path("README.md")).unwrap();
    fs::set_permissions(path("src/lib.rs"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::remove_dir_all(path("dir")).unwrap();
    std::os::unix::fs::symlink("src", path("dir")).unwrap();
    fs::remove_file(path("file")).unwrap();
    write(&path("file/inside"), "x");

    let made = world.git.commit_all(&tree, &message("Swap")).await.unwrap().unwrap();

    assert_eq!(world.git.status(&tree).await.unwrap(), []);
    let listed = run(
        &tree.mirror.path,
        &["diff-tree", "-r", "--no-renames", "--name-status", main.as_str(), made.as_str()],
    );
    insta::assert_snapshot!(listed.trim(), @r"
    D	README.md
    A	dir
    D	dir/a
    D	file
    A	file/inside
    M	src/lib.rs
    ");
}

#[tokio::test]
async fn too_much_is_refused() {
    let world = World::new();
    let (tree, _) = world.worktree().await;
    let huge = fs::File::create(tree.path.join("huge")).unwrap();
    huge.set_len(300 << 20).unwrap();
    let error = world.git.commit_all(&tree, &message("Huge")).await.unwrap_err();
    assert_eq!(error.to_string(), "the changed files hold 314572800 bytes; at most 268435456 are taken");
}

#[tokio::test]
async fn one_commit_moves_onto_what_others_pushed() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    write(&tree.path.join("src/lib.rs"), "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n");
    let ours = world.git.commit_all(&tree, &message("Shout\n\nBody stays.")).await.unwrap().unwrap();
    write(&world.person().join("src/lib.rs"), "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n");
    let theirs = world.person_pushes("Shout at the end", "main");
    world.git.fetch(&tree.mirror, &world.remote).await.unwrap();

    let Rebased::Done(moved) = world.git.rebase_one(&tree, &theirs).await.unwrap() else {
        panic!("conflict")
    };

    assert_ne!(moved, ours);
    assert_eq!(world.git.head(&tree).await.unwrap(), moved);
    assert_eq!(
        fs::read_to_string(tree.path.join("src/lib.rs")).unwrap(),
        "ONE\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n"
    );
    let log = world.git.log(&tree.mirror, Some(&main), &moved, 9).await.unwrap();
    assert_eq!(log.iter().map(|c| c.subject.as_str()).collect::<Vec<_>>(), ["Shout", "Shout at the end"]);
    assert_eq!(run(&tree.path, &["log", "-1", "--format=%b"]).trim(), "Body stays.");
}

#[tokio::test]
async fn a_conflict_names_its_paths_and_leaves_no_trace() {
    let world = World::new();
    let (tree, _) = world.worktree().await;
    write(&tree.path.join("src/lib.rs"), "ours\n");
    let ours = world.bot_commits(&tree, "README.md", "ours\n").await;
    write(&world.person().join("README.md"), "theirs\n");
    let theirs = world.person_pushes("Theirs", "main");
    world.git.fetch(&tree.mirror, &world.remote).await.unwrap();
    let before = crate::git::world::bytes_of(&tree.path);

    let outcome = world.git.rebase_one(&tree, &theirs).await.unwrap();

    assert_eq!(outcome, Rebased::Conflict { paths: vec!["README.md".into()] });
    assert_eq!(world.git.head(&tree).await.unwrap(), ours);
    assert_eq!(crate::git::world::bytes_of(&tree.path), before);
}

#[tokio::test]
async fn nothing_is_moved_onto_a_history_that_was_rewritten() {
    let world = World::new();
    let (tree, _) = world.worktree().await;
    world.bot_commits(&tree, "x", "x").await;
    run(&world.person(), &["checkout", "-q", "--orphan", "other"]);
    let other = world.person_pushes("Other", "main");
    world.git.fetch(&tree.mirror, &world.remote).await.unwrap();
    let error = world.git.rebase_one(&tree, &other).await.unwrap_err();
    assert!(matches!(error, GitError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_remote_branch_stands_to_ours_in_one_of_five_ways() {
    let world = World::new();
    let (mirror, main) = world.fetched().await;
    let next = world.person_pushes("Vera was here", "main");
    run(&world.person(), &["reset", "-q", "--hard", main.as_str()]);
    run(&world.person(), &["commit", "-q", "--amend", "-m", "Rewritten"]);
    let rewritten = world.person_pushes("On top", "other");
    world.git.fetch(&mirror, &world.remote).await.unwrap();
    let standing = async |ours, remote| world.git.standing(&mirror, ours, remote).await.unwrap();

    assert_eq!(standing(&main, None).await, Standing::Gone);
    assert_eq!(standing(&main, Some(&main)).await, Standing::Same);
    assert_eq!(standing(&next, Some(&main)).await, Standing::Behind);
    let Standing::Ahead { commits } = standing(&main, Some(&next)).await else { panic!("not ahead") };
    assert_eq!((commits[0].author.as_str(), commits.len()), ("Vera", 1));
    let Standing::Rewritten { head } = standing(&next, Some(&rewritten)).await else {
        panic!("not rewritten")
    };
    assert_eq!(head.subject, "On top");
    let never_here = crate::git::world::sha(&"1".repeat(40));
    assert!(matches!(standing(&never_here, Some(&main)).await, Standing::Rewritten { .. }));
}
