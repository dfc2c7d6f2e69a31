//! What an answer says beside its content: its status, how much of the limit is left. It is counted.

use super::client::{As, Ask};
use super::links;
use crate::forge::wire::counted;
use crate::meter::Meters;
use http::{HeaderMap, StatusCode};
use std::time::{Instant, SystemTime};

/// What was heard of one request.
pub(super) struct Heard {
    begun: Instant,
    status: Option<StatusCode>,
    remaining: Option<(&'static str, i64)>,
    /// The host's time, to the second.
    pub(super) time: Option<SystemTime>,
}

impl Heard {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), status: None, remaining: None, time: None }
    }

    /// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit>
    pub(super) fn hear(&mut self, status: StatusCode, headers: &HeaderMap) {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let resource = match text("x-ratelimit-resource") {
            Some("core") | None => "core",
            Some("graphql") => "graphql",
            Some(_) => "other",
        };
        self.status = Some(status);
        self.time = text("date").and_then(|date| httpdate::parse_http_date(date).ok());
        self.remaining = text("x-ratelimit-remaining").and_then(|left| Some((resource, left.parse().ok()?)));
    }

    pub(super) fn count(&self, meters: &Meters, who: As<'_>, ask: &Ask) {
        let call = counted("github", &ask.method, links::pattern(&ask.path), self.status);
        meters.call(&call, self.begun.elapsed());
        if let (As::Installation(id, _), Some((resource, remaining))) = (who, self.remaining) {
            meters.rate_remaining("github", id, resource, remaining);
        }
    }
}
