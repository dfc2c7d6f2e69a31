//! Webhooks that never arrive: the forge's own log has them, and nobody notices in the end.

use super::luck::{Luck, Way};
use super::telling::{PULL, told};
use super::world::{REPO, World};
use std::time::Duration;
use tasksgodzilla::domain::job::Job;
use tasksgodzilla::domain::project::ForgeKind;
use tasksgodzilla::sandbox::github::{Ci, Fault, Which};

const POLL: Duration = Duration::from_secs(15);
const SECOND_LOOK: Duration = Duration::from_secs(5 * 60);
const LOG: &str = "GET /app/hook/deliveries";
const ONE: &str = "GET /app/hook/deliveries/{id}";
const READ: Job = Job::ReadDeliveries { forge: ForgeKind::Github };

/// From the first comment to the merge; after each comment the log is read `looks` times, `apart` from each other.
async fn tale(world: &mut World, looks: u32, apart: Duration) {
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    for (who, thread, words) in [
        ("bob", 1, "/protocol new"),
        ("vera", 1, "/protocol run"),
        ("bob", PULL, "/protocol run"),
        ("bob", PULL, "/protocol merge"),
    ] {
        world.comments(who, thread, words);
        for _ in 0..looks {
            world.rests().await;
            world.passes(apart).await;
        }
    }
}

async fn expected() -> String {
    let mut world = World::new().await;
    tale(&mut world, 1, Duration::ZERO).await;
    let seen = told(world).await;
    assert!(seen.contains("**Merged.**"), "{seen}");
    seen
}

fn asked(world: &World, operation: &str) -> usize {
    world.twin.requests().iter().filter(|request| request.operation == operation).count()
}

#[actix_web::test]
async fn nothing_reaches_the_bot_and_everything_happens() {
    let expected = expected().await;
    let mut world = World::behind_a_firewall().await;
    tale(&mut world, 12, POLL).await;
    assert_eq!(asked(&world, "apps/redeliver-webhook-delivery"), 0, "there is no way in to try");
    assert_eq!(told(world).await, expected);
}

#[actix_web::test]
async fn half_of_the_webhooks_are_lost_and_nobody_notices_in_the_end() {
    let expected = expected().await;
    for seed in [1, 2] {
        let mut world = World::new().await;
        world.way = Way::Rough(Luck::of(seed));
        world.reconciles().await;
        tale(&mut world, 6, SECOND_LOOK).await;
        assert!(asked(&world, "apps/redeliver-webhook-delivery") > 0, "seed {seed}");
        assert_eq!(told(world).await, expected, "seed {seed}");
    }
}

#[actix_web::test]
async fn a_lost_delivery_is_taken_in_and_asked_for_once_more() {
    let mut world = World::new().await;
    world.reconciles().await;
    for status in [502, 200] {
        let comment = world.comments("vera", 1, "/bot ping");
        world.twin.lose_next(status).unwrap();
        world.settle().await;
        assert_eq!(world.news(), "");
        let asked_before = asked(&world, "apps/redeliver-webhook-delivery");
        world.passes(SECOND_LOOK).await;
        assert!(world.news().contains("pong"), "{status}");
        assert_eq!(world.reactions(1, comment), ["eyes", "rocket"]);
        let asked_now = asked(&world, "apps/redeliver-webhook-delivery");
        assert_eq!(asked_now - asked_before, usize::from(status == 502));
        world.passes(SECOND_LOOK).await;
        assert_eq!(world.news(), "", "it came again and was known");
        assert_eq!(asked(&world, "apps/redeliver-webhook-delivery"), asked_now);
    }
    world.finish().await;
}

#[actix_web::test]
async fn what_arrived_is_not_read_again() {
    let mut world = World::new().await;
    world.reconciles().await;
    world.asks("vera", 1, "/bot ping").await;
    world.passes(SECOND_LOOK).await;
    world.passes(SECOND_LOOK).await;
    assert_eq!(asked(&world, "apps/get-webhook-delivery"), 0);
    assert!(asked(&world, "apps/list-webhook-deliveries") >= 3);
    world.finish().await;
}

