//! What `setup` must know before there is an App.

use super::reader::{Raw, Reader};
use url::Url;

/// Three addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupSettings {
    pub api_url: Url,
    pub web_url: Url,
    /// How GitHub and people's browsers reach the bot.
    pub public_url: Url,
}

impl SetupSettings {
    /// Errors: one sentence per fault, each naming its variable and what to do.
    pub fn check(raw: &Raw) -> Result<Self, Vec<String>> {
        let mut reader = Reader::new(raw);
        let addresses =
            (reader.address("GITHUB_API_URL"), reader.address("GITHUB_URL"), reader.address("PUBLIC_URL"));
        match addresses {
            (Some(api_url), Some(web_url), Some(public_url)) if reader.faults.is_empty() => {
                Ok(Self { api_url, web_url, public_url })
            }
            (_, _, None) if reader.faults.is_empty() => {
                reader.fault("PUBLIC_URL", "is missing; say where GitHub reaches the bot with --public-url");
                Err(reader.faults)
            }
            _ => Err(reader.faults),
        }
    }
}
