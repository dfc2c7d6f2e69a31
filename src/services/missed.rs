//! Deliveries that never arrived: read from the forge's own log, and taken in like any other.
//!
//! Where the forge cannot reach the bot at all, this is the only way in. Safe to repeat: a delivery is known by its id, so
//! what was pushed and read is taken in once.

use super::Ctx;
use super::intake::{self, Delivery, Received};
use crate::domain::ids::Moment;
use crate::domain::job::Job;
use crate::domain::project::ForgeKind;
use crate::domain::retry::Retry;
use crate::forge::{self, DeliveryLog, ForgeError, Logged};
use crate::store::{self, NewDelivery};
use std::time::Duration;

/// How far a bot looks back that was never here: what is older was said to nobody.
const AT_FIRST: Duration = Duration::from_secs(60 * 60);
/// How far each look goes back behind the last one, for tries that ended late and clocks that differ.
const OVERLAP: Duration = Duration::from_secs(2 * 60);
/// Deliveries that one pass takes in; the next follows at once.
const MOST: usize = 200;
/// How long to wait after an error that waiting does not mend, such as credentials that are not accepted.
const AFTER_FAULT: Duration = Duration::from_secs(5 * 60);

/// How far a look came.
struct Progress {
    read_to: Moment,
    is_complete: bool,
}

/// Reads the log once, and queues the next look.
pub async fn read(ctx: &Ctx, forge: ForgeKind) -> anyhow::Result<()> {
    let Some(log) = ctx.forge(forge)?.delivery_log() else {
        return Ok(());
    };
    let wait = match look(ctx, forge, log).await {
        Ok(progress) if progress.is_complete => ctx.rules.delivery_log.every,
        Ok(_) => Duration::ZERO,
        Err(fault) if super::fault::retry(&fault) == Retry::Never => {
            tracing::error!(fault = format!("{fault:#}"), "the forge's log of deliveries cannot be read");
            AFTER_FAULT.max(ctx.rules.delivery_log.every)
        }
        Err(fault) => return Err(fault),
    };
    let mut tx = ctx.store.begin().await?;
    store::job::push(&mut tx, Job::ReadDeliveries { forge }, ctx.now().plus(wait)).await?;
    tx.commit().await?;
    Ok(())
}

async fn look(ctx: &Ctx, forge: ForgeKind, log: &dyn DeliveryLog) -> anyhow::Result<Progress> {
    let asked_at = ctx.now();
    let mark = format!("delivery_log:{}", forge.as_str());
    let read_to = store::mark::at(&mut ctx.store.read().await?, &mark).await?;
    let since = read_to.map_or(asked_at.minus(AT_FIRST), |read_to| read_to.minus(OVERLAP));
    let logged = log.deliveries(since).await?;
    let progress = take_in(ctx, forge, log, &logged, asked_at).await?;
    let mut tx = ctx.store.begin().await?;
    store::mark::set(&mut tx, &mark, read_to.map_or(progress.read_to, |before| before.max(progress.read_to)))
        .await?;
    tx.commit().await?;
    Ok(progress)
}

/// Takes in what is not known yet, oldest first.
async fn take_in(
    ctx: &Ctx,
    forge: ForgeKind,
    log: &dyn DeliveryLog,
    logged: &[Logged],
    asked_at: Moment,
) -> anyhow::Result<Progress> {
    let mut taken = 0;
    for delivery in logged {
        if store::delivery::is_known(&mut ctx.store.read().await?, forge, &delivery.guid).await? {
            continue;
        }
        if taken == MOST {
            return Ok(Progress { read_to: delivery.at, is_complete: false });
        }
        one(ctx, forge, log, delivery).await?;
        taken += 1;
    }
    if taken > 0 {
        tracing::info!(deliveries = taken, "took deliveries in from the forge's log");
    }
    let newest = logged.last().map_or(asked_at, |newest| newest.at.max(asked_at.minus(OVERLAP)));
    Ok(Progress { read_to: newest, is_complete: true })
}

async fn one(ctx: &Ctx, forge: ForgeKind, log: &dyn DeliveryLog, delivery: &Logged) -> anyhow::Result<()> {
    if let Some(reason) = forge::foreign(forge, &delivery.event, delivery.action.as_deref()) {
        return recorded(ctx, forge, delivery, reason).await;
    }
    let body = match log.body(delivery).await {
        Ok(body) => body,
        Err(error @ ForgeError::Missing { .. }) => {
            tracing::warn!(delivery.guid, %error, "a missed delivery is lost");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let new =
        Delivery { forge, guid: &delivery.guid, event: &delivery.event, body: &body, named_protocol: None };
    if let Received::Unreadable(why) = intake::receive(ctx, &new).await? {
        tracing::warn!(delivery.guid, why, "a missed delivery cannot be read");
    }
    if ctx.rules.delivery_log.is_pushed && !delivery.has_arrived() {
        send_again(log, delivery).await;
    }
    Ok(())
}

/// Known without its body, as if it had come.
async fn recorded(ctx: &Ctx, forge: ForgeKind, delivery: &Logged, reason: String) -> anyhow::Result<()> {
    let new = NewDelivery {
        forge,
        guid: delivery.guid.clone(),
        event: delivery.event.clone(),
        body: None,
        reason,
        repo: delivery.repo,
        named_protocol: None,
    };
    ctx.store.accept(new).await?;
    Ok(())
}

/// Has the forge try again, so that its log shows whether the way in is open. What it says was taken in already.
async fn send_again(log: &dyn DeliveryLog, delivery: &Logged) {
    tracing::warn!(delivery.guid, delivery.event, "a delivery did not arrive; asking for it once more");
    if let Err(error) = log.send_again(delivery).await {
        tracing::warn!(delivery.guid, %error, "the forge does not send a delivery again");
    }
}
