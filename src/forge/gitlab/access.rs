//! Who we are, who they are, and how to reach the code.

use super::Gitlab;
use super::client::{Ask, Words, in_project};
use crate::domain::actor::{Actor, ActorKind, Permission};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::wire::{encoded, full_sha};
use crate::forge::{Access, BotIdentity, Credential, ForgeError, GitAccess, GitRights, Repository};
use async_trait::async_trait;
use serde::Deserialize;

/// Pages of members that are looked through for somebody who may.
const PAGES: u32 = 3;

#[derive(Deserialize)]
struct WireUser {
    id: i64,
    username: String,
    #[serde(default)]
    bot: bool,
    commit_email: Option<String>,
}

#[derive(Deserialize)]
struct WireMember {
    id: i64,
    #[serde(default)]
    username: String,
    access_level: u32,
    /// `active`, or `blocked`, `awaiting`, …
    state: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WireProject {
    id: i64,
    path_with_namespace: String,
    default_branch: Option<String>,
    visibility: Option<String>,
    #[serde(default)]
    archived: bool,
}

#[derive(Deserialize)]
struct WireBranch {
    commit: WireCommit,
}

#[derive(Deserialize)]
struct WireCommit {
    #[serde(deserialize_with = "full_sha")]
    id: Sha,
}

#[async_trait]
impl Access for Gitlab {
    async fn identity(&self) -> Result<BotIdentity, ForgeError> {
        self.identity.get_or_try_init(|| self.ask_identity()).await.cloned()
    }

    /// By the highest role that anything gives: the project, its groups, groups it is shared with.
    /// <https://docs.gitlab.com/api/members/#get-a-member-of-a-group-or-project-including-inherited-and-invited-members>
    async fn permission(&self, repo: &RepoRef, actor: &Actor) -> Result<Permission, ForgeError> {
        let words = Words::new("read the role of a user", format!("member {}", actor.login), "Guest");
        let ask = Ask::get(in_project(repo, &format!("/members/all/{}", actor.id)), words);
        match self.client.read::<WireMember>(&ask).await {
            Ok(member) => Ok(member.permission()),
            // Whoever is no member may read what is public; a project that we lost is not taken for such a one.
            Err(ForgeError::Missing { .. }) => match self.project(repo).await?.visibility.as_deref() {
                Some("public") => Ok(Permission::Read),
                _ => Ok(Permission::None),
            },
            Err(error) => Err(error),
        }
    }

    async fn holders(
        &self,
        repo: &RepoRef,
        needed: Permission,
        most: usize,
    ) -> Result<Vec<String>, ForgeError> {
        match self.people_with(repo, needed, most).await {
            Err(ForgeError::Missing { .. } | ForgeError::Forbidden { .. } | ForgeError::Refused { .. }) => {
                Ok(Vec::new())
            }
            found => found,
        }
    }

    /// <https://docs.gitlab.com/api/users/#get-a-single-user>
    async fn whois(&self, actor: &Actor) -> Result<Actor, ForgeError> {
        let words = Words::new("read a user", format!("user {}", actor.login), "Guest");
        let user: WireUser = self.client.read(&Ask::get(format!("users/{}", actor.id), words)).await?;
        let kind = if user.bot { ActorKind::Bot } else { ActorKind::Person };
        Ok(Actor { login: user.username, id: user.id, kind })
    }

    async fn repository(&self, repo: &RepoRef) -> Result<Repository, ForgeError> {
        let found = self.project(repo).await?;
        let (owner, name) = found.path_with_namespace.rsplit_once('/').unwrap_or_default();
        Ok(Repository {
            repo: RepoRef { id: found.id, owner: owner.to_owned(), name: name.to_owned(), installation: 0 },
            default_branch: found.default_branch.clone().unwrap_or_else(|| "main".to_owned()),
            private: found.visibility.as_deref() == Some("private"),
            archived: found.archived,
        })
    }

