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

/// Between two tries of what cannot be fetched.
const AGAIN: Duration = Duration::from_secs(5 * 60);
/// What cannot be fetched for so long is given up: an hour before GitHub forgets it, so that it can still be named.
const GIVEN_UP: Duration = Duration::from_secs(71 * 60 * 60);
/// When so many cannot be fetched in one pass, it is the forge that fails, and not they.
const MOST_STUCK: u32 = 50;

/// How far the log was read, and what was left behind.
struct Marks {
    read_to: Option<Moment>,
    /// When the oldest delivery was sent that could not be fetched, if there is one.
    stuck: Option<Moment>,
    /// When it was last tried.
    tried: Option<Moment>,
}

/// How far a look came.
struct Progress {
    read_to: Moment,
    is_complete: bool,
    /// When the oldest was sent of those that could not be fetched and are tried again.
    stuck: Option<Moment>,
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
    let marks = Marks::load(ctx, forge).await?;
    let logged = log.deliveries(marks.since(asked_at)).await?;
    let progress = take_in(ctx, forge, log, &logged, asked_at).await?;
    marks.after(&progress, asked_at).save(ctx, forge).await?;
    Ok(progress)
}

impl Marks {
    async fn load(ctx: &Ctx, forge: ForgeKind) -> anyhow::Result<Self> {
        let mut db = ctx.store.read().await?;
        let [read_to, stuck, tried] = names(forge);
        let read_to = store::mark::at(&mut db, &read_to).await?;
        let stuck = store::mark::at(&mut db, &stuck).await?;
        // A mark stays where it was when what it stood for is done.
        let stuck = stuck.filter(|stuck| read_to.is_some_and(|read_to| *stuck < read_to));
        Ok(Self { read_to, stuck, tried: store::mark::at(&mut db, &tried).await? })
    }

    async fn save(&self, ctx: &Ctx, forge: ForgeKind) -> anyhow::Result<()> {
        let mut tx = ctx.store.begin().await?;
        // Nothing is stuck where the mark stands at the end of what was read.
        let stuck = self.stuck.or(self.read_to);
        for (name, at) in names(forge).iter().zip([self.read_to, stuck, self.tried]) {
            if let Some(at) = at {
                store::mark::set(&mut tx, name, at).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Whether what is stuck is tried again now. A look as far back costs a request for each hundred deliveries since.
    fn tries_again(&self, now: Moment) -> bool {
        self.stuck.is_some() && self.tried.is_none_or(|tried| now.since(tried) >= AGAIN)
    }

    /// From when on the log is read.
    fn since(&self, now: Moment) -> Moment {
        let next = self.read_to.map_or(now.minus(AT_FIRST), |read_to| read_to.minus(OVERLAP));
        match self.stuck {
            Some(stuck) if self.tries_again(now) => next.min(stuck),
            _ => next,
        }
    }

    /// The marks after a look that began at `now`.
    fn after(&self, progress: &Progress, now: Moment) -> Self {
        let read_to = self.read_to.map_or(progress.read_to, |before| before.max(progress.read_to));
        let tried_again = self.tries_again(now);
        let left = if tried_again { None } else { self.stuck };
        let stuck = left.into_iter().chain(progress.stuck).min();
        let is_first = self.stuck.is_none() && progress.stuck.is_some();
        let tried = if tried_again || is_first { Some(now) } else { self.tried };
        Self { read_to: Some(read_to), stuck, tried }
    }
}

fn names(forge: ForgeKind) -> [String; 3] {
    ["", ":stuck", ":tried"].map(|what| format!("delivery_log:{}{what}", forge.as_str()))
}

/// Takes in what is not known yet, oldest first. What cannot be fetched holds up none behind it.
async fn take_in(
    ctx: &Ctx,
    forge: ForgeKind,
    log: &dyn DeliveryLog,
    logged: &[Logged],
    asked_at: Moment,
) -> anyhow::Result<Progress> {
    let (mut taken, mut failed, mut stuck) = (0, 0, None);
    for delivery in logged {
        if store::delivery::is_known(&mut ctx.store.read().await?, forge, &delivery.guid).await? {
            continue;
        }
        if taken == MOST {
            // What comes after may hold others that are stuck, so the look that tries them again begins here at the latest.
            return Ok(Progress {
                read_to: delivery.at,
                is_complete: false,
                stuck: stuck.or(Some(delivery.at)),
            });
        }
        match one(ctx, forge, log, delivery).await {
            Ok(()) => taken += 1,
            Err(fault) if failed < MOST_STUCK && is_of_this_one(&fault) => {
                failed += 1;
                if is_tried_again(delivery, &fault, asked_at) {
                    stuck = stuck.or(Some(delivery.at));
                }
            }
            Err(fault) => return Err(fault),
        }
    }
    if taken > 0 {
        tracing::info!(deliveries = taken, "took deliveries in from the forge's log");
    }
    let newest = logged.last().map_or(asked_at, |newest| newest.at.max(asked_at.minus(OVERLAP)));
    Ok(Progress { read_to: newest, is_complete: true, stuck })
}

/// Whether it is this delivery that cannot be had, and another one may be.
fn is_of_this_one(fault: &anyhow::Error) -> bool {
    matches!(
        fault.downcast_ref(),
        Some(ForgeError::Broken { .. } | ForgeError::Unreadable { .. } | ForgeError::Refused { .. })
    )
}

/// Tells what became of a delivery that could not be fetched: it is tried again, or too old for that.
fn is_tried_again(delivery: &Logged, fault: &anyhow::Error, now: Moment) -> bool {
    let (guid, error) = (&delivery.guid, format!("{fault:#}"));
    let age = now.since(delivery.at);
    match age {
        age if age >= GIVEN_UP => {
            tracing::warn!(
                delivery.guid = guid,
                error,
                "a missed delivery cannot be fetched and is given up"
            );
        }
        age if age <= OVERLAP + AGAIN => {
            tracing::warn!(
                delivery.guid = guid,
                error,
                "a missed delivery cannot be fetched; it is tried again"
            );
        }
        _ => tracing::debug!(delivery.guid = guid, error, "a missed delivery still cannot be fetched"),
    }
    age < GIVEN_UP
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
