//! `POST /webhooks/gitlab`: hooks of projects, groups and whole servers.

use super::{HEADER, Unread, refused, reply, stages, unheard};
use crate::domain::project::ForgeKind;
use crate::forge;
use crate::forge::signature::{GitlabProof, GitlabSecrets, verify_gitlab};
use crate::http::Web;
use crate::services::intake::{self, Delivery};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest as _, Sha256};
use tracing::Span;

/// 202 once it is stored, known already, not ours or unreadable: GitLab switches off a hook that is answered with an error
/// four times. 401 for what does not prove itself; 413 for more than 25 MiB; 503 when it could not be stored.
/// <https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks>
pub(in crate::http) async fn gitlab(
    web: Data<Web>,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    let body = match body {
        Ok(body) => body,
        Err(error) => return unheard(&error),
    };
    let header = |name: &str| request.headers().get(name).and_then(|text| text.to_str().ok());
    let proof = GitlabProof {
        token: header("x-gitlab-token"),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    let named = |name: &'static str| header(name).filter(|text| !text.is_empty() && text.len() <= HEADER);
    let event = named("x-gitlab-event").unwrap_or("unnamed");
    let of_ci = GitlabSecrets { tokens: web.ci_tokens.clone(), signing: Vec::new() };
    let proves = |secrets| verify_gitlab(secrets, proof, &body, web.ctx.now());
    let (by_forge, by_ci) = (proves(&web.gitlab), proves(&of_ci));
    let told = Some(event).filter(|_| by_forge || by_ci);
    let told = told.and_then(|event| forge::stage(ForgeKind::Gitlab, event, &body));
    if !by_forge && told.is_none() {
        let words =
            "the token or signature is missing, wrong or too old; check the webhook's secret and the clocks";
        return refused(&web.ctx.meters, words);
    }
    let named_protocol = stages::named_protocol(request.query_string());
    let guid = match &told {
        Some(told) => stages::key(told, &body, named_protocol, web.ctx.now()),
        None => guid(named, &body),
    };
    Span::current().record("delivery.guid", &guid);
    let delivery = Delivery { forge: ForgeKind::Gitlab, guid: &guid, event, body: &body, named_protocol };
    let received = intake::receive(&web.ctx, &delivery).await;
    reply(&web.ctx.meters, received, Unread::IsAccepted)
}

/// What a delivery is known by: the key that GitLab repeats when it sends it again. Older servers name the hook and the
/// event, which hooks that set off each other share, so the content counts as well.
fn guid<'a>(named: impl Fn(&'static str) -> Option<&'a str>, body: &[u8]) -> String {
    let digest = || hex::encode(Sha256::digest(body));
    match (named("idempotency-key"), named("x-gitlab-webhook-uuid"), named("x-gitlab-event-uuid")) {
        (Some(key), _, _) => key.to_owned(),
        (None, Some(hook), Some(event)) => format!("{hook}:{event}:{}", digest()),
        _ => digest(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &'static str)], expected: &str) {
        let named = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        assert_eq!(guid(named, b""), expected);
    }

    #[test]
    fn a_delivery_is_known_by_the_best_that_gitlab_says() {
        const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let (hook, event) = (("x-gitlab-webhook-uuid", "h"), ("x-gitlab-event-uuid", "e"));
        check(&[("idempotency-key", "k"), hook, event], "k");
        check(&[hook, event], &format!("h:e:{EMPTY}"));
        check(&[event], EMPTY);
        check(&[], EMPTY);
    }
}