#[actix_web::test]
async fn a_bot_that_was_down_for_two_days_catches_up_in_order() {
    let mut world = World::new().await;
    world.reconciles().await;
    world.way = Way::Closed;
    for number in 1..=230 {
        world.comments("vera", 1, &format!("hello {number}"));
    }
    world.comments("bob", 1, "/protocol new");
    world.comments("bob", 1, "/protocol pause");
    world.hears().await;
    world.set_now(world.now() + 2 * 86_400_000);
    world.way = Way::Open;
    world.rests().await;
    assert!(asked(&world, "apps/get-webhook-delivery") >= 232, "more than two pages, more than one pass");
    let shown = world.reads(1).join("\n");
    assert!(shown.contains("**Paused.**"), "the pause came after the plan was asked for: {shown}");
    world.finish().await;
}

#[actix_web::test]
async fn a_bot_that_was_never_here_does_not_dig_in_the_past() {
    let mut world = World::new().await;
    world.way = Way::Closed;
    world.comments("vera", 1, "/bot ping");
    world.hears().await;
    world.set_now(world.now() + 2 * 3_600_000);
    world.comments("bob", 1, "/bot ping");
    world.reconciles().await;
    assert_eq!(world.news().matches("pong").count(), 1, "only the younger one is answered");
    world.finish().await;
}

#[actix_web::test]
async fn a_log_that_cannot_be_read_is_tried_again() {
    let mut world = World::new().await;
    for fault in [Fault::Fails(502), Fault::Fails(404), Fault::Limited { status: 429, retry_after: Some(20) }]
    {
        world.twin.order(LOG, Which::Next, fault);
        world.comments("vera", 1, "/bot ping");
        world.twin.lose_next(502).unwrap();
        world.pushes(READ).await;
        world.settle().await;
        for _ in 0..12 {
            world.passes(Duration::from_secs(30)).await;
        }
        assert!(world.news().contains("pong"), "{fault:?}");
    }
    world.finish().await;
}

/// The delivery that was sent last is lost, and can never be fetched again.
async fn breaks_for_good(world: &mut World) {
    world.twin.lose_next(502).unwrap();
    world.settle().await;
    world.twin.order(ONE, Which::Every, Fault::Fails(500));
    world.passes(SECOND_LOOK).await;
    world.twin.heal();
    let path = world.twin.met().pop().unwrap().path;
    let path = &path[path.find("/app/hook").unwrap()..];
    world.twin.order(&format!("GET {path}"), Which::Every, Fault::Fails(500));
}

#[actix_web::test]
async fn a_delivery_that_cannot_be_fetched_holds_up_no_other_and_is_tried_again() {
    let mut world = World::new().await;
    world.reconciles().await;
    world.comments("vera", 1, "/bot ping");
    breaks_for_good(&mut world).await;
    for _ in 0..2 {
        world.comments("bob", 1, "/bot ping");
        world.twin.lose_next(502).unwrap();
        world.passes(Duration::from_secs(3600)).await;
        assert_eq!(world.news().matches("pong").count(), 1, "the one behind it is answered");
    }
    let asked_before = asked(&world, "apps/get-webhook-delivery");
    world.passes(SECOND_LOOK).await;
    assert!(asked(&world, "apps/get-webhook-delivery") > asked_before, "it is tried again");
    world.twin.heal();
    world.passes(SECOND_LOOK).await;
    assert_eq!(world.news().matches("pong").count(), 1, "it is answered late");
    world.finish().await;
}

#[actix_web::test]
async fn a_delivery_that_can_never_be_fetched_is_given_up() {
    let mut world = World::new().await;
    world.reconciles().await;
    world.comments("vera", 1, "/bot ping");
    breaks_for_good(&mut world).await;
    for _ in 0..12 {
        world.passes(Duration::from_secs(6 * 3600)).await;
    }
    let asked_before = asked(&world, "apps/get-webhook-delivery");
    assert!(asked_before >= 12);
    world.passes(Duration::from_secs(3600)).await;
    assert_eq!(asked(&world, "apps/get-webhook-delivery"), asked_before, "nobody asks any more");
    world.finish().await;
}

#[actix_web::test]
async fn links_open_without_a_webhook_secret() {
    let mut world = World::behind_a_firewall().await;
    world.comments("bob", 1, "/protocol new");
    for _ in 0..8 {
        world.passes(POLL).await;
    }
    let comment = world.twin.thread(REPO, 1).unwrap().pop().unwrap().body;
    let link = regex::Regex::new(r"http://[^>)]*/protocols/1[^>)]*").unwrap();
    let page = world.client.get(link.find(&comment).unwrap().as_str()).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    let unsigned = world.client.post(world.address.join("/webhooks/github").unwrap());
    assert_eq!(unsigned.body("{}").send().await.unwrap().status().as_u16(), 401, "nobody can sign");
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}
