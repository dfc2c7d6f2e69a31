//! `POST /webhooks/gitlab`: hooks of projects, groups and whole servers.

use super::{HEADER, Posted, Unread, take, unheard};
use crate::domain::project::ForgeKind;
use crate::forge::signature::{GitlabProof, GitlabSecrets, signed_id, verify_gitlab};
use crate::http::Web;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest as _, Sha256};

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
    let is_name = |text: &&str| !text.is_empty() && text.len() <= HEADER;
    let named = |name: &'static str| header(name).filter(is_name);
    let signed = signed_id(&web.gitlab, proof).filter(is_name);
    let of_ci = GitlabSecrets { tokens: web.ci_tokens.clone(), signing: Vec::new() };
    let proves = |secrets| verify_gitlab(secrets, proof, &body, web.ctx.now());
    let posted = Posted {
        forge: ForgeKind::Gitlab,
        by_forge: proves(&web.gitlab),
        by_ci: proves(&of_ci),
        event: named("x-gitlab-event").unwrap_or("unnamed"),
        guid: Ok(guid(signed, named, &body)),
        body: &body,
        query: request.query_string(),
    };
    let unproved =
        "the token or signature is missing, wrong or too old; check the webhook's secret and the clocks";
    take(&web, posted, unproved, Unread::IsAccepted).await
}

/// What a delivery is known by: the key that GitLab repeats when it sends it again, as it was signed if it was: GitLab says
/// it twice, as `webhook-id` and as `Idempotency-Key`. Older servers name the hook and the event, which hooks that set off
/// each other share, so the content counts as well.
fn guid<'a>(signed: Option<&'a str>, named: impl Fn(&'static str) -> Option<&'a str>, body: &[u8]) -> String {
    let digest = || hex::encode(Sha256::digest(body));
    match (
        signed.or_else(|| named("idempotency-key")),
        named("x-gitlab-webhook-uuid"),
        named("x-gitlab-event-uuid"),
    ) {
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
        let signed = named("webhook-id");
        assert_eq!(guid(signed, named, b""), expected);
    }

    #[test]
    fn a_delivery_is_known_by_the_best_that_gitlab_says() {
        const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let (hook, event) = (("x-gitlab-webhook-uuid", "h"), ("x-gitlab-event-uuid", "e"));
        check(&[("webhook-id", "w"), ("idempotency-key", "k"), hook, event], "w");
        check(&[("idempotency-key", "k"), hook, event], "k");
        check(&[hook, event], &format!("h:e:{EMPTY}"));
        check(&[event], EMPTY);
        check(&[], EMPTY);
    }
}
