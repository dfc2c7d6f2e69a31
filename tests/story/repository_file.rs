//! The repository's own file: whose word it is, what it changes, and what happens when it cannot be followed.

use super::host::{Bot, Call};
use super::world::{REPO, World};
use insta::assert_snapshot;
use std::time::Duration;
use tasksgodzilla::domain::project::REPOSITORY_FILE;
use tasksgodzilla::sandbox::{Fault, PullSpec, Role, Which};

/// The branch of the first protocol.
const BRANCH: &str = "0001-split-the-importer";

/// Ann, the admin, writes the file on a branch.
fn rules(world: &World, branch: &str, text: &str) {
    world.twin.push_as("ann", REPO, branch, &[(REPOSITORY_FILE, Some(text))]).unwrap();
}

/// How often the bot asked for a file since the `from`th request.
fn files_read(world: &World, from: usize) -> usize {
    world.counts(Call::ReadFile, from)
}

/// Another bot comments on issue #1, and the world settles; returns our reactions and what we said.
async fn bot_asks(world: &mut World, bot: &Bot, body: &str) -> String {
    let comment = bot.comments(&world.twin, 1, body);
    world.settle().await;
    let reactions = world.reactions(1, comment).join(" ");
    let news = world.news().replace(&bot.called(), "<bot>");
    [reactions, news].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

#[actix_web::test]
async fn a_permission_can_be_raised() {
    let mut world = World::new().await;
    rules(&world, "main", "permissions:\n  protocol: maintain\n  protocol status: triage\n");
    assert_snapshot!(world.asks("bob", 1, "/protocol new").await, @r"
    eyes confused
    #1 @bob: `/protocol new` needs maintain access to this repository (`.tasksgodzilla.yml` on `main` says so); you have write. ann can do it.
    ");
    assert_snapshot!(world.asks("vera", 1, "/protocol status").await, @r"
    eyes confused
    #1 @vera: `/protocol status` needs triage access to this repository (`.tasksgodzilla.yml` on `main` says so); you have read. ann and bob can do it.
    ");
    assert_snapshot!(world.asks("bob", 1, "/bot why /protocol new").await, @r"
    eyes rocket
    #1 @bob: `/protocol new` needs maintain access to this repository (`.tasksgodzilla.yml` on `main` says so); you have write. ann can do it.
    ");
    assert_snapshot!(world.asks("ann", 1, "/bot why /protocol new").await, @r"
    eyes rocket
    #1 @ann: nothing was changed; it would go like this:

    - `split-the-importer` is planned on `main` from the text here

    `/protocol new` needs maintain access here, because `.tasksgodzilla.yml` on `main` says so; by itself it needs write.
    ");
    assert_snapshot!(world.asks("ann", 1, "/bot why /step run").await, @r"
    eyes rocket
    #1 @ann: there is no protocol here yet; comment `/protocol new` and say what is to be done.
    ");
    assert_snapshot!(world.asks("ann", 1, "/protocol new").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_permission_can_be_lowered_but_not_below_what_it_must_be() {
    let mut world = World::new().await;
    world.twin.grant(REPO, "tim", Role::Triage).unwrap();
    rules(&world, "main", "permissions:\n  protocol: triage\n  step: none\n  bot ping: none\n");
    assert_snapshot!(world.asks("tim", 1, "/protocol new").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    assert_snapshot!(world.asks("tim", 2, "/step run").await, @r"
    eyes rocket
    #1 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    #2 ✋ **Resting: 1 of 3 steps are done.** `/protocol run` does the rest, `/step run next` one step.
    ");
    assert_snapshot!(world.asks("tim", 2, "/step run 2 --anyway").await, @r"
    eyes confused
    #2 @tim: `/step run --anyway` needs maintain access to this repository; you have triage. ann can do it.
    ");
    assert_snapshot!(world.asks("bob", 2, "/step skip 1 Not needed").await, @r"
    eyes confused
    #2 @bob: `/step skip` needs maintain access to this repository; you have write. ann can do it.
    ");
    assert_snapshot!(world.asks("vera", 2, "/protocol run").await, @r"
    eyes confused
    #2 @vera: `/protocol run` needs triage access to this repository (`.tasksgodzilla.yml` on `main` says so); you have read. ann, bob and tim can do it.
    ");
    assert_snapshot!(world.asks("tim", 2, "/protocol run").await, @r"
    eyes rocket
    #1 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    #2 ✅ **All 3 steps are done; waiting for the merge.** `/protocol merge` merges it, or merge it yourself.
    ");
    assert_snapshot!(world.asks("tim", 2, "/protocol merge").await, @r"
    eyes confused
    #2 @tim: `/protocol merge` needs write access to this repository; you have triage. ann and bob can do it.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn the_head_of_a_pull_request_has_no_say() {
    let mut world = World::planned().await;
    world.twin.grant(REPO, "tim", Role::Triage).unwrap();
    rules(&world, BRANCH, "permissions: {protocol: triage}\n");
    world.settle().await;
    world.news();
    assert_snapshot!(world.asks("tim", 2, "/protocol run").await, @r"
    eyes confused
    #2 @tim: `/protocol run` needs write access to this repository; you have triage. ann and bob can do it.
    ");

    world.twin.push_as("bob", REPO, "tidy", &[("a.txt", Some("a\n"))]).unwrap();
    rules(&world, "tidy", "permissions: {protocol: triage}\n");
    let spec = PullSpec { title: "Tidy up", body: "", head: "tidy", base: "main", draft: false };
    assert_eq!(world.twin.open_pull("bob", REPO, &spec).unwrap(), 3);
    assert_snapshot!(world.asks("tim", 3, "/protocol new Add tests").await, @r"
    eyes confused
    #3 @tim: `/protocol new` needs write access to this repository; you have triage. ann and bob can do it.
    ");
    world.asks("bob", 3, "/protocol new Add tests").await;
    assert_eq!(world.twin.pull(REPO, 4).unwrap().base, "tidy");
    assert_snapshot!(world.asks("tim", 4, "/protocol run").await, @r"
    eyes confused
    #4 @tim: `/protocol run` needs write access to this repository; you have triage. ann and bob can do it.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_protocol_goes_by_the_file_of_its_own_base() {
    let mut world = World::new().await;
    rules(&world, "release", "permissions: {protocol run: admin}\n");
    rules(&world, "main", "permissions: {protocol pause: admin}\n");
    world.asks("bob", 1, "/protocol new --base release").await;
    assert_snapshot!(world.asks("bob", 2, "/protocol run").await, @r"
    eyes confused
    #2 @bob: `/protocol run` needs admin access to this repository (`.tasksgodzilla.yml` on `release` says so); you have write. ann can do it.
    ");
    assert_snapshot!(world.asks("bob", 2, "/protocol pause").await, @r"
    eyes rocket
    #1 ✋ **Paused.** `/protocol resume` goes on.
    #2 ✋ **Paused.** `/protocol resume` goes on.
    ");
    world.twin.delete_branch("ann", REPO, "release").unwrap();
    world.settle().await;
    world.news();
    assert_snapshot!(world.asks("bob", 2, "/bot why /protocol pause").await, @r"
    eyes rocket
    #2 @bob: `/protocol pause` needs admin access to this repository (`.tasksgodzilla.yml` on `main` says so); you have write. ann can do it.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_file_that_cannot_be_followed_stops_what_acts() {
    let mut world = World::planned().await;
    let faulty = "permissions:\n  protocol rum: read\n  step skip: read\nhepl: true\nhelp: 1\nbots: 7\n";
    rules(&world, "main", faulty);
    world.settle().await;
    world.news();
    assert_snapshot!(world.asks("ann", 2, "/protocol run").await, @r"
    eyes confused
    #2 @ann: `.tasksgodzilla.yml` on `main` cannot be followed, so no command that acts is done until it is mended: line 2: there is no command `protocol rum`; did you mean `protocol run`?; line 3: `step skip` cannot be opened below maintain; line 4: there is no key `hepl`; did you mean `help`?; and 2 more.
    ");
    assert_snapshot!(world.asks("ann", 2, "/protocol run --dry-run").await, @r"
    eyes confused
    #2 @ann: `.tasksgodzilla.yml` on `main` cannot be followed, so no command that acts is done until it is mended: line 2: there is no command `protocol rum`; did you mean `protocol run`?; line 3: `step skip` cannot be opened below maintain; line 4: there is no key `hepl`; did you mean `help`?; and 2 more.
    ");
    assert_snapshot!(world.asks("vera", 2, "/bot why /protocol run").await, @r"
    eyes rocket
    #2 @vera: `.tasksgodzilla.yml` on `main` cannot be followed, so no command that acts is done until it is mended: line 2: there is no command `protocol rum`; did you mean `protocol run`?; line 3: `step skip` cannot be opened below maintain; line 4: there is no key `hepl`; did you mean `help`?; and 2 more.
    ");
    assert_snapshot!(world.asks("vera", 2, "/bot ping").await, @r"
    eyes rocket
    #2 @vera: pong. TasksGodzilla 0.1.0 is here; your comment took 0 s to reach it.
    ");
    assert!(world.asks("vera", 2, "/bot help").await.starts_with("eyes rocket\n#2 **/protocol**"));
    let status = world.asks("vera", 2, "/protocol status").await;
    assert!(status.starts_with("eyes rocket\n#2 ✋ **0001: Planned: 3 steps.**"), "{status}");
    assert_eq!(world.asks("vera", 2, "/help").await, "");

    rules(&world, "main", "permissions: {}\n");
    assert!(world.asks("bob", 2, "/protocol run").await.contains("waiting for the merge"));
    world.finish().await;
}

#[actix_web::test]
async fn what_is_no_plain_text_file_stops_what_acts() {
    let mut world = World::new().await;
    let refused = async |world: &mut World| world.asks("ann", 1, "/protocol new").await;
    rules(&world, "main", &"#".repeat((64 << 10) + 1));
    assert_snapshot!(refused(&mut world).await, @r"
    eyes confused
    #1 @ann: `.tasksgodzilla.yml` on `main` cannot be followed, so no command that acts is done until it is mended: `.tasksgodzilla.yml` is 65537 bytes long, and not a plain file of at most 65536 bytes.
    ");
    world.twin.push_as("ann", REPO, "main", &[("bot.yml", Some("help: true\n"))]).unwrap();
    world.twin.push_as("ann", REPO, "main", &[(REPOSITORY_FILE, None)]).unwrap();
    world.twin.link_as("ann", REPO, "main", (REPOSITORY_FILE, "bot.yml")).unwrap();
    assert_snapshot!(refused(&mut world).await, @r"
    eyes confused
    #1 @ann: `.tasksgodzilla.yml` on `main` cannot be followed, so no command that acts is done until it is mended: `.tasksgodzilla.yml` is a symbolic link, and not a plain file of at most 65536 bytes.
    ");
    world.twin.push_as("ann", REPO, "main", &[(REPOSITORY_FILE, None)]).unwrap();
    let inside = format!("{REPOSITORY_FILE}/a");
    world.twin.push_as("ann", REPO, "main", &[(&inside, Some("a"))]).unwrap();
    assert_snapshot!(refused(&mut world).await, @r"
    eyes confused
    #1 @ann: `.tasksgodzilla.yml` on `main` cannot be followed, so no command that acts is done until it is mended: `.tasksgodzilla.yml` is a folder, and not a plain file of at most 65536 bytes.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn while_the_forge_is_down_nobody_goes_by_the_defaults() {
    let mut world = World::new().await;
    rules(&world, "main", "permissions: {protocol new: admin}\n");
    world.settle().await;
    world.order(Call::ReadFile, Which::First(2), Fault::Fails(502));
    let before = world.twin.requests().len();
    let asked = world.comments("bob", 1, "/protocol new");
    world.turn().await;
    assert_eq!((files_read(&world, before), world.news()), (1, String::new()));
    world.passes(Duration::from_secs(120)).await;
    assert_eq!((files_read(&world, before), world.news()), (2, String::new()));
    world.passes(Duration::from_secs(120)).await;
    assert_eq!(files_read(&world, before), 3);
    assert_eq!(world.reactions(1, asked), ["eyes", "confused"]);
    assert_snapshot!(world.news(), @"#1 @bob: `/protocol new` needs admin access to this repository (`.tasksgodzilla.yml` on `main` says so); you have write. ann can do it.");
    world.finish().await;
}

#[actix_web::test]
async fn while_the_forge_does_not_know_its_commit_nobody_goes_by_the_defaults() {
    let mut world = World::new().await;
    world.passes(Duration::from_secs(60)).await;
    rules(&world, "main", "permissions: {protocol new: admin}\n");
    world.order(Call::ReadFile, Which::Every, Fault::Lags(Duration::from_secs(20)));
    world.comments("bob", 1, "/protocol new");
    world.turn().await;
    assert_eq!((world.twin.met().len(), world.news()), (1, String::new()));
    world.rests().await;
    assert_snapshot!(world.news(), @"#1 @bob: `/protocol new` needs admin access to this repository (`.tasksgodzilla.yml` on `main` says so); you have write. ann can do it.");
    world.finish().await;
}

#[actix_web::test]
async fn the_file_is_read_once_a_comment_and_only_for_commands() {
    let mut world = World::planned().await;
    rules(&world, "main", "permissions: {bot ping: none}\n");
    world.settle().await;
    let before = world.twin.requests().len();
    world.asks("bob", 2, "Looks good to me, /protocol run is next.").await;
    assert_eq!(files_read(&world, before), 0);
    world.asks("bob", 2, "/bot ping\n\n/protocol status\n\n/protocol pause\n\n/help").await;
    assert_eq!(files_read(&world, before), 1);
    world.finish().await;
}

#[actix_web::test]
async fn help_is_ours_only_where_the_repository_says_so() {
    let mut world = World::new().await;
    let other = world.comments("vera", 1, "/help");
    world.settle().await;
    assert_eq!((world.reactions(1, other), world.news()), (Vec::new(), String::new()));
    rules(&world, "main", "help: true\n");
    let listed = world.asks("vera", 1, "/help").await;
    assert!(listed.starts_with("eyes rocket\n#1 **/protocol**"), "{listed}");
    assert_snapshot!(world.asks("vera", 1, "/help bot ping").await, @r"
    eyes rocket
    #1 Say that the bot is listening.

    ```
    /bot ping
    ```

    - Needs: read
    - Example: `/bot ping`
    ");
    world.finish().await;
}

#[actix_web::test]
async fn a_bot_gives_commands_only_if_it_is_listed_and_may() {
    let mut world = World::new().await;
    let helper = Bot::of_others(&world.twin, "Helper", Role::Write);
    let talker = Bot::of_others(&world.twin, "Talker", Role::Read);
    assert_snapshot!(bot_asks(&mut world, &helper, "/protocol new").await, @"eyes confused");
    rules(&world, "main", &format!("bots: [{}]\n", talker.listing()));
    assert_snapshot!(bot_asks(&mut world, &helper, "/protocol new").await, @"eyes confused");

    let both = format!("bots:\n  - {}\n  - {}\n", helper.listing(), talker.listing());
    rules(&world, "main", &both);
    assert_snapshot!(bot_asks(&mut world, &talker, "/protocol new").await, @"eyes confused");
    assert_snapshot!(bot_asks(&mut world, &talker, "/bot ping").await, @r"
    eyes rocket
    #1 <bot>: pong. TasksGodzilla 0.1.0 is here; your comment took 0 s to reach it.
    ");
    assert_snapshot!(bot_asks(&mut world, &helper, "/protocol new").await, @r"
    eyes rocket
    #1 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    #2 ✋ **Planned: 3 steps.** Read the plan, then `/protocol run` does all of it and `/step run next` one step; `/protocol replan <what to change>` makes another plan.
    ");
    assert_snapshot!(bot_asks(&mut world, &helper, "/step skip 1 Not needed").await, @"eyes confused");
    world.finish().await;
}

#[actix_web::test]
async fn a_bot_may_be_listed_by_its_account() {
    let mut world = World::new().await;
    let helper = Bot::of_others(&world.twin, "Helper", Role::Write);
    let other = Bot::of_others(&world.twin, "Other", Role::Write);
    let listing = other.listing_by_account(&world.twin, &world.client).await;
    rules(&world, "main", &format!("bots: [{listing}]\n"));
    assert_eq!(bot_asks(&mut world, &helper, "/bot ping").await, "eyes confused");
    let listing = helper.listing_by_account(&world.twin, &world.client).await;
    rules(&world, "main", &format!("bots: [{listing}]\n"));
    assert_snapshot!(bot_asks(&mut world, &helper, "/bot ping").await, @r"
    eyes rocket
    #1 <bot>: pong. TasksGodzilla 0.1.0 is here; your comment took 0 s to reach it.
    ");
    world.finish().await;
}

#[actix_web::test]
async fn the_bot_never_obeys_itself() {
    let mut world = World::new().await;
    let own = Bot::ours(&world.account);
    rules(&world, "main", &format!("bots: [{}]\nhelp: true\n", own.listing()));
    world.settle().await;
    let before = world.twin.requests().len();
    let comment = own.comments(&world.twin, 1, "/protocol new\n\n/help");
    world.settle().await;
    assert_eq!(world.reactions(1, comment), [""; 0]);
    assert_eq!(world.news(), "#1 /protocol new");
    assert_eq!(files_read(&world, before), 0);
    world.finish().await;
}

#[actix_web::test]
async fn a_bots_mistakes_and_refusals_are_answered_by_a_reaction() {
    let mut world = World::new().await;
    let helper = Bot::of_others(&world.twin, "Helper", Role::Write);
    rules(&world, "main", &format!("bots: [{}]\n", helper.listing()));
    assert_eq!(bot_asks(&mut world, &helper, "/protocol rum").await, "eyes confused");
    assert_eq!(bot_asks(&mut world, &helper, "/protocol run").await, "eyes confused");
    rules(&world, "main", "nonsense\n");
    assert_eq!(bot_asks(&mut world, &helper, "/protocol new").await, "eyes confused");
    world.finish().await;
}

#[actix_web::test]
async fn a_bots_merge_that_the_forge_refuses_is_answered_by_a_reaction() {
    let mut world = World::planned().await;
    let helper = Bot::of_others(&world.twin, "Helper", Role::Write);
    rules(&world, "main", &format!("bots: [{}]\n", helper.listing()));
    world.asks("bob", 1, "/protocol run").await;
    world.order(Call::Merge, Which::Every, Fault::Fails(502));
    let comment = helper.comments(&world.twin, 1, "/protocol merge");
    world.settle().await;
    for _ in 0..70 {
        world.passes(Duration::from_secs(60)).await;
    }
    assert_eq!(world.reactions(1, comment), ["eyes", "confused"]);
    assert_eq!(world.news(), "");
    assert_eq!(world.forgives_dead_jobs().await.len(), 1);
    world.finish().await;
}

/// A bot that answers each of our answers with the next question.
#[actix_web::test]
async fn two_bots_that_answer_each_other_come_to_an_end() {
    let mut world = World::new().await;
    let helper = Bot::of_others(&world.twin, "Helper", Role::Read);
    rules(&world, "main", &format!("bots: [{}]\n", helper.listing()));
    let mut rounds = 0;
    while bot_asks(&mut world, &helper, "/bot ping").await.starts_with("eyes rocket\n#1 ") {
        rounds += 1;
        assert!(rounds < 50, "they go on for ever");
    }
    assert_eq!(rounds, 20);
    assert_eq!(bot_asks(&mut world, &helper, "/bot ping").await, "eyes confused");
    assert!(world.asks("vera", 1, "/bot ping").await.contains("pong"), "people are not counted");
    world.passes(Duration::from_secs(3601)).await;
    assert!(bot_asks(&mut world, &helper, "/bot ping").await.contains("pong"));
    world.finish().await;
}
