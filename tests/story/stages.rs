//! Stages of CI that the repository's own `report.sh` tells: the real script, in a real shell, to the real bot.

use super::host::{self, Job};
use super::intake::counted;
use super::telling::{BRANCH, PULL, events, head, planned, says, shown};
use super::world::{REPO, World};
use insta::assert_snapshot;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tasksgodzilla::config::Raw;
use tasksgodzilla::domain::ids::{DeliveryId, ProtocolId, Sha};
use tasksgodzilla::domain::project::Requester;
use tasksgodzilla::domain::thread::Thread;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::forge::signature::sign_github;
use tasksgodzilla::sandbox::Account;
use tasksgodzilla::sandbox::github::Ci;
use tasksgodzilla::store::protocol::NewProtocol;
use tasksgodzilla::store::{self};

const TOKEN: &str = "it's \"the\" $CI %s token\\n";

fn with_token(raw: Raw) -> Raw {
    raw.with("CI_TOKEN", TOKEN)
}

/// A planned protocol in a repository whose script told of a stage of the plan's commit.
async fn with_stages() -> World {
    let mut world = World::with(with_token).await;
    planned(&mut world, &["parser"]).await;
    assert_eq!(told(&mut world, "bootstrap", "1", "pending later").await, told_as(&world, "pending"));
    world
}

/// What the script says when the bot took what it told.
fn told_as(world: &World, status: &str) -> String {
    let status = host::state(&world.account, status);
    format!("report.sh: told {status}: {{\"status\":\"stored\"}} (202)")
}

/// The script runs in a job of CI on the branch's head, with these words; the world settles.
async fn told(world: &mut World, stage: &str, attempt: &str, words: &str) -> String {
    let sha = head(world);
    let said = runs(world, &job(stage, attempt, &sha), words).await;
    world.settle().await;
    said
}

fn job<'a>(stage: &'a str, attempt: &'a str, sha: &'a str) -> Job<'a> {
    Job { stage, attempt, sha, branch: BRANCH }
}

async fn runs(world: &World, job: &Job<'_>, words: &str) -> String {
    let environment = host::ci_environment(&world.account, repo_id(world).await, job);
    script(world, environment, words, Path::new(".")).await
}

/// Runs the script with nothing but this environment; returns what it said. It never fails.
async fn script(world: &World, environment: Vec<(String, String)>, words: &str, folder: &Path) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/ci/report.sh");
    let mut sh = tokio::process::Command::new("sh");
    sh.arg(file).args(words.split_whitespace()).current_dir(folder).env_clear();
    sh.env("PATH", std::env::var_os("PATH").unwrap())
        .env("TASKSGODZILLA_CI_API_BASE", world.address.as_str());
    sh.env("TASKSGODZILLA_CI_WEBHOOK_TOKEN", TOKEN).envs(environment);
    let output = sh.output().await.unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap().trim_end().to_owned()
}

async fn repo_id(world: &World) -> i64 {
    store::project::all(&mut world.ctx.store.read().await.unwrap()).await.unwrap()[0].repo.id
}

fn executed(world: &World) -> usize {
    world.engine.calls().iter().filter(|call| call.phase == Phase::Execute).count()
}

/// Status and reason of each delivery that told a stage, oldest first.
async fn deliveries(world: &World) -> Vec<String> {
    let mut db = world.ctx.store.read().await.unwrap();
    let mut told = Vec::new();
    for id in 1.. {
        let Some(delivery) = store::delivery::load(&mut db, DeliveryId(id)).await.unwrap() else { break };
        if delivery.guid.starts_with("stage:") {
            told.push(format!("{:?}: {}", delivery.status, delivery.reason));
        }
    }
    told
}

