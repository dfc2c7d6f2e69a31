//! A request as handlers see it, and the answer they give.

use crate::sandbox::acts::Refused;
use crate::sandbox::github::{Access, Permissions};
use crate::sandbox::model::{Actor, Model};
use actix_web::HttpRequest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) type Params = BTreeMap<&'static str, String>;
pub(crate) type Answer = Result<Reply, Refused>;

/// A request as it came.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) agent: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn new(request: &HttpRequest, body: Vec<u8>) -> Self {
        let text =
            |(name, value): (&actix_web::http::header::HeaderName, &actix_web::http::header::HeaderValue)| {
                (name.as_str().to_ascii_lowercase(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            };
        let headers: Vec<(String, String)> = request.headers().iter().map(text).collect();
        let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        Self {
            method: request.method().to_string(),
            path: request.path().to_owned(),
            query: request.query_string().to_owned(),
            agent: header("user-agent").filter(|a| !a.is_empty()),
            authorization: header("authorization"),
            headers,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// What was sent: JSON, or a form as an object of texts; null without a body.
    pub(crate) fn fields(&self) -> serde_json::Result<Value> {
        let kind = self.header("content-type").unwrap_or_default();
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        if kind.starts_with("application/x-www-form-urlencoded") {
            let pairs = url::form_urlencoded::parse(&self.body).into_owned();
            return Ok(pairs.map(|(name, value)| (name, Value::String(value))).collect());
        }
        serde_json::from_slice(&self.body)
    }

    /// The token or assertion that is shown, whatever its scheme.
    pub(crate) fn token(&self) -> Option<String> {
        let private = self.header("private-token").map(str::to_owned);
        private.or_else(|| shown(self.authorization.as_deref()?))
    }
}

/// The token in a header; `None` for what is no such header.
pub(crate) fn shown(header: &str) -> Option<String> {
    let (scheme, value) = header.trim().split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(value.trim().to_owned()),
        "basic" => {
            let pair = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
            let (user, password) = pair.split_once(':')?;
            let is_user = password.is_empty() || password == "x-oauth-basic";
            Some(if is_user { user } else { password }.to_owned())
        }
        _ => None,
    }
}

/// Who asks, by what was shown.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    Nobody,
    Person { login: String },
    App { app: u64 },
    Installation { app: u64, repos: Vec<u64>, permissions: Permissions },
}

impl Caller {
    /// The App and the login for the request log.
    pub(crate) fn names(&self, model: &Model) -> (Option<u64>, Option<String>) {
        match self {
            Caller::Nobody => (None, None),
            Caller::Person { login } => (None, Some(login.clone())),
            Caller::App { app } => (Some(*app), None),
            Caller::Installation { app, .. } => (Some(*app), Some(model.bot_of(*app).login)),
        }
    }

    pub(crate) fn may(&self, permission: &str, access: Access) -> bool {
        match self {
            Caller::Installation { permissions, .. } => {
                permissions.get(permission).is_some_and(|has| *has >= access)
            }
            _ => false,
        }
    }

    pub(crate) fn actor(&self, model: &Model) -> Actor {
        match self {
            Caller::Person { login } => Actor::person(login),
            Caller::App { app } | Caller::Installation { app, .. } => model.bot_of(*app),
            Caller::Nobody => Actor::person("ghost"),
        }
    }
}

/// A request that found its route and may be answered.
pub(crate) struct Call {
    pub(crate) caller: Caller,
    /// The repository in the path; 0 where the route has none.
    pub(crate) repo: u64,
    pub(crate) body: Value,
    params: Params,
    query: Vec<(String, String)>,
    url: String,
}

