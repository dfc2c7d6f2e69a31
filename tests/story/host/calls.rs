//! What the bot asks of a forge, as stories name it, and how each host writes it.

use super::told_on;
use regex::Regex;
use tasksgodzilla::sandbox::{Fault, Host, RequestView, Twin, Which};

/// One kind of request. Two kinds may be one request on a host, and one kind may be none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Anything,
    AnyQuestion,
    PostComment,
    EditComment,
    React,
    PutCheck,
    MoveCheck,
    OpenPull,
    DescribePull,
    MarkReady,
    Merge,
    GetToken,
    LookUpPerson,
    ReadPermission,
    ReadBranch,
    ReadFile,
    ReadPull,
    ReadCi,
    ReadLog,
    BeginGit,
    Fetch,
    Push,
}

impl Call {
    /// Everything that changes the forge.
    pub const WRITES: [Self; 9] = [
        Self::PostComment,
        Self::EditComment,
        Self::React,
        Self::PutCheck,
        Self::MoveCheck,
        Self::OpenPull,
        Self::DescribePull,
        Self::Merge,
        Self::MarkReady,
    ];
    /// What is asked before anything is changed.
    pub const READS: [Self; 7] = [
        Self::GetToken,
        Self::LookUpPerson,
        Self::ReadPermission,
        Self::ReadBranch,
        Self::ReadPull,
        Self::ReadCi,
        Self::Fetch,
    ];

    /// Method and path as [`Twin::order`] takes them; `None` where nothing of the kind is asked.
    pub fn on(self, host: Host) -> Option<&'static str> {
        match host {
            Host::Github => self.on_github(),
            Host::Gitlab => self.on_gitlab(),
        }
    }

    fn on_github(self) -> Option<&'static str> {
        Some(match self {
            Self::Anything => "* *",
            Self::AnyQuestion => "GET *",
            Self::PostComment => "POST /repos/{owner}/{repo}/issues/{number}/comments",
            Self::EditComment => "PATCH /repos/{owner}/{repo}/issues/comments/{id}",
            Self::React => "POST /repos/{owner}/{repo}/issues/comments/{id}/reactions",
            Self::PutCheck => "POST /repos/{owner}/{repo}/check-runs",
            Self::MoveCheck => "PATCH /repos/{owner}/{repo}/check-runs/{id}",
            Self::OpenPull => "POST /repos/{owner}/{repo}/pulls",
            Self::DescribePull => "PATCH /repos/{owner}/{repo}/pulls/{number}",
            Self::MarkReady => "POST /graphql",
            Self::Merge => "PUT /repos/{owner}/{repo}/pulls/{number}/merge",
            Self::GetToken => "POST /app/installations/{id}/access_tokens",
            Self::ReadPermission => "GET /repos/{owner}/{repo}/collaborators/{login}/permission",
            Self::ReadBranch => "GET /repos/{owner}/{repo}/git/ref/{ref*}",
            Self::ReadFile => "GET /repos/{owner}/{repo}/contents/{path*}",
            Self::ReadPull => "GET /repos/{owner}/{repo}/pulls/{number}",
            Self::ReadCi => "GET /repos/{owner}/{repo}/commits/{ref*}/check-runs",
            Self::ReadLog => "GET /app/hook/deliveries",
            Self::BeginGit => BEGIN_GIT,
            Self::Fetch => FETCH,
            Self::Push => PUSH,
            // Webhooks say who is a bot.
            Self::LookUpPerson => return None,
        })
    }

    fn on_gitlab(self) -> Option<&'static str> {
        Some(match self {
            Self::Anything => "* *",
            Self::AnyQuestion => "GET *",
            Self::PostComment => "POST /projects/{id}/{threads}/{number}/notes",
            Self::EditComment => "PUT /projects/{id}/{threads}/{number}/notes/{note}",
            Self::React => "POST /projects/{id}/{threads}/{number}/notes/{note}/award_emoji",
            Self::PutCheck | Self::MoveCheck => "POST /projects/{id}/statuses/{sha}",
            Self::OpenPull => "POST /projects/{id}/merge_requests",
            Self::DescribePull | Self::MarkReady => "PUT /projects/{id}/merge_requests/{number}",
            Self::Merge => "PUT /projects/{id}/merge_requests/{number}/merge",
            Self::LookUpPerson => "GET /users/{user}",
            Self::ReadPermission => "GET /projects/{id}/members/all/{user}",
            Self::ReadBranch => "GET /projects/{id}/repository/branches/{branch}",
            Self::ReadFile => "GET /projects/{id}/repository/tree",
            Self::ReadPull => "GET /projects/{id}/merge_requests/{number}",
            Self::ReadCi => "GET /projects/{id}/repository/commits/{sha}/statuses",
            Self::BeginGit => BEGIN_GIT,
            Self::Fetch => FETCH,
            Self::Push => PUSH,
            // The operator gives the one token, and the log belongs to the project's maintainers.
            Self::GetToken | Self::ReadLog => return None,
        })
    }

    /// Whether this request of the log was one.
    pub fn is(self, host: Host, request: &RequestView) -> bool {
        let Some(call) = self.on(host) else { return false };
        let (method, path) = call.split_once(' ').unwrap();
        let root =
            if host == Host::Gitlab && ![BEGIN_GIT, FETCH, PUSH].contains(&call) { "/api/v4" } else { "" };
        let hole = Regex::new(r"\{\w+\}").unwrap();
        let holes = Regex::new(r"\{\w+\*\}").unwrap();
        let path = hole.replace_all(&holes.replace_all(path, ".+"), "[^/]+").into_owned();
        method == request.method && Regex::new(&format!("^{root}{path}$")).unwrap().is_match(&request.path)
    }
}

const BEGIN_GIT: &str = "GET /{owner}/{repo}/info/refs";
const FETCH: &str = "POST /{owner}/{repo}/git-upload-pack";
const PUSH: &str = "POST /{owner}/{repo}/git-receive-pack";

/// Has `which` of these calls go wrong, in the way of this host that comes nearest.
pub fn order(twin: &Twin, call: Call, which: Which, fault: Fault) {
    let calls = call.on(twin.host()).unwrap_or_else(|| panic!("nobody asks for {call:?} on this host"));
    twin.order(calls, which, nearest(twin.host(), call, fault));
}

/// GitLab has one status for limits. Its token is the operator's: revoked, it would end the bot, so that git is refused
/// once instead, and the API is away.
fn nearest(host: Host, call: Call, fault: Fault) -> Fault {
    match (host, fault) {
        (Host::Gitlab, Fault::Limited { retry_after, .. }) => Fault::Limited { status: 429, retry_after },
        (Host::Gitlab, Fault::UsedUp { reset_in, .. }) => Fault::UsedUp { status: 429, reset_in },
        (Host::Gitlab, Fault::Revoked) if matches!(call, Call::Fetch | Call::Push) => Fault::Fails(401),
        (Host::Gitlab, Fault::Revoked) => Fault::Fails(503),
        (_, fault) => fault,
    }
}

/// Each kind of these that this host knows, one for those that are the same request there.
pub fn apart(host: Host, calls: &[Call]) -> Vec<Call> {
    let mut apart: Vec<Call> = Vec::new();
    for call in calls.iter().filter(|call| call.on(host).is_some()) {
        if apart.iter().all(|known| known.on(host) != call.on(host)) {
            apart.push(*call);
        }
    }
    apart
}

/// What is asked next when git is refused a credential: a new one where those are minted, else git once more.
pub fn after_denial() -> Call {
    Call::GetToken.on(told_on()).map_or(Call::BeginGit, |_| Call::GetToken)
}
