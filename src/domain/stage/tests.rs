use super::*;
use crate::domain::ci::CiStatus::{self, Failed as Red, Inconclusive, Passed as Green, Waiting};
use crate::domain::ci::{self, CiFacts, PATIENCE, SILENCE};
use crate::domain::ids::Moment;

fn stage(told: &str) -> Stage {
    let [pipeline, name, state, ending] = told.split(' ').collect::<Vec<_>>()[..] else {
        panic!("`{told}` is not pipeline, name, state, ending")
    };
    Stage {
        pipeline: pipeline.to_owned(),
        name: name.to_owned(),
        attempt: String::new(),
        state: match state {
            "green" => CiState::Passed,
            "red" => CiState::Failed,
            _ => CiState::Pending,
        },
        url: None,
        ending: match ending {
            "later" => Ending::Later,
            "now" => Ending::Now,
            _ => Ending::Unsaid,
        },
    }
}

/// What CI is ten seconds after the push, and after the time when results must have come to an end.
#[track_caller]
fn check(forge: &[CiState], told: &[&str], soon: CiStatus, at_last: CiStatus) {
    let result = |state: &CiState| CiResult { name: "build".to_owned(), state: *state, url: None, job: None };
    let stages: Vec<Stage> = told.iter().map(|told| stage(told)).collect();
    let facts = CiFacts {
        results: with_stages(forge.iter().map(result).collect(), &stages),
        none_expected: false,
        pushed_at: Moment(0),
        silence: SILENCE,
        patience: PATIENCE,
    };
    let judged = [10_000, 3_600_000].map(|ms| ci::judge(&facts, Moment(ms)));
    assert_eq!(judged, [soon, at_last], "{told:?}");
}

#[test]
fn green_stages_are_green_once_the_newest_says_that_it_is_the_last() {
    check(&[], &["ci build green later"], Waiting, Inconclusive);
    check(&[], &["ci build green later", "ci lint green later"], Waiting, Inconclusive);
    check(&[], &["ci build green later", "ci lint green now"], Green, Green);
    check(&[], &["ci build green now"], Green, Green);
    check(&[], &["ci build running later", "ci lint green now"], Waiting, Inconclusive);
}

#[test]
fn a_pipeline_that_begins_anew_is_not_over() {
    check(&[], &["ci deploy green now", "ci build green later"], Waiting, Inconclusive);
    check(&[], &["ci deploy green now", "ci build running later"], Waiting, Inconclusive);
}

#[test]
fn one_red_stage_is_red() {
    for end in ["later", "now", "unsaid"] {
        check(&[], &[&format!("ci build red {end}")], Red, Red);
        check(&[CiState::Pending], &[&format!("ci build red {end}")], Red, Red);
    }
    check(&[CiState::Passed], &["ci build red later", "ci lint green now"], Red, Red);
    check(&[CiState::Failed], &["ci build green now"], Red, Red);
}

#[test]
fn each_pipeline_ends_by_itself() {
    check(&[], &["a build green later", "b build green now"], Waiting, Inconclusive);
    check(&[], &["b build green now", "a build green now"], Green, Green);
}

#[test]
fn what_says_nothing_of_the_end_is_over_with_the_forges_own_results() {
    check(&[], &["ci build green unsaid"], Waiting, Inconclusive);
    check(&[CiState::Pending], &["ci build green unsaid"], Waiting, Inconclusive);
    check(&[CiState::Passed], &["ci build green unsaid"], Green, Green);
    check(&[CiState::Passed], &["ci build green later"], Waiting, Inconclusive);
}

#[test]
fn without_stages_nothing_changes() {
    check(&[], &[], Waiting, CiStatus::None);
    check(&[CiState::Passed], &[], Green, Green);
}

#[test]
fn a_stage_is_shown_by_its_names() {
    let title = |pipeline: &str, name: &str, url: Option<&str>| {
        let url = url.map(str::to_owned);
        Stage { pipeline: pipeline.to_owned(), name: name.to_owned(), url, ..stage("- - red now") }.title()
    };
    assert_eq!(title("CI", "lint", None), "CI / lint");
    assert_eq!(title("", "lint", Some("https://ci/1")), "lint");
    assert_eq!(title("", "https://ci/1", Some("https://ci/1")), "a stage of CI");
    assert_eq!(title("", "https://ci/…", Some("https://ci/1")), "a stage of CI");
    assert_eq!(title("CI", "", None), "CI");
    assert_eq!(title("", "", None), "a stage of CI");
}

fn repo(id: i64) -> RepoRef {
    RepoRef { id: id * 100, owner: format!("Org{id}"), name: "api".to_owned(), installation: 0 }
}

#[track_caller]
fn check_whose(
    hint: Option<RepoHint>,
    named: Option<i64>,
    projects: &[i64],
    expected: Result<i64, Unmatched>,
) {
    let told = StageTold {
        repo: hint,
        branch: "0001-split".to_owned(),
        sha: None,
        stage: stage("ci build green later"),
    };
    let open: Vec<_> = projects.iter().map(|id| (ProtocolId(id * 10), repo(*id))).collect();
    assert_eq!(whose(&told, named.map(ProtocolId), &open), expected.map(ProtocolId));
}

#[test]
fn a_stage_is_of_the_only_protocol_that_fits_what_it_names() {
    let named = |name: &str| Some(RepoHint::FullName(name.to_owned()));
    check_whose(None, None, &[1], Ok(10));
    check_whose(None, None, &[], Err(Unmatched::Nobodys));
    check_whose(None, None, &[1, 2], Err(Unmatched::Several(2)));
    check_whose(None, Some(20), &[1, 2], Ok(20));
    check_whose(Some(RepoHint::Id(200)), None, &[1, 2], Ok(20));
    check_whose(Some(RepoHint::Id(999)), None, &[1], Err(Unmatched::Nobodys));
    check_whose(named("org2/API"), None, &[1, 2], Ok(20));
    check_whose(named("else/api"), None, &[1], Err(Unmatched::Nobodys));
}

#[test]
fn the_address_chooses_and_overrules_nothing() {
    check_whose(None, Some(30), &[1, 2], Err(Unmatched::Nobodys));
    check_whose(Some(RepoHint::Id(100)), Some(20), &[1, 2], Err(Unmatched::Nobodys));
}
