//! A worker that is late changes nothing that another one has done.

use super::telling::{PULL, with_plan};
use tasksgodzilla::domain::event::EventKind;
use tasksgodzilla::domain::ids::CommandId;
use tasksgodzilla::services::change::change;
use tasksgodzilla::store::{self, StoreError};

#[actix_web::test]
async fn a_command_that_another_worker_ended_changes_nothing_more() {
    let mut world = with_plan(&["parser"]).await;
    let store = world.ctx.store.clone();
    let protocol = store::protocol::list(&mut store.read().await.unwrap(), 1).await.unwrap().remove(0);
    let timeline =
        async || store::event::of_protocol(&mut store.read().await.unwrap(), protocol.id, 100).await.unwrap();
    let before = timeline().await;

    let late = change(&world.ctx, protocol.id, None, |draft| {
        draft.note(EventKind::PlanningEnqueued, None, "bob asked for a plan");
        draft.finish_command(CommandId(1));
        Ok(())
    });
    let refused = late.await.unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(StoreError::LeaseLost)), "{refused:#}");
    assert_eq!(timeline().await, before);
    world.reads(1);
    world.reads(PULL);
    world.finish().await;
}
