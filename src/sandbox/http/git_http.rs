//! Git over HTTP: real git behind `git http-backend`, with the host's rights in front of it.

use super::Note;
use super::call::{Asked, Content, Reply};
use crate::sandbox::acts::{RefChange, Refused};
use crate::sandbox::git::{Bare, hermetic_git};
use crate::sandbox::model::{Actor, Model};
use crate::sandbox::{Host, Shared, github, gitlab, lock};
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;

/// A request for `/{owner}/{repo}.git/…`. An owner on GitLab may have several parts.
pub(crate) struct GitPath {
    pub(crate) owner: String,
    pub(crate) name: String,
    rest: &'static str,
}

pub(super) fn recognise(model: &Model, path: &str) -> Option<GitPath> {
    let below = match model.host {
        Host::Github => path,
        Host::Gitlab => path.strip_prefix(model.site.prefix.as_str())?,
    };
    let ends = ["info/refs", "git-upload-pack", "git-receive-pack"];
    let (place, rest) = ends.into_iter().find_map(|rest| Some((below.strip_suffix(rest)?, rest)))?;
    let (owner, name) = place.strip_prefix('/')?.strip_suffix('/')?.rsplit_once('/')?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    Some(GitPath { owner: owner.to_owned(), name: name.to_owned(), rest })
}

/// What the rights allow: on which repository, as whom, and what git's hook is told.
pub(crate) struct Leave {
    pub(crate) repo: u64,
    pub(crate) actor: Actor,
    pub(crate) told: Vec<(&'static str, String)>,
}

struct Allowed {
    dir: PathBuf,
    leave: Leave,
}

/// What a request to git is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Fetch,
    Push,
}

impl Purpose {
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::Fetch => "git/fetch",
            Self::Push => "git/push",
        }
    }
}

pub(super) async fn answer(shared: &Shared, git: &GitPath, asked: &Asked) -> (Reply, Note) {
    let purpose = purpose(git, asked);
    let mut note = Note { operation: purpose.operation(), ..Note::default() };
    let allowed = match allow(&lock(shared), (git, asked), purpose, &mut note) {
        Ok(allowed) => allowed,
        Err(refused) => return (refusal(refused), note),
    };
    let reply = match backend(git, asked, &allowed).await {
        Ok(reply) => reply,
        Err(source) => refusal(Refused::new(500, format!("git http-backend did not run: {source}"))),
    };
    if git.rest == "git-receive-pack" {
        let (branches, tags) = moved(&allowed.dir, &asked.body);
        let (mut model, leave) = (lock(shared), &allowed.leave);
        model.refs_changed(leave.repo, &leave.actor, &branches);
        model.tags_changed(leave.repo, &leave.actor, &tags);
    }
    (reply, note)
}

pub(super) fn purpose(git: &GitPath, asked: &Asked) -> Purpose {
    let is_push = git.rest == "git-receive-pack" || asked.query.contains("service=git-receive-pack");
    if is_push { Purpose::Push } else { Purpose::Fetch }
}

fn allow(
    model: &Model,
    request: (&GitPath, &Asked),
    purpose: Purpose,
    note: &mut Note,
) -> Result<Allowed, Refused> {
    let leave = match model.host {
        Host::Github => github::door::allow_git(model, request, purpose, note)?,
        Host::Gitlab => gitlab::door::allow_git(model, request, purpose, note)?,
    };
    let dir = model.repo(leave.repo).ok_or_else(Refused::missing)?.dir.clone();
    Ok(Allowed { dir, leave })
}

fn refusal(refused: Refused) -> Reply {
    let headers = match refused.status {
        401 => vec![("www-authenticate", "Basic realm=\"git\"".to_owned())],
        _ => Vec::new(),
    };
    let content = Content::Bytes("text/plain; charset=utf-8".to_owned(), refused.message.into_bytes());
    Reply::new(refused.status, headers, content)
}

