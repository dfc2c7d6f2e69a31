//! What a bot does only after a death: expected, and died at as well.

use super::point::Point;
use std::collections::BTreeSet;
use tasksgodzilla::sandbox::Host;

/// What goes on after a death does, and an undisturbed bot does not: place, act.
const RECOVERY: &[(&str, &str)] = &[
    // Whatever has the protocol next closes the run of a lost worker.
    ("plan_protocol", "store commit"),
    ("execute_step", "store commit"),
    ("run_quality", "store commit"),
    ("open_pr", "store commit"),
    ("read_head", "store commit"),
    ("merge", "store commit"),
    ("clean_up", "store commit"),
    // A pass queues what a death left without a job.
    ("reconcile", "store commit"),
];

/// The same, of calls: what may have been posted, or opened, is looked for, and a report that was gathered for longer has
/// more to bring up to date.
const fn calls(forge: Host) -> &'static [(&'static str, &'static str)] {
    match forge {
        Host::Github => &[
            ("send_answers", "GET /repos/{owner}/{repo}/issues/{number}/comments"),
            ("publish", "GET /repos/{owner}/{repo}/issues/{number}/comments"),
            ("open_pr", "GET /repos/{owner}/{repo}/pulls"),
            ("publish", "PATCH /repos/{owner}/{repo}/check-runs/{number}"),
        ],
        Host::Gitlab => &[
            ("send_answers", "GET /projects/{project}/issues/{number}/notes"),
            ("send_answers", "GET /projects/{project}/merge_requests/{number}/notes"),
            ("publish", "GET /projects/{project}/issues/{number}/notes"),
            ("publish", "GET /projects/{project}/merge_requests/{number}/notes"),
            ("publish", "GET /projects/{project}/repository/commits/{sha}/statuses"),
            ("open_pr", "GET /projects/{project}/merge_requests"),
        ],
    }
}

/// What a new process does wherever it comes to need it: it has no tokens, and does not know who it is.
const fn of_a_start(forge: Host) -> &'static [&'static str] {
    match forge {
        Host::Github => &["POST /app/installations/{number}/access_tokens", "GET /app", "GET /users/{login}"],
        Host::Gitlab => &["GET /user"],
    }
}

fn is_recovery(forge: Host, point: &Point) -> bool {
    let key = (point.key.place.as_str(), point.key.act.as_str());
    RECOVERY.contains(&key) || calls(forge).contains(&key)
}

/// Points that only a bot that goes on after a death comes by.
pub fn recovery(forge: Host, recorded: &BTreeSet<Point>, met: &BTreeSet<Point>) -> BTreeSet<Point> {
    met.difference(recorded).filter(|point| is_recovery(forge, point)).cloned().collect()
}

/// Points that the undisturbed bot did not come by, and that are no recovery.
pub fn strange(forge: Host, recorded: &BTreeSet<Point>, met: &BTreeSet<Point>) -> Vec<String> {
    let is_known =
        |point: &&Point| is_recovery(forge, point) || of_a_start(forge).contains(&point.key.act.as_str());
    let strange = met.difference(recorded).filter(|point| !is_known(point));
    strange.map(|point| format!("nobody expected to come by {point}")).collect()
}
