//! Programs that do not want to end, talk too much, or look around.

use crate::traces::{UniqueSleep, until, until_async};
use std::time::{Duration, Instant};
use tasksgodzilla::engine::process::{
    self, Confinement, Exit, Isolation, Line, Network, ProcessError, ProcessSpec, base_env, identify,
    kill_orphans, kill_recorded,
};
use tasksgodzilla::engine::{Limits, ProcessIdentity, TimeLimit};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A shell script as the program to run, in a directory of its own.
struct Script {
    dir: TempDir,
    spec: ProcessSpec,
}

impl Script {
    fn new(script: &str, isolation: Isolation) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits {
            wall: Duration::from_secs(30),
            idle: Duration::from_secs(20),
            grace: Duration::from_millis(300),
            ..Limits::default()
        };
        let spec = ProcessSpec {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            cwd: dir.path().to_path_buf(),
            env: base_env(&dir.path().join("home")).unwrap(),
            stdin: Vec::new(),
            limits,
            stop: CancellationToken::new(),
            isolation,
            confinement: Confinement::OwnTree,
        };
        Self { dir, spec }
    }

    fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.spec.limits);
        self
    }

    async fn run(&self) -> Result<(Vec<Line>, Exit), ProcessError> {
        let mut running = process::start(self.spec.clone())?;
        let mut lines = Vec::new();
        while let Some(line) = running.line().await? {
            lines.push(line);
        }
        Ok((lines, running.finish().await?))
    }

    async fn text(&self) -> String {
        let (lines, _) = self.run().await.unwrap();
        lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
    }
}

async fn both() -> [Isolation; 2] {
    [Isolation::probe(None).await, Isolation::walk_only()]
}

#[tokio::test]
async fn a_program_reads_its_input_and_its_end_is_told() {
    for isolation in both().await {
        let mut script = Script::new("cat; echo oops >&2; exit 3", isolation);
        script.spec.stdin = b"first\nsecond".to_vec();
        let (lines, exit) = script.run().await.unwrap();
        assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["first", "second"]);
        assert_eq!((exit.code, exit.signal, exit.stderr_tail.as_str()), (Some(3), None, "oops\n"));
    }
}

#[tokio::test]
async fn a_large_input_and_a_large_output_do_not_wait_for_each_other() {
    let mut script = Script::new("cat", Isolation::walk_only());
    script.spec.stdin = b"0123456789abcde\n".repeat(1 << 16);
    let (lines, exit) = script.run().await.unwrap();
    assert_eq!((lines.len(), exit.code), (1 << 16, Some(0)));
}