/// Runs git as a CGI program. It unpacks a gzipped body itself when told of it.
async fn backend(git: &GitPath, asked: &Asked, allowed: &Allowed) -> std::io::Result<Reply> {
    let mut cgi = tokio::process::Command::from(hermetic_git());
    cgi.arg("http-backend")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    cgi.env("GIT_PROJECT_ROOT", &allowed.dir).env("GIT_HTTP_EXPORT_ALL", "1");
    cgi.env("PATH_INFO", format!("/{}", git.rest)).env("REQUEST_METHOD", &asked.method);
    cgi.env("QUERY_STRING", &asked.query)
        .env("REMOTE_USER", &allowed.leave.actor.login)
        .env("REMOTE_ADDR", "127.0.0.1");
    cgi.env("CONTENT_TYPE", asked.header("content-type").unwrap_or_default());
    cgi.env("CONTENT_LENGTH", asked.body.len().to_string());
    if let Some(protocol) = asked.header("git-protocol") {
        cgi.env("GIT_PROTOCOL", protocol);
    }
    if let Some(encoding) = asked.header("content-encoding") {
        cgi.env("HTTP_CONTENT_ENCODING", encoding);
    }
    cgi.envs(allowed.leave.told.iter().map(|(name, value)| (*name, value.as_str())));
    let mut child = cgi.spawn()?;
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // git closes its input early when it refuses; what it printed says why.
            let _ = stdin.write_all(&asked.body).await;
        }
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    Ok(cgi_reply(&output?.stdout))
}

fn cgi_reply(output: &[u8]) -> Reply {
    let end = output.windows(4).position(|w| w == b"\r\n\r\n");
    let Some(end) = end else {
        return refusal(Refused::new(500, "git http-backend gave no answer"));
    };
    let head = String::from_utf8_lossy(&output[..end]);
    let mut reply = Reply::new(200, Vec::new(), Content::Empty);
    let mut kind = "text/plain".to_owned();
    for (name, value) in head.lines().filter_map(|l| l.split_once(": ")) {
        match name.to_ascii_lowercase().as_str() {
            "status" => reply.status = value.split(' ').next().and_then(|s| s.parse().ok()).unwrap_or(500),
            "content-type" => value.clone_into(&mut kind),
            "cache-control" => reply.headers.push(("cache-control", value.to_owned())),
            _ => {}
        }
    }
    reply.content = Content::Bytes(kind, output[end + 4..].to_vec());
    reply
}

/// The branches and the tags that a push asked for and really moved. Reads the commands at the head of the request.
///
/// <https://git-scm.com/docs/pack-protocol>: pkt-lines `old new ref`, the first with capabilities after a NUL.
fn moved(dir: &std::path::Path, body: &[u8]) -> (Vec<RefChange>, Vec<RefChange>) {
    let bare = Bare(dir);
    let known = |sha: &str| (!sha.bytes().all(|b| b == b'0')).then(|| sha.to_owned());
    let (mut changes, mut tags) = (Vec::new(), Vec::new());
    let mut rest = body;
    while let Some((line, after)) = pkt_line(rest) {
        rest = after;
        let text = String::from_utf8_lossy(line.split(|b| *b == 0).next().unwrap_or_default()).into_owned();
        let mut words = text.trim_end().splitn(3, ' ');
        let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if let Some(tag) = name.strip_prefix("refs/tags/") {
            tags.push(RefChange { branch: tag.to_owned(), old: known(old), new: known(new) });
            continue;
        }
        let Some(branch) = name.strip_prefix("refs/heads/") else {
            continue;
        };
        let change = RefChange { branch: branch.to_owned(), old: known(old), new: known(new) };
        if bare.branch(branch) == change.new {
            changes.push(change);
        }
    }
    tags.retain(|tag| bare.tag(&tag.branch) == tag.new);
    (changes, tags)
}

/// The first pkt-line; `None` at the flush packet that ends the commands.
fn pkt_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, _) = bytes.split_at_checked(4)?;
    let length = usize::from_str_radix(std::str::from_utf8(length).ok()?, 16).ok().filter(|n| *n > 4)?;
    let (line, rest) = bytes.split_at_checked(length)?;
    Some((&line[4..], rest))
}
