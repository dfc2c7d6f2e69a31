//! A worker dies at any moment; the next one goes on, and people see what they would have seen anyway.

use super::telling::{BRANCH, PULL, checks, shown};
use super::world::{REPO, World};
use std::collections::BTreeSet;
use std::time::Duration;
use tasksgodzilla::app::StoredJobs;
use tasksgodzilla::jobs::Worker;
use tasksgodzilla::queue::{Handler as _, JobSource as _};
use tasksgodzilla::services::Ctx;

/// How long the dead worker's jobs stay its own.
const LEASE: Duration = Duration::from_secs(15);

/// What people see in the end, without times, tokens and the numbers of runs.
async fn told(mut world: World) -> String {
    let mut seen = vec![shown(&mut world, 1), shown(&mut world, PULL), checks(&world)];
    seen.extend(world.twin.commits(REPO, "main", BRANCH).unwrap());
    seen.push(format!("{} pull request", world.twin.pulls(REPO).unwrap().len()));
    for comment in world.twin.thread(REPO, 1).unwrap().iter().chain(&world.twin.thread(REPO, PULL).unwrap()) {
        seen.push(format!("{}: {:?}", comment.author, comment.reactions));
    }
    let all: BTreeSet<String> = world.twin.requests().iter().filter_map(created_on).collect();
    for sha in all {
        let checks = world.twin.checks(REPO, &sha).unwrap();
        let names: BTreeSet<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names.len(), checks.len(), "a check is there twice on {sha}: {checks:#?}");
        assert!(checks.iter().all(|check| check.conclusion.is_some()), "left in progress: {checks:#?}");
    }
    world.finish().await;
    // What a lost attempt used is not known, and it has a run of its own.
    let lost = regex::Regex::new(r"/runs/\d+|, \d+ tokens|\| (\d+|–) \|(\n|$)").unwrap();
    lost.replace_all(&seen.join("\n"), "$2").into_owned()
}

fn created_on(request: &tasksgodzilla::sandbox::github::RequestView) -> Option<String> {
    request.body["head_sha"].as_str().map(str::to_owned)
}

/// A worker that does what is due, until it is killed.
async fn works(ctx: Ctx) {
    let source = StoredJobs(ctx.store.clone());
    let worker = Worker::new(ctx);
    loop {
        let claimed = source.claim("doomed", 1, LEASE).await.unwrap();
        if claimed.is_empty() {
            return;
        }
        for work in claimed {
            let hold = work.hold();
            let end = worker.handle(work).await;
            source.finish(hold, &end).await.unwrap();
        }
    }
}

/// Somebody comments; the worker is killed when it has made `after` requests, and another one takes over.
async fn says_and_dies(world: &mut World, thread: u64, words: &str, after: Option<usize>) {
    world.comments("bob", thread, words);
    if let Some(after) = after {
        while world.twin.deliver_next(&world.client).await.is_some() {}
        let from = world.twin.requests().len();
        let worker = tokio::spawn(works(world.ctx.clone()));
        while !worker.is_finished() && world.twin.requests().len() < from + after {
            tokio::task::yield_now().await;
        }
        worker.abort();
        let _ = worker.await;
        world.passes(LEASE + Duration::from_secs(1)).await;
    }
    world.settle().await;
}

/// From the comment to all done, killed once at each of the two moments.
async fn story(planning: Option<usize>, running: Option<usize>) -> String {
    let mut world = World::new().await;
    says_and_dies(&mut world, 1, "/protocol new", planning).await;
    says_and_dies(&mut world, PULL, "/protocol run", running).await;
    told(world).await
}

#[actix_web::test]
async fn a_worker_may_die_at_any_of_ten_moments() {
    let undisturbed = story(None, None).await;
    assert!(undisturbed.contains("waiting for the merge"), "{undisturbed}");
    for (planning, running) in [(1, 1), (4, 5), (7, 10), (10, 15), (14, 20)] {
        let seen = story(Some(planning), Some(running)).await;
        assert_eq!(seen, undisturbed, "killed after {planning} and {running} requests");
    }
}
