//! A file of a project at a commit.

use super::Gitlab;
use super::client::{Ask, Words, in_project};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::ForgeError;
use crate::forge::wire::encoded;
use http::Method;
use serde::Deserialize;

const NEEDS: &str = "Reporter in this project";

/// An entry of a folder, as git has it.
#[derive(Deserialize)]
struct WireEntry {
    path: String,
    /// `blob`, `tree` or `commit`.
    #[serde(rename = "type")]
    kind: String,
    /// `100644`, `100755`, or `120000` of a link.
    mode: String,
}

impl Gitlab {
    /// Looks into the folder first: the file's own route gives a link's target for its content, and "not found" for what is
    /// no file. <https://docs.gitlab.com/api/repositories/#list-repository-tree>
    pub(super) async fn content_at(
        &self,
        repo: &RepoRef,
        at: &Sha,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ForgeError> {
        let Some(entry) = self.entry(repo, at, path).await? else {
            return Ok(None);
        };
        let unfit = |is| ForgeError::Unfit { path: path.to_owned(), is, most };
        if let Some(is) = entry.no_file() {
            return Err(unfit(is.to_owned()));
        }
        let raw = in_project(repo, &format!("/repository/files/{}/raw?ref={at}", encoded(path)));
        let words = || Words::new(format!("read {path}"), format!("file {path}"), NEEDS);
        let head = Ask { method: Method::HEAD, path: raw.clone(), body: None, words: words() };
        let size = self.client.ask(&head).await?.size();
        if size.is_some_and(|size| size > most) {
            return Err(unfit(format!("{} bytes long", size.unwrap_or_default())));
        }
        let content = self.client.ask(&Ask::get(raw, words())).await?.content;
        if content.len() > most {
            return Err(unfit(format!("{} bytes long", content.len())));
        }
        Ok(Some(content))
    }

    async fn entry(&self, repo: &RepoRef, at: &Sha, path: &str) -> Result<Option<WireEntry>, ForgeError> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let list = in_project(repo, &format!("/repository/tree?ref={at}&path={}", encoded(folder)));
        let ask = Ask::get(list, Words::new(format!("read {path}"), format!("commit {}", at.short()), NEEDS));
        match self.client.all::<WireEntry>(&ask).await {
            Ok(entries) => Ok(entries.into_iter().find(|entry| entry.path == path)),
            // A folder that is not there, or a project that is not: only the first means that there is no file.
            Err(ForgeError::Missing { .. }) => self.project(repo).await.map(|_| None),
            Err(error) => Err(error),
        }
    }
}

impl WireEntry {
    fn no_file(&self) -> Option<&'static str> {
        match (self.kind.as_str(), self.mode.as_str()) {
            ("blob", "120000") => Some("a symbolic link"),
            ("blob", _) => None,
            ("tree", _) => Some("a folder"),
            ("commit", _) => Some("a submodule"),
            _ => Some("something else"),
        }
    }
}
