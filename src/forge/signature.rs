//! Signatures of webhooks over their raw bytes. Pure; used by `http/` to verify and by `replay` to sign.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

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
}
