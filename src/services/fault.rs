//! What an unexpected error says about trying again.

use crate::domain::retry::Retry;
use crate::engine::EngineError;
use crate::forge::ForgeError;
use crate::git::GitError;
use crate::store::StoreError;

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

/// A refused credential is minted anew by the next attempt.
fn of_git(git: &GitError) -> Retry {
    let again = git.is_passing() || matches!(git, GitError::AccessDenied { .. });
    if again { Retry::Soon } else { Retry::Never }
}

fn known(cause: &(dyn std::error::Error + 'static)) -> Option<Retry> {
    if let Some(forge) = cause.downcast_ref::<ForgeError>() {
        return Some(forge.retry());
    }
    if let Some(git) = cause.downcast_ref::<GitError>() {
        return Some(of_git(git));
    }
    if let Some(engine) = cause.downcast_ref::<EngineError>() {
        return Some(engine.retry());
    }
    cause.downcast_ref::<StoreError>().map(StoreError::retry)
}
