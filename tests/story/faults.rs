//! A forge that fails in every way it can: people see in the end what they would have seen anyway, each thing once.

use super::host::{self, Call};
use super::luck::Luck;
use super::telling::{BRANCH, PULL, head, runs, says, shown, told};
use super::world::{REPO, World};
use insta::assert_snapshot;
use std::time::Duration;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::sandbox::{Ci, Fault, Which};

/// From the first comment to the merge: a plan, an answer, a refusal, an answer that folds another, steps, CI.
const TALE: [(&str, u64, &str); 6] = [
    ("bob", 1, "/protocol new"),
    ("vera", 1, "/protocol run"),
    ("bob", PULL, "/protocol status"),
    ("vera", PULL, "/protocol status"),
    ("bob", PULL, "/protocol run"),
    ("bob", PULL, "/protocol merge"),
];

async fn tale(world: &mut World) {
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    for (who, thread, words) in TALE {
        if world.twin.thread(REPO, thread).is_err() {
            panic!("there is no #{thread} for `{words}`: {}", shown(world, 1));
        }
        world.comments(who, thread, words);
        world.rests().await;
    }
}

async fn undisturbed() -> String {
    let mut world = World::new().await;
    tale(&mut world).await;
    let seen = told(world).await;
    assert!(seen.contains("**Merged.**"), "{seen}");
    seen
}

/// Tells the tale in a world where these calls go wrong.
async fn disturbed(mut world: World, orders: &[(Call, Which, Fault)]) -> String {
    for (call, which, fault) in orders {
        world.order(*call, *which, *fault);
    }
    tale(&mut world).await;
    let met = world.twin.met();
    assert!(met.len() >= orders.len(), "only {} of {} faults were met: {met:#?}", met.len(), orders.len());
    told(world).await
}

fn each(calls: &[Call], which: Which, fault: Fault) -> Vec<(Call, Which, Fault)> {
    host::apart(host::told_on(), calls).into_iter().map(|call| (call, which, fault)).collect()
}

#[actix_web::test]
async fn every_write_may_fail_once_before_or_after_it_was_done() {
    let expected = undisturbed().await;
    for fault in [Fault::Fails(500), Fault::FailsAfter(502), Fault::Cut, Fault::CutAfter] {
        let seen = disturbed(World::new().await, &each(&Call::WRITES, Which::Next, fault)).await;
        assert_eq!(seen, expected, "{fault:?}");
    }
}

#[actix_web::test]
async fn every_question_may_fail_once() {
    let expected = undisturbed().await;
    for fault in [Fault::Fails(503), Fault::Cut] {
        let seen = disturbed(World::new().await, &each(&Call::READS, Which::Next, fault)).await;
        assert_eq!(seen, expected, "{fault:?}");
    }
}

#[actix_web::test]
async fn a_forge_that_is_silent_is_asked_again() {
    let expected = undisturbed().await;
    let orders = [
        (Call::PostComment, Which::Next, Fault::HangsAfter),
        (Call::PutCheck, Which::Next, Fault::HangsAfter),
        (Call::OpenPull, Which::Next, Fault::HangsAfter),
        (Call::Merge, Which::Next, Fault::HangsAfter),
        (Call::React, Which::Next, Fault::Hangs),
        (Call::Fetch, Which::Nth(3), Fault::Hangs),
    ];
    assert_eq!(disturbed(World::impatient().await, &orders).await, expected);
}

#[actix_web::test]
async fn limits_are_waited_for_as_told_and_cost_no_attempt() {
    let expected = undisturbed().await;
    let limits = [
        (Call::PostComment, Which::First(5), Fault::Limited { status: 403, retry_after: Some(90) }),
        (Call::PutCheck, Which::First(4), Fault::Limited { status: 429, retry_after: None }),
        (Call::React, Which::First(4), Fault::UsedUp { status: 403, reset_in: 1800 }),
        (Call::OpenPull, Which::First(4), Fault::UsedUp { status: 429, reset_in: 5 }),
        (Call::Merge, Which::First(4), Fault::Limited { status: 429, retry_after: Some(1) }),
    ];
    assert_eq!(disturbed(World::new().await, &limits).await, expected);
}

#[actix_web::test]
async fn nobody_asks_before_the_limit_is_over() {
    let mut world = World::new().await;
    world.order(Call::PostComment, Which::Next, Fault::Limited { status: 403, retry_after: Some(90) });
    world.comments("vera", 1, "/bot ping");
    world.settle().await;
    world.passes(Duration::from_secs(85)).await;
    assert_eq!(world.twin.met().len(), 1);
    assert_eq!(world.news(), "");
    world.passes(Duration::from_secs(5)).await;
    assert!(world.news().contains("pong"));
    world.finish().await;
}

