//! What an operator's doctor asks of GitHub; `finish` holds its requests against GitHub's description.

use super::host;
use super::world::World;
use insta::assert_snapshot;
use tasksgodzilla::config::Manifest;
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::forge::github::Timeouts;
use tasksgodzilla::services::doctor::forge::{self, Wanted};

#[actix_web::test]
async fn an_app_that_is_as_it_should_be_is_found_well() {
    let mut world = World::planned().await;
    let manifest = Manifest::embedded();
    let wanted = Wanted {
        manifest: &manifest,
        webhook: Some(manifest.webhook_at(&world.address)),
        now: Moment(world.now()),
    };
    let findings = forge::app(&host::github(world.app(), &world.twin, Timeouts::default()), &wanted).await;
    let lines: Vec<String> =
        findings.iter().map(|found| format!("{} {}", found.state.as_str(), found.about)).collect();
    assert_snapshot!(lines.join("\n"), @r"
    ok clock
    ok App
    ok App rights
    ok installation on acme
    ok webhook
    ok deliveries
    ");
    world.reads(1);
    world.reads(2);
    world.finish().await;
}
