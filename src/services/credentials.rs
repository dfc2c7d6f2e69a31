//! Credentials of forges that end one day: known before it comes.

use super::Ctx;
use std::time::Duration;

/// How long after a look the next one begins.
pub const EVERY: Duration = Duration::from_secs(6 * 3600);
/// How long before the end somebody is told.
pub const SOON: Duration = Duration::from_secs(14 * 86_400);

/// Looks when each forge's credential ends; that is measured, and an end that is near goes to the log. A forge that cannot
/// be asked keeps none of the others from it.
pub async fn look(ctx: &Ctx) {
    for (name, forge) in &ctx.forges {
        let expires = match forge.credential().await {
            Ok(credential) => credential.and_then(|credential| credential.expires),
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(forge = name, error, "the credential's end could not be asked");
                continue;
            }
        };
        let Some(expires) = expires else { continue };
        ctx.meters.credential_expires(name, expires.0 / 1000);
        if expires < ctx.now().plus(SOON) {
            let day = expires.date_time();
            tracing::warn!(forge = name, day, "the forge's credential ends soon; make a new one and restart");
        }
    }
}
