//! The bot's own account, and those of other bots.

use super::super::world::REPO;
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tasksgodzilla::domain::witness::Nobody;
use tasksgodzilla::forge::Forge;
use tasksgodzilla::forge::github::{Github, GithubSettings, MergeMethod, Timeouts};
use tasksgodzilla::forge::gitlab::{Gitlab, GitlabSettings};
use tasksgodzilla::meter::Meters;
use tasksgodzilla::sandbox::github::{Access, AppCredentials, AppSpec};
use tasksgodzilla::sandbox::{Account, Host, RequestView, Role, Twin};
use url::Url;

/// Another client of the bot's account, one that waits no longer than this for an answer.
pub fn client(account: &Account, twin: &Twin, patience: Duration) -> Arc<dyn Forge> {
    match account {
        Account::Github(app) => {
            let timeouts = Timeouts { read: patience, whole: patience, ..Timeouts::default() };
            Arc::new(github(app, twin, timeouts))
        }
        Account::Gitlab(bot) => {
            let settings = GitlabSettings {
                url: Url::parse(&twin.url()).unwrap(),
                token: SecretString::from(bot.token.clone()),
                timeout: patience,
                witness: Arc::new(Nobody),
                meters: Meters::default(),
            };
            Arc::new(Gitlab::new(&settings).unwrap())
        }
    }
}

/// A client of an App, with operations that only GitHub has.
pub fn github(app: &AppCredentials, twin: &Twin, timeouts: Timeouts) -> Github {
    let settings = GithubSettings {
        api_url: Url::parse(&twin.api_url()).unwrap(),
        web_url: Url::parse(&twin.url()).unwrap(),
        app_id: app.app_id,
        private_key: app.private_key_pem.clone().into(),
        timeouts,
        merge_method: MergeMethod::default(),
        witness: Arc::new(Nobody),
        meters: Meters::default(),
    };
    Github::new(&settings).unwrap()
}

/// Whether the bot asked this.
pub fn asked(account: &Account, request: &RequestView) -> bool {
    match account {
        Account::Github(_) => request.app.is_some(),
        Account::Gitlab(bot) => request.login.as_deref() == Some(&bot.login),
    }
}

/// Has the forge refuse the bot, which is told nothing of it: its installation is suspended, or it is a member no more.
pub fn shut_out(account: &Account, twin: &Twin) {
    match account {
        Account::Github(_) => {
            twin.suspend(installation(twin));
            twin.drop_next().unwrap();
        }
        Account::Gitlab(bot) => twin.revoke(REPO, &bot.login).unwrap(),
    }
}

/// Takes that back, and tells the bot nothing of it either.
pub fn let_in(account: &Account, twin: &Twin) {
    match account {
        Account::Github(_) => {
            twin.unsuspend(installation(twin));
            twin.drop_next().unwrap();
        }
        Account::Gitlab(bot) => twin.grant(REPO, &bot.login, Role::Maintain).unwrap(),
    }
}

/// The installation that the bot asks tokens for.
pub fn installation(twin: &Twin) -> u64 {
    let all = twin.requests();
    let mut asked = all.iter().filter_map(|request| request.path.strip_prefix("/app/installations/"));
    asked.find_map(|rest| rest.split('/').next().unwrap().parse().ok()).unwrap()
}

/// Has the bot serve another repository.
pub fn serve(account: &Account, twin: &Twin, repo: &str, address: &Url) {
    match account {
        Account::Github(app) => drop(twin.install(app.app_id, &[repo]).unwrap()),
        Account::Gitlab(bot) => {
            twin.grant(repo, &bot.login, Role::Maintain).unwrap();
            account.install(twin, repo, address).unwrap();
        }
    }
}

/// A bot that comments on the story's repository: an App, or an access token of the project.
#[derive(Clone)]
pub struct Bot(Account);

impl Bot {
    /// Somebody else's. `Role::Write` may change code, a lower role only talks.
    pub fn of_others(twin: &Twin, name: &str, role: Role) -> Self {
        Self(match twin.host() {
            Host::Github => {
                let talks = [("issues", Access::Write)];
                let writes = [("issues", Access::Write), ("contents", Access::Write)];
                let permissions = if role >= Role::Write { &writes[..] } else { &talks };
                let spec = AppSpec { name, permissions, events: &[], webhook: None };
                let app = twin.register_app(&spec).unwrap();
                twin.install(app.app_id, &[REPO]).unwrap();
                Account::Github(app)
            }
            Host::Gitlab => Account::Gitlab(twin.project_token(REPO, name, role).unwrap()),
        })
    }

    pub fn ours(account: &Account) -> Self {
        Self(account.clone())
    }

    pub fn login(&self) -> String {
        self.0.login()
    }

    /// As answers call it: nobody can be called by an App's name, and an access token's account is one like any other.
    pub fn called(&self) -> String {
        match &self.0 {
            Account::Github(_) => self.login().replace('[', "\\[").replace(']', "\\]"),
            Account::Gitlab(bot) => format!("@{}", bot.login),
        }
    }

    /// Comments on a thread; returns the comment's id.
    pub fn comments(&self, twin: &Twin, thread: u64, body: &str) -> u64 {
        match &self.0 {
            Account::Github(app) => twin.comment_as_app(app.app_id, REPO, thread, body).unwrap(),
            Account::Gitlab(bot) => twin.comment(&bot.login, REPO, thread, body).unwrap(),
        }
    }

    /// What lists it in the repository's file, by its App where it is one.
    pub fn listing(&self) -> String {
        match &self.0 {
            Account::Github(app) => listing(&app.slug, "app", app.app_id),
            Account::Gitlab(bot) => listing(&bot.login, "account", bot.user_id),
        }
    }

    /// What lists it by its account.
    pub async fn listing_by_account(&self, twin: &Twin, client: &reqwest::Client) -> String {
        let id = match &self.0 {
            Account::Github(app) => {
                let user = client.get(format!("{}/users/{}%5Bbot%5D", twin.api_url(), app.slug));
                let user = user.header("user-agent", "story").send().await.unwrap().text().await.unwrap();
                serde_json::from_str::<Value>(&user).unwrap()["id"].as_u64().unwrap()
            }
            Account::Gitlab(bot) => bot.user_id,
        };
        listing(&self.login(), "account", id)
    }
}

fn listing(login: &str, by: &str, id: u64) -> String {
    format!("{{login: '{login}', {by}: {id}}}")
}
