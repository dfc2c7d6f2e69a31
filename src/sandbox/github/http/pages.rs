//! Pages for people. Filled in below the API: what no route takes comes here.

use super::call::{Answer, Asked};
use crate::sandbox::github::acts::Refused;
use crate::sandbox::github::model::Model;

pub(super) fn answer(_model: &mut Model, _asked: &Asked) -> Answer {
    Err(Refused::missing())
}
