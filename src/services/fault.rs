//! What an unexpected error says: about trying again, to people, and to the operator.

use crate::config::Redactor;
use crate::domain::ids::JobId;
use crate::domain::retry::{OUTAGE, Retry};
use crate::engine::EngineError;
use crate::forge::ForgeError;
use crate::git::GitError;
use crate::report::answer;
use crate::services::disk::Shortage;
use crate::store::StoreError;
use std::time::Duration;

/// How often to look whether there is room again.
const ROOM: Duration = Duration::from_secs(60);

/// Looks through the whole chain of `fault` for the first error of ours that knows; nobody knows means it may pass.
///
/// Errors arrive boxed, so the chain is searched and not only its head.
pub fn retry(fault: &anyhow::Error) -> Retry {
    fault.chain().find_map(known).unwrap_or(Retry::Soon)
}

/// The worker lost its job to another one: nothing of it may be stored any more.
pub fn lost_lease(fault: &anyhow::Error) -> bool {
    fault.chain().any(|cause| matches!(cause.downcast_ref(), Some(StoreError::LeaseLost)))
}

/// An error with its causes, for the log and the operator.
pub fn chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

/// A fault in words, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What one of our errors says to people, or that it is a fault of ours and the id under which it is found.
    pub people: String,
    /// The whole chain, for the operator.
    pub chain: String,
}

/// Puts the fault of a job into words.
pub fn tell(redactor: &Redactor, fault: &anyhow::Error, job: JobId) -> Told {
    let clean = |text: &str| redactor.redact(text).into_owned();
    let people = fault.chain().find_map(for_people).unwrap_or_else(|| answer::fault_of_ours(job));
    Told { people: clean(&people), chain: clean(&format!("{fault:#}")) }
}

impl Told {
    /// What a job keeps of it: what people may read, then the chain if it says more.
    pub fn stored(&self) -> String {
        if self.chain == self.people {
            self.people.clone()
        } else {
            format!("{}\n{}", self.people, self.chain)
        }
    }
}

/// Words of errors about which people can do something: the forge, the branch or the model says no, or does not answer.
fn for_people(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(forge) = cause.downcast_ref::<ForgeError>() {
        return Some(forge.to_string());
    }
    if let Some(engine) = cause.downcast_ref::<EngineError>() {
        return Some(engine.to_string());
    }
    if let Some(shortage) = cause.downcast_ref::<Shortage>() {
        return Some(shortage.to_string());
    }
    match cause.downcast_ref::<GitError>()? {
        git @ (GitError::Unreachable { .. }
        | GitError::AccessDenied { .. }
        | GitError::Missing { .. }
        | GitError::Refused { .. }) => Some(git.to_string()),
        _ => None,
    }
}

/// A refused credential is minted anew by the next attempt.
fn of_git(git: &GitError) -> Retry {
    match git {
        GitError::Unreachable { .. } => Retry::WhenThere(OUTAGE),
        GitError::AccessDenied { .. } => Retry::Soon,
        passing if passing.is_passing() => Retry::Soon,
        _ => Retry::Never,
    }
}

fn known(cause: &(dyn std::error::Error + 'static)) -> Option<Retry> {
    if let Some(forge) = cause.downcast_ref::<ForgeError>() {
        return Some(forge.retry());
    }
    if let Some(git) = cause.downcast_ref::<GitError>() {
        return Some(of_git(git));
    }
    if cause.is::<Shortage>() {
        return Some(Retry::After(ROOM));
    }
    if let Some(engine) = cause.downcast_ref::<EngineError>() {
        return Some(engine.retry());
    }
    cause.downcast_ref::<StoreError>().map(StoreError::retry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn told(fault: &anyhow::Error) -> Told {
        tell(&Redactor::new(&[SecretString::from("hunter2")]), fault, JobId(12))
    }

    #[test]
    fn what_nobody_can_do_anything_about_shows_its_id_and_nothing_else() {
        let disk = std::io::Error::other("no space left in /srv/bot, hunter2");
        let told = told(&anyhow::Error::from(disk).context("the run's log cannot be made"));
        assert_eq!(told.people, "a fault of ours; the bot's operator finds it in the log as job 12");
        assert_eq!(told.chain, "the run's log cannot be made: no space left in /srv/bot, [redacted]");
        assert_eq!(told.stored(), format!("{}\n{}", told.people, told.chain));
    }

    #[test]
    fn what_the_forge_says_is_told() {
        let forge = ForgeError::Missing { host: "github.com".to_owned(), what: "hunter2".to_owned() };
        let told = told(&anyhow::Error::from(forge));
        assert_eq!(told.people, "github.com has no [redacted], or does not let the bot see it");
        assert_eq!(told.stored(), told.people);
    }

    #[test]
    fn paths_of_the_machine_are_not_told() {
        let source = std::io::Error::other("full");
        let told = told(&anyhow::Error::from(GitError::Disk { what: "write /srv/x".to_owned(), source }));
        assert!(!told.people.contains("/srv"), "{}", told.people);
    }
}
