//! The dialect of GitLab.

pub(in crate::sandbox) mod door;

use super::acts::{No, RefChange, Refused};
use super::events::Event;
use super::hooks::{Delivery, Letter};
use super::model::{Actor, CheckConclusion, Model, Workflow};

#[derive(Default)]
pub(crate) struct Desk {}

#[derive(Debug, Clone)]
pub(crate) struct AccessToken {}

pub(crate) fn refused(no: No) -> Refused {
    Refused::new(400, no.to_string())
}

pub(crate) fn check_note(_body: &str) -> Result<(), Refused> {
    Ok(())
}

pub(crate) struct Job {
    pub(crate) repo: u64,
}

impl Model {
    pub(crate) fn job(&self, _: u64) -> Option<&Job> {
        None
    }
    pub(crate) fn job_view(&self, _: &Job) -> super::views::CheckView {
        unreachable!()
    }
    pub(crate) fn jobs_of(&self, _: u64, _: &str) -> Vec<super::views::CheckView> {
        Vec::new()
    }
    pub(crate) fn statuses_from_outside(&self, _: u64, _: &str) -> Vec<super::views::StatusView> {
        Vec::new()
    }
    pub(crate) fn tell_hooks(&mut self, _: u64, _: &Actor, _: Event<'_>) {}
    pub(crate) fn queue_jobs(&mut self, _: u64, _: (&str, &str), _: &[&str]) {}
    pub(crate) fn play_job(&mut self, _: &Workflow, _: CheckConclusion) {}
    pub(crate) fn judge_hook(&mut self, _: u64, _: bool) {}
    pub(crate) fn letter_to_hook(&self, _: &Delivery) -> Option<Letter> {
        None
    }
}