#[tokio::test]
async fn the_environment_is_what_is_given_and_the_mark() {
    let script = Script::new("env | cut -d= -f1 | sort", Isolation::walk_only());
    let names = script.text().await;
    insta::assert_snapshot!(names.replace("_\n", ""), @"
    GIT_CONFIG_NOSYSTEM
    GIT_TERMINAL_PROMPT
    HOME
    LANG
    NO_COLOR
    PATH
    PWD
    TASKSGODZILLA_PROCESS_TREE
    TERM
    TMPDIR
    TZ
    ");
}

#[tokio::test]
async fn silence_and_duration_have_limits_of_their_own() {
    let silent = Script::new("sleep 3600", Isolation::probe(None).await)
        .limits(|limits| limits.idle = Duration::from_millis(200));
    assert!(matches!(silent.run().await, Err(ProcessError::TimedOut { kind: TimeLimit::Idle, .. })));

    let chatty = Script::new("while :; do echo x; sleep 0.05; done", Isolation::walk_only())
        .limits(|limits| limits.wall = Duration::from_millis(600));
    assert!(matches!(chatty.run().await, Err(ProcessError::TimedOut { kind: TimeLimit::Wall, .. })));
}

#[tokio::test]
async fn a_flood_of_output_ends_the_program() {
    let script = Script::new("yes", Isolation::probe(None).await).limits(|limits| limits.stdout = 1 << 20);
    let seen = script.run().await;
    assert!(matches!(seen, Err(ProcessError::TooMuchOutput { limit: 1_048_576 })), "{seen:?}");
}

#[tokio::test]
async fn a_long_line_is_cut_and_binary_output_is_kept_readable() {
    let script = Script::new("printf 'aaaaaaaaaaaaaaaa\\nb\\377\\000c\\n'", Isolation::walk_only())
        .limits(|limits| limits.line = 8);
    let (lines, _) = script.run().await.unwrap();
    assert_eq!((lines[0].text.as_str(), lines[0].cut), ("aaaaaaaa", true));
    assert_eq!((lines[1].text.as_str(), lines[1].cut), ("b\u{fffd}\0c", false));
}

#[tokio::test]
async fn only_the_end_of_standard_error_is_kept() {
    let script = Script::new("yes e | head -c 100000 >&2; printf end >&2", Isolation::walk_only())
        .limits(|limits| limits.stderr_tail = 5);
    let (_, exit) = script.run().await.unwrap();
    assert_eq!(exit.stderr_tail, "e\nend");
}

#[tokio::test]
async fn a_stop_kills_commands_in_sessions_of_their_own() {
    for isolation in both().await {
        let token = UniqueSleep::new();
        let text = format!(
            "setsid sleep {token} & (setsid sh -c 'trap \"\" TERM; sleep {token}; :' &) ; echo up; wait"
        );
        let script = Script::new(&text, isolation);
        let mut running = process::start(script.spec.clone()).unwrap();
        assert_eq!(running.line().await.unwrap().unwrap().text, "up");
        until(10, "both sleeps run", || token.sleepers() == 2);
        script.spec.stop.cancel();
        assert!(matches!(running.line().await, Err(ProcessError::Stopped)));
        assert_eq!(token.traces(), Vec::<u32>::new());
    }
}

#[tokio::test]
async fn a_program_that_is_asked_to_end_may_clean_up_and_is_not_waited_for_longer() {
    for isolation in both().await {
        let text = "trap 'echo gone > cleaned.txt; exit' TERM; echo up; while :; do sleep 0.1; done";
        let script = Script::new(text, isolation).limits(|limits| limits.grace = Duration::from_secs(25));
        let mut running = process::start(script.spec.clone()).unwrap();
        assert_eq!(running.line().await.unwrap().unwrap().text, "up");
        let began = Instant::now();
        script.spec.stop.cancel();
        assert!(matches!(running.line().await, Err(ProcessError::Stopped)));
        assert!(script.dir.path().join("cleaned.txt").exists());
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_program_that_knows_no_signals_ends_at_the_first() {
    for isolation in both().await {
        let token = UniqueSleep::new();
        let text = format!("echo up; exec sleep {token}");
        let script = Script::new(&text, isolation).limits(|limits| limits.grace = Duration::from_secs(25));
        let mut running = process::start(script.spec.clone()).unwrap();
        running.line().await.unwrap();
        let began = Instant::now();
        script.spec.stop.cancel();
        assert!(matches!(running.line().await, Err(ProcessError::Stopped)));
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_daemon_does_not_outlive_a_good_end_nor_delay_it() {
    for isolation in both().await {
        let token = UniqueSleep::new();
        let script = Script::new(&format!("(setsid sleep {token} &) ; echo done"), isolation);
        let began = Instant::now();
        let (lines, exit) = script.run().await.unwrap();
        assert_eq!((lines[0].text.as_str(), exit.code), ("done", Some(0)));
        assert!(began.elapsed() < Duration::from_secs(8), "the pipe that the daemon holds was waited for");
        assert_eq!(token.traces(), Vec::<u32>::new());
    }
}

#[tokio::test]
async fn dropping_the_run_kills_it() {
    for isolation in both().await {
        let token = UniqueSleep::new();
        let script = Script::new(&format!("setsid sleep {token} & echo up; wait"), isolation);
        let mut running = process::start(script.spec.clone()).unwrap();
        running.line().await.unwrap();
        until(10, "the sleep runs", || token.sleepers() == 1);
        drop(running);
        until(10, "nothing of it is left", || token.traces().is_empty());
    }
}

#[tokio::test]
async fn a_later_worker_kills_what_was_recorded() {
    for isolation in both().await {
        let token = UniqueSleep::new();
        let script = Script::new(&format!("setsid sleep {token} & echo up; wait"), isolation);
        let mut running = process::start(script.spec.clone()).unwrap();
        running.line().await.unwrap();
        until(10, "the sleep runs", || token.sleepers() == 1);
        let identity = running.identity();

        let reused = ProcessIdentity { started_at: identity.started_at + 1, ..identity };
        assert_eq!(kill_recorded(&reused), 0);
        assert!(!token.traces().is_empty(), "another process under the same number was killed");

        assert!(kill_recorded(&identity) > 0);
        until_async(10, "nothing of it is left", move || token.traces().is_empty()).await;
        assert_eq!(running.finish().await.unwrap().signal, Some(9));
    }
}

/// Starts a `sleep` that is marked as started by `owner`, as if by another worker.
fn marked(token: &UniqueSleep, owner: ProcessIdentity) -> std::process::Child {
    let mark = format!("{}.{}.test", owner.pid, owner.started_at);
    let mut sleep = std::process::Command::new("sleep");
    sleep.arg(token.to_string()).env("TASKSGODZILLA_PROCESS_TREE", mark).spawn().unwrap()
}

#[test]
fn what_a_dead_worker_started_is_killed_and_nobody_elses() {
    let us = identify(std::process::id()).unwrap();
    let somebody_before_us = ProcessIdentity { started_at: us.started_at - 1, ..us };
    let (orphan, ours) = (UniqueSleep::new(), UniqueSleep::new());
    let mut left = marked(&orphan, somebody_before_us);
    let mut kept = marked(&ours, us);
    until(10, "both sleep", || orphan.sleepers() == 1 && ours.sleepers() == 1);
    assert!(kill_orphans() >= 1);
    assert!(!left.wait().unwrap().success());
    assert!(kept.try_wait().unwrap().is_none(), "a living worker's program was killed");
    kept.kill().unwrap();
    kept.wait().unwrap();
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let mut script = Script::new("", Isolation::probe(None).await);
    script.spec.program = "no-such-program".into();
    assert!(matches!(script.run().await, Err(ProcessError::NotFound { .. })));

    std::fs::write(script.dir.path().join("plain.txt"), "text").unwrap();
    script.spec.program = "./plain.txt".into();
    assert!(matches!(script.run().await, Err(ProcessError::NotFound { .. })));

    script.spec.program = "sh".into();
    script.spec.cwd = script.dir.path().join("gone");
    assert!(matches!(script.run().await, Err(ProcessError::NoDirectory { .. })));
}

#[tokio::test]
async fn without_a_sandbox_a_confined_program_does_not_start() {
    let mut script = Script::new("echo ran", Isolation::walk_only());
    script.spec.confinement = Confinement::Sandbox { writable: Vec::new(), network: Network::Closed };
    assert!(matches!(script.run().await, Err(ProcessError::NoSandbox)));
}

#[tokio::test]
async fn a_confined_program_writes_only_where_it_may_and_has_no_network() {
    let bwrap = crate::tools::bubblewrap();
    let isolation = Isolation::probe(Some(&bwrap)).await;
    assert!(isolation.has_sandbox(), "{} does not work here: {}", bwrap.display(), isolation.describe());
    let text = "echo in > here.txt; (echo out > ../outside.txt) 2>/dev/null;
        cat /proc/net/dev | grep -c :";
    let mut script = Script::new(text, isolation);
    let work = script.dir.path().join("work");
    std::fs::create_dir(&work).unwrap();
    script.spec.cwd.clone_from(&work);
    script.spec.confinement = Confinement::Sandbox { writable: vec![work.clone()], network: Network::Closed };
    assert_eq!(script.text().await, "1", "only the loopback device of its own is there");
    assert!(work.join("here.txt").is_file());
    assert!(!script.dir.path().join("outside.txt").exists());
}
