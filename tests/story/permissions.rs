//! Who may ask for what, and on which thread.

use super::host::{self, Bot};
use super::world::{REPO, World};
use insta::assert_snapshot;
use tasksgodzilla::sandbox::{PullSpec, Role};

/// What the bot says to a `/protocol new` in a public repository.
async fn in_public(world: &mut World) -> String {
    world.twin.repository("acme", "open", None).unwrap();
    world.twin.grant("acme/open", "bob", Role::Write).unwrap();
    world.twin.push_as("acme", "acme/open", "main", &[("README.md", Some("# Open\n"))]).unwrap();
    host::serve(&world.account, &world.twin, "acme/open", &world.address);
    world.twin.open_issue("bob", "acme/open", "Do it", "/protocol new").unwrap();
    world.settle().await;
    let said = world.twin.thread("acme/open", 1).unwrap();
    assert_eq!(said.len(), 1);
    super::world::clean(&said[0].body)
}

fn pull<'a>(head: &'a str) -> PullSpec<'a> {
    PullSpec { title: "Tidy up", body: "Small things.", head, base: "main", draft: false }
}

#[actix_web::test]
async fn a_reader_is_told_what_is_missing() {
    let mut world = World::new().await;
    assert_snapshot!(world.asks("vera", 1, "/protocol new").await, @r"
    eyes confused
    #1 @vera: `/protocol new` needs write access to this repository; you have read. ann and bob can do it.
    ");
    assert_snapshot!(world.asks("vera", 1, "/bot why /protocol new").await, @r"
    eyes rocket
    #1 @vera: `/protocol new` needs write access to this repository; you have read. ann and bob can do it.
    ");
    assert_snapshot!(world.asks("vera", 1, "/protocol status").await, @r"
    eyes confused
    #1 @vera: there is no protocol here yet; comment `/protocol new` and say what is to be done.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn only_a_maintainer_takes_the_responsibility() {
    let mut world = World::planned().await;
    assert_snapshot!(world.asks("bob", 2, "/step skip 1 Not needed").await, @r"
    eyes confused
    #2 @bob: `/step skip` needs maintain access to this repository; you have write. ann can do it.
    ");
    assert_snapshot!(world.asks("bob", 2, "/step run 2 --anyway").await, @r"
    eyes confused
    #2 @bob: `/step run --anyway` needs maintain access to this repository; you have write. ann can do it.
    ");
    assert_snapshot!(world.asks("ann", 2, "/step skip 1 Not needed").await, @r"
    eyes rocket
    #1 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    #2 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_refusal_names_a_few_people_and_calls_none_of_them() {
    let mut world = World::new().await;
    let helper = Bot::of_others(&world.twin, "Helper", Role::Read);
    world.twin.grant(REPO, &helper.login(), Role::Admin).unwrap();
    assert_snapshot!(world.asks("vera", 1, "/protocol new").await, @r"
    eyes confused
    #1 @vera: `/protocol new` needs write access to this repository; you have read. ann and bob can do it.
    ");
    for (login, role) in [("a_b-c", Role::Maintain), ("cleo", Role::Triage), ("dora", Role::Write)] {
        world.twin.grant(REPO, login, role).unwrap();
    }
    assert_snapshot!(world.asks("vera", 1, "/protocol new One").await, @r"
    eyes confused
    #1 @vera: `/protocol new` needs write access to this repository; you have read. a\_b-c, ann, bob and dora can do it.
    ");
    for login in ["dan", "eli", "fay"] {
        world.twin.grant(REPO, login, Role::Write).unwrap();
    }
    assert_snapshot!(world.asks("vera", 1, "/protocol new Two").await, @r"
    eyes confused
    #1 @vera: `/protocol new` needs write access to this repository; you have read. a\_b-c, ann, bob, dan and dora can do it.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_public_repository_is_served_when_the_operator_says_so() {
    let mut world = World::new().await;
    assert_snapshot!(in_public(&mut world).await, @"@bob: this repository is public and the bot's operator has not set `TASKSGODZILLA_ALLOW_PUBLIC=true`");
    world.finish().await;
    let mut world = World::with(|raw| raw.with("ALLOW_PUBLIC", "true")).await;
    assert!(in_public(&mut world).await.starts_with("✋ **Planned: 3 steps.**"));
    world.finish().await;
}

#[actix_web::test]
async fn on_a_pull_request_the_work_is_stacked_on_its_head() {
    let mut world = World::new().await;
    world.twin.push_as("ann", REPO, "tidy", &[("a.txt", Some("a\n"))]).unwrap();
    let number = world.twin.open_pull("ann", REPO, &pull("tidy")).unwrap();
    assert_snapshot!(world.asks("bob", number, "/protocol new Add tests").await, @r"
    eyes rocket
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #3 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    assert_eq!(world.twin.pull(REPO, 3).unwrap().base, "tidy");
    assert_snapshot!(world.asks("bob", 3, "/protocol new More").await, @r"
    eyes confused
    #3 @bob: this is the pull request of protocol \#0001; `/protocol replan` changes its plan.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_forks_pull_request_is_refused() {
    let mut world = World::new().await;
    world.twin.fork("vera", REPO).unwrap();
    world.twin.push_as("vera", "vera/api", "mine", &[("a.txt", Some("a\n"))]).unwrap();
    let number = world.twin.open_pull("vera", REPO, &pull("vera:mine")).unwrap();
    assert_snapshot!(world.asks("bob", number, "/protocol new Add tests").await, @r"
    eyes confused
    #2 @bob: this pull request comes from a fork; the bot works on branches of this repository only.
    ");
    world.finish().await;
}
