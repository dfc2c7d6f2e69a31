//! Why a subcommand ended badly: what is so, hints what to do, and the exit code.

use super::output;
use crate::app::Unusable;
use crate::config::Redactor;
use crate::store::StoreError;
use std::fmt;
use std::process::ExitCode;

/// An error of a subcommand. Exit codes: 1 the answer is no, 2 you asked wrongly, 3 our fault.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    what: String,
    hints: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    No,
    Asked,
    Ours,
}

impl Failure {
    /// The answer is no.
    pub fn no(what: impl Into<String>) -> Self {
        Self::new(Kind::No, what)
    }

    /// The arguments or settings are wrong.
    pub fn asked(what: impl Into<String>) -> Self {
        Self::new(Kind::Asked, what)
    }

    /// Every fault of the settings at once.
    pub fn settings(faults: Vec<String>) -> Self {
        let count = faults.len();
        let what = format!("{count} setting{} wrong", if count == 1 { " is" } else { "s are" });
        Self { hints: faults, ..Self::asked(what) }
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same without secrets.
    pub fn redacted(self, redactor: &Redactor) -> Self {
        let clean = |text: String| redactor.redact(&text).into_owned();
        Self { kind: self.kind, what: clean(self.what), hints: self.hints.into_iter().map(clean).collect() }
    }

    fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), hints: Vec::new() }
    }

    /// Tells it to whoever looks on.
    pub fn tell(&self) {
        output::talk(self.to_string().trim_end());
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::No => 1,
            Kind::Asked => 2,
            Kind::Ours => 3,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.what)?;
        self.hints.iter().try_for_each(|hint| writeln!(f, "hint: {hint}"))
    }
}

impl From<StoreError> for Failure {
    fn from(fault: StoreError) -> Self {
        anyhow::Error::from(fault).into()
    }
}

/// What somebody can do something about is no fault of ours.
impl From<anyhow::Error> for Failure {
    fn from(fault: anyhow::Error) -> Self {
        if let Some(unusable) = fault.downcast_ref::<Unusable>() {
            return unusable.into();
        }
        let kind = match fault.downcast_ref::<StoreError>() {
            Some(error) if error.is_of_settings() => Kind::Asked,
            Some(StoreError::Unavailable { .. }) => Kind::No,
            _ => Kind::Ours,
        };
        Self::new(kind, format!("{fault:#}"))
    }
}

impl From<&Unusable> for Failure {
    fn from(unusable: &Unusable) -> Self {
        match unusable {
            Unusable::NoDatabase { .. } => Self::no(unusable.to_string())
                .hint("`tasksgodzilla serve` makes it; where it is, TASKSGODZILLA_DB_PATH says"),
            Unusable::Folders { folders } => Self::settings(folders.clone()),
        }
    }
}
