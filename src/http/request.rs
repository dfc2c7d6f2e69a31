//! What every request has: an id, which all lines of its work carry, and a line when it is answered.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest};
use std::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

const ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an id that is taken over.
const LONGEST: usize = 100;

/// Takes the id that the caller gave, if it is one, or makes one; the answer carries it.
pub(super) async fn named<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let id = request.headers().get(&ID).filter(|id| is_sane(id)).cloned().unwrap_or_else(new_id);
    request.extensions_mut().insert(Id(id.clone()));
    // The route, not the path: links in paths are signed.
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    let shown = id.to_str().unwrap_or_default();
    let span = tracing::info_span!("request", request.id = shown, delivery.guid = Empty, http.method = %request.method(), http.route = route);
    let begun = Instant::now();
    let answered = async {
        let answered = next.call(request).await;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &answered {
            Ok(response) => tracing::debug!(http.status = response.status().as_u16(), ms, "answered"),
            Err(error) => tracing::warn!(%error, ms, "a request failed"),
        }
        answered
    };
    let mut response = answered.instrument(span).await?;
    response.headers_mut().insert(ID, id);
    Ok(response)
}

/// The id of a request, which [`named`] left with it.
#[derive(Clone)]
struct Id(HeaderValue);

/// The id under which a request is found in the log.
pub(super) fn id(request: &HttpRequest) -> String {
    let known =
        request.extensions().get::<Id>().map(|Id(id)| String::from_utf8_lossy(id.as_bytes()).into_owned());
    known.unwrap_or_default()
}

/// Letters, digits and `-._`: nothing that could break a line of the log or a header.
fn is_sane(id: &HeaderValue) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    !id.is_empty() && id.len() <= LONGEST && id.as_bytes().iter().all(plain)
}

fn new_id() -> HeaderValue {
    let id = uuid::Uuid::new_v4().simple().to_string();
    HeaderValue::try_from(id).expect("hexadecimal digits may stand in a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, expected: bool) {
        assert_eq!(is_sane(&HeaderValue::from_str(id).unwrap()), expected, "{id}");
    }

    #[test]
    fn an_id_is_taken_over_when_it_is_harmless() {
        check("7f3b-2.A_c", true);
        check(&"a".repeat(100), true);
        check(&"a".repeat(101), false);
        check("", false);
        check("a b", false);
        check("a\"}", false);
        check("a\tb", false);
    }

    #[test]
    fn a_new_id_is_one_that_would_be_taken_over() {
        assert!(is_sane(&new_id()));
    }
}
