//! A worker stands still in the middle of a write, loses its lease, and writes late: the forge shows in the end what the
//! store says.

use crate::gate::Gate;
use crate::process::Process;
use crate::until::until;
use crate::world::{Kept, REPO, World, door};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use tasksgodzilla::domain::project::PullState;

/// A world with a worker that is about to be late, and its gate.
struct Late {
    late: Process,
    next: Option<Process>,
    _web: Process,
    gate: Gate,
    world: World,
    issue: u64,
}

impl Late {
    /// Bob asks for a protocol, and the one worker there is plans it, unless it is held on the way.
    async fn begin(hold: Option<(&'static str, &str, &str)>) -> Self {
        let mut world = World::new(Kept::Postgres).await;
        let (gate, port) = (Gate::before(&world.twin.api_url()), door());
        let web = world.start_web("web", port, &["--no-worker"]);
        world.install(&[port]).await;
        if let Some((method, path, words)) = hold {
            gate.hold(method, path, words);
        }
        let late = world.start("late", &["worker"], &[("GITHUB_API_URL", &gate.url())]);
        world.expects(1);
        let issue = world.asks("Split the importer");
        Self { late, next: None, _web: web, gate, world, issue }
    }

    async fn until(&mut self, what: &str, is_so: impl AsyncFn(&World) -> bool) {
        until(90, what, async || {
            self.world.deliver().await;
            is_so(&self.world).await
        })
        .await;
    }

    async fn until_held(&mut self) {
        until(90, "the request is held", async || {
            self.world.deliver().await;
            self.gate.holds()
        })
        .await;
    }

    /// The late worker stands still, and another one goes on until the pull request waits for the merge.
    async fn another_goes_on(&mut self) {
        self.late.signal(Signal::SIGSTOP);
        self.next = Some(self.world.start("next", &["worker"], &[]));
        until(120, "the other worker has done everything", async || {
            self.world.deliver().await;
            self.world.twin.play_ci();
            self.world.says_once("/protocol run").await;
            self.world.has_pull(PullState::Ready).await && self.world.is_quiet().await
        })
        .await;
    }

    /// The late write arrives, and then the late worker notices what happened to it.
    fn comes_late(&self) {
        self.gate.release();
    }

    fn goes_on(&self) {
        self.late.signal(Signal::SIGCONT);
    }

    /// The bot's comments in the thread that hold these words.
    fn comments(&self, thread: u64, words: &str) -> Vec<String> {
        let all = self.world.twin.thread(REPO, thread).unwrap();
        all.into_iter().map(|comment| comment.body).filter(|body| body.contains(words)).collect()
    }

    /// What the bot's checks on a commit say; equal ones are one.
    fn says(&self, sha: &str) -> BTreeSet<String> {
        let checks = self.world.twin.checks(REPO, sha).unwrap();
        let ours = checks.iter().filter(|check| check.app == self.world.app_id());
        ours.map(|check| format!("{}: {:?} {:?}", check.name, check.status, check.conclusion)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_was_edited_late_shows_the_present_state_again() {
    let mut story = Late::begin(None).await;
    story
        .until("the plan is shown", async |world| {
            world.has_pull(PullState::Draft).await && world.is_quiet().await
        })
        .await;
    let pull = story.world.pull().await;
    story.gate.hold("PATCH", "/issues/comments/", "");
    story.world.says_once("/protocol run").await;
    story.until_held().await;

    story.another_goes_on().await;
    let right =
        [story.comments(story.issue, "<!-- tasksgodzilla:"), story.comments(pull, "<!-- tasksgodzilla:")];
    story.comes_late();
    let now =
        || [story.comments(story.issue, "<!-- tasksgodzilla:"), story.comments(pull, "<!-- tasksgodzilla:")];
    until(20, "the late write has overwritten the present state", async || now() != right).await;
    story.goes_on();
    until(60, "the present state is shown again", async || now() == right).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_that_was_posted_late_is_taken_back() {
    let mut story = Late::begin(Some(("POST", "/comments", ":issue -->"))).await;
    story.until_held().await;

    story.another_goes_on().await;
    let right = story.comments(story.issue, ":issue -->");
    assert_eq!(right.len(), 1);
    story.comes_late();
    let now = || story.comments(story.issue, ":issue -->");
    until(20, "there are two of them", async || now().len() == 2).await;
    story.goes_on();
    until(60, "the late one is gone", async || now() == right).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_was_created_late_says_what_the_right_one_says() {
    let mut story = Late::begin(Some(("POST", "/check-runs", "TasksGodzilla / protocol"))).await;
    story.until_held().await;
    let head = story.world.head().await;

    story.another_goes_on().await;
    let right = story.says(&head);
    story.comes_late();
    until(20, "there are two that differ", async || story.says(&head).len() == right.len() + 1).await;
    story.goes_on();
    until(60, "all say the same again", async || story.says(&head) == right).await;
}
