//! What can go wrong with git, by what the caller does next.

use std::io;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The remote did not answer, or is overloaded. Try again later.
    #[error("no answer from the git remote: {words}")]
    Unreachable { words: String },
    /// The credentials were refused. Mint them again once, then tell a person.
    #[error("the git remote refused access: {words}")]
    AccessDenied { words: String },
    /// What was asked for does not exist.
    #[error("git has no {what}")]
    Missing { what: String },
    #[error("git {found} is too old; install git 2.39 or newer")]
    TooOld { found: String },
    #[error("cannot run `{program}`; install git 2.39 or newer and put it on the PATH")]
    Absent { program: String },
    /// The call was killed at its limit.
    #[error("git {command} took longer than {} s and was stopped", limit.as_secs())]
    TimedOut { command: String, limit: Duration },
    /// Somebody else holds a lock of the repository. Try again later.
    #[error("the repository is in use: {words}")]
    Busy { words: String },
    /// We do not do this; a person has to change something.
    #[error("{why}")]
    Refused { why: String },
    /// Git failed in a way that nobody foresaw.
    #[error("git {command} failed: {words}")]
    Fault { command: String, words: String },
    #[error("cannot {what}")]
    Disk { what: String, source: io::Error },
}

impl GitError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Busy { .. })
    }

    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into() }
    }

    /// Wraps a failure of the file system; `what` completes "cannot …".
    pub(super) fn disk(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Disk { what, source }
    }
}

/// Reads git's words (already redacted) for what the caller can do about them.
///
/// Git has no error codes: the phrases are those of git 2.39 to 2.5x under `LC_ALL=C.UTF-8`, of curl, GitHub and GitLab.
pub(super) fn classify(command: &str, words: &str) -> GitError {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let words = words.to_owned();
    if has(DENIED) {
        return GitError::AccessDenied { words };
    }
    if has(MISSING) {
        return GitError::Missing { what: format!("such thing: {words}") };
    }
    if has(UNREACHABLE) {
        return GitError::Unreachable { words };
    }
    if has(BUSY) {
        return GitError::Busy { words };
    }
    if has(REFUSED) {
        return GitError::Refused { why: words };
    }
    GitError::Fault { command: command.to_owned(), words }
}

const DENIED: &[&str] = &[
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "unable to read askpass response",
    "returned error: 401",
    "returned error: 403",
    "HTTP Basic: Access denied",
    "Write access to repository not granted",
];

const MISSING: &[&str] = &[
    "returned error: 404",
    "Repository not found",
    "/' not found",
    ".git' not found",
    "does not appear to be a git repository",
    "couldn't find remote ref",
    "Not a valid object name",
    "bad object",
    "Not a valid commit name",
];

const UNREACHABLE: &[&str] = &[
    "Could not resolve host",
    "Failed to connect",
    "Couldn't connect",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Operation timed out",
    "Operation too slow",
    "Empty reply from server",
    "returned error: 429",
    "returned error: 500",
    "returned error: 502",
    "returned error: 503",
    "returned error: 504",
    "RPC failed",
    "early EOF",
    "unexpected disconnect",
    "the remote end hung up unexpectedly",
    "remote hung up",
    "SSL_",
    "GnuTLS",
    "gnutls",
    "server certificate verification failed",
];

const BUSY: &[&str] = &[".lock': File exists", "cannot lock ref"];

const REFUSED: &[&str] = &["transport 'file' not allowed", "' not allowed"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: &str) {
        let found = match classify("fetch", words) {
            GitError::Unreachable { .. } => "unreachable",
            GitError::AccessDenied { .. } => "denied",
            GitError::Missing { .. } => "missing",
            GitError::Busy { .. } => "busy",
            GitError::Refused { .. } => "refused",
            _ => "fault",
        };
        assert_eq!(found, expected, "{words}");
    }

    #[test]
    fn the_words_of_git_and_the_forges_say_what_to_do_next() {
        check("fatal: Authentication failed for 'https://github.com/a/b.git/'", "denied");
        check("fatal: could not read Username for 'https://github.com': terminal prompts disabled", "denied");
        check("fatal: unable to access 'https://h/a/': The requested URL returned error: 403", "denied");
        check(
            "remote: Repository not found.\nfatal: repository 'https://github.com/a/b.git/' not found",
            "missing",
        );
        check("fatal: '/x/y' does not appear to be a git repository", "missing");
        check("fatal: unable to access 'https://h/': Could not resolve host: h", "unreachable");
        check("fatal: unable to access 'https://h/': The requested URL returned error: 503", "unreachable");
        check("error: RPC failed; curl 56 GnuTLS recv error (-9)", "unreachable");
        check("fatal: Unable to create '/r/mirror.git/packed-refs.lock': File exists.", "busy");
        check("fatal: transport 'file' not allowed", "refused");
        check("fatal: something new", "fault");
    }
}
