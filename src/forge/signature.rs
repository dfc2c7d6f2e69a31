//! Signatures and tokens of webhooks, over their raw bytes. Pure; used by `http/` to verify and by `replay` to sign.

use crate::domain::ids::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::time::Duration;

const PREFIX: &str = "sha256=";

/// Whether `header` (`X-Hub-Signature-256`) signs `body` with one of `secrets`, the current and the previous one.
///
/// Compares in constant time and tries every secret. A missing or malformed header, another algorithm and an empty
/// secret are never a match. <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
pub fn verify_github(secrets: &[SecretString], header: Option<&str>, body: &[u8]) -> bool {
    let Some(claimed) = header.and_then(digest) else {
        return false;
    };
    secrets
        .iter()
        .filter(|secret| !secret.expose_secret().is_empty())
        .fold(false, |known, secret| known | keyed(secret).chain_update(body).verify_slice(&claimed).is_ok())
}

/// The value of `X-Hub-Signature-256` for `body`.
pub fn sign_github(secret: &SecretString, body: &[u8]) -> String {
    let digest = keyed(secret).chain_update(body).finalize().into_bytes();
    format!("{PREFIX}{}", hex::encode(digest))
}

/// What GitLab may prove a delivery with. An operator who changes a secret has two of it for a while.
#[derive(Debug, Clone, Default)]
pub struct GitlabSecrets {
    /// What `X-Gitlab-Token` must be.
    pub tokens: Vec<SecretString>,
    /// Keys of signatures: `whsec_` and base64.
    pub signing: Vec<SecretString>,
}

/// The headers of a delivery by which GitLab proves it.
#[derive(Debug, Clone, Copy, Default)]
pub struct GitlabProof<'a> {
    /// `X-Gitlab-Token`.
    pub token: Option<&'a str>,
    /// `webhook-id`.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`: seconds since the epoch.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`: one or several, with a space between them.
    pub signature: Option<&'a str>,
}

/// How far a signed delivery's time may be from ours: what is older was replayed.
const SKEW: Duration = Duration::from_secs(5 * 60);
const SIGNING_PREFIX: &str = "whsec_";

/// Whether a delivery is GitLab's. A signature is believed where there is a key for it, and then nothing else: what is
/// signed wrongly does not pass by its token. A server that signs nothing is known by the token, which it sends in clear.
///
/// Compares in constant time and tries every secret; empty ones are never a match.
/// <https://docs.gitlab.com/user/project/integrations/webhooks/#validate-webhook-requests>
pub fn verify_gitlab(secrets: &GitlabSecrets, proof: GitlabProof<'_>, body: &[u8], now: Moment) -> bool {
    match proof.signature {
        Some(signatures) if !secrets.signing.is_empty() => {
            let (Some(id), Some(timestamp)) = (proof.id, proof.timestamp) else {
                return false;
            };
            is_recent(timestamp, now) && is_signed(&secrets.signing, (id, timestamp, signatures), body)
        }
        _ => proof.token.is_some_and(|token| is_token(&secrets.tokens, token)),
    }
}

/// The id that is signed with a verified delivery; `None` for one that is known by its token, whose headers are as anybody
/// on the way may have written them.
pub fn signed_id<'a>(secrets: &GitlabSecrets, proof: GitlabProof<'a>) -> Option<&'a str> {
    proof.id.filter(|_| proof.signature.is_some() && !secrets.signing.is_empty())
}

/// The value of `webhook-signature` for a delivery; `None` when the secret is not a key of this form.
pub fn sign_gitlab(secret: &SecretString, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let signature = signing(&signing_key(secret)?, id, timestamp, body).finalize().into_bytes();
    Some(format!("v1,{}", STANDARD.encode(signature)))
}

/// The key in `whsec_…`: base64 of at least 24 bytes.
pub fn signing_key(secret: &SecretString) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.expose_secret().trim().strip_prefix(SIGNING_PREFIX)?).ok()?;
    (key.len() >= 24).then_some(key)
}

