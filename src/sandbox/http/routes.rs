//! Tables of routes, and how a path finds its own.

use super::call::{Answer, Call, Params};
use crate::sandbox::model::Model;

/// One kind of call. `N` is what a host says a caller must have.
pub(crate) struct Route<N> {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// The name of the operation in the host's published description.
    pub(crate) operation: &'static str,
    pub(crate) needs: N,
    pub(crate) act: Act,
}

pub(crate) type Act = fn(&mut Model, &Call) -> Answer;

pub(crate) const fn get<N>(path: &'static str, operation: &'static str, needs: N, act: Act) -> Route<N> {
    Route { method: "GET", path, operation, needs, act }
}

pub(crate) const fn post<N>(path: &'static str, operation: &'static str, needs: N, act: Act) -> Route<N> {
    Route { method: "POST", path, operation, needs, act }
}

pub(crate) const fn patch<N>(path: &'static str, operation: &'static str, needs: N, act: Act) -> Route<N> {
    Route { method: "PATCH", path, operation, needs, act }
}

pub(crate) const fn put<N>(path: &'static str, operation: &'static str, needs: N, act: Act) -> Route<N> {
    Route { method: "PUT", path, operation, needs, act }
}

pub(crate) const fn delete<N>(path: &'static str, operation: &'static str, needs: N, act: Act) -> Route<N> {
    Route { method: "DELETE", path, operation, needs, act }
}

/// Matches a path against a pattern; `{name}` is one segment, `{name*}` one or more.
pub(crate) fn params(pattern: &'static str, path: &str) -> Option<Params> {
    let wanted: Vec<&'static str> = pattern.split('/').skip(1).collect();
    let given: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    let greedy = wanted.iter().any(|w| w.ends_with("*}"));
    let surplus = given.len().checked_sub(wanted.len())?;
    if surplus > 0 && !greedy {
        return None;
    }
    let mut params = Params::new();
    let mut at = 0;
    for part in wanted {
        let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) else {
            if given[at] != part {
                return None;
            }
            at += 1;
            continue;
        };
        let take = if name.ends_with('*') { surplus + 1 } else { 1 };
        let value = given[at..at + take].join("/");
        if value.is_empty() {
            return None;
        }
        params.insert(name.trim_end_matches('*'), value);
        at += take;
    }
    Some(params)
}

fn decoded(segment: &str) -> String {
    if !segment.contains('%') {
        return segment.to_owned();
    }
    let plus_kept = segment.replace('+', "%2B");
    let pairs = url::form_urlencoded::parse(plus_kept.as_bytes());
    pairs
        .map(|(key, value)| if value.is_empty() { key.into_owned() } else { format!("{key}={value}") })
        .collect()
}