async fn finish(mut world: World) {
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

#[track_caller]
fn waits(world: &mut World) {
    let headline = world.headline(PULL);
    assert!(headline.contains("Waiting for CI of step 0"), "{headline}");
    assert_eq!(executed(world), 1);
}

#[actix_web::test]
async fn the_first_green_stage_completes_nothing() {
    let mut world = with_stages().await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    waits(&mut world);
    assert_eq!(told(&mut world, "bootstrap", "1", "success later").await, told_as(&world, "success"));
    waits(&mut world);
    world.passes(Duration::from_secs(10 * 60)).await;
    told(&mut world, "lint", "1", "success later").await;
    waits(&mut world);
    told(&mut world, "test", "1", "success last").await;
    assert_eq!(executed(&world), 2);
    told(&mut world, "bootstrap", "2", "success later").await;
    told(&mut world, "test", "2", "success last").await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn a_red_stage_blocks_in_either_forges_word() {
    for word in ["failure", "failed"] {
        let mut world = with_stages().await;
        says(&mut world, "bob", PULL, "/protocol run --to 0").await;
        told(&mut world, "bootstrap", "1", "success later").await;
        told(&mut world, "test", "1", &format!("{word} later")).await;
        let shown = shown(&mut world, PULL).replace(&host::job_page("test", "1"), "<page>");
        let reason = shown.lines().find(|line| line.starts_with("- ")).unwrap();
        assert!(shown.starts_with("❌ **Blocked: CI of step 0 failed.**"), "{shown}");
        assert_eq!(reason, "- **CI of step 0 failed**: CI / test (<page>).");
        told(&mut world, "deploy", "1", "success last").await;
        assert!(world.headline(PULL).contains("CI of step 0 failed"), "{}", world.headline(PULL));
        finish(world).await;
    }
}

#[actix_web::test]
async fn every_attempt_counts_also_when_it_says_what_an_earlier_one_said() {
    let mut world = with_stages().await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    for (attempt, words, seen) in [
        ("1", "failure last", "CI of step 0 failed"),
        ("2", "success last", "Resting"),
        ("3", "failure last", "CI of step 0 failed"),
        ("4", "success last", "Resting"),
    ] {
        assert!(told(&mut world, "test", attempt, words).await.ends_with("(202)"));
        assert!(world.headline(PULL).contains(seen), "{attempt}: {}", world.headline(PULL));
    }
    told(&mut world, "test", "5", "failure last").await;
    told(&mut world, "test", "5", "success last").await;
    assert!(world.headline(PULL).contains("CI of step 0 failed"), "another job of that name made it green");
    finish(world).await;
}

#[actix_web::test]
async fn told_twice_is_one_delivery() {
    let mut world = with_stages().await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    let before = deliveries(&world).await.len();
    told(&mut world, "test", "1", "failure last").await;
    let again = told(&mut world, "test", "1", "failure last").await;
    assert!(again.ends_with("{\"status\":\"known already\"} (202)"), "{again}");
    assert_eq!(deliveries(&world).await.len(), before + 1);
    assert_eq!(counted(&world, "duplicate").await, 1);
    finish(world).await;
}

#[actix_web::test]
async fn what_is_told_of_an_older_commit_changes_nothing() {
    let mut world = with_stages().await;
    let plan = head(&world);
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    for words in ["failure last", "success last"] {
        runs(&world, &job("test", "1", &plan), words).await;
        world.settle().await;
        waits(&mut world);
    }
    told(&mut world, "test", "1", "success last").await;
    assert!(world.headline(PULL).contains("Resting"), "{}", world.headline(PULL));
    finish(world).await;
}

#[actix_web::test]
async fn a_branch_of_no_protocol_is_let_go() {
    let mut world = World::with(with_token).await;
    planned(&mut world, &["parser"]).await;
    let sha = head(&world);
    for branch in
        ["main", "0001-something-else", "0002-split-the-importer", "we\"ird\\bran\u{7}ch é %s $(id)"]
    {
        let stray = Job { branch, ..job("test", "1", &sha) };
        assert_eq!(runs(&world, &stray, "failure last").await, told_as(&world, "failure"));
        world.settle().await;
    }
    let ignored =
        "Ignored: no open protocol has the repository and the branch that a stage of CI was told for";
    assert_eq!(deliveries(&world).await, [ignored; 4]);
    assert_eq!(counted(&world, "unmatched").await, 4);
    finish(world).await;
}

#[actix_web::test]
async fn in_the_forges_own_ci_the_forge_says_when_all_is_over() {
    let mut world = World::with(with_token).await;
    world.twin.set_ci(REPO, Ci::Green).unwrap();
    planned(&mut world, &["parser"]).await;
    world.ci_finishes().await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    told(&mut world, "bootstrap", "1", "success").await;
    waits(&mut world);
    assert_eq!(world.twin.play_ci(), 1);
    world.settle().await;
    assert_eq!(executed(&world), 2);
    world.ci_finishes().await;
    assert!(world.headline(PULL).contains("waiting for the merge"), "{}", world.headline(PULL));
    told(&mut world, "test", "1", "failure").await;
    assert!(world.headline(PULL).contains("CI of step 1 failed"), "{}", world.headline(PULL));
    finish(world).await;
}

/// Other users of a machine can read the arguments of its programs.
#[actix_web::test]
async fn the_script_hands_its_token_to_no_program_as_an_argument() {
    let mut world = World::with(with_token).await;
    planned(&mut world, &["parser"]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var("PATH").unwrap();
    for program in ["curl", "openssl", "od", "sed", "tr", "git"] {
        let file = folder.path().join(program);
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' {program} \"$@\" >>\"$SEEN\"\nPATH='{path}' exec {program} \"$@\"\n"
        );
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let seen = folder.path().join("seen").to_str().unwrap().to_owned();
    let mut environment =
        host::ci_environment(&world.account, repo_id(&world).await, &job("test", "1", &head(&world)));
    environment.push(owned(("SEEN", &seen)));
    environment.push(owned(("PATH", &format!("{}:{path}", folder.path().display()))));
    let said = script(&world, environment, "success last", Path::new(".")).await;
    assert!(said.ends_with("(202)"), "{said}");
    world.settle().await;
    let seen = std::fs::read_to_string(&seen).unwrap();
    assert!(seen.contains("curl\n") && seen.contains("--header\n@-\n") && !seen.contains(TOKEN), "{seen}");
    finish(world).await;
}

#[actix_web::test]
async fn a_trial_merge_is_told_as_the_head_that_was_tested() {
    let mut world = World::with(with_token).await;
    planned(&mut world, &["parser"]).await;
    let folder = tempfile::tempdir().unwrap();
    let git = |words: &str| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(words.split(' '));
        let output = git.current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "git {words}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git("init --quiet --initial-branch main .");
    git("commit --quiet --allow-empty --message base");
    git("checkout --quiet -b topic");
    git("commit --quiet --allow-empty --message work");
    let tested = git("rev-parse HEAD");
    git("checkout --quiet main");
    git("merge --quiet --no-ff --message trial topic");
    let trial = git("rev-parse HEAD");
    let mut environment =
        host::ci_environment(&world.account, repo_id(&world).await, &job("test", "1", &trial));
    environment.retain(|(name, _)| name != "CI_COMMIT_SHA");
    environment.extend([("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_SHA", &trial)].map(owned));
    script(&world, environment, "success last", folder.path()).await;
    world.settle().await;
    let mut db = world.ctx.store.read().await.unwrap();
    let of = Sha::parse(&tested).unwrap();
    assert_eq!(store::stage::of_commit(&mut db, ProtocolId(1), &of).await.unwrap().len(), 1);
    drop(db);
    finish(world).await;
}

fn owned((name, text): (&str, &str)) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

/// Posts what the seed's script does: neither repository nor commit, and the same bytes for every stage.
async fn seed_tells(world: &World, state: &str, query: &str) -> String {
    let body = match &world.account {
        Account::Github(_) => json!({
            "state": state, "branches": [{ "name": BRANCH }], "target_url": "https://github.com", "ref": BRANCH,
        }),
        Account::Gitlab(_) => {
            json!({ "object_kind": "pipeline", "object_attributes": { "status": state, "ref": BRANCH } })
        }
    };
    post(world, &body, world.account.webhook_secret(), query).await
}

/// A body to the forge's address, proved with this secret; the status and the answer.
async fn post(world: &World, body: &Value, secret: &str, query: &str) -> String {
    let body = body.to_string();
    let url = |forge: &str| world.address.join(&format!("/webhooks/{forge}{query}")).unwrap();
    let request = match &world.account {
        Account::Github(_) => {
            let signature = sign_github(&SecretString::from(secret), body.as_bytes());
            let request = world.client.post(url("github")).header("x-hub-signature-256", signature);
            let event = if body.contains("issue") { "issue_comment" } else { "status" };
            request.header("x-github-event", event)
        }
        Account::Gitlab(_) => {
            let request = world.client.post(url("gitlab")).header("x-gitlab-token", secret);
            request.header("x-gitlab-event", "Pipeline Hook")
        }
    };
    let answer = request.body(body).send().await.unwrap();
    format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
}

#[actix_web::test]
async fn the_seeds_script_is_understood_and_believes_no_first_green_stage() {
    let mut world = World::new().await;
    planned(&mut world, &["parser"]).await;
    assert_snapshot!(seed_tells(&world, "success", "").await, @r#"202 {"status":"stored"}"#);
    assert_snapshot!(seed_tells(&world, "success", "").await, @r#"202 {"status":"known already"}"#);
    world.settle().await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    for (state, ci) in
        [("success", "waiting"), ("failure", "failed"), ("success", "waiting"), ("failed", "failed")]
    {
        world.passes(Duration::from_secs(15)).await;
        assert!(seed_tells(&world, state, "").await.starts_with("202 "));
        world.settle().await;
        let shown = shown(&mut world, PULL);
        assert!(shown.contains(&format!("| skipped | {ci} |")), "{state}: {shown}");
    }
    finish(world).await;
}

/// Another repository whose first protocol has the same branch.
async fn namesake(world: &World) {
    let mut tx = world.ctx.store.begin().await.unwrap();
    let known = store::project::all(&mut tx).await.unwrap().remove(0);
    let facts = tasksgodzilla::domain::forge_event::RepoFacts {
        repo: tasksgodzilla::domain::project::RepoRef { id: 999_999, name: "web".to_owned(), ..known.repo },
        default_branch: Some(known.default_branch),
        private: Some(true),
        archived: false,
    };
    let project = store::project::upsert(&mut tx, known.forge, &facts).await.unwrap();
    let new = NewProtocol {
        project: project.id,
        slug: BRANCH.trim_start_matches("0001-").to_owned(),
        asked_in: Thread::issue(1),
        base: "main".to_owned(),
        request: "split it".to_owned(),
        requester: Requester { login: "ann".to_owned(), id: 1 },
        engine: None,
        model: None,
        number_floor: 0,
    };
    store::protocol::create(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
}

#[actix_web::test]
async fn a_branch_of_several_repositories_has_to_be_told_apart() {
    let mut world = World::with(with_token).await;
    planned(&mut world, &["parser"]).await;
    seed_tells(&world, "pending", "").await;
    world.settle().await;
    says(&mut world, "bob", PULL, "/protocol run --to 0").await;
    namesake(&world).await;
    world.passes(Duration::from_secs(15)).await;
    seed_tells(&world, "failure", "").await;
    world.settle().await;
    assert_snapshot!(deliveries(&world).await.pop().unwrap(), @"Ignored: 2 projects have an open protocol on the branch that a stage of CI was told for; have the script send the repository, or call it with ?protocol_run_id=");
    waits(&mut world);
    seed_tells(&world, "failure", "?protocol_run_id=2").await;
    seed_tells(&world, "failure", "?protocol_run_id=77").await;
    world.settle().await;
    waits(&mut world);
    assert_snapshot!(seed_tells(&world, "failure", "?protocol_run_id=1").await, @r#"202 {"status":"stored"}"#);
    world.settle().await;
    assert!(world.headline(PULL).contains("CI of step 0 failed"), "{}", world.headline(PULL));
    told(&mut world, "https://github.com", "1", "success last").await;
    assert_eq!(counted(&world, "unmatched").await, 3, "the script sends the repository");
    finish(world).await;
}

#[actix_web::test]
async fn who_does_not_know_the_token_is_refused_and_the_token_opens_nothing_else() {
    let mut world = World::with(with_token).await;
    planned(&mut world, &["parser"]).await;
    let sha = head(&world);
    let mut environment =
        host::ci_environment(&world.account, repo_id(&world).await, &job("test", "1", &sha));
    environment.push(("TASKSGODZILLA_CI_WEBHOOK_TOKEN".to_owned(), "a guess".to_owned()));
    let said = script(&world, environment, "success last", Path::new(".")).await;
    assert!(said.starts_with("report.sh: could not tell success: ") && said.ends_with(" (401)"), "{said}");
    assert_eq!(counted(&world, "refused").await, 1);
    let mut environment =
        host::ci_environment(&world.account, repo_id(&world).await, &job("test", "1", &sha));
    let said = script(&world, environment.clone(), "splendid last", Path::new(".")).await;
    assert!(said.starts_with("report.sh: could not tell splendid: {\"error\":"), "{said}");
    environment.push(("TASKSGODZILLA_CI_PROVIDER".to_owned(), "Gitlab".to_owned()));
    assert_snapshot!(script(&world, environment, "success last", Path::new(".")).await, @"report.sh: TASKSGODZILLA_CI_PROVIDER is 'Gitlab'; set it to github or gitlab; nothing is told");
    let comment = json!({
        "object_kind": "note", "action": "created", "issue": { "number": 1 }, "comment": { "id": 1 },
    });
    let answer = post(&world, &comment, TOKEN, "").await;
    assert!(answer.starts_with("401 "), "{answer}");
    assert_eq!(counted(&world, "refused").await, 2);
    finish(world).await;
}

#[actix_web::test]
async fn what_cannot_be_read_is_told_as_of_the_forge() {
    let world = World::with(with_token).await;
    let body = match &world.account {
        Account::Github(_) => json!({ "state": "splendid", "ref": BRANCH }),
        Account::Gitlab(_) => {
            json!({ "object_kind": "pipeline", "object_attributes": { "status": "splendid", "ref": BRANCH } })
        }
    };
    let answer = post(&world, &body, TOKEN, "").await;
    let (status, words) = answer.split_once(' ').unwrap();
    assert_eq!(status, host::of_unreadable(&world.account));
    assert_snapshot!(words, @r#"{"error":"the body cannot be read: its state is no word for success, failure or running"}"#);
    assert_eq!(counted(&world, "unreadable").await, 1);
    assert!(events(&world).await.is_empty());
    world.finish().await;
}
