//! Which processes belong to a run, and how they end.
//!
//! A group kill is not enough: every agent CLI starts its commands in sessions of their own. So the members of a tree
//! are found in proc(5): the leader's descendants, its session and group, whoever carries the tree's mark in its
//! environment, and whoever was a member when the tree was looked at before.

use super::ProcessIdentity;
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// The environment variable that marks the processes of one tree: who started it, and a number of its own.
pub(super) const MARK: &str = "TASKSGODZILLA_PROCESS_TREE";
/// How long to go on killing what does not die, e.g. a process that waits for a dead disk.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// Reads the identity of a process that exists now.
pub fn identify(pid: u32) -> Option<ProcessIdentity> {
    read_stat(pid).map(|stat| stat.identity())
}

/// Kills the process tree that an earlier worker recorded, if the leader's number was not given to another process
/// since. Returns how many processes were killed. Blocks for a few milliseconds, at most five seconds.
///
/// Once the leader is dead, its session and group are still found; a process that left both is not, unless the run
/// had a process namespace (then nothing outlives the leader).
pub fn kill_recorded(identity: &ProcessIdentity) -> usize {
    let mut tree = Tree::recorded(*identity);
    let deadline = Instant::now() + PATIENCE;
    let mut killed = HashSet::new();
    loop {
        let alive = tree.kill_now();
        killed.extend(alive.iter().copied());
        if alive.is_empty() || Instant::now() > deadline {
            return killed.len();
        }
        std::thread::sleep(PAUSE);
    }
}

/// Kills what dead workers left running on this machine, whether or not they recorded it. Returns how many processes were
/// killed. Blocks for a few milliseconds, at most five seconds.
pub fn kill_orphans() -> usize {
    let deadline = Instant::now() + PATIENCE;
    let mut killed = HashSet::new();
    loop {
        let processes = read_all().into_iter().filter(|stat| !stat.dead);
        let orphans: Vec<Stat> =
            processes.filter(|stat| read_mark(stat.pid).is_some_and(|mark| is_orphaned(&mark))).collect();
        for orphan in &orphans {
            signal_one(orphan.identity(), Signal::SIGKILL);
            killed.insert(orphan.identity());
        }
        if orphans.is_empty() || Instant::now() > deadline {
            return killed.len();
        }
        std::thread::sleep(PAUSE);
    }
}

/// A mark that no other tree has, and that names this process.
pub(super) fn new_mark() -> String {
    let started_at = identify(std::process::id()).map_or(0, |us| us.started_at);
    format!("{}.{started_at}.{}", std::process::id(), uuid::Uuid::new_v4().simple())
}

/// Whether the process that a mark names is dead.
fn is_orphaned(mark: &str) -> bool {
    let mut parts = mark.split('.').map_while(|part| part.parse::<u64>().ok());
    let (Some(pid), Some(started_at)) = (parts.next().and_then(|pid| u32::try_from(pid).ok()), parts.next())
    else {
        return false;
    };
    read_stat(pid).is_none_or(|owner| owner.dead || owner.started_at != started_at)
}

/// The processes of one run. Dropping it kills them.
pub(super) struct Tree {
    leader: ProcessIdentity,
    mark: Option<String>,
    known: HashSet<ProcessIdentity>,
    over: bool,
}

impl Tree {
    pub(super) fn new(leader: ProcessIdentity, mark: String) -> Self {
        Self { leader, mark: Some(mark), known: HashSet::new(), over: false }
    }

    /// A tree of an earlier process of ours: never killed by a drop, and its mark is read from the leader.
    fn recorded(leader: ProcessIdentity) -> Self {
        let mark = if identify(leader.pid) == Some(leader) { read_mark(leader.pid) } else { None };
        Self { leader, mark, known: HashSet::new(), over: true }
    }

    pub(super) fn leader(&self) -> ProcessIdentity {
        self.leader
    }

