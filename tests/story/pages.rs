//! The pages behind the links, and the reports that lead there.

use super::scripted::{Reply, plan};
use super::telling::{BRANCH, PULL, head, planned, runs, says, shown, with_plan};
use super::world::{REPO, World};
use std::time::Duration;
use tasksgodzilla::domain::ids::ProtocolId;
use tasksgodzilla::engine::Phase;
use tasksgodzilla::sandbox::github::{CheckConclusion, CheckStatus};
use tasksgodzilla::store;

async fn finish(mut world: World) {
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}

async fn get(world: &World, url: &str, token: Option<&str>) -> (u16, String, String) {
    let request = world.client.get(url);
    let request = token.map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token));
    let response = request.send().await.unwrap();
    let policy =
        response.headers().get("content-security-policy").map(|text| text.to_str().unwrap().to_owned());
    (response.status().as_u16(), policy.unwrap_or_default(), response.text().await.unwrap())
}

/// The signed link of the first protocol's page.
async fn link(world: &World) -> String {
    let protocol = store::protocol::load(&mut world.ctx.store.read().await.unwrap(), ProtocolId(1)).await;
    world.ctx.rules.links.protocol(ProtocolId(1), protocol.unwrap().unwrap().created_at)
}

#[actix_web::test]
async fn pages_open_by_a_signed_link_or_the_api_token_only() {
    let mut world = World::with(|raw| raw.with("API_TOKEN", "a-long-api-token")).await;
    let hostile = "<script>alert(1)</script>";
    world
        .engine
        .next(Phase::Plan, Reply::Text(plan(&["parser"]).replace("# Do parser", &format!("# {hostile}"))));
    says(&mut world, "bob", 1, "/protocol new").await;
    says(&mut world, "bob", PULL, "/protocol run").await;
    let link = link(&world).await;
    let (status, policy, page) = get(&world, &link, None).await;
    assert_eq!(status, 200);
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(page.contains("&lt;script") && !page.contains(hostile), "{page}");
    let bare = link.split('?').next().unwrap();
    assert_eq!(get(&world, bare, None).await.0, 403);
    assert_eq!(get(&world, bare, Some("a-long-api-token")).await.0, 200);
    assert_eq!(get(&world, bare, Some("another-api-token")).await.0, 403);
    assert_eq!(
        get(&world, world.address.join("/protocols/1?expires=9&signature=00").unwrap().as_str(), None)
            .await
            .0,
        403
    );
    let last = runs(&world).await.last().unwrap().id;
    let run = world.address.join(&format!("/runs/{last}")).unwrap();
    let token = Some("a-long-api-token");
    let log = get(&world, &format!("{run}/log"), token).await;
    assert!(log.0 == 200 && log.2.contains("calls demo"), "{log:?}");
    let report = get(&world, &format!("{run}/artifacts/quality-report.md"), token).await;
    assert!(report.0 == 200 && report.2.contains("Verdict: PASS"), "{report:?}");
    assert_eq!(get(&world, &format!("{run}/artifacts/..%2Flog.txt"), token).await.0, 404);
    world.set_now(world.now() + 181 * 24 * 3_600_000);
    assert_eq!(get(&world, &link, None).await.0, 403, "the link has expired");
    finish(world).await;
}

#[actix_web::test]
async fn a_deleted_sticky_comment_is_written_anew() {
    let mut world = with_plan(&["parser"]).await;
    let before = world.twin.thread(REPO, PULL).unwrap();
    let sticky = before.iter().find(|comment| comment.author == world.bot()).unwrap();
    world.twin.delete_comment("ann", REPO, sticky.id).unwrap();
    says(&mut world, "bob", PULL, "/protocol run").await;
    assert!(shown(&mut world, PULL).contains("waiting for the merge"));
    assert_eq!(world.reads(PULL).len(), 1);
    finish(world).await;
}

#[actix_web::test]
async fn a_huge_plan_is_cut_to_what_the_forge_takes() {
    let mut world = World::new().await;
    let huge =
        plan(&["parser"]).replace("# Plan\\n", &format!("# Plan\\n{}", "long ü words\\n".repeat(9_000)));
    world.engine.next(Phase::Plan, Reply::Text(huge));
    says(&mut world, "bob", 1, "/protocol new").await;
    let sticky = world.reads(PULL).remove(0);
    assert!(sticky.len() < 65_535 && sticky.contains("Planned"), "{} bytes", sticky.len());
    finish(world).await;
}

#[actix_web::test]
async fn the_check_of_an_older_head_is_closed_and_reactions_come_once() {
    let mut world = World::new().await;
    planned(&mut world, &["parser"]).await;
    let old = head(&world);
    let asked = says(&mut world, "bob", PULL, "/protocol run").await;
    world.passes(Duration::from_secs(5)).await;
    assert_eq!(world.reactions(PULL, asked), ["eyes", "rocket"]);
    for check in world.twin.checks(REPO, &old).unwrap() {
        assert_eq!(check.status, CheckStatus::Completed, "{check:?}");
        assert_ne!(
            (check.name.as_str(), check.conclusion),
            ("TasksGodzilla / protocol", Some(CheckConclusion::Neutral))
        );
    }
    assert_ne!(world.twin.branch_head(REPO, BRANCH).unwrap().unwrap(), old);
    finish(world).await;
}
