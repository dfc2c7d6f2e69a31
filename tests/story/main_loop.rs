//! The main loop: an issue comment becomes a merged pull request.

use super::world::World;
use insta::assert_snapshot;

const BRANCH: &str = "0001-split-the-importer";

#[actix_web::test]
async fn a_comment_becomes_a_merged_pull_request() {
    let mut world = World::new().await;
    let asked = world.comments("bob", 1, "/protocol new");
    world.settle().await;
    assert_eq!(world.reactions(1, asked), ["eyes", "rocket"]);
    assert_snapshot!(world.reads(1).join("\n---\n"), @"");
    assert_snapshot!(world.reads(2).join("\n---\n"), @"");
    assert_snapshot!(world.checks(BRANCH), @"");

    world.comments("bob", 2, "/protocol run");
    world.settle().await;
    assert_snapshot!(world.reads(2).join("\n---\n"), @"");
    assert_snapshot!(world.checks(BRANCH), @"");

    world.comments("bob", 2, "/protocol merge");
    world.settle().await;
    assert_snapshot!(world.headline(1), @"");
    assert_snapshot!(world.headline(2), @"");
    world.finish().await;
}
