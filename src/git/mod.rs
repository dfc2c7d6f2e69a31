//! Everything the bot does with git, by the git command line; the one module besides `engine` that starts a program.
//!
//! A project has one bare mirror and one worktree per protocol under the projects root. Remote branches are kept as
//! `refs/remotes/origin/*`; local branches belong to our worktrees alone. Agents and repositories are not trusted:
//! git is always told where its directory is (a `.git` that an agent wrote is never read), runs no hook, monitor or
//! driver, and never looks into nested repositories. `.gitattributes` may name filters (LFS too), but no driver is
//! configured, so files stay what the repository stores. Commits are made by plumbing, pushes are never forced.

mod commit;
mod error;
mod inspect;
mod mirror;
mod names;
mod push;
mod remote;
mod run;
mod settings;
mod source;
mod stage;
mod worktree;

pub use commit::{NewCommit, Rebased};
pub use error::GitError;
pub use inspect::{Change, ChangeKind, Commit, Diff, Standing};
pub use mirror::{Mirror, RemoteHeads};
pub use push::{Push, PushError, Pushed};
pub use remote::{Access, Remote};
pub use settings::{Git, GitSettings, Identity, Limits};
pub use source::Source;
pub use worktree::{Kept, Workplace, Worktree};