fn is_recent(timestamp: &str, now: Moment) -> bool {
    let sent = timestamp.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000)).map(Moment);
    sent.is_some_and(|sent| now.since(sent).max(sent.since(now)) <= SKEW)
}

fn is_signed(secrets: &[SecretString], (id, timestamp, signatures): (&str, &str, &str), body: &[u8]) -> bool {
    let claimed: Vec<Vec<u8>> = signatures
        .split_whitespace()
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .collect();
    secrets.iter().filter_map(signing_key).fold(false, |known, key| {
        let expected = signing(&key, id, timestamp, body);
        claimed.iter().fold(known, |known, claimed| known | expected.clone().verify_slice(claimed).is_ok())
    })
}

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn signing(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let signed = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
    signed.chain_update(format!("{id}.{timestamp}.")).chain_update(body)
}

/// By keyed digests of both, so that the time it takes tells neither content nor length.
fn is_token(tokens: &[SecretString], given: &str) -> bool {
    tokens.iter().filter(|token| !token.expose_secret().is_empty()).fold(false, |known, token| {
        let expected = keyed(token).chain_update(token.expose_secret()).finalize().into_bytes();
        known | keyed(token).chain_update(given).verify_slice(&expected).is_ok()
    })
}

fn digest(header: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(header.strip_prefix(PREFIX)?, &mut digest).ok()?;
    Some(digest)
}