    /// Remembers the members there are now, so that they are still known once their parents are dead.
    pub(super) fn note(&mut self) {
        let members = self.alive();
        self.known.extend(members);
    }

    /// Asks the leader's group to end.
    pub(super) fn terminate(&self) {
        if identify(self.leader.pid) == Some(self.leader) {
            signal_group(self.leader, Signal::SIGTERM);
        }
    }

    /// Kills until no member is left.
    pub(super) async fn kill(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.kill_now().is_empty() {
            if Instant::now() > deadline {
                tracing::warn!(process.pid = self.leader.pid, "processes of a run do not die");
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.over = true;
    }

    /// One round: kills every member there is and returns those that were alive.
    fn kill_now(&mut self) -> Vec<ProcessIdentity> {
        let alive = self.alive();
        self.known.extend(alive.iter().copied());
        if alive.contains(&self.leader) {
            signal_group(self.leader, Signal::SIGKILL);
        }
        for member in &alive {
            signal_one(*member, Signal::SIGKILL);
        }
        self.reap();
        alive
    }

    /// Members that are not yet dead.
    fn alive(&self) -> Vec<ProcessIdentity> {
        let processes = read_all();
        let marked = |stat: &Stat| self.mark.is_some() && read_mark(stat.pid) == self.mark;
        let found = members(self.leader, &self.known, &processes, marked);
        if found.iter().any(|member| member.pid == std::process::id()) {
            return Vec::new();
        }
        found
    }

    /// Collects members that became children of ours (see `Isolation`). The leader is its owner's to wait for.
    fn reap(&self) {
        for member in self.known.iter().filter(|member| **member != self.leader) {
            let _ = waitpid(raw(member.pid), Some(WaitPidFlag::WNOHANG));
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // No waiting here: each round also reaches what was born during the one before.
        for _ in 0..3 {
            if self.over {
                return;
            }
            self.over = self.kill_now().is_empty();
        }
    }
}

/// The part of proc(5) `/proc/PID/stat` that tells relations.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stat {
    pid: u32,
    dead: bool,
    parent: u32,
    group: u32,
    session: u32,
    started_at: u64,
}

impl Stat {
    fn identity(&self) -> ProcessIdentity {
        ProcessIdentity { pid: self.pid, started_at: self.started_at }
    }
}

/// Decides which of `processes` belong to the tree of `leader` and still live.
fn members(
    leader: ProcessIdentity,
    known: &HashSet<ProcessIdentity>,
    processes: &[Stat],
    marked: impl Fn(&Stat) -> bool,
) -> Vec<ProcessIdentity> {
    // A number in use as a session or group is not given away, so a stranger under the leader's number means that
    // the whole session is the stranger's.
    let stranger =
        processes.iter().any(|stat| stat.pid == leader.pid && stat.started_at != leader.started_at);
    let in_session = |stat: &Stat| !stranger && (stat.session == leader.pid || stat.group == leader.pid);
    let mut children: HashMap<u32, Vec<&Stat>> = HashMap::new();
    for stat in processes {
        children.entry(stat.parent).or_default().push(stat);
    }
    let seed = |stat: &&Stat| {
        stat.identity() == leader || known.contains(&stat.identity()) || in_session(stat) || marked(stat)
    };
    let mut open: Vec<&Stat> = processes.iter().filter(seed).collect();
    let mut found = HashMap::new();
    while let Some(stat) = open.pop() {
        if found.insert(stat.pid, stat).is_none() {
            open.extend(children.get(&stat.pid).into_iter().flatten());
        }
    }
    found.into_values().filter(|stat| !stat.dead).map(Stat::identity).collect()
}

fn read_all() -> Vec<Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(read_stat).collect()
}

fn read_stat(pid: u32) -> Option<Stat> {
    let bytes = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&String::from_utf8_lossy(&bytes))
}