    /// <https://docs.gitlab.com/api/branches/#get-single-repository-branch>
    async fn branch_tip(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>, ForgeError> {
        let words = Words::new("read a branch", format!("branch {branch}"), "Reporter in this project");
        let ask = Ask::get(in_project(repo, &format!("/repository/branches/{}", encoded(branch))), words);
        match self.client.read::<WireBranch>(&ask).await {
            Ok(found) => Ok(Some(found.commit.id)),
            // GitLab hides a project that we lost with the same answer: ask for it, so that it is not taken for a
            // deleted branch.
            Err(ForgeError::Missing { .. }) => self.project(repo).await.map(|_| None),
            Err(error) => Err(error),
        }
    }

    async fn file(
        &self,
        repo: &RepoRef,
        at: &Sha,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ForgeError> {
        self.content_at(repo, at, path, most).await
    }

    async fn credential(&self) -> Result<Option<Credential>, ForgeError> {
        self.ask_credential().await.map(Some)
    }

    /// A token cannot be narrowed as it is used: what it may do in which projects was said when it was made.
    async fn git_access(&self, repo: &RepoRef, _rights: GitRights) -> Result<GitAccess, ForgeError> {
        let path = repo.full_name().split('/').map(encoded).collect::<Vec<_>>().join("/");
        Ok(GitAccess {
            url: format!("{}/{path}.git", self.url),
            username: "oauth2".to_owned(),
            secret: self.token.clone(),
        })
    }

    /// There is no other token than the one that the operator gave.
    async fn other_git_access(
        &self,
        repo: &RepoRef,
        rights: GitRights,
        _refused: &GitAccess,
    ) -> Result<GitAccess, ForgeError> {
        self.git_access(repo, rights).await
    }
}

impl Gitlab {
    async fn ask_identity(&self) -> Result<BotIdentity, ForgeError> {
        let user: WireUser = self.client.read(&who_we_are()).await?;
        let email = user.commit_email.filter(|email| !email.is_empty());
        Ok(BotIdentity {
            email: email.unwrap_or_else(|| self.nobody(user.id, &user.username)),
            actor: Actor { login: user.username.clone(), id: user.id, kind: ActorKind::Bot },
            slug: user.username,
        })
    }

    /// Members with `needed` or more. The list does not tell bots from people, so each who would be named is asked about.
    async fn people_with(
        &self,
        repo: &RepoRef,
        needed: Permission,
        most: usize,
    ) -> Result<Vec<String>, ForgeError> {
        let words = Words::new("list who may do what", "list of members", "Guest");
        let ask = Ask::get(in_project(repo, "/members/all"), words);
        let mut people = Vec::new();
        let mut next = Some(1);
        while let Some(number) = next.filter(|number| *number <= PAGES && people.len() < most) {
            let (page, after) = self.client.page::<WireMember>(&ask, number).await?;
            next = after;
            for member in page.into_iter().filter(|member| member.permission() >= needed) {
                let actor = Actor { login: member.username, id: member.id, kind: ActorKind::Person };
                let is_person = people.len() < most && self.whois(&actor).await?.kind == ActorKind::Person;
                people.extend(Some(actor.login).filter(|_| is_person));
            }
        }
        Ok(people)
    }

    /// Whether GitLab accepts our token at all.
    pub(super) async fn is_accepted(&self) -> Result<bool, ForgeError> {
        match self.client.act(&who_we_are()).await {
            Ok(()) => Ok(true),
            Err(ForgeError::Unauthorized { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn project(&self, repo: &RepoRef) -> Result<WireProject, ForgeError> {
        let thing = format!("project {} (id {})", repo.full_name(), repo.id);
        let ask =
            Ask::get(in_project(repo, ""), Words::new("read the project", thing, "Reporter in this project"));
        self.client.read(&ask).await
    }
}

/// <https://docs.gitlab.com/api/users/#get-the-current-user>
fn who_we_are() -> Ask {
    Ask::get("user", Words::new("read its own account", "such account", "Guest"))
}

impl WireMember {
    /// Roles in our words. Minimal access sees no project; who is blocked may do nothing.
    /// <https://docs.gitlab.com/api/members/#roles>
    fn permission(&self) -> Permission {
        if self.state.as_deref().is_some_and(|state| state != "active") {
            return Permission::None;
        }
        match self.access_level {
            50.. => Permission::Admin,
            40..50 => Permission::Maintain,
            30..40 => Permission::Write,
            20..30 => Permission::Triage,
            10..20 => Permission::Read,
            _ => Permission::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: Permission) {
        let member: WireMember = serde_json::from_str(answer).unwrap();
        assert_eq!(member.permission(), expected);
    }

    #[test]
    fn each_role_has_its_place_on_our_scale() {
        let roles = [
            (0, Permission::None),
            (5, Permission::None),
            (10, Permission::Read),
            (15, Permission::Read),
            (20, Permission::Triage),
            (30, Permission::Write),
            (40, Permission::Maintain),
            (50, Permission::Admin),
        ];
        for (level, permission) in roles {
            check(&format!(r#"{{"id":1,"access_level":{level},"state":"active"}}"#), permission);
        }
        check(r#"{"id":1,"access_level":30}"#, Permission::Write);
        check(r#"{"id":1,"access_level":50,"state":"blocked"}"#, Permission::None);
    }
}
