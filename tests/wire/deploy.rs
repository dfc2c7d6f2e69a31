//! The files in deploy/, held against the tools that read them, and against what the program takes.

use crate::tools;
use clap::Parser as _;
use regex::Regex;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tasksgodzilla::cli::Cli;
use tasksgodzilla::config::TABLE;

const UNITS: [&str; 2] = ["tasksgodzilla.service", "tasksgodzilla-worker@.service"];

#[test]
fn hadolint_finds_nothing_in_the_dockerfile() {
    let output = Command::new(tools::deploy_check("hadolint")).arg(deploy().join("Dockerfile")).output();
    assert_content(&output.unwrap());
}

#[test]
fn docker_compose_reads_the_compose_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("compose.yaml");
    fs::copy(deploy().join("compose.yaml"), &file).unwrap();
    fs::write(folder.path().join("tasksgodzilla.env"), "TASKSGODZILLA_GITHUB_APP_ID='1'\n").unwrap();
    let mut compose = Command::new(tools::deploy_check("docker-compose"));
    compose.arg("--file").arg(file).args(["config", "--quiet"]);
    assert_content(&compose.env("POSTGRES_PASSWORD", "secret").output().unwrap());
}

#[test]
fn systemd_accepts_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let units = UNITS.map(|name| {
        let unit = fs::read_to_string(deploy().join("systemd").join(name)).unwrap();
        let program = env!("CARGO_BIN_EXE_tasksgodzilla");
        let here = unit.replace("/usr/local/bin/tasksgodzilla", program);
        assert_ne!(here, unit, "{name} starts another program");
        let path = folder.path().join(name);
        fs::write(&path, here).unwrap();
        path
    });
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(units).output();
    assert_content(&output.expect("systemd-analyze is missing: install systemd"));
}

#[test]
fn kubernetes_accepts_the_manifests() {
    let manifests = files(&deploy().join("kubernetes"));
    let folder = tools::deploy_checks();
    let mut validate = Command::new(tools::deploy_check("kubernetes-validate"));
    validate.args(["--strict", "--quiet"]).args(manifests).env("PYTHONPATH", folder);
    assert_content(&validate.output().unwrap());
}

/// Kubernetes tells every pod the address of the Service `tasksgodzilla` in variables such as TASKSGODZILLA_PORT unless it is
/// told not to; the bot takes them for settings that do not exist, and does not start.
#[test]
fn no_pod_gets_variables_that_look_like_settings() {
    let manifests = files(&deploy().join("kubernetes"));
    let texts = manifests.iter().map(|file| fs::read_to_string(file).unwrap()).collect::<Vec<_>>();
    let objects = texts.iter().flat_map(|text| text.split("\n---\n"));
    let objects: Vec<Value> = objects.map(|text| serde_saphyr::from_str(text).unwrap()).collect();
    let pods: Vec<&Value> =
        objects.iter().filter_map(|object| object.pointer("/spec/template/spec")).collect();
    assert_eq!(pods.len(), 2, "of web and workers");
    for pod in pods {
        assert_eq!(pod["enableServiceLinks"], false, "{}", pod["containers"][0]["name"]);
    }
}

#[test]
fn every_setting_that_is_set_exists() {
    let name = Regex::new(r"TASKSGODZILLA_([A-Z_]+)").unwrap();
    let text = everything();
    let named: Vec<&str> = name.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(named.contains(&"DB_URL"), "{named:?}");
    for name in named {
        assert!(TABLE.iter().any(|setting| setting.name == name), "there is no setting {name}");
    }
}

#[test]
fn every_command_line_is_understood() {
    let written = Regex::new(r"(?m)\[((?:serve|worker)\b.*|.serve.)\]$|^ExecStart=\S+ (.*)$").unwrap();
    let text = everything();
    let lines: Vec<String> = written
        .captures_iter(&text)
        .map(|found| found.get(1).or(found.get(2)).unwrap().as_str().replace([',', '"'], ""))
        .collect();
    assert_eq!(lines.len(), 7, "{lines:?}");
    for line in lines {
        let understood = Cli::try_parse_from(format!("tasksgodzilla {line}").split(' '));
        assert!(understood.is_ok(), "`{line}`: {}", understood.unwrap_err());
    }
}

/// What is told to stop hands its jobs back within its limit; who kills it before then costs them their attempt.
#[test]
fn whoever_stops_the_bot_waits_for_it() {
    for file in
        ["compose.yaml", "kubernetes/web.yaml", "kubernetes/worker.yaml", "systemd/tasksgodzilla.service"]
    {
        let text = fs::read_to_string(deploy().join(file)).unwrap();
        let takes = longest(&text, r#"SHUTDOWN_SECONDS\W+(?:value: ")?(\d+)"#).unwrap_or(30);
        let waits =
            longest(&text, r"(?:stop_grace_period|terminationGracePeriodSeconds|TimeoutStopSec)\W+(\d+)");
        assert!(waits > Some(takes), "{file}: {waits:?} s for {takes} s");
    }
}

/// The bot's own tests say what these paths answer.
#[test]
fn every_path_that_is_probed_is_served() {
    let path = Regex::new(r"/health[/\w]*").unwrap();
    let routes = include_str!("../../src/http/mod.rs");
    let text = everything();
    let probed: Vec<&str> = path.find_iter(&text).map(|found| found.as_str()).collect();
    assert_eq!(probed.len(), 5, "{probed:?}");
    for path in probed {
        assert!(routes.contains(&format!("\"{path}\"")), "the bot does not answer {path}");
    }
}

fn longest(text: &str, pattern: &str) -> Option<u32> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.captures_iter(text).map(|found| found[1].parse().unwrap()).max()
}

/// It exits well and has nothing to say.
#[track_caller]
fn assert_content(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said)).concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{said}", output.status);
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

/// The text of every file in deploy/.
fn everything() -> String {
    let folders = ["", "systemd", "kubernetes"].map(|folder| deploy().join(folder));
    folders.iter().flat_map(|folder| files(folder)).map(|file| fs::read_to_string(file).unwrap()).collect()
}
