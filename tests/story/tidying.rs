//! Housekeeping: what is too old goes, what is needed stays, and a full disk is said.

use super::telling::{PULL, runs, says, shown, with_plan};
use super::world::{REPO, World};
use insta::assert_snapshot;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tasksgodzilla::domain::ids::{DeliveryId, ProjectId, Sha};
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::services::{disk, leftovers};
use tasksgodzilla::store;
use tasksgodzilla::store::job::JobStatus;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn merged() -> World {
    let mut world = World::new().await;
    world.comments("bob", 1, "/protocol new");
    world.rests().await;
    for words in ["/protocol run", "/protocol merge"] {
        world.comments("bob", PULL, words);
        world.rests().await;
    }
    assert!(shown(&mut world, PULL).contains("**Merged.**"));
    world.reads(1);
    world
}

async fn tidies(world: &mut World) {
    world.pushes(Job::Tidy).await;
    world.settle().await;
    leftovers::clear(&world.ctx).await.unwrap();
    leftovers::tidy(&world.ctx).await.unwrap();
}

fn folders(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&world.ctx.rules.runs_dir).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[actix_web::test]
async fn runs_of_ended_protocols_go_after_their_time_with_their_files() {
    let mut world = merged().await;
    let before = runs(&world).await.len();
    assert!(before >= 6 && folders(&world).len() == before);
    world.passes(89 * DAY).await;
    tidies(&mut world).await;
    assert_eq!(runs(&world).await.len(), before, "not yet");
    world.passes(2 * DAY).await;
    tidies(&mut world).await;
    assert_eq!((runs(&world).await.len(), folders(&world).len()), (0, 0));
    let shown = world.asks("vera", PULL, "/step show 1").await;
    assert!(shown.contains("Do parser"), "{shown}");
    world.finish().await;
}

#[actix_web::test]
async fn what_an_open_protocol_needs_stays() {
    let mut world = with_plan(&["parser"]).await;
    says(&mut world, "bob", PULL, "/step run 0").await;
    let (kept, branch) = (runs(&world).await.len(), super::telling::BRANCH);
    world.passes(300 * DAY).await;
    tidies(&mut world).await;
    assert_eq!(runs(&world).await.len(), kept);
    let mirror = world.ctx.git.mirror(ProjectId(1)).await.unwrap();
    assert!(world.ctx.git.find(&mirror, branch).is_some());
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert!(shown(&mut world, PULL).contains("All 2 steps are done"));
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn bodies_go_and_commands_are_remembered() {
    let mut world = World::new().await;
    let comment = world.comments("bob", 1, "/protocol new");
    world.rests().await;
    world.passes(31 * DAY).await;
    tidies(&mut world).await;
    let mut db = world.ctx.store.read().await.unwrap();
    let counts = store::delivery::count_by_status(&mut db).await.unwrap();
    assert_eq!(
        counts.iter().map(|(_, count)| count).sum::<u64>(),
        1,
        "only the one with the command: {counts:?}"
    );
    let jobs = store::job::count_by_status(&mut db).await.unwrap();
    let finished = jobs.iter().filter(|count| count.status == JobStatus::Done && count.kind != "tidy");
    let done: Vec<&str> = finished.map(|count| count.kind.as_str()).collect();
    assert_eq!(done, ["plan_protocol"], "it left a run");
    let mut bodies = 0;
    for id in 1..200 {
        let delivery = store::delivery::load(&mut db, DeliveryId(id)).await.unwrap();
        bodies += usize::from(delivery.is_some_and(|delivery| delivery.body.is_some()));
    }
    assert_eq!(bodies, 0);
    drop(db);
    world.reads(1);
    world.reads(PULL);
    world.twin.edit_comment("bob", REPO, comment, "Please:\n\n/protocol new").unwrap();
    world.settle().await;
    assert_eq!(world.news(), "", "it was taken a month ago");
    world.finish().await;
}

#[actix_web::test]
async fn worktrees_and_mirrors_that_nobody_needs_go_and_come_back() {
    let mut world = merged().await;
    let git = world.ctx.git.clone();
    let mirror = git.mirror(ProjectId(1)).await.unwrap();
    let main = Sha::parse(&world.twin.branch_head(REPO, "main").unwrap().unwrap()).unwrap();
    let remote = world.twin.url();
    assert!(!git.has(&mirror, &main).await.unwrap(), "nobody fetched after the merge from {remote}");
    let known = git.branch_head(&mirror, "main").await.unwrap().unwrap();
    git.worktree(&mirror, "0099-orphan", &known).await.unwrap();
    tidies(&mut world).await;
    assert!(git.kept(&mirror).unwrap().is_empty());
    assert_eq!(git.projects().unwrap().len(), 1);
    world.passes(31 * DAY).await;
    tidies(&mut world).await;
    assert!(git.projects().unwrap().is_empty());
    world.comments("bob", 1, "/protocol new again");
    world.rests().await;
    assert!(world.reads(1).join("").contains("Planned: 3 steps"));
    world.reads(3);
    world.reads(PULL);
    world.finish().await;
}

#[actix_web::test]
async fn a_full_disk_is_said_and_work_goes_on_once_there_is_room() {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let mut world = World::with_room(free.clone()).await;
    world.comments("bob", 1, "/protocol new");
    world.rests().await;
    world.reads(1);
    world.reads(PULL);
    assert!(disk::check(&world.ctx).is_ok());

    world.comments("bob", PULL, "/protocol run");
    world.hears().await;
    assert!(world.drain_one().await);
    free.store(100 << 20, Ordering::SeqCst);
    world.settle().await;
    assert_eq!(disk::check(&world.ctx).unwrap_err().setting, "PROJECTS_ROOT");
    let waiting = world.headline(PULL);
    let seconds = regex::Regex::new(r"(08:01):0\d UTC").unwrap();
    assert_snapshot!(seconds.replace(&waiting, "$1:<seconds> UTC"), @"⏳ **Waiting until 2027-01-15 08:01:<seconds> UTC: the bot's disk is nearly full: 100 MiB are free, 512 are kept; its operator has to make room.** It goes on by itself then.");
    world.reads(1);
    assert_snapshot!(world.asks("bob", 1, "/protocol new another").await, @r"
    eyes confused
    #1 @bob: the bot's disk is nearly full; its operator has to make room, then comment this again.
    ");
    assert!(world.asks("vera", 1, "/bot ping").await.contains("pong"), "answering takes no room");

    free.store(u64::MAX, Ordering::SeqCst);
    world.rests().await;
    assert_snapshot!(world.headline(PULL), @"✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.");
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn the_room_of_this_machine_can_be_told() {
    let mut world = World::new().await;
    world.ctx.free_space = Arc::new(disk::free_space);
    let volumes = disk::volumes(&world.ctx);
    let settings: Vec<_> = volumes.iter().map(|volume| volume.setting).collect();
    assert_eq!(settings[..2], ["PROJECTS_ROOT", "RUNS_DIR"]);
    assert!(settings[2..].iter().all(|setting| *setting == "DB_PATH"), "{settings:?}");
    for volume in &volumes {
        assert!(*volume.free.as_ref().unwrap() > 0, "{volume:?}");
    }
    world.finish().await;
}
