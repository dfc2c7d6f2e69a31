//! What an operator's doctor asks of GitHub; `finish` holds its requests against GitHub's description.

use super::world::World;
use insta::assert_snapshot;
use secrecy::SecretString;
use std::sync::Arc;
use tasksgodzilla::config::Manifest;
use tasksgodzilla::domain::ids::Moment;
use tasksgodzilla::domain::witness::Nobody;
use tasksgodzilla::forge::github::{Github, GithubSettings, MergeMethod, Timeouts};
use tasksgodzilla::meter::Meters;
use tasksgodzilla::services::doctor::forge::{self, Wanted};

#[actix_web::test]
async fn an_app_that_is_as_it_should_be_is_found_well() {
    let mut world = World::planned().await;
    let github = Github::new(&GithubSettings {
        api_url: world.twin.api_url().parse().unwrap(),
        web_url: world.twin.url().parse().unwrap(),
        app_id: world.app.app_id,
        private_key: SecretString::from(world.app.private_key_pem.clone()),
        timeouts: Timeouts::default(),
        merge_method: MergeMethod::default(),
        witness: Arc::new(Nobody),
        meters: Meters::default(),
    });
    let manifest = Manifest::embedded();
    let wanted = Wanted {
        manifest: &manifest,
        webhook: Some(manifest.webhook_at(&world.address)),
        now: Moment(world.now()),
    };
    let findings = forge::app(&github.unwrap(), &wanted).await;
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