impl Call {
    pub(crate) fn new(
        model: &Model,
        asked: &Asked,
        body: Value,
        (params, caller, repo): (Params, Caller, u64),
    ) -> Self {
        let query = url::form_urlencoded::parse(asked.query.as_bytes()).into_owned().collect();
        Self { caller, repo, body, params, query, url: format!("{}{}", model.site.url, asked.path) }
    }

    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// A number in the path; anything else is a path that does not exist.
    pub(crate) fn number(&self, name: &str) -> Result<u64, Refused> {
        self.param(name).parse().map_err(|_| Refused::missing())
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn actor(&self, model: &Model) -> Actor {
        self.caller.actor(model)
    }

    /// The repository and the number of the thread in the path.
    pub(crate) fn thread(&self) -> Result<(u64, u64), Refused> {
        Ok((self.repo, self.number("number")?))
    }

    /// A field that must be text.
    pub(crate) fn text(&self, field: &str) -> Result<&str, Refused> {
        match self.body.get(field) {
            None | Some(Value::Null) => Err(Refused::schema(format_args!("\"{field}\" wasn't supplied."))),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(wrong_type(field, other, "string")),
        }
    }

    /// A field that may be missing or null, else must be text.
    pub(crate) fn maybe_text(&self, field: &str) -> Result<Option<&str>, Refused> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text(field).map(Some),
        }
    }

    pub(crate) fn maybe_flag(&self, field: &str) -> Result<Option<bool>, Refused> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong_type(field, other, "boolean")),
        }
    }

    /// A text field with a closed list of words.
    pub(crate) fn maybe_word(&self, field: &str, words: &[&str]) -> Result<Option<&str>, Refused> {
        let Some(word) = self.maybe_text(field)? else {
            return Ok(None);
        };
        if words.contains(&word) {
            return Ok(Some(word));
        }
        let list = words.join(", ");
        Err(Refused::schema(format_args!("For 'properties/{field}', {word:?} is not a member of [{list}].")))
    }

    /// How many things a page has, `usual` if nothing is said.
    pub(crate) fn page_size(&self, usual: usize) -> usize {
        self.query("per_page").and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(usual).min(100)
    }

    /// The page asked for, from 1.
    pub(crate) fn page_number(&self) -> usize {
        self.query("page").and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(1)
    }

    /// Cuts a list to the page asked for and names its neighbours in `Link`, with absolute addresses.
    pub(crate) fn page(&self, items: Vec<Value>) -> (Vec<Value>, Vec<(&'static str, String)>) {
        let (size, page) = (self.page_size(30), self.page_number());
        let last = items.len().div_ceil(size).max(1);
        let mut links = Vec::new();
        let mut link = |rel: &str, page: usize| links.push(self.link(rel, ("page", page.to_string())));
        if page > 1 {
            link("prev", page - 1);
            link("first", 1);
        }
        if page < last {
            link("next", page + 1);
            link("last", last);
        }
        let shown = items.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        (shown, link_header(&links))
    }

    /// Cuts a list, newest first, after the entry that `cursor` names; cursors are words that only we understand.
    pub(crate) fn cursor_page(&self, items: Vec<(u64, Value)>) -> Reply {
        let size = self.page_size(30);
        let cursor: Option<u64> = self.query("cursor").and_then(|c| c.strip_prefix("v1_")?.parse().ok());
        let mut rest = items.into_iter().filter(|(id, _)| cursor.is_none_or(|c| *id < c)).peekable();
        let shown: Vec<(u64, Value)> = rest.by_ref().take(size).collect();
        let next = shown.last().filter(|_| rest.peek().is_some());
        let links: Vec<String> =
            next.map(|(id, _)| self.link("next", ("cursor", format!("v1_{id}")))).into_iter().collect();
        let values: Vec<Value> = shown.into_iter().map(|(_, value)| value).collect();
        Reply { headers: link_header(&links), ..Reply::json(200, values) }
    }

    pub(crate) fn link(&self, rel: &str, (name, value): (&str, String)) -> String {
        let kept = self.query.iter().filter(|(n, _)| n != name);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).append_pair(name, &value);
        format!("<{}?{}>; rel=\"{rel}\"", self.url, query.finish())
    }
}

pub(crate) fn link_header(links: &[String]) -> Vec<(&'static str, String)> {
    if links.is_empty() { Vec::new() } else { vec![("link", links.join(", "))] }
}

pub(crate) fn wrong_type(field: &str, value: &Value, wanted: &str) -> Refused {
    let article = if wanted.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    Refused::schema(format_args!("For 'properties/{field}', {value} is not {article} {wanted}."))
}

pub(crate) enum Content {
    Empty,
    Json(Value),
    Bytes(String, Vec<u8>),
}

pub(crate) struct Reply {
    /// A delivery that is posted first: this is the answer if its receiver takes it.
    pub(crate) after: Option<u64>,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content: Content,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: Vec<(&'static str, String)>, content: Content) -> Self {
        Self { after: None, status, headers, content }
    }

    pub(crate) fn json(status: u16, value: impl Into<Value>) -> Self {
        Self::new(status, Vec::new(), Content::Json(value.into()))
    }

    pub(crate) fn ok(value: impl Into<Value>) -> Answer {
        Ok(Self::json(200, value))
    }

    pub(crate) fn created(value: impl Into<Value>) -> Answer {
        Ok(Self::json(201, value))
    }

    pub(crate) fn empty() -> Answer {
        Ok(Self::new(204, Vec::new(), Content::Empty))
    }

    /// A list of the page asked for.
    pub(crate) fn list(call: &Call, items: Vec<Value>) -> Answer {
        let (shown, headers) = call.page(items);
        Ok(Self { headers, ..Self::json(200, shown) })
    }

    /// A page of a list inside an object: `{"total_count": …, "<name>": […]}`.
    pub(crate) fn counted(call: &Call, name: &str, items: Vec<Value>) -> Answer {
        let total = items.len();
        let (shown, headers) = call.page(items);
        Ok(Self { headers, ..Self::json(200, serde_json::json!({ "total_count": total, name: shown })) })
    }
}
