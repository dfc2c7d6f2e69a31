//! Issues. The bot only reads them.

use crate::sandbox::acts::Refused;
use crate::sandbox::http::{Answer, Call, Reply};
use crate::sandbox::model::Model;

pub(crate) fn get(model: &mut Model, call: &Call) -> Answer {
    let (repo, number) = call.thread()?;
    let issue = model.issue(repo, number).ok_or_else(Refused::missing)?;
    let repo = model.repo(repo).ok_or_else(Refused::missing)?;
    Reply::ok(model.issue_json(repo, issue))
}
