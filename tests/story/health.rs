//! What probes are told.

use super::world::World;
use serde_json::{Value, json};
use tasksgodzilla::domain::ids::{Moment, ProtocolId};

async fn asked(world: &World, path: &str) -> (u16, Value) {
    let answer = world.client.get(world.address.join(path).unwrap()).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[actix_web::test]
async fn a_store_that_does_not_answer_makes_the_bot_unready_and_not_dead() {
    let world = World::new().await;
    let well = json!({"status": "ok", "store": "ok", "workers": "none in this process"});
    assert_eq!(asked(&world, "/health").await, (200, well));
    world.ctx.store.close().await;
    let wrong = json!({"status": "wrong", "store": "does not answer", "workers": "none in this process"});
    assert_eq!(asked(&world, "/health").await, (503, wrong.clone()));
    assert_eq!(asked(&world, "/health/ready").await, (503, wrong));
    assert_eq!(asked(&world, "/health/live").await, (200, json!({"status": "ok"})));
    let metrics = world.client.get(world.address.join("/metrics").unwrap()).send().await.unwrap();
    assert!(metrics.text().await.unwrap().contains("\ntasksgodzilla_store_up 0\n"));

    let link = world.ctx.rules.links.protocol(ProtocolId(1), Moment(world.now()));
    let page = world.client.get(link).header("x-request-id", "asked-7").send().await.unwrap();
    assert_eq!(page.status(), 500);
    let page = page.text().await.unwrap();
    assert!(page.contains("finds it in the log as request asked-7."), "{page}");
}
