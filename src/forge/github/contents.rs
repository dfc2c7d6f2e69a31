//! A file of a repository at a commit, through the contents API.
//!
//! <https://docs.github.com/en/rest/repos/contents#get-repository-content>

use super::Github;
use super::client::{Ask, Words};
use super::errors::unreadable;
use super::links::{encoded, repo_path};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::ForgeError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

#[derive(Deserialize)]
struct WireEntry {
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    /// The id of the blob in the tree.
    sha: String,
    /// Base64 in lines; empty for files over a megabyte.
    content: Option<String>,
    submodule_git_url: Option<IgnoredAny>,
}

impl Github {
    /// Asks by commit and not by branch: a tag of the same name could come before the branch.
    pub(super) async fn content_at(
        &self,
        repo: &RepoRef,
        at: &Sha,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ForgeError> {
        let segments = path.split('/').map(encoded).collect::<Vec<_>>().join("/");
        let words = Words::new(format!("read {path}"), format!("file {path}"), "contents=read");
        let ask = Ask::get(repo_path(repo, &format!("/contents/{segments}?ref={at}")), words);
        let content = match self.on(repo).read::<Value>(&ask).await {
            Ok(content) => content,
            Err(ForgeError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let unfit = |is| ForgeError::Unfit { path: path.to_owned(), is, most };
        if content.is_array() {
            return Err(unfit("a folder".to_owned()));
        }
        let host = self.client.host();
        let entry: WireEntry =
            serde_json::from_value(content).map_err(|error| unreadable(host, &ask.words, error))?;
        if let Some(is) = entry.no_file(most) {
            return Err(unfit(is));
        }
        let text: String = entry.content.unwrap_or_default().split_whitespace().collect();
        let bytes = BASE64_STANDARD.decode(text).map_err(|error| unreadable(host, &ask.words, error))?;
        if entry.sha != blob_id(&bytes, entry.sha.len()) {
            return Err(unfit("a symbolic link".to_owned()));
        }
        Ok(Some(bytes))
    }
}

impl WireEntry {
    /// What it is, when it is no file of a bearable size.
    fn no_file(&self, most: usize) -> Option<String> {
        match self.kind.as_str() {
            "symlink" => Some("a symbolic link".to_owned()),
            _ if self.kind == "submodule" || self.submodule_git_url.is_some() => {
                Some("a submodule".to_owned())
            }
            "file" if self.size > most as u64 => Some(format!("{} bytes long", self.size)),
            "file" => None,
            _ => Some("something else".to_owned()),
        }
    }
}

/// Git's id of these bytes as a file, in `digits` hexadecimal digits.
///
/// GitHub follows a link to a file of the same repository and answers with that file's type, size and content, but with
/// the id of the link itself: the only sign of it.
fn blob_id(bytes: &[u8], digits: usize) -> String {
    let head = format!("blob {}\0", bytes.len());
    if digits == 64 {
        return hex::encode(Sha256::new().chain_update(head).chain_update(bytes).finalize());
    }
    let mut sha1 = sha1_smol::Sha1::from(head);
    sha1.update(bytes);
    sha1.digest().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_the_id_that_git_gives_it() {
        assert_eq!(blob_id(b"", 40), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_id(b"hello\n", 40), "ce013625030ba8dba906f756967f9e9ca394464a");
        let sha256 = "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813";
        assert_eq!(blob_id(b"", 64), sha256);
    }
}
