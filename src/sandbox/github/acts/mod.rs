//! Acts on what only GitHub has: check runs, commit statuses, the App that plays CI, installations.

mod checks;
mod ci;
mod places;

pub(crate) use checks::{Output, RunChange};