fn keyed(secret: &SecretString) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's own documentation page.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[track_caller]
    fn check(secrets: &[&str], header: Option<&str>, body: &[u8], expected: bool) {
        let secrets: Vec<_> = secrets.iter().map(|s| SecretString::from(*s)).collect();
        assert_eq!(verify_github(&secrets, header, body), expected);
    }

    #[test]
    fn the_documented_example_is_accepted_with_either_secret() {
        check(&[SECRET], Some(SIGNATURE), BODY, true);
        check(&["newer", SECRET], Some(SIGNATURE), BODY, true);
        check(&[SECRET, "older"], Some(SIGNATURE), BODY, true);
        assert_eq!(sign_github(&SecretString::from(SECRET), BODY), SIGNATURE);
    }

    #[test]
    fn one_changed_bit_or_another_secret_is_refused() {
        check(&[SECRET], Some(SIGNATURE), b"Hello, World?", false);
        check(&["other"], Some(SIGNATURE), BODY, false);
        check(&[], Some(SIGNATURE), BODY, false);
    }

    #[test]
    fn malformed_headers_are_refused() {
        let bare = SIGNATURE.trim_start_matches(PREFIX);
        for header in ["", "sha256=", bare, "sha1=757107ea", "sha256=zz", &SIGNATURE[..69]] {
            check(&[SECRET], Some(header), BODY, false);
        }
        check(&[SECRET], Some(&format!("{SIGNATURE}00")), BODY, false);
        check(&[SECRET], Some(&format!("{SIGNATURE} ")), BODY, false);
        check(&[SECRET], None, BODY, false);
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        let header = sign_github(&SecretString::from(""), BODY);
        check(&[""], Some(&header), BODY, false);
    }

    const KEY: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const OTHER: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    const NOW: Moment = Moment(1_795_467_067_000);

    fn gitlab(tokens: &[&str], signing: &[&str]) -> GitlabSecrets {
        let secrets = |list: &[&str]| list.iter().map(|secret| SecretString::from(*secret)).collect();
        GitlabSecrets { tokens: secrets(tokens), signing: secrets(signing) }
    }

    #[track_caller]
    fn check_gitlab(secrets: &GitlabSecrets, proof: GitlabProof<'_>, expected: bool) {
        assert_eq!(verify_gitlab(secrets, proof, BODY, NOW), expected);
    }

    fn token(token: &str) -> GitlabProof<'_> {
        GitlabProof { token: Some(token), ..GitlabProof::default() }
    }

    /// A delivery signed `late_s` seconds before now.
    #[track_caller]
    fn check_signed(
        secrets: &GitlabSecrets,
        key: &str,
        late_s: i64,
        around: fn(&str) -> String,
        expected: bool,
    ) {
        let timestamp = (NOW.0 / 1000 - late_s).to_string();
        let signature = around(&sign_gitlab(&SecretString::from(key), "d-1", &timestamp, BODY).unwrap());
        let proof = GitlabProof {
            token: Some("word"),
            id: Some("d-1"),
            timestamp: Some(&timestamp),
            signature: Some(&signature),
        };
        check_gitlab(secrets, proof, expected);
    }

    #[test]
    fn a_token_of_gitlab_is_the_current_or_the_previous_one() {
        check_gitlab(&gitlab(&["word"], &[]), token("word"), true);
        check_gitlab(&gitlab(&["newer", "word"], &[]), token("word"), true);
        check_gitlab(&gitlab(&["word"], &[KEY]), token("word"), true);
        for wrong in ["", "wor", "words", "Word"] {
            check_gitlab(&gitlab(&["word", ""], &[]), token(wrong), false);
        }
        check_gitlab(&gitlab(&["word"], &[]), GitlabProof::default(), false);
        check_gitlab(&gitlab(&[], &[KEY]), token(KEY), false);
    }

    #[test]
    fn a_signature_of_gitlab_is_believed_for_five_minutes() {
        let same = str::to_owned;
        let (both, only_signed) = (gitlab(&["word"], &[KEY]), gitlab(&[], &[OTHER, KEY]));
        for secrets in [&both, &only_signed] {
            check_signed(secrets, KEY, 0, same, true);
            check_signed(secrets, KEY, 300, same, true);
            check_signed(secrets, KEY, -300, same, true);
            check_signed(secrets, KEY, 301, same, false);
            check_signed(secrets, KEY, -301, same, false);
            check_signed(secrets, KEY, 0, |one| format!("v1,AAAA {one} v1a,xyz"), true);
        }
    }

    #[test]
    fn what_is_signed_wrongly_does_not_pass_by_its_token() {
        let both = gitlab(&["word"], &[KEY]);
        check_signed(&both, OTHER, 0, str::to_owned, false);
        for damage in
            [|_: &str| String::new(), |one: &str| one.replace("v1,", "v2,"), |one: &str| one[..20].to_owned()]
        {
            check_signed(&both, KEY, 0, damage, false);
        }
        check_signed(&gitlab(&["word"], &[]), KEY, 0, str::to_owned, true);
        let unsigned = GitlabProof { signature: Some("v1,AAAA"), ..token("word") };
        check_gitlab(&both, unsigned, false);
    }

    #[test]
    fn the_body_and_the_id_are_signed() {
        let secret = SecretString::from(KEY);
        let timestamp = (NOW.0 / 1000).to_string();
        let signature = sign_gitlab(&secret, "d-1", &timestamp, BODY).unwrap();
        let proof = GitlabProof {
            id: Some("d-1"),
            timestamp: Some(&timestamp),
            signature: Some(&signature),
            token: None,
        };
        let secrets = gitlab(&[], &[KEY]);
        assert!(verify_gitlab(&secrets, proof, BODY, NOW));
        assert!(!verify_gitlab(&secrets, proof, b"Hello, World?", NOW));
        check_gitlab(&secrets, GitlabProof { id: Some("d-2"), ..proof }, false);
        check_gitlab(&secrets, GitlabProof { id: None, ..proof }, false);
        check_gitlab(&secrets, GitlabProof { timestamp: None, ..proof }, false);
    }

    #[test]
    fn a_signing_token_has_its_form() {
        let key = |text: &str| signing_key(&SecretString::from(text));
        assert_eq!(key(KEY).map(|key| key.len()), Some(32));
        for wrong in ["", "word", "whsec_", "whsec_AAAA", "whsec_???", &KEY[6..]] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
    }
}
