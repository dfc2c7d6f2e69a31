//! Asking the bot itself: where it listens, and where the forge and people's browsers reach it.

use super::below;
use crate::services::doctor::Finding;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(8);

/// Where this machine reaches what the settings listen on; `None` when the port is not known before the start.
pub(super) fn listening(host: IpAddr, port: u16) -> Option<Url> {
    let host = match host {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let mut url = Url::parse("http://localhost").ok()?;
    url.set_ip_host(host).ok()?;
    url.set_port(Some(port)).ok()?;
    (port != 0).then_some(url)
}

/// Whether the bot is running and well.
pub(super) async fn bot(listening: Option<&Url>) -> Finding {
    const ABOUT: &str = "bot";
    let Some(url) = listening else {
        return Finding::ok(ABOUT, "takes a free port, so it is not looked for");
    };
    match ask(&below(url, "/health"), Way::Direct).await {
        Ok((200, health)) if is_ours(&health) => {
            Finding::ok(ABOUT, format!("runs at {url}; workers: {}", word(&health, "workers")))
        }
        Ok((503, health)) if is_ours(&health) => {
            let says = format!(
                "at {url} is not well; store: {}, workers: {}",
                word(&health, "store"),
                word(&health, "workers")
            );
            Finding::wrong(ABOUT, says, "see its log")
        }
        Ok((status, _)) => {
            let says = format!("something else answers at {url} ({status})");
            Finding::wrong(ABOUT, says, "choose another TASKSGODZILLA_API_PORT")
        }
        Err(_) => {
            Finding::warn(ABOUT, format!("nothing answers at {url}"), "start it with `tasksgodzilla serve`")
        }
    }
}

/// Whether the public address leads to the bot.
pub(super) async fn public(public: Option<&Url>, listening: Option<&Url>) -> Finding {
    const ABOUT: &str = "public address";
    let Some(url) = public else {
        let to = listening.map_or_else(|| "a port that changes".to_owned(), Url::to_string);
        let todo = "set TASKSGODZILLA_PUBLIC_URL to where browsers reach the bot";
        return Finding::warn(ABOUT, format!("is not set, so links of reports lead to {to}"), todo);
    };
    match ask(&below(url, "/health/live"), Way::AsSet).await {
        Ok((200, health)) if is_ours(&health) => Finding::ok(ABOUT, format!("{url} leads to the bot")),
        Ok((status, _)) => {
            let says = format!("{url} answers with {status}, and it is not the bot");
            Finding::wrong(ABOUT, says, "let the proxy forward to where the bot listens")
        }
        Err(error) => {
            let says = format!("{url} cannot be reached from here: {error}");
            Finding::warn(
                ABOUT,
                says,
                "see that it can be reached from outside: name, proxy, certificate, firewall",
            )
        }
    }
}

/// Whether proxies of the environment are used.
#[derive(Clone, Copy)]
enum Way {
    Direct,
    AsSet,
}

async fn ask(url: &str, way: Way) -> Result<(u16, Value), String> {
    let builder = reqwest::Client::builder().timeout(PATIENCE);
    let builder = match way {
        Way::Direct => builder.no_proxy(),
        Way::AsSet => builder,
    };
    let words = |error: reqwest::Error| format!("{:#}", anyhow::Error::from(error.without_url()));
    let answer = builder.build().map_err(words)?.get(url).send().await.map_err(words)?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(words)?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
}

/// What our pages of health say.
fn is_ours(health: &Value) -> bool {
    matches!(health["status"].as_str(), Some("ok" | "wrong"))
}

fn word<'h>(health: &'h Value, key: &str) -> &'h str {
    health[key].as_str().unwrap_or("unknown")
}
