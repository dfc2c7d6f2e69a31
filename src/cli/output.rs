//! What subcommands say: data to standard output, talk to standard error.
//!
//! Whoever reads may stop reading, as `head` does. That is no fault: what is left to say is said to nobody.

use anyhow::Context as _;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// A line of data, or several. Errors: it cannot be written, although somebody reads, such as to a full disk.
pub(super) fn data(words: impl Display) -> anyhow::Result<()> {
    written(writeln!(io::stdout().lock(), "{words}")).context("standard output cannot be written")
}

/// A line for whoever looks on.
pub(super) fn talk(words: impl Display) {
    // There is no other place to say that standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{words}");
}

fn written(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}
