//! What is counted: one handle that every room may hold, and the text that Prometheus reads.
//!
//! On the ground floor, so that a room counts where the thing happens and knows no other room for it. A label is a word of
//! the program or a number, never a name or a text of somebody: figures are read by people who may not read the
//! repositories. What stands in the store is not counted here but read when it is asked for, see [`Standing`].

mod figures;
mod process;
mod standing;
mod text;

pub use figures::{Call, DeliveryOutcome, LeaseHeld, Meters};
pub use process::ProcessFigures;
pub use standing::{OpenJobs, OpenProtocols, Standing};
pub use text::{CONTENT_TYPE, Readings, Wakes};
