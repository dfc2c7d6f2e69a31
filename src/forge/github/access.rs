//! Who we are, who they are, and how to reach the code.

use super::Github;
use super::client::{As, Ask, Words};
use super::links::{encoded, repo_path};
use super::payload::full_sha;
use super::tokens::{Rights, Wanted};
use crate::domain::actor::{Actor, ActorKind, Permission};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::{Access, BotIdentity, ForgeError, GitAccess, GitRights, Repository};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct WireApp {
    id: i64,
    slug: String,
}

#[derive(Deserialize)]
struct WireAccount {
    id: i64,
    login: String,
}

#[derive(Deserialize)]
struct WireInstallation {
    id: i64,
}

#[derive(Deserialize)]
struct WirePermission {
    #[serde(default)]
    permission: String,
    #[serde(default)]
    role_name: String,
    user: Option<WireCollaborator>,
}

#[derive(Deserialize)]
struct WireCollaborator {
    permissions: Option<WireBooleans>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "GitHub answers with one boolean per role")]
struct WireBooleans {
    admin: bool,
    maintain: bool,
    push: bool,
    triage: bool,
    pull: bool,
}

#[derive(Deserialize)]
struct WireRepository {
    id: i64,
    name: String,
    owner: WireOwner,
    default_branch: String,
    private: bool,
    #[serde(default)]
    archived: bool,
}

#[derive(Deserialize)]
struct WireOwner {
    login: String,
}

#[derive(Deserialize)]
struct WireRef {
    object: WireObject,
}

#[derive(Deserialize)]
struct WireObject {
    #[serde(deserialize_with = "full_sha")]
    sha: Sha,
}

#[async_trait]
impl Access for Github {
    async fn identity(&self) -> Result<BotIdentity, ForgeError> {
        self.identity.get_or_try_init(|| self.ask_identity()).await.cloned()
    }

    /// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
    async fn permission(&self, repo: &RepoRef, login: &str) -> Result<Permission, ForgeError> {
        let path = repo_path(repo, &format!("/collaborators/{}/permission", encoded(login)));
        let words = Words::new("read the rights of a user", format!("user {login}"), "metadata=read");
        match self.on(repo).read::<WirePermission>(&Ask::get(path, words)).await {
            Ok(answer) => Ok(answer.best()),
            Err(ForgeError::Missing { .. }) => Ok(Permission::None),
            Err(error) => Err(error),
        }
    }

    async fn repository(&self, repo: &RepoRef) -> Result<Repository, ForgeError> {
        let words = Words::new(
            "read the repository",
            format!("repository {} (id {})", repo.full_name(), repo.id),
            "metadata=read",
        );
        let ask = Ask::get(repo_path(repo, ""), words);
        let found: WireRepository = self.on(repo).read(&ask).await?;
        if found.id != repo.id {
            let what = format!("repository {} (id {})", repo.full_name(), repo.id);
            return Err(ForgeError::Missing { host: self.client.host().to_owned(), what });
        }
        Ok(Repository {
            repo: RepoRef {
                id: found.id,
                owner: found.owner.login,
                name: found.name,
                installation: repo.installation,
            },
            default_branch: found.default_branch,
            private: found.private,
            archived: found.archived,
        })
    }

