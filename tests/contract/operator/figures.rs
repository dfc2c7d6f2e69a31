//! The metrics of a bot that has worked: complete, well-formed, and without anybody's name.

use super::place::{API_TOKEN, PATIENCE, Place, REPO, Serving, until};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

async fn metrics(place: &Place) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = http.get(place.address("/metrics")).bearer_auth(API_TOKEN).send().await.unwrap();
    assert_eq!(asked.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    asked.text().await.unwrap()
}

/// One line with a value.
struct Sample<'t> {
    name: &'t str,
    labels: BTreeMap<&'t str, &'t str>,
    value: f64,
}

/// Reads the text and holds it against the format: each family once, with its type before its samples, no sample twice,
/// histograms that add up. <https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details>
fn read(text: &str) -> Vec<Sample<'_>> {
    let line = Regex::new(r"^([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+|NaN|[+-]Inf)$").unwrap();
    let label = Regex::new(r#"([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)"#).unwrap();
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut samples = Vec::new();
    assert!(text.ends_with('\n'));
    for row in text.lines() {
        if let Some(typed) = row.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{row}");
            assert_eq!(types.insert(name, kind), None, "{name} is there twice");
            continue;
        }
        if row.starts_with("# HELP ") {
            continue;
        }
        let parts = line.captures(row).unwrap_or_else(|| panic!("not a sample: {row}"));
        let (name, inside) = (parts.get(1).unwrap().as_str(), parts.get(2).map_or("", |part| part.as_str()));
        let labels: BTreeMap<&str, &str> = label
            .captures_iter(inside)
            .map(|found| (found.get(1).unwrap().as_str(), found.get(2).unwrap().as_str()))
            .collect();
        let written: usize = label.find_iter(inside).map(|found| found.len()).sum();
        assert_eq!(written, inside.len(), "labels: {row}");
        assert!(seen.insert((name, labels.clone())), "twice: {row}");
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let family = family.filter(|family| types.get(family) == Some(&"histogram")).unwrap_or(name);
        let kind = types.get(family).unwrap_or_else(|| panic!("no type before {row}"));
        assert!(*kind != "counter" || name.ends_with("_total"), "{row}");
        samples.push(Sample { name, labels, value: parts[3].parse().unwrap() });
    }
    add_up(&samples);
    samples
}

/// The buckets of a histogram rise, and the last holds all.
fn add_up(samples: &[Sample<'_>]) {
    let mut last: BTreeMap<(&str, String), f64> = BTreeMap::new();
    for sample in samples {
        let Some(family) = sample.name.strip_suffix("_bucket") else { continue };
        let others: Vec<_> = sample.labels.iter().filter(|(name, _)| **name != "le").collect();
        let key = (family, format!("{others:?}"));
        assert!(last.get(&key).is_none_or(|before| *before <= sample.value), "{key:?}");
        if sample.labels["le"] == "+Inf" {
            let count = samples.iter().find(|other| {
                other.name.strip_suffix("_count") == Some(family)
                    && format!("{:?}", other.labels.iter().collect::<Vec<_>>()) == key.1
            });
            assert_eq!(count.unwrap().value, sample.value, "{key:?}");
        }
        last.insert(key, sample.value);
    }
}

fn value(samples: &[Sample<'_>], name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |sample: &&Sample<'_>| {
        sample.name == name && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(value))
    };
    samples.iter().filter(fits).map(|sample| sample.value).sum()
}

/// Somebody has a plan made, executed and judged.
async fn works(place: &Place, serving: &mut Serving) {
    place.comments(1, "/protocol new").await;
    serving.says("a run ended").await;
    let pull =
        until("the pull request is open", || Some(place.twin.pulls(REPO).unwrap().first()?.number)).await;
    place.comments(pull, "/protocol run").await;
}

type Labels = &'static [(&'static str, &'static str)];

/// What a bot that worked has counted at least.
const COUNTED: [(f64, &str, Labels); 11] = [
    (2.0, "tasksgodzilla_deliveries_total", &[("outcome", "stored")]),
    (2.0, "tasksgodzilla_delivery_batch_size_count", &[]),
    (1.0, "tasksgodzilla_job_seconds_count", &[("kind", "plan_protocol"), ("end", "done")]),
    (1.0, "tasksgodzilla_run_seconds_count", &[("kind", "execute_step"), ("status", "succeeded")]),
    (1.0, "tasksgodzilla_verdicts_total", &[]),
    (1.0, "tasksgodzilla_protocols", &[]),
    (1.0, "tasksgodzilla_store_up", &[]),
    (1.0, "process_open_fds", &[]),
    (1e6, "process_resident_memory_bytes", &[]),
    (1.0, "tasksgodzilla_git_seconds_count", &[("command", "push")]),
    (
        1.0,
        "tasksgodzilla_forge_call_seconds_count",
        &[("route", "/repos/{owner}/{repo}/issues/{number}/comments"), ("method", "POST"), ("status", "2xx")],
    ),
];

/// The metrics once all of that is counted, which is often later than people see it.
async fn counted(place: &Place) -> String {
    let mut again = tokio::time::interval(Duration::from_millis(20));
    let until = Instant::now() + PATIENCE;
    loop {
        again.tick().await;
        let text = metrics(place).await;
        let samples = read(&text);
        let lacks = COUNTED.iter().find(|(least, name, labels)| value(&samples, name, labels) < *least);
        let Some(lacks) = lacks else { return text };
        assert!(Instant::now() < until, "never counted: {lacks:?}: {text}");
    }
}

#[tokio::test]
async fn a_bot_that_worked_tells_how_much_and_never_for_whom() {
    let place = Place::new().await;
    let mut serving = place.serve().await;
    works(&place, &mut serving).await;
    let text = counted(&place).await;
    let samples = read(&text);
    assert!(samples.iter().any(|sample| sample.name == "tasksgodzilla_oldest_due_job_seconds"), "{text}");
    let installation = place.installation.to_string();
    let limit = [("installation", installation.as_str()), ("resource", "core")];
    assert!(value(&samples, "tasksgodzilla_forge_rate_remaining", &limit) >= 1.0, "{text}");
    let tokens: BTreeSet<&str> = samples
        .iter()
        .filter(|sample| sample.name == "tasksgodzilla_tokens_total")
        .map(|sample| sample.labels["phase"])
        .collect();
    assert!(tokens.contains("plan") && tokens.contains("execute"), "{tokens:?}");
    let routes: BTreeSet<&str> =
        samples.iter().filter_map(|sample| sample.labels.get("route").copied()).collect();
    assert!(routes.iter().all(|route| !route.contains("{name}")), "not known: {routes:?}");
    for name in ["acme", "api", "bob", "godzilla[bot]", "importer", "0001"] {
        let told = samples
            .iter()
            .flat_map(|sample| sample.labels.values())
            .any(|label| label.split(['/', ':', '-']).any(|part| part == name));
        assert!(!told, "{name} is told: {text}");
    }
    serving.stop().await;
}
