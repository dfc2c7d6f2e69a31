//! Units of queued work: ids only, so that a job always works on what the store says now.

use super::ids::{DeliveryId, JobId, ProjectId, ProtocolId, StepId};
use super::project::ForgeKind;
use super::retry::MAX_ATTEMPTS;
use serde::{Deserialize, Serialize};

/// What a job does. The JSON form is stored; renaming a variant is a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// `repo` is the forge's numeric id: deliveries of one repository are taken in order.
    ProcessDelivery {
        delivery: DeliveryId,
        repo: Option<i64>,
    },
    PlanProtocol {
        protocol: ProtocolId,
    },
    ExecuteStep {
        step: StepId,
        protocol: ProtocolId,
    },
    RunQuality {
        step: StepId,
        protocol: ProtocolId,
    },
    OpenPr {
        protocol: ProtocolId,
    },
    Merge {
        protocol: ProtocolId,
    },
    ReadCi {
        protocol: ProtocolId,
    },
    ReadHead {
        protocol: ProtocolId,
    },
    Publish {
        protocol: ProtocolId,
    },
    /// Publishes anew what may have been written since the job `late` began: its worker lost the lease and may have been late.
    Republish {
        protocol: ProtocolId,
        late: JobId,
    },
    /// Sends the reactions and answers that wait for one project.
    SendAnswers {
        project: ProjectId,
    },
    CleanUp {
        protocol: ProtocolId,
    },
    Reconcile,
    /// Reads the forge's own log of deliveries for those that never arrived.
    ReadDeliveries {
        forge: ForgeKind,
    },
    /// Deletes what is too old, and tidies disks.
    Tidy,
}

impl Job {
    /// Kinds that are brought back by themselves after they failed for good: nobody is told of the failure, and doing them
    /// later is as good.
    pub const HEALING: [&str; 5] = ["publish", "republish", "send_answers", "clean_up", "process_delivery"];

    /// The kind's stable name, in tables, logs and metrics.
    pub fn kind(self) -> &'static str {
        match self {
            Self::ProcessDelivery { .. } => "process_delivery",
            Self::PlanProtocol { .. } => "plan_protocol",
            Self::ExecuteStep { .. } => "execute_step",
            Self::RunQuality { .. } => "run_quality",
            Self::OpenPr { .. } => "open_pr",
            Self::Merge { .. } => "merge",
            Self::ReadCi { .. } => "read_ci",
            Self::ReadHead { .. } => "read_head",
            Self::Publish { .. } => "publish",
            Self::Republish { .. } => "republish",
            Self::SendAnswers { .. } => "send_answers",
            Self::CleanUp { .. } => "clean_up",
            Self::Reconcile => "reconcile",
            Self::ReadDeliveries { .. } => "read_deliveries",
            Self::Tidy => "tidy",
        }
    }

    /// At most one queued job has this key: pushing it again is coalesced with the one that waits.
    pub fn key(self) -> String {
        match self {
            Self::ProcessDelivery { delivery, .. } => format!("{}:{delivery}", self.kind()),
            Self::ExecuteStep { step, .. } | Self::RunQuality { step, .. } => {
                format!("{}:{step}", self.kind())
            }
            Self::SendAnswers { project } => format!("{}:{project}", self.kind()),
            Self::Reconcile | Self::Tidy => self.kind().to_owned(),
            Self::ReadDeliveries { forge } => format!("{}:{}", self.kind(), forge.as_str()),
            Self::PlanProtocol { protocol }
            | Self::OpenPr { protocol }
            | Self::Merge { protocol }
            | Self::ReadCi { protocol }
            | Self::ReadHead { protocol }
            | Self::Publish { protocol }
            | Self::Republish { protocol, .. }
            | Self::CleanUp { protocol } => format!("{}:{protocol}", self.kind()),
        }
    }

    /// Jobs of one lane run one at a time and in order, on any number of workers: this is the one writer per protocol.
    ///
    /// Publishing has a lane of its own, so that reports go out while an engine runs.
    pub fn lane(self) -> Option<String> {
        if let Some(protocol) = self.writes() {
            return Some(format!("protocol:{protocol}"));
        }
        match self {
            Self::Publish { protocol } | Self::Republish { protocol, .. } => {
                Some(format!("publish:{protocol}"))
            }
            Self::SendAnswers { project } => Some(format!("answers:{project}")),
            Self::ProcessDelivery { repo, .. } => repo.map(|repo| format!("repo:{repo}")),
            other => Some(other.key()),
        }
    }

    /// The protocol whose worktree, branch and runs this job has for itself while it runs.
    pub fn writes(self) -> Option<ProtocolId> {
        match self {
            Self::PlanProtocol { protocol }
            | Self::ExecuteStep { protocol, .. }
            | Self::RunQuality { protocol, .. }
            | Self::OpenPr { protocol }
            | Self::Merge { protocol }
            | Self::ReadHead { protocol }
            | Self::CleanUp { protocol } => Some(protocol),
            Self::Publish { .. }
            | Self::Republish { .. }
            | Self::ReadCi { .. }
            | Self::SendAnswers { .. }
            | Self::ProcessDelivery { .. }
            | Self::Reconcile
            | Self::ReadDeliveries { .. }
            | Self::Tidy => None,
        }
    }

    /// Attempts before it fails for good, if what fails may pass.
    ///
    /// What only brings something up to date goes on, for nobody could do more. A delivery may be somebody's command.
    pub fn attempts(self) -> u32 {
        match self {
            Self::PlanProtocol { .. }
            | Self::ExecuteStep { .. }
            | Self::RunQuality { .. }
            | Self::OpenPr { .. }
            | Self::Merge { .. } => MAX_ATTEMPTS,
            Self::ProcessDelivery { .. } => 10,
            Self::ReadCi { .. }
            | Self::ReadHead { .. }
            | Self::Publish { .. }
            | Self::Republish { .. }
            | Self::SendAnswers { .. }
            | Self::CleanUp { .. }
            | Self::Reconcile
            | Self::ReadDeliveries { .. }
            | Self::Tidy => u32::MAX,
        }
    }

    /// The protocol it belongs to, if it belongs to one.
    pub fn protocol(self) -> Option<ProtocolId> {
        match self {
            Self::PlanProtocol { protocol }
            | Self::ExecuteStep { protocol, .. }
            | Self::RunQuality { protocol, .. }
            | Self::OpenPr { protocol }
            | Self::Merge { protocol }
            | Self::ReadCi { protocol }
            | Self::ReadHead { protocol }
            | Self::Publish { protocol }
            | Self::Republish { protocol, .. }
            | Self::CleanUp { protocol } => Some(protocol),
            Self::ProcessDelivery { .. }
            | Self::SendAnswers { .. }
            | Self::Reconcile
            | Self::ReadDeliveries { .. }
            | Self::Tidy => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_heals_has_the_names_of_kinds() {
        let protocol = ProtocolId(1);
        let healing = [
            Job::Publish { protocol },
            Job::Republish { protocol, late: JobId(1) },
            Job::SendAnswers { project: ProjectId(1) },
            Job::CleanUp { protocol },
            Job::ProcessDelivery { delivery: DeliveryId(1), repo: None },
        ];
        assert_eq!(healing.map(Job::kind), Job::HEALING);
    }
}
