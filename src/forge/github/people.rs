//! What people and Apps may do in a repository.

use super::Github;
use super::client::{Ask, Words};
use super::links::{encoded, repo_path};
use crate::domain::actor::{Permission, RoleFlags};
use crate::domain::project::RepoRef;
use crate::forge::ForgeError;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Pages of collaborators that are looked through at most, a hundred each.
const PAGES: usize = 10;

#[derive(Deserialize)]
struct WirePermission {
    permission: Option<String>,
    role_name: Option<String>,
    user: Option<WireUser>,
}

#[derive(Deserialize)]
struct WireUser {
    permissions: Option<RoleFlags>,
}

#[derive(Deserialize)]
struct WireCollaborator {
    login: String,
    #[serde(rename = "type", default)]
    kind: String,
    role_name: Option<String>,
    permissions: Option<RoleFlags>,
}

#[derive(Deserialize)]
struct WireApp {
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

impl Github {
    /// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
    pub(super) async fn right_of(&self, repo: &RepoRef, login: &str) -> Result<Permission, ForgeError> {
        let path = repo_path(repo, &format!("/collaborators/{}/permission", encoded(login)));
        let words = Words::new("read the rights of a user", format!("user {login}"), "metadata=read");
        let held = match self.on(repo).read::<WirePermission>(&Ask::get(path, words)).await {
            Ok(answer) => answer.best(),
            Err(ForgeError::Missing { .. }) => Permission::None,
            Err(error) => return Err(error),
        };
        match login.strip_suffix("[bot]") {
            Some(slug) if held == Permission::None => self.right_of_app(repo, slug).await,
            _ => Ok(held),
        }
    }

    /// What the App behind a bot's account may do. GitHub gives Apps no role: the question for people is answered with
    /// "none" or "not a user". So it counts what the App is registered for, and an App is never more than `write`.
    /// <https://docs.github.com/en/rest/apps/apps#get-an-app>
    async fn right_of_app(&self, repo: &RepoRef, slug: &str) -> Result<Permission, ForgeError> {
        let words = Words::new("read the rights of an App", format!("App {slug}"), "metadata=read");
        let ask = Ask::get(format!("/apps/{}", encoded(slug)), words);
        match self.on(repo).read::<WireApp>(&ask).await {
            Ok(app) => Ok(app.right()),
            Err(ForgeError::Missing { .. } | ForgeError::Forbidden { .. } | ForgeError::Refused { .. }) => {
                Ok(Permission::None)
            }
            Err(error) => Err(error),
        }
    }

    /// People with `needed` or more. Not documented is whether GitHub's filter takes stronger roles in, so when nobody is
    /// found the admins are asked for; roles of an organisation's own making count as the role they stand on.
    /// <https://docs.github.com/en/rest/collaborators/collaborators#list-repository-collaborators>
    pub(super) async fn people_with(
        &self,
        repo: &RepoRef,
        needed: Permission,
        most: usize,
    ) -> Result<Vec<String>, ForgeError> {
        let found = self.people_under(repo, (filter(needed), needed), most).await;
        let found = match found {
            Ok(people) if people.is_empty() && needed < Permission::Admin => {
                self.people_under(repo, ("admin", needed), most).await
            }
            found => found,
        };
        match found {
            Err(ForgeError::Missing { .. } | ForgeError::Forbidden { .. } | ForgeError::Refused { .. }) => {
                Ok(Vec::new())
            }
            found => found,
        }
    }

    async fn people_under(
        &self,
        repo: &RepoRef,
        (filter, needed): (&str, Permission),
        most: usize,
    ) -> Result<Vec<String>, ForgeError> {
        let words = Words::new("list who may do what", "list of collaborators", "metadata=read");
        let ask =
            Ask::get(repo_path(repo, &format!("/collaborators?permission={filter}&per_page=100")), words);
        let on = self.on(repo);
        let (mut page, mut answer) = on.page::<Vec<WireCollaborator>>(&ask).await?;
        let mut people = Vec::new();
        for _ in 0..PAGES {
            let fitting = page.into_iter().filter(|one| one.kind == "User" && one.right() >= needed);
            people.extend(fitting.map(|one| one.login));
            let Some(next) = answer.next.take().filter(|_| people.len() < most) else { break };
            (page, answer) = on.page_at(&ask, &next).await?;
        }
        people.truncate(most);
        Ok(people)
    }
}

/// GitHub's word for "has at least this".
fn filter(needed: Permission) -> &'static str {
    match needed {
        Permission::None | Permission::Read => "pull",
        Permission::Triage => "triage",
        Permission::Write => "push",
        Permission::Maintain => "maintain",
        Permission::Admin => "admin",
    }
}

impl WirePermission {
    fn best(&self) -> Permission {
        let flags = self.user.as_ref().and_then(|user| user.permissions);
        Permission::from_forge(self.role_name.as_deref(), self.permission.as_deref(), flags)
    }
}

impl WireCollaborator {
    fn right(&self) -> Permission {
        Permission::from_forge(self.role_name.as_deref(), None, self.permissions)
    }
}

impl WireApp {
    fn right(&self) -> Permission {
        let writes = |what: &str| self.permissions.get(what).is_some_and(|access| access == "write");
        if writes("contents") {
            Permission::Write
        } else if writes("issues") || writes("pull_requests") {
            Permission::Triage
        } else {
            Permission::Read
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: Permission) {
        let answer: WirePermission = serde_json::from_str(answer).unwrap();
        assert_eq!(answer.best(), expected);
    }

    #[test]
    fn the_role_is_believed_before_the_permission_and_that_before_the_booleans() {
        check(r#"{"permission":"write","role_name":"maintain"}"#, Permission::Maintain);
        check(r#"{"permission":"read","role_name":"triage"}"#, Permission::Triage);
        check(r#"{"permission":"write","role_name":"release-captain"}"#, Permission::Write);
        check(r#"{"user":{"permissions":{"admin":false,"push":true,"pull":true}}}"#, Permission::Write);
        check(r#"{"permission":"none","role_name":"none","user":null}"#, Permission::None);
        check("{}", Permission::None);
    }

    #[test]
    fn an_app_counts_by_what_it_may_write() {
        let right = |permissions: &str| {
            let answer = format!(r#"{{"permissions":{permissions}}}"#);
            serde_json::from_str::<WireApp>(&answer).unwrap().right()
        };
        assert_eq!(right(r#"{"contents":"write","administration":"write"}"#), Permission::Write);
        assert_eq!(right(r#"{"contents":"read","issues":"write"}"#), Permission::Triage);
        assert_eq!(right(r#"{"pull_requests":"write"}"#), Permission::Triage);
        assert_eq!(right(r#"{"metadata":"read"}"#), Permission::Read);
    }
}
