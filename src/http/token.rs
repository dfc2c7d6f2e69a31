//! The API token, as a bearer.

use actix_web::HttpRequest;
use actix_web::http::header;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// Compares digests, so that the time it takes says nothing about the token.
pub(super) fn is_borne(token: &SecretString, request: &HttpRequest) -> bool {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|text| text.to_str().ok());
    let given = given.and_then(|text| text.strip_prefix("Bearer "));
    given.is_some_and(|given| Sha256::digest(token.expose_secret()) == Sha256::digest(given))
}