#[actix_web::test]
async fn an_outage_of_half_an_hour_is_sat_out() {
    let expected = undisturbed().await;
    let mut world = World::new().await;
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    says(&mut world, "bob", 1, "/protocol new").await;
    world.order(Call::Anything, Which::Every, Fault::Fails(503));
    for (who, thread, words) in [("vera", 1, "/protocol run"), ("bob", PULL, "/protocol status")] {
        world.comments(who, thread, words);
    }
    world.comments("vera", PULL, "/protocol status");
    world.comments("bob", PULL, "/protocol run");
    world.settle().await;
    for _ in 0..60 {
        world.passes(Duration::from_secs(30)).await;
    }
    world.twin.heal();
    world.rests().await;
    world.comments("bob", PULL, "/protocol merge");
    world.rests().await;
    assert_eq!(in_any_order(&told(world).await), in_any_order(&expected), "only the answers came late");
}

fn in_any_order(seen: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.sort_unstable();
    lines
}

#[actix_web::test]
async fn git_may_fail_and_no_engine_works_twice_for_it() {
    let expected = undisturbed().await;
    for fault in [Fault::Revoked, Fault::Fails(500), Fault::Cut, Fault::CutAfter] {
        let mut world = World::new().await;
        for (call, place) in
            [(Call::Fetch, 2), (Call::Fetch, 12), (Call::Push, 1), (Call::Push, 3), (Call::Push, 5)]
        {
            world.order(call, Which::Nth(place), fault);
        }
        tale(&mut world).await;
        assert!(world.twin.met().len() >= 4, "{fault:?}: {:?}", world.twin.met());
        let executed = world.engine.calls().iter().filter(|call| call.phase == Phase::Execute).count();
        assert_eq!(executed, 3, "{fault:?}: {:?}", runs(&world).await);
        assert_eq!(told(world).await, expected, "{fault:?}");
    }
}

#[actix_web::test]
async fn a_credential_that_git_refuses_is_asked_for_once_more() {
    for call in [Call::Fetch, Call::Push] {
        let mut world = super::telling::with_plan(&["parser"]).await;
        let from = world.twin.requests().len();
        world.order(call, Which::Next, Fault::Revoked);
        says(&mut world, "bob", PULL, "/step run 0").await;
        assert_eq!(world.twin.met().len(), 1, "{call:?}");
        let refused = world.twin.met()[0].path.clone();
        let asked = &world.twin.requests()[from..];
        let denied =
            asked.iter().position(|request| request.path == refused && request.status == 401).unwrap();
        let next = asked[denied..].iter().find(|request| request.status != 401).unwrap();
        assert!(host::after_denial().is(world.twin.host(), next), "{call:?}: {next:?}");
        assert_eq!(runs(&world).await.len(), 2, "{call:?}: no attempt was lost");
        assert!(shown(&mut world, PULL).contains("[00 Prepare](<</runs/2>>) | ✅ done"), "{call:?}");
        world.reads(1);
        world.finish().await;
    }
}

