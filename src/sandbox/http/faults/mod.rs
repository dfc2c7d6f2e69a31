//! The fault desk: which calls go wrong, and how, because a test ordered it.
//!
//! An order names calls by method and path template and says which of them it means. Each call counts for every order that
//! fits it and meets at most one, the oldest that is due.

mod lag;
mod wire;

pub(crate) use lag::Moved;
pub(crate) use wire::Wire;

use super::call::{Asked, Content, Reply};
use crate::sandbox::model::{Clock, Model, Token};
use crate::sandbox::{Host, Twin, lock};
use serde_json::json;
use std::time::Duration;

/// How one call goes wrong. "After" means that the thing was done, and that nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status instead.
    Fails(u16),
    FailsAfter(u16),
    /// The connection ends without an answer.
    Cut,
    CutAfter,
    /// No answer ever comes; the caller has to give up.
    Hangs,
    HangsAfter,
    /// A limit, with or without word of how many seconds to wait.
    Limited {
        status: u16,
        retry_after: Option<u64>,
    },
    /// The hourly limit is used up; it starts anew in so many seconds. Told in wall time, as hosts do.
    UsedUp {
        status: u16,
        reset_in: u64,
    },
    /// The token that is shown is revoked, for this call and for good. Means calls that show one.
    Revoked,
    /// Answered by a replica that lies so far behind, by the twin's clock: what is younger is not there yet, branches and
    /// pull requests stand where they stood.
    Lags(Duration),
}

/// Which of the calls that fit, counted from the order on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Next,
    /// From 1.
    Nth(usize),
    First(usize),
    Every,
}

/// A call that met an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    pub fault: Fault,
    pub method: String,
    pub path: String,
}

struct Order {
    /// `METHOD PATH`, see [`Twin::order`].
    calls: String,
    which: Which,
    fault: Fault,
    seen: usize,
}

#[derive(Default)]
pub(crate) struct FaultDesk {
    orders: Vec<Order>,
    met: Vec<Met>,
}

/// The status in the log of requests that got no answer.
const NO_ANSWER: u16 = 0;

impl Twin {
    /// From now on `which` of the `calls` meet `fault`.
    ///
    /// `calls` is a method, a space, and a path below the API's prefix: `POST /repos/{owner}/{repo}/issues/{number}/comments`.
    /// `{name}` stands for one segment and `{name*}` for one or more; `*` for any method and for any path; pairs after a
    /// `?` must be in the query. Git is asked at `/{owner}/{repo}/info/refs`, `…/git-upload-pack` and `…/git-receive-pack`.
    pub fn order(&self, calls: &str, which: Which, fault: Fault) {
        self.model().faults.orders.push(Order { calls: calls.to_owned(), which, fault, seen: 0 });
    }

    /// Forgets all orders.
    pub fn heal(&self) {
        self.model().faults.orders.clear();
    }

    /// Calls that met an order so far.
    pub fn met(&self) -> Vec<Met> {
        self.model().faults.met.clone()
    }

    /// Revokes every token of a bot: those that installations were given, and access tokens.
    pub fn revoke_tokens(&self) {
        lock(&self.shared).tokens.retain(|_, token| matches!(token, Token::Person { .. }));
    }
}

impl Model {
    /// The fault that this call meets, if any.
    pub(crate) fn fault_for(&mut self, asked: &Asked) -> Option<Fault> {
        let path = self.path_of(asked);
        let fault = self.faults.due(asked, &path)?;
        let met = Met { fault, method: asked.method.clone(), path: asked.path.clone() };
        self.faults.met.push(met);
        if fault == Fault::Revoked
            && let Some(token) = asked.token()
        {
            self.tokens.remove(&token);
        }
        Some(fault)
    }

    /// The path as orders name it: below the API, or below the root for pages and git.
    fn path_of(&self, asked: &Asked) -> String {
        let path = asked.path.as_str();
        let root = match self.host {
            Host::Github => None,
            Host::Gitlab => path.strip_prefix(&self.site.prefix),
        };
        path.strip_prefix(&self.api_path()).or(root).unwrap_or(path).to_owned()
    }
}

impl FaultDesk {
    fn due(&mut self, asked: &Asked, path: &str) -> Option<Fault> {
        let mut due = None;
        for order in self.orders.iter_mut().filter(|order| order.means(asked, path)) {
            order.seen += 1;
            if due.is_none() && order.which.includes(order.seen) {
                due = Some(order.fault);
            }
        }
        due
    }
}

impl Which {
    fn includes(self, place: usize) -> bool {
        match self {
            Self::Next => place == 1,
            Self::Nth(wanted) => place == wanted,
            Self::First(count) => place <= count,
            Self::Every => true,
        }
    }
}