    /// Reads the ref, not the branch: `GET …/branches/NAME` follows renames. A repository without commits has no tips.
    async fn branch_tip(&self, repo: &RepoRef, branch: &str) -> Result<Option<Sha>, ForgeError> {
        let name = branch.split('/').map(encoded).collect::<Vec<_>>().join("/");
        let words = Words::new("read a branch", format!("branch {branch}"), "contents=read");
        let ask = Ask::get(repo_path(repo, &format!("/git/ref/heads/{name}")), words);
        match self.on(repo).read::<WireRef>(&ask).await {
            Ok(found) => Ok(Some(found.object.sha)),
            // GitHub hides a repository that we lost with the same answer: ask for it, so that it is not taken for a
            // deleted branch.
            Err(ForgeError::Missing { .. }) => self.repository(repo).await.map(|_| None),
            Err(ForgeError::Refused { words, .. }) if words.contains("is empty") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn git_access(&self, repo: &RepoRef, rights: GitRights) -> Result<GitAccess, ForgeError> {
        let (rights, wanted) = match rights {
            GitRights::Read => (Rights::GitRead, Wanted::Good),
            GitRights::Write => (Rights::GitWrite, Wanted::Fresh),
        };
        Ok(GitAccess {
            url: format!("{}/{}/{}.git", self.web_url, encoded(&repo.owner), encoded(&repo.name)),
            username: "x-access-token".to_owned(),
            secret: self.client.on(repo, rights).token(wanted).await?,
        })
    }
}

impl Github {
    async fn ask_identity(&self) -> Result<BotIdentity, ForgeError> {
        let words = Words::new("read the App", "such App", "");
        let ask = Ask::get("/app", words);
        let app: WireApp = self.client.read(&self.client.ask(As::App, &ask).await?, &ask.words)?;
        let account = self.bot_account(&app.slug).await?;
        Ok(BotIdentity {
            app_id: app.id,
            email: format!("{}+{}@users.noreply.github.com", account.id, account.login),
            actor: Actor { login: account.login, id: account.id, kind: ActorKind::Bot },
            slug: app.slug,
        })
    }

    /// The account `slug[bot]`. This question is open to everybody and closed to App assertions; a server in private
    /// mode answers installations only.
    /// <https://github.com/actions/create-github-app-token#configure-git-cli-for-an-apps-bot-user>
    async fn bot_account(&self, slug: &str) -> Result<WireAccount, ForgeError> {
        let login = format!("{slug}[bot]");
        let words = Words::new("read the bot's account", format!("account {login}"), "metadata=read");
        let ask = Ask::get(format!("/users/{}", encoded(&login)), words);
        let answer = match self.client.ask(As::Nobody, &ask).await {
            Ok(answer) => answer,
            Err(error @ (ForgeError::Broken { .. } | ForgeError::Transport { .. })) => return Err(error),
            Err(error) => {
                let token = self.any_installation_token().await?.ok_or(error)?;
                self.client.ask(As::Token(&token), &ask).await?
            }
        };
        self.client.read(&answer, &ask.words)
    }

    async fn any_installation_token(&self) -> Result<Option<secrecy::SecretString>, ForgeError> {
        let words = Words::new("list installations", "such App", "");
        let ask = Ask::get("/app/installations?per_page=1", words);
        let answer = self.client.ask(As::App, &ask).await?;
        let installations: Vec<WireInstallation> = self.client.read(&answer, &ask.words)?;
        let Some(first) = installations.first() else {
            return Ok(None);
        };
        let rights = json!({ "metadata": "read" });
        self.client.mint(first.id, None, rights).await.map(Some)
    }
}

impl WirePermission {
    /// By role, else permission, else booleans. A role of an organisation's own making has a name that we do not know.
    fn best(&self) -> Permission {
        let booleans = || self.user.as_ref()?.permissions.as_ref().map(WireBooleans::highest);
        named(&self.role_name)
            .or_else(|| named(&self.permission))
            .or_else(booleans)
            .unwrap_or(Permission::None)
    }
}

impl WireBooleans {
    fn highest(&self) -> Permission {
        let ladder = [
            (self.admin, Permission::Admin),
            (self.maintain, Permission::Maintain),
            (self.push, Permission::Write),
            (self.triage, Permission::Triage),
            (self.pull, Permission::Read),
        ];
        let highest = ladder.into_iter().find(|(has, _)| *has);
        highest.map_or(Permission::None, |(_, permission)| permission)
    }
}

fn named(role: &str) -> Option<Permission> {
    Some(match role {
        "admin" => Permission::Admin,
        "maintain" => Permission::Maintain,
        "write" | "push" => Permission::Write,
        "triage" => Permission::Triage,
        "read" | "pull" => Permission::Read,
        "none" => Permission::None,
        _ => return None,
    })
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
}