#[actix_web::test]
async fn credentials_that_git_never_accepts_end_the_work_and_say_so() {
    let mut world = super::telling::with_plan(&["parser"]).await;
    world.order(Call::Push, Which::Every, Fault::Revoked);
    world.comments("bob", PULL, "/step run 0");
    world.rests().await;
    assert_snapshot!(shown(&mut world, PULL), @r"
    ❌ **Blocked: step 0 failed.** `/step retry 0` does the step again.

    **What it waits for**

    - **Step 0 failed**: step 0 could not be executed: the git remote refused access: error: RPC failed; HTTP 401 curl 22 The requested URL returned error: 401 send-pack: unexpected disconnect while reading sideband packet fatal: the remote end hung up unexpectedly.

    Or instead: `/step approve 0 <why>` takes the responsibility, `/step skip 0 <why>` leaves it out, `/protocol replan <what to change>` plans anew.

    | Step | State | QA | CI | Time | Tokens |
    |:--|:--|:--|:--|--:|--:|
    | [00 Prepare](<</runs/4>>) | ❌ failed | not needed | – | <time> | – |
    | 01 Do parser | ▫️ to do | – | – | <time> | – |
    ");
    let pushed = world.twin.met().iter().filter(|met| met.path.ends_with("/git-receive-pack")).count();
    assert!(pushed >= 6, "three attempts with two credentials each, not {pushed}");
    assert!(world.forgives_dead_jobs().await[0].starts_with("execute_step: the git remote refused access"));
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn tokens_that_ran_out_or_were_revoked_are_minted_again() {
    let expected = undisturbed().await;
    let mut world = World::new().await;
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    says(&mut world, "bob", 1, "/protocol new").await;
    world.twin.revoke_tokens();
    says(&mut world, "vera", 1, "/protocol run").await;
    says(&mut world, "bob", PULL, "/protocol status").await;
    world.passes(Duration::from_secs(61 * 60)).await;
    says(&mut world, "vera", PULL, "/protocol status").await;
    world.comments("bob", PULL, "/protocol run");
    world.rests().await;
    world.twin.revoke_tokens();
    world.comments("bob", PULL, "/protocol merge");
    world.rests().await;
    assert_eq!(told(world).await, expected);
}

#[actix_web::test]
async fn an_api_that_lies_behind_is_waited_for() {
    let expected = undisturbed().await;
    for behind in [2, 7] {
        let orders = [(Call::Anything, Which::Every, Fault::Lags(Duration::from_secs(behind)))];
        assert_eq!(disturbed(settled_world().await, &orders).await, expected, "{behind} s behind");
    }
}

#[actix_web::test]
async fn what_was_posted_unanswered_and_is_not_shown_yet_is_not_posted_again() {
    let expected = undisturbed().await;
    let mut orders = each(
        &[Call::PostComment, Call::PutCheck, Call::OpenPull, Call::Merge],
        Which::Next,
        Fault::FailsAfter(502),
    );
    orders.push((Call::AnyQuestion, Which::Every, Fault::Lags(Duration::from_secs(7))));
    assert_eq!(disturbed(settled_world().await, &orders).await, expected);
}

/// A world that is older than any replica lies behind.
async fn settled_world() -> World {
    let mut world = World::new().await;
    world.passes(Duration::from_secs(60)).await;
    world
}

#[actix_web::test]
async fn a_push_that_git_does_not_show_yet_is_waited_for_and_adopted() {
    let mut world = super::telling::with_plan(&["parser"]).await;
    world.passes(Duration::from_secs(3600)).await;
    world.order(Call::Fetch, Which::Every, Fault::Lags(Duration::from_secs(20)));
    let theirs = world.twin.push_as("ann", REPO, BRANCH, &[("theirs.txt", Some("theirs\n"))]).unwrap();
    world.settle().await;
    assert!(!shown(&mut world, PULL).contains("ann pushed"), "not seen yet");
    world.rests().await;
    assert!(shown(&mut world, PULL).contains("ann pushed to the branch; the work goes on from there"));
    assert_eq!(head(&world), theirs);
    world.reads(1);
    world.finish().await;
}

#[actix_web::test]
async fn a_branch_shown_as_it_was_before_our_push_is_nobodys_doing() {
    let mut world = super::telling::with_plan(&["parser", "writer"]).await;
    world.passes(Duration::from_secs(3600)).await;
    world.order(Call::Fetch, Which::Every, Fault::Lags(Duration::from_secs(8)));
    world.comments("bob", PULL, "/protocol run");
    world.rests().await;
    assert!(shown(&mut world, PULL).contains("All 3 steps are done"), "{}", shown(&mut world, PULL));
    world.reads(1);
    world.finish().await;
}

/// What may go wrong at the `place`th call of some kind, by a seed. The same seed gives the same schedule.
fn schedule(seed: u64) -> Vec<(Call, Which, Fault)> {
    let luck = Luck::of(seed);
    let faults = [
        Fault::Fails(500),
        Fault::FailsAfter(502),
        Fault::Cut,
        Fault::CutAfter,
        Fault::Limited { status: 403, retry_after: Some(40) },
        Fault::Limited { status: 429, retry_after: None },
        Fault::Revoked,
        Fault::Lags(Duration::from_secs(5)),
    ];
    let mut schedule = Vec::new();
    let calls = [&Call::WRITES[..], &Call::READS, &[Call::Push, Call::ReadLog]].concat();
    for call in host::apart(host::told_on(), &calls) {
        for _ in 0..luck.below(3) {
            schedule.push((call, Which::Nth(1 + luck.below(6)), luck.one_of(&faults)));
        }
    }
    schedule
}

#[actix_web::test]
async fn whatever_luck_makes_of_it_people_see_the_same_in_the_end() {
    let expected = undisturbed().await;
    for seed in 1..=4 {
        let mut world = settled_world().await;
        world.reconciles().await;
        let schedule = schedule(seed);
        for (call, which, fault) in &schedule {
            world.order(*call, *which, *fault);
        }
        world.way = host::rough(world.twin.host(), Luck::of(seed));
        world.twin.set_ci(REPO, Ci::Green).unwrap();
        for (who, thread, words) in TALE {
            assert!(
                world.twin.thread(REPO, thread).is_ok(),
                "seed {seed}: no #{thread} for `{words}`: {schedule:?}"
            );
            world.comments(who, thread, words);
            for _ in 0..6 {
                world.rests().await;
                world.passes(Duration::from_secs(5 * 60)).await;
                world.reconciles().await;
            }
        }
        assert!(world.twin.met().len() >= 6, "seed {seed}: {:?}", world.twin.met());
        let dead = world.forgives_dead_jobs().await;
        assert_eq!(told(world).await, expected, "seed {seed}: {schedule:?}, {dead:?}");
    }
}
