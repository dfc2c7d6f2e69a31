//! What `report.sh` posts: a stage of CI in the dress of a status or a pipeline. Pure, and the same for every host.
//!
//! The script of a repository may be an older one, which names neither repository nor commit nor stage; such a body is read
//! as well. docs/ci.md lists the fields.

use super::webhook::{Parsed, Peek, Unreadable, read, unreadable};
use crate::domain::ci::CiState;
use crate::domain::ids::Sha;
use crate::domain::stage::{Ending, RepoHint, Stage, StageTold};
use crate::domain::text::clipped;
use serde::Deserialize;

/// Characters of a name that are kept: the store finds stages by them, and Postgres has room for 2,700 bytes in an index.
/// <https://www.postgresql.org/docs/current/btree.html>
const NAME: usize = 200;
/// Characters of an address that are kept.
const ADDRESS: usize = 2000;

/// Looks at a body that tells a stage. It is read whole, so that its sender hears at once what is wrong with it.
pub(in crate::forge) fn peek(told: Result<StageTold, Unreadable>) -> Peek {
    match told {
        Ok(StageTold { repo: Some(RepoHint::Id(id)), .. }) => {
            Peek { repo: Some(id), ours: true, ..Peek::default() }
        }
        Ok(_) => Peek { ours: true, ..Peek::default() },
        Err(unreadable) => Peek { unreadable: Some(unreadable.reason), ..Peek::default() },
    }
}

/// The same, as what a worker does about it.
pub(in crate::forge) fn parse(told: Result<StageTold, Unreadable>) -> Result<Parsed, Unreadable> {
    told.map(|told| Parsed::Stage(Box::new(told)))
}

/// In GitHub's dress, a `status`: everything at the top, and a `repository`.
pub(in crate::forge) fn in_status(event: &str, body: &[u8]) -> Result<StageTold, Unreadable> {
    #[derive(Deserialize)]
    struct Status {
        #[serde(flatten)]
        stage: WireStage,
        repository: Option<WireRepo>,
    }
    let Status { stage, repository } = read(event, body)?;
    told(event, stage, repository)
}

/// In GitLab's dress, a `pipeline`: everything in its `object_attributes`, and a `project`.
pub(in crate::forge) fn in_pipeline(event: &str, body: &[u8]) -> Result<StageTold, Unreadable> {
    #[derive(Deserialize)]
    struct Pipeline {
        object_attributes: WireStage,
        project: Option<WireRepo>,
    }
    let Pipeline { object_attributes, project } = read(event, body)?;
    told(event, object_attributes, project)
}

#[derive(Deserialize)]
struct WireStage {
    #[serde(alias = "status")]
    state: String,
    #[serde(default)]
    branches: Vec<WireBranch>,
    #[serde(rename = "ref")]
    git_ref: Option<String>,
    sha: Option<String>,
    /// GitHub's word for what a status is about.
    #[serde(rename = "context", alias = "stage")]
    name: Option<String>,
    pipeline: Option<String>,
    attempt: Option<String>,
    #[serde(rename = "target_url", alias = "url")]
    address: Option<String>,
    last: Option<bool>,
}

#[derive(Deserialize)]
struct WireBranch {
    name: String,
}

#[derive(Deserialize)]
struct WireRepo {
    id: Option<i64>,
    #[serde(alias = "path_with_namespace")]
    full_name: Option<String>,
}

fn told(event: &str, wire: WireStage, repo: Option<WireRepo>) -> Result<StageTold, Unreadable> {
    let wrong = |reason: &str| unreadable(event, reason.to_owned());
    let branch = wire.branches.into_iter().next().map(|branch| branch.name).or(wire.git_ref);
    let branch = branch.as_deref().map(|name| name.strip_prefix("refs/heads/").unwrap_or(name));
    let sha = match wire.sha.as_deref() {
        None | Some("") => None,
        Some(sha) => Some(Sha::parse(sha).ok_or_else(|| wrong("its `sha` is no full commit id"))?),
    };
    let url = wire.address.filter(|address| !address.is_empty()).map(|address| clipped(&address, ADDRESS));
    let name = |text: Option<String>| text.map(|text| clipped(&text, NAME)).unwrap_or_default();
    let own_name = wire.name.filter(|name| !name.is_empty());
    Ok(StageTold {
        repo: repo.and_then(|repo| repo.id.map(RepoHint::Id).or(repo.full_name.map(RepoHint::FullName))),
        branch: branch.filter(|name| !name.is_empty()).ok_or_else(|| wrong("it names no branch"))?.to_owned(),
        sha,
        stage: Stage {
            pipeline: name(wire.pipeline),
            name: name(own_name.or_else(|| url.clone())),
            attempt: name(wire.attempt),
            state: state(&wire.state)
                .ok_or_else(|| wrong("its state is no word for success, failure or running"))?,
            url,
            ending: match wire.last {
                Some(true) => Ending::Now,
                Some(false) => Ending::Later,
                None => Ending::Unsaid,
            },
        },
    })
}