impl Order {
    fn means(&self, asked: &Asked, given: &str) -> bool {
        if self.fault == Fault::Revoked && asked.token().is_none() {
            return false;
        }
        let (method, address) = self.calls.split_once(' ').unwrap_or(("*", &self.calls));
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let in_query = |pair: &str| asked.query.split('&').any(|given| given == pair);
        (method == "*" || method == asked.method)
            && (path == "*" || fits(path, given))
            && query.split('&').filter(|pair| !pair.is_empty()).all(in_query)
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let wanted: Vec<&str> = pattern.split('/').collect();
    let given: Vec<&str> = path.split('/').collect();
    segments_fit(&wanted, &given)
}

fn segments_fit(wanted: &[&str], given: &[&str]) -> bool {
    match (wanted, given) {
        ([], []) => true,
        ([], _) | (_, []) => false,
        ([many, rest @ ..], _) if many.ends_with("*}") => {
            (1..=given.len()).any(|taken| segments_fit(rest, &given[taken..]))
        }
        ([one, rest @ ..], [first, others @ ..]) => {
            (one.starts_with('{') || one == first) && segments_fit(rest, others)
        }
    }
}

impl Fault {
    /// The answer to a call that is not done at all; `None` when it is.
    pub(crate) fn instead(self, model: &Model, asked: &Asked) -> Option<Reply> {
        match self {
            Self::Fails(status) => Some(broken(status)),
            Self::Cut | Self::Hangs => Some(no_answer()),
            Self::Limited { status, retry_after } => Some(limited(model.host, status, retry_after)),
            Self::UsedUp { status, reset_in } => Some(used_up(model.host, status, reset_in)),
            Self::Lags(behind) => lag::refusal(model, asked, behind),
            Self::FailsAfter(_) | Self::CutAfter | Self::HangsAfter | Self::Revoked => None,
        }
    }

    /// What becomes of the answer to a call that was done.
    pub(crate) fn spoil(self, model: &Model, asked: &Asked, reply: Reply) -> Reply {
        match self {
            Self::FailsAfter(status) => broken(status),
            Self::CutAfter | Self::HangsAfter => no_answer(),
            Self::Lags(behind) => lag::earlier(model, asked, reply, behind),
            _ => reply,
        }
    }

    pub(crate) fn cuts(self) -> bool {
        matches!(self, Self::Cut | Self::CutAfter)
    }

    pub(crate) fn hangs(self) -> bool {
        matches!(self, Self::Hangs | Self::HangsAfter)
    }
}

fn no_answer() -> Reply {
    Reply::new(NO_ANSWER, Vec::new(), Content::Empty)
}

/// What is our fault is told in JSON; what is the host's, by its front door with a page.
fn broken(status: u16) -> Reply {
    if matches!(status, 402..500) {
        return Reply::json(status, json!({ "message": "Ordered by a test" }));
    }
    let page = format!("<html><body><h1>{status}</h1>This page is taking too long to load.</body></html>");
    let headers = match status {
        401 => vec![("www-authenticate", "Basic realm=\"GitHub\"".to_owned())],
        _ => Vec::new(),
    };
    Reply::new(status, headers, Content::Bytes("text/html".to_owned(), page.into_bytes()))
}

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
fn limited(host: Host, status: u16, retry_after: Option<u64>) -> Reply {
    let words = match host {
        Host::Github => {
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        }
        Host::Gitlab => "429 Too Many Requests",
    };
    let headers = retry_after.map(|seconds| ("retry-after", seconds.to_string()));
    Reply { headers: headers.into_iter().collect(), ..Reply::json(status, json!({ "message": words })) }
}

/// <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers>
fn used_up(host: Host, status: u16, reset_in: u64) -> Reply {
    let now = Clock::Machine.now().div_euclid(1000).unsigned_abs();
    let ([left, reset], words) = match host {
        Host::Github => {
            (["x-ratelimit-remaining", "x-ratelimit-reset"], "API rate limit exceeded for installation.")
        }
        Host::Gitlab => (["ratelimit-remaining", "ratelimit-reset"], "429 Too Many Requests"),
    };
    let headers = vec![(left, "0".to_owned()), (reset, (now + reset_in).to_string())];
    Reply { headers, ..Reply::json(status, json!({ "message": words })) }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
    }

    #[test]
    fn templates_mean_whole_paths() {
        check("/repos/{owner}/{repo}/pulls", "/repos/acme/api/pulls", true);
        check("/repos/{owner}/{repo}/pulls", "/repos/acme/api/pulls/7", false);
        check("/repos/{owner}/{repo}/pulls/{number}", "/repos/acme/api/pulls", false);
        check("/repos/{owner}/{repo}/commits/{ref*}/status", "/repos/acme/api/commits/a/b/status", true);
        check("/repos/{owner}/{repo}/commits/{ref*}/status", "/repos/acme/api/commits/status", false);
        check("/{owner}/{repo}/git-upload-pack", "/acme/api.git/git-upload-pack", true);
    }
}
