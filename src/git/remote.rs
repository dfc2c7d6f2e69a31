//! Where a repository is fetched from and pushed to, and the credentials for it.

use super::error::GitError;
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use url::Url;

/// Credentials for one remote, for example `x-access-token` and an installation token.
#[derive(Debug, Clone)]
pub struct Access {
    pub username: String,
    pub secret: SecretString,
}

/// A checked remote: https, http, or a directory of this machine. Its URL never carries credentials.
#[derive(Debug, Clone)]
pub struct Remote {
    url: Url,
    access: Option<Access>,
}

impl Remote {
    /// Refuses other schemes, URLs with credentials inside, and user names that git would have to encode.
    pub fn new(url: &str, access: Option<Access>) -> Result<Self, GitError> {
        let parsed = if url.starts_with('/') { Url::from_file_path(url).ok() } else { Url::parse(url).ok() };
        let Some(url) = parsed.filter(|u| matches!(u.scheme(), "https" | "http" | "file")) else {
            return Err(GitError::refused("the clone URL must be https, http or an absolute path"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(GitError::refused("the clone URL must not carry credentials"));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if access.as_ref().is_some_and(|a| a.username.is_empty() || !a.username.bytes().all(plain)) {
            return Err(GitError::refused(
                "the user name for git may hold letters, digits, `-`, `_` and `.`",
            ));
        }
        Ok(Self { url, access })
    }

    /// A directory of this machine.
    pub fn directory(path: &Path) -> Result<Self, GitError> {
        let url = Url::from_file_path(path)
            .map_err(|()| GitError::refused(format!("{} is no absolute path", path.display())))?;
        Ok(Self { url, access: None })
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    pub(super) fn is_file(&self) -> bool {
        self.url.scheme() == "file"
    }

    pub(super) fn secret(&self) -> Option<&SecretString> {
        self.access.as_ref().map(|access| &access.secret)
    }

    /// What the askpass program reads; belongs into the environment of one git child and nowhere else.
    pub(super) fn askpass_environment(&self) -> Vec<(&'static str, String)> {
        let (Some(access), Some(host)) = (&self.access, self.url.host_str()) else {
            return Vec::new();
        };
        let host = self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let (scheme, user) = (self.url.scheme(), &access.username);
        vec![
            ("TASKSGODZILLA_GIT_ORIGIN", format!("{scheme}://{host}")),
            ("TASKSGODZILLA_GIT_USER_ORIGIN", format!("{scheme}://{user}@{host}")),
            ("TASKSGODZILLA_GIT_USERNAME", user.clone()),
            ("TASKSGODZILLA_GIT_SECRET", access.secret.expose_secret().to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_git_cannot_be_tricked_with_are_taken() {
        for good in
            ["https://github.com/acme/api.git", "http://127.0.0.1:8080/a/b", "/srv/repo", "file:///srv/repo"]
        {
            assert!(Remote::new(good, None).is_ok(), "{good}");
        }
        for bad in
            ["ext::sh -c id", "ssh://git@h/x", "git@h:x", "-u", "", "https://u:p@h/x", "https://t@h/x", "x/y"]
        {
            assert!(Remote::new(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_remote_does_not_show_its_secret() {
        let access = Access { username: "x-access-token".into(), secret: "ghs_hush".into() };
        let remote = Remote::new("https://github.com/acme/api", Some(access)).unwrap();
        assert!(!format!("{remote:?}").contains("hush"));
    }
}