/// The words of both hosts, since scripts send either to either.
fn state(word: &str) -> Option<CiState> {
    Some(match word.to_ascii_lowercase().as_str() {
        "success" | "passed" | "neutral" | "skipped" => CiState::Passed,
        "failure" | "failed" | "error" | "cancelled" | "canceled" | "timed_out" => CiState::Failed,
        "pending" | "running" | "queued" | "in_progress" | "created" => CiState::Pending,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    #[track_caller]
    fn both(attributes: &str, repo: &str) -> Result<StageTold, String> {
        let status = format!("{{{attributes}{}}}", repo.replacen("{", r#","repository":{"#, 1));
        let repo = repo.replace("full_name", "path_with_namespace").replacen("{", r#","project":{"#, 1);
        let pipeline = format!(r#"{{"object_kind":"pipeline","object_attributes":{{{attributes}}}{repo}}}"#);
        let told = in_status("status", status.as_bytes()).map_err(|unreadable| unreadable.reason);
        let as_pipeline = in_pipeline("Hook", pipeline.as_bytes()).map_err(|unreadable| unreadable.reason);
        let reason = |told: &Result<StageTold, String>| {
            told.clone().map_err(|reason| reason.split(" (").next().map(str::to_owned))
        };
        assert_eq!(reason(&told), reason(&as_pipeline), "the dress makes no difference");
        told
    }

    #[test]
    fn a_stage_is_read_whole() {
        let attributes = format!(
            r#""state":"failure","branches":[{{"name":"0001-a"}}],"ref":"x","sha":"{SHA}","context":"lint",
               "pipeline":"CI","attempt":"7.1","target_url":"https://ci/1","last":false"#
        );
        let told = both(&attributes, r#"{"id":700,"full_name":"acme/api"}"#).unwrap();
        let stage = Stage {
            pipeline: "CI".to_owned(),
            name: "lint".to_owned(),
            attempt: "7.1".to_owned(),
            state: CiState::Failed,
            url: Some("https://ci/1".to_owned()),
            ending: Ending::Later,
        };
        let expected = StageTold {
            repo: Some(RepoHint::Id(700)),
            branch: "0001-a".to_owned(),
            sha: Sha::parse(SHA),
            stage,
        };
        assert_eq!(told, expected);
        let named =
            both(r#""state":"success","ref":"refs/heads/0001-a""#, r#"{"full_name":"acme/api"}"#).unwrap();
        assert_eq!(named.repo, Some(RepoHint::FullName("acme/api".to_owned())));
        assert_eq!((named.branch.as_str(), named.sha), ("0001-a", None));
    }

    #[test]
    fn the_seeds_script_names_neither_repository_nor_commit_nor_stage() {
        let status = r#""state":"success","branches":[{"name":"0001-a"}],"target_url":"https://github.com","ref":"0001-a""#;
        let told = both(status, "").unwrap();
        assert_eq!((told.repo, told.sha, told.stage.ending), (None, None, Ending::Unsaid));
        assert_eq!(told.stage.name, "https://github.com");
        let told = both(r#""status":"failure","ref":"0001-a""#, "").unwrap();
        assert_eq!((told.stage.state, told.stage.name.as_str()), (CiState::Failed, ""));
    }

    #[test]
    fn words_of_both_hosts_are_understood() {
        for (words, expected) in [
            (&["success", "passed", "SUCCESS", "skipped", "neutral"][..], CiState::Passed),
            (
                &["failure", "failed", "Failed", "error", "canceled", "cancelled", "timed_out"],
                CiState::Failed,
            ),
            (&["pending", "running", "queued", "in_progress", "created"], CiState::Pending),
        ] {
            for word in words {
                let told = both(&format!(r#""state":"{word}","ref":"0001-a""#), "").unwrap();
                assert_eq!(told.stage.state, expected, "{word}");
            }
        }
    }

    #[test]
    fn long_words_are_cut() {
        let long = "é".repeat(3000);
        let attributes =
            format!(r#""state":"success","ref":"0001-a","pipeline":"{long}","target_url":"{long}""#);
        let stage = both(&attributes, "").unwrap().stage;
        let kept = [&stage.pipeline, &stage.name, &stage.url.unwrap()].map(|text| text.chars().count());
        assert_eq!(kept, [NAME + 1, NAME + 1, ADDRESS + 1]);
    }

    #[track_caller]
    fn check_unreadable(attributes: &str, expected: &str) {
        let reason = both(attributes, "").unwrap_err();
        assert!(reason.starts_with(expected), "{reason}");
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_is_guessed() {
        check_unreadable(r#""state":"success""#, "it names no branch");
        check_unreadable(r#""state":"success","ref":"""#, "it names no branch");
        check_unreadable(r#""ref":"0001-a""#, "missing field `state`");
        check_unreadable(
            r#""state":"fine","ref":"0001-a""#,
            "its state is no word for success, failure or running",
        );
        check_unreadable(
            r#""state":"success","ref":"0001-a","sha":"0123""#,
            "its `sha` is no full commit id",
        );
    }
}
