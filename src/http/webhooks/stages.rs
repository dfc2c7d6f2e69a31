//! Stages of CI come to the same addresses as the forges' deliveries, from scripts that give them no id.

use crate::domain::ids::{Moment, ProtocolId};
use crate::domain::stage::StageTold;
use crate::forge::Unreadable;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

/// How long what names no commit is one delivery, in milliseconds.
const SLOT: i64 = 10_000;

/// What a delivery that tells a stage is known by: its content. Headers are signed by nobody, so an id in them counts for
/// nothing.
///
/// What names its commit is known for ever. Older scripts post the same bytes for every commit and stage: told again
/// within ten seconds it is the same delivery, and later another one, or a change back would be lost.
pub(super) fn key(
    told: &Result<StageTold, Unreadable>,
    body: &[u8],
    named: Option<ProtocolId>,
    now: Moment,
) -> String {
    let digest = hex::encode(Sha256::digest(body));
    let named = named.map(|id| format!(":{id}")).unwrap_or_default();
    match told {
        Ok(StageTold { sha: Some(_), .. }) => format!("stage:{digest}{named}"),
        _ => format!("stage:{digest}{named}@{}", now.0 / SLOT),
    }
}

/// The protocol in an address' query.
pub(super) fn named_protocol(query: &str) -> Option<ProtocolId> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (_, id) = pairs.find(|(name, _)| name == "protocol_run_id")?;
    id.parse().ok().map(ProtocolId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::project::ForgeKind;
    use crate::forge;

    fn key_at(body: &str, named: Option<i64>, ms: i64) -> String {
        let told = forge::stage(ForgeKind::Github, "status", body.as_bytes()).unwrap();
        key(&told, body.as_bytes(), named.map(ProtocolId), Moment(ms))
    }

    #[test]
    fn what_names_its_commit_is_one_delivery_for_ever() {
        let body = |attempt: &str| {
            let sha = "0123456789abcdef0123456789abcdef01234567";
            format!(r#"{{"state":"failure","ref":"0001-a","sha":"{sha}","attempt":"{attempt}"}}"#)
        };
        let known = key_at(&body("1"), None, 0);
        assert_eq!(known, key_at(&body("1"), None, 1_800_000_000_000));
        assert_ne!(known, key_at(&body("2"), None, 0));
        assert_ne!(known, key_at(&body("1"), Some(7), 0));
    }

    #[test]
    fn what_names_no_commit_is_one_delivery_for_ten_seconds() {
        let body = r#"{"state":"failure","ref":"0001-a"}"#;
        let known = key_at(body, None, 20_000);
        assert_eq!(known, key_at(body, None, 29_999));
        assert_ne!(known, key_at(body, None, 30_000));
        let unreadable = r#"{"ref":"0001-a"}"#;
        assert_eq!(key_at(unreadable, None, 0), key_at(unreadable, None, 1));
    }

    #[test]
    fn a_protocol_is_named_by_its_number() {
        let check =
            |query: &str, id: Option<i64>| assert_eq!(named_protocol(query), id.map(ProtocolId), "{query}");
        check("protocol_run_id=7", Some(7));
        check("a=b&protocol_run_id=7", Some(7));
        for none in ["", "protocol_run_id=", "protocol_run_id=seven", "protocol=7"] {
            check(none, None);
        }
    }
}
