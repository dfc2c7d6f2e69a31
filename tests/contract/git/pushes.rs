use crate::git::world::{World, run, script, sha, write};
use tasksgodzilla::git::{Push, PushError, Pushed};

const BRANCH: &str = "0001-x";

#[tokio::test]
async fn a_push_makes_the_branch_and_may_be_repeated() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let new = world.bot_commits(&tree, "x", "x").await;
    let first = Push { branch: BRANCH, new: &new, onto: None };
    assert_eq!(world.git.push(&tree.mirror, &world.remote, &first).await.unwrap(), Pushed::Now);
    assert_eq!(world.git.push(&tree.mirror, &world.remote, &first).await.unwrap(), Pushed::Before);

    let next = world.bot_commits(&tree, "y", "y").await;
    let second = Push { branch: BRANCH, new: &next, onto: Some(&new) };
    assert_eq!(world.git.push(&tree.mirror, &world.remote, &second).await.unwrap(), Pushed::Now);
    assert_eq!(sha(&run(&world.bare(), &["rev-parse", BRANCH])), next);
    assert_eq!(sha(&run(&world.bare(), &["rev-parse", "main"])), main);
}

#[tokio::test]
async fn a_lost_race_says_where_the_branch_is_and_overwrites_nothing() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let new = world.bot_commits(&tree, "x", "x").await;
    write(&world.person().join("y"), "y");
    let theirs = world.person_pushes("Theirs", BRANCH);
    for onto in [None, Some(&main)] {
        let push = Push { branch: BRANCH, new: &new, onto };
        let error = world.git.push(&tree.mirror, &world.remote, &push).await.unwrap_err();
        let PushError::LostRace { remote_head } = error else { panic!("{error}") };
        assert_eq!(remote_head, theirs);
    }
    assert_eq!(sha(&run(&world.bare(), &["rev-parse", BRANCH])), theirs);
}

#[tokio::test]
async fn what_somebody_took_back_is_not_brought_back() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let first = world.bot_commits(&tree, "x", "x").await;
    let second = world.bot_commits(&tree, "y", "y").await;
    run(&world.bare(), &["update-ref", "refs/heads/0001-x", main.as_str()]);
    let push = Push { branch: BRANCH, new: &second, onto: Some(&first) };
    let error = world.git.push(&tree.mirror, &world.remote, &push).await.unwrap_err();
    let PushError::LostRace { remote_head } = error else { panic!("{error}") };
    assert_eq!(remote_head, main);
    assert_eq!(sha(&run(&world.bare(), &["rev-parse", BRANCH])), main);
}

#[tokio::test]
async fn who_comes_between_the_question_and_the_push_is_found_out() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    write(&world.person().join("y"), "y");
    let theirs = world.person_pushes("Theirs", "elsewhere");
    run(&world.bare(), &["update-ref", "refs/heads/0001-x", main.as_str()]);
    let new = world.bot_commits(&tree, "x", "x").await;
    // The remote moves the branch while it takes our push.
    hook(
        &world,
        "pre-receive",
        &format!("unset GIT_QUARANTINE_PATH; git update-ref refs/heads/{BRANCH} {theirs}"),
    );
    let push = Push { branch: BRANCH, new: &new, onto: Some(&main) };
    let error = world.git.push(&tree.mirror, &world.remote, &push).await.unwrap_err();
    let PushError::LostRace { remote_head } = error else { panic!("{error}") };
    assert_eq!(remote_head, theirs);
    assert_eq!(sha(&run(&world.bare(), &["rev-parse", BRANCH])), theirs);
}

#[tokio::test]
async fn a_branch_that_is_gone_is_not_made_again_by_itself() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let new = world.bot_commits(&tree, "x", "x").await;
    let push = Push { branch: BRANCH, new: &new, onto: Some(&main) };
    let error = world.git.push(&tree.mirror, &world.remote, &push).await.unwrap_err();
    assert!(matches!(error, PushError::BranchGone), "{error}");
    assert_eq!(world.git.remote_head(&world.remote, BRANCH).await.unwrap(), None);
}

#[tokio::test]
async fn the_remote_refuses_in_its_own_words() {
    let world = World::new();
    let (tree, _) = world.worktree().await;
    let new = world.bot_commits(&tree, "x", "x").await;
    hook(&world, "pre-receive", "echo 'workflow files need the workflows permission' >&2; exit 1");
    let push = Push { branch: BRANCH, new: &new, onto: None };
    let error = world.git.push(&tree.mirror, &world.remote, &push).await.unwrap_err();
    let reason = "pre-receive hook declined; workflow files need the workflows permission";
    assert_eq!(error.to_string(), format!("the remote refused the push: {reason}"));
}

#[tokio::test]
async fn what_does_not_build_on_the_parent_is_not_pushed() {
    let world = World::new();
    let (tree, main) = world.worktree().await;
    let new = world.bot_commits(&tree, "x", "x").await;
    let backwards = Push { branch: BRANCH, new: &main, onto: Some(&new) };
    let error = world.git.push(&tree.mirror, &world.remote, &backwards).await.unwrap_err();
    assert!(error.to_string().ends_with("nothing was pushed"), "{error}");
}

#[tokio::test]
async fn branches_are_deleted_once() {
    let world = World::new();
    let (mirror, main) = world.fetched().await;
    run(&world.bare(), &["update-ref", "refs/heads/old", main.as_str()]);
    assert!(world.git.delete_branch(&mirror, &world.remote, "old").await.unwrap());
    assert!(!world.git.delete_branch(&mirror, &world.remote, "old").await.unwrap());
    assert!(world.git.delete_branch(&mirror, &world.remote, "+*:*").await.is_err());
}

fn hook(world: &World, name: &str, body: &str) {
    script(&world.bare().join("hooks").join(name), body);
}