/// The second field is a name in brackets that may itself hold blanks and brackets, so the rest begins after the last.
fn parse_stat(text: &str) -> Option<Stat> {
    let (head, rest) = text.rsplit_once(')')?;
    let pid = head.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse().ok();
    let dead = matches!(*fields.first()?, "Z" | "X" | "x");
    let started_at = fields.get(19)?.parse().ok()?;
    Some(Stat { pid, dead, parent: number(1)?, group: number(2)?, session: number(3)?, started_at })
}

fn read_mark(pid: u32) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let prefix = format!("{MARK}=");
    let value = bytes.split(|b| *b == 0).find_map(|pair| pair.strip_prefix(prefix.as_bytes()))?;
    String::from_utf8(value.to_vec()).ok()
}

fn signal_group(leader: ProcessIdentity, what: Signal) {
    if leader.pid > 1 {
        let _ = signal::killpg(raw(leader.pid), what);
    }
}

/// Signals one process unless its number belongs to another by now.
fn signal_one(member: ProcessIdentity, what: Signal) {
    if member.pid > 1 && identify(member.pid) == Some(member) {
        let _ = signal::kill(raw(member.pid), what);
    }
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: u32, parent: u32, session: u32) -> Stat {
        Stat { pid, dead: false, parent, group: session, session, started_at: u64::from(pid) }
    }

    fn id(pid: u32) -> ProcessIdentity {
        ProcessIdentity { pid, started_at: u64::from(pid) }
    }

    #[track_caller]
    fn check(leader: ProcessIdentity, known: &[u32], processes: &[Stat], wanted: &[u32]) {
        let known = known.iter().map(|pid| id(*pid)).collect();
        let mut pids: Vec<_> = members(leader, &known, processes, |stat| stat.pid == 99)
            .iter()
            .map(|member| member.pid)
            .collect();
        pids.sort_unstable();
        assert_eq!(pids, wanted);
    }

    #[test]
    fn descendants_belong_to_the_tree_whatever_their_session() {
        let processes = [stat(1, 0, 1), stat(10, 1, 10), stat(11, 10, 11), stat(12, 11, 12), stat(20, 1, 20)];
        check(id(10), &[], &processes, &[10, 11, 12]);
    }

    #[test]
    fn the_session_outlives_its_leader() {
        check(id(10), &[], &[stat(1, 0, 1), stat(11, 1, 10), stat(12, 11, 12), stat(20, 1, 20)], &[11, 12]);
    }

    #[test]
    fn who_was_a_member_or_bears_the_mark_is_one_after_its_parents_died() {
        check(
            id(10),
            &[12],
            &[stat(1, 0, 1), stat(12, 1, 12), stat(13, 12, 13), stat(99, 1, 99)],
            &[12, 13, 99],
        );
    }

    #[test]
    fn a_reused_number_is_a_stranger() {
        let stranger = Stat { started_at: 5000, ..stat(10, 1, 10) };
        check(id(10), &[], &[stat(1, 0, 1), stranger, stat(11, 10, 10)], &[]);
    }

    #[test]
    fn the_dead_are_not_members() {
        let dead = Stat { dead: true, ..stat(10, 1, 10) };
        check(id(10), &[], &[dead, stat(11, 10, 11)], &[11]);
    }

    #[test]
    fn a_mark_names_the_process_that_made_it() {
        assert!(!is_orphaned(&new_mark()), "we live");
        let us = identify(std::process::id()).unwrap();
        assert!(
            is_orphaned(&format!("{}.{}.x", us.pid, us.started_at + 1)),
            "somebody else had our number before"
        );
        assert!(is_orphaned(&format!("{}.5.x", u32::MAX)));
        assert!(!is_orphaned("c0ffee"), "not a mark of ours");
    }

    #[test]
    fn a_process_may_have_any_name() {
        let text = "42 (a) R (b c) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 99 1";
        let wanted = Stat { pid: 42, dead: false, parent: 7, group: 42, session: 41, started_at: 123_456 };
        assert_eq!(parse_stat(text), Some(wanted));
        assert_eq!(parse_stat("42 (x) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }
}
