//! Links to our own pages: signed, so that they open without a login, and expiring.

use crate::domain::ids::{Moment, ProtocolId, RunId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use std::time::Duration;
use url::Url;

/// How long a link opens its page, from the start of its protocol.
const VALID: Duration = Duration::from_secs(180 * 24 * 3600);

/// Makes and checks links. The key is derived from a secret that every process of one bot shares.
#[derive(Debug, Clone)]
pub struct Links {
    base: Url,
    key: SecretString,
}

impl Links {
    /// `base` is how browsers reach the bot; `secret` is its webhook secret.
    pub fn new(base: Url, secret: &SecretString) -> Self {
        let key = tag(secret.expose_secret().as_bytes(), "tasksgodzilla page links");
        Self { base, key: SecretString::from(key) }
    }

    pub fn protocol(&self, id: ProtocolId, since: Moment) -> String {
        self.signed("protocols", id.0, since)
    }

    pub fn run(&self, id: RunId, since: Moment) -> String {
        self.signed("runs", id.0, since)
    }

    /// A file that a run left; the link that opens the run opens its files too.
    pub fn artifact(&self, run: RunId, name: &str, since: Moment) -> String {
        let link = self.run(run, since);
        let (page, query) = link.split_once('?').unwrap_or((&link, ""));
        format!("{page}/artifacts/{name}?{query}")
    }

    /// The same moment gives the same link, so that a report does not change by being rendered again.
    fn signed(&self, kind: &str, id: i64, since: Moment) -> String {
        let expires = since.plus(VALID).0 / 1000;
        let signature = self.signature(kind, id, expires);
        let base = self.base.as_str().trim_end_matches('/');
        format!("{base}/{kind}/{id}?expires={expires}&signature={signature}")
    }

    /// Whether a link is ours and has not expired.
    pub fn opens(&self, kind: &str, id: i64, expires: i64, signature: &str, now: Moment) -> bool {
        let mac = mac(self.key.expose_secret().as_bytes(), &message(kind, id, expires));
        let given = hex::decode(signature).unwrap_or_default();
        now.0 / 1000 < expires && mac.verify_slice(&given).is_ok()
    }

    fn signature(&self, kind: &str, id: i64, expires: i64) -> String {
        tag(self.key.expose_secret().as_bytes(), &message(kind, id, expires))
    }
}

fn message(kind: &str, id: i64, expires: i64) -> String {
    format!("{kind}:{id}:{expires}")
}

fn tag(key: &[u8], message: &str) -> String {
    hex::encode(mac(key, message).finalize().into_bytes())
}

fn mac(key: &[u8], message: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is taken");
    mac.update(message.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(secret: &str) -> Links {
        Links::new(Url::parse("https://bot.example/base/").expect("address"), &SecretString::from(secret))
    }

    fn parts(link: &str) -> (i64, String) {
        let url = Url::parse(link).expect("address");
        let get =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, text)| text.into_owned());
        (get("expires").expect("expires").parse().expect("number"), get("signature").expect("signature"))
    }

    #[test]
    fn a_link_opens_its_own_page_until_it_expires() {
        let ours = links("s");
        let link = ours.run(RunId(7), Moment(0));
        assert!(link.starts_with("https://bot.example/base/runs/7?expires="), "{link}");
        let (expires, signature) = parts(&link);
        assert!(ours.opens("runs", 7, expires, &signature, Moment(1)));
        assert!(!ours.opens("runs", 7, expires, &signature, Moment(expires * 1000)));
        assert!(!ours.opens("runs", 8, expires, &signature, Moment(1)));
        assert!(!ours.opens("protocols", 7, expires, &signature, Moment(1)));
        assert!(!ours.opens("runs", 7, expires + 1, &signature, Moment(1)));
        assert!(!ours.opens("runs", 7, expires, "", Moment(1)));
        assert!(!ours.opens("runs", 7, expires, "zz", Moment(1)));
        assert!(!links("other").opens("runs", 7, expires, &signature, Moment(1)));
    }

    #[test]
    fn rendering_again_gives_the_same_link() {
        assert_eq!(
            links("s").protocol(ProtocolId(1), Moment(5)),
            links("s").protocol(ProtocolId(1), Moment(5))
        );
    }
}
