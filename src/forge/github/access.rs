//! Who we are, who they are, and how to reach the code.

use super::Github;
use super::client::{As, Ask, Words};
use super::links::{encoded, repo_path};
use super::payload::full_sha;
use super::tokens::{Rights, Wanted};
use crate::domain::actor::{Actor, ActorKind, Permission};
use crate::domain::ids::Sha;
use crate::domain::project::RepoRef;
use crate::forge::{Access, BotIdentity, Credential, ForgeError, GitAccess, GitRights, Repository};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct WireApp {
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

    async fn permission(&self, repo: &RepoRef, actor: &Actor) -> Result<Permission, ForgeError> {
        self.right_of(repo, &actor.login).await
    }

    async fn holders(
        &self,
        repo: &RepoRef,
        needed: Permission,
        most: usize,
    ) -> Result<Vec<String>, ForgeError> {
        self.people_with(repo, needed, most).await
    }

    /// A webhook of GitHub says it already.
    async fn whois(&self, actor: &Actor) -> Result<Actor, ForgeError> {
        Ok(actor.clone())
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

    async fn file(
        &self,
        repo: &RepoRef,
        at: &Sha,
        path: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ForgeError> {
        self.content_at(repo, at, path, most).await
    }

    /// Tokens are minted for an hour from the App's key, which does not end.
    async fn credential(&self) -> Result<Option<Credential>, ForgeError> {
        Ok(None)
    }

    async fn git_access(&self, repo: &RepoRef, rights: GitRights) -> Result<GitAccess, ForgeError> {
        let wanted = match rights {
            GitRights::Read => Wanted::Good,
            GitRights::Write => Wanted::Fresh,
        };
        self.git_token(repo, rights, wanted).await
    }

    async fn other_git_access(
        &self,
        repo: &RepoRef,
        rights: GitRights,
        refused: &GitAccess,
    ) -> Result<GitAccess, ForgeError> {
        self.git_token(repo, rights, Wanted::OtherThan(&refused.secret)).await
    }
}

impl Github {
    async fn git_token(
        &self,
        repo: &RepoRef,
        rights: GitRights,
        wanted: Wanted<'_>,
    ) -> Result<GitAccess, ForgeError> {
        let rights = match rights {
            GitRights::Read => Rights::GitRead,
            GitRights::Write => Rights::GitWrite,
        };
        Ok(GitAccess {
            url: format!("{}/{}/{}.git", self.web_url, encoded(&repo.owner), encoded(&repo.name)),
            username: "x-access-token".to_owned(),
            secret: self.client.on(repo, rights).token(wanted).await?,
        })
    }

    async fn ask_identity(&self) -> Result<BotIdentity, ForgeError> {
        let words = Words::new("read the App", "such App", "");
        let ask = Ask::get("/app", words);
        let app: WireApp = self.client.read(&self.client.ask(As::App, &ask).await?, &ask.words)?;
        let account = self.bot_account(&app.slug).await?;
        Ok(BotIdentity {
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
                let (installation, token) = self.any_installation_token().await?.ok_or(error)?;
                self.client.ask(As::Installation(installation, &token), &ask).await?
            }
        };
        self.client.read(&answer, &ask.words)
    }

    async fn any_installation_token(&self) -> Result<Option<(i64, secrecy::SecretString)>, ForgeError> {
        let words = Words::new("list installations", "such App", "");
        let ask = Ask::get("/app/installations?per_page=1", words);
        let answer = self.client.ask(As::App, &ask).await?;
        let installations: Vec<WireInstallation> = self.client.read(&answer, &ask.words)?;
        let Some(first) = installations.first() else {
            return Ok(None);
        };
        let rights = json!({ "metadata": "read" });
        let token = self.client.mint(first.id, None, rights).await?;
        Ok(Some((first.id, token)))
    }
}
