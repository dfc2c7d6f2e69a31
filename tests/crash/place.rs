//! Which work an act belongs to: a job's kind, the end of a job, a claim, the start, or the intake.
//!
//! Work is told by its tracing span, which goes along when a job lets something go on in a task of its own.

use super::point::{Key, Point, Side};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tasksgodzilla::domain::witness::Act;
use tracing::Instrument as _;
use tracing::instrument::Instrumented;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

/// One attempt at some work, and the acts it did so far.
#[derive(Debug)]
pub struct Place {
    name: String,
    /// Whether this attempt may be lost: a job is given up after its third worker.
    may_be_lost: bool,
    done: Mutex<HashMap<String, usize>>,
}

impl Place {
    pub fn new(name: impl Into<String>, may_be_lost: bool) -> Self {
        Self { name: name.into(), may_be_lost, done: Mutex::default() }
    }

    /// Work whose acts are no points: dying at them is the same as dying elsewhere, or happens by the clock.
    pub fn aside() -> Self {
        Self::new("", false)
    }

    /// Does `work` here.
    pub fn around<F: Future>(self, work: F) -> Instrumented<F> {
        let span = tracing::info_span!("place");
        span.with_subscriber(|(id, dispatch)| {
            let registry = dispatch.downcast_ref::<Registry>().unwrap();
            registry.span(id).unwrap().extensions_mut().insert(Arc::new(self));
        });
        work.instrument(span)
    }

    fn point(&self, side: Side, act: &Act) -> Point {
        let mut done = self.done.lock().unwrap();
        let count = done.entry(act.name().to_owned()).or_default();
        if side == Side::Before {
            *count += 1;
        }
        Point { key: Key { place: self.name.clone(), act: act.name().to_owned(), nth: *count }, side }
    }
}

/// The point of an act that is done now, and whether one may die there; `None` for an act that is no point.
pub fn here(side: Side, act: &Act) -> Option<(Point, bool)> {
    match current() {
        Some(place) if place.name.is_empty() => None,
        Some(place) => Some((place.point(side, act), place.may_be_lost)),
        // Deliveries are stored by a task of the store's own.
        None => {
            let key = Key { place: "intake".to_owned(), act: act.name().to_owned(), nth: 1 };
            Some((Point { key, side }, true))
        }
    }
}

fn current() -> Option<Arc<Place>> {
    let id = tracing::Span::current().id()?;
    tracing::dispatcher::get_default(|dispatch| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        registry.span(&id)?.scope().find_map(|span| span.extensions().get::<Arc<Place>>().cloned())
    })
}
