//! The witness is told of every outward act, before and after, by its name.

use crate::git::world::{self, World};
use crate::github_server::{Scripted, by_line, repo};
use crate::store_bench::{Bench, on_both};
use std::sync::{Arc, Mutex};
use tasksgodzilla::domain::witness::{Act, Witness};
use tasksgodzilla::forge::Access as _;
use tasksgodzilla::forge::github::{Github, GithubSettings};
use tasksgodzilla::git::{Git, Push};
use tasksgodzilla::store::{Store, StoreSettings};

on_both!(a_commit_and_a_batch_of_deliveries_are_told, a_transaction_that_is_dropped_is_no_act);

/// Writes down what it is told.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Witness for Notes {
    fn before(&self, act: &Act) {
        self.0.lock().unwrap().push(format!("before {act}"));
    }

    fn after(&self, act: &Act) {
        self.0.lock().unwrap().push(format!("after {act}"));
    }
}

/// The bench's database, opened under the eyes of a witness.
async fn watched(bench: &Bench) -> (Arc<Notes>, Store) {
    let notes = Arc::new(Notes::default());
    let settings = StoreSettings { witness: notes.clone(), ..bench.settings().clone() };
    let store = Store::open(&settings, Arc::new(|| tasksgodzilla::domain::ids::Moment(1))).await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(notes.taken(), ["before store migration", "after store migration"]);
    (notes, store)
}

async fn a_commit_and_a_batch_of_deliveries_are_told(bench: Bench) {
    let (notes, store) = watched(&bench).await;
    store.begin().await.unwrap().commit().await.unwrap();
    assert_eq!(notes.taken(), ["before store commit", "after store commit"]);
    store.accept(crate::store_bench::delivery("a")).await.unwrap();
    assert_eq!(notes.taken(), ["before store commit", "after store commit"]);
}

async fn a_transaction_that_is_dropped_is_no_act(bench: Bench) {
    let (notes, store) = watched(&bench).await;
    drop(store.begin().await.unwrap());
    assert_eq!(notes.taken(), [""; 0]);
}

#[tokio::test]
async fn git_tells_what_it_says_to_a_remote_and_nothing_else() {
    let world = World::new();
    let notes = Arc::new(Notes::default());
    let mut settings = world::settings(&world.dir.path().join("watched"));
    settings.witness = notes.clone();
    let world = World { git: Git::new(settings).unwrap(), ..world };
    let (tree, main) = world.worktree().await;
    assert_eq!(notes.taken(), ["before git fetch", "after git fetch"]);
    let new = world.bot_commits(&tree, "new.txt", "new").await;
    assert_eq!(notes.taken(), [""; 0]);
    let push = Push { branch: "main", new: &new, onto: Some(&main) };
    world.git.push(&tree.mirror, &world.remote, &push).await.unwrap();
    let asked_then_pushed =
        ["before git ls-remote", "after git ls-remote", "before git push", "after git push"];
    assert_eq!(notes.taken(), asked_then_pushed);
}

#[tokio::test]
async fn github_is_told_by_method_and_pattern_also_when_it_fails() {
    let server = Scripted::start(by_line(&[("GET /repos/acme/api/git/ref/heads/feature/7", 500, "{}")]));
    let notes = Arc::new(Notes::default());
    let settings = GithubSettings { witness: notes.clone(), ..server.settings("") };
    let github = Github::new(&settings).unwrap();
    github.branch_tip(&repo(), "feature/7").await.unwrap_err();
    let told = notes.taken();
    for name in
        ["POST /app/installations/{number}/access_tokens", "GET /repos/{owner}/{repo}/git/ref/heads/{branch}"]
    {
        for moment in ["before", "after"] {
            assert!(told.contains(&format!("{moment} {name}")), "{told:#?}");
        }
    }
}
