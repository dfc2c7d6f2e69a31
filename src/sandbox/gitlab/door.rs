use crate::sandbox::acts::Refused;
use crate::sandbox::http::{Answer, Asked, GitPath, Note, Purpose, Reply};
use crate::sandbox::model::{Actor, Model};
use serde_json::json;
pub(crate) fn answer(_: &mut Model, _: &Asked, _: &mut Note) -> Option<Answer> {
    None
}
pub(crate) fn operation(_: &Model, _: &Asked) -> &'static str {
    ""
}
pub(crate) fn refusal(refused: Refused) -> Reply {
    Reply::json(refused.status, json!({ "message": refused.message }))
}
pub(crate) fn headers(_: &Model) -> Vec<(&'static str, String)> {
    Vec::new()
}
pub(crate) fn allow_git(
    _: &Model,
    _: (&GitPath, &Asked),
    _: Purpose,
    _: &mut Note,
) -> Result<(u64, Actor, Vec<(&'static str, String)>), Refused> {
    Err(Refused::missing())
}
