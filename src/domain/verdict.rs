//! QA's judgement and the rules that make one from what an engine found.

use serde::{Deserialize, Serialize};
use std::fmt;

/// QA's judgement of one step. Only `Pass` is green.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
    Blocked,
    Inconclusive,
    Skipped,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Blocked => "blocked",
            Self::Inconclusive => "inconclusive",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Blocking,
    Warning,
    Note,
}

/// One thing that QA found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Repository-relative; `None` when it belongs to no file.
    pub path: Option<String>,
    pub severity: Severity,
    pub text: String,
}

/// What QA said of a step: the verdict after our rules, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    pub verdict: Verdict,
    pub summary: String,
    pub findings: Vec<Finding>,
    /// Set when our rules changed the engine's verdict: what was changed and why.
    pub amended: Option<String>,
}

impl Judgement {
    /// An engine that crashed, timed out or answered nonsense is never a pass.
    pub fn inconclusive(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Inconclusive, summary: why.into(), findings: Vec::new(), amended: None }
    }

    /// Applies the rules that stand above the engine's own word.
    ///
    /// A fail becomes a pass with a note only if there is at least one blocking finding and the path of each lies under
    /// `.protocols/`; a pass with blocking findings contradicts itself and is inconclusive.
    pub fn settled(mut self) -> Self {
        let blocking: Vec<&Finding> =
            self.findings.iter().filter(|finding| finding.severity == Severity::Blocking).collect();
        let bookkeeping_only = !blocking.is_empty() && blocking.iter().all(|finding| is_bookkeeping(finding));
        match self.verdict {
            Verdict::Fail if bookkeeping_only => {
                self.verdict = Verdict::Pass;
                self.amended = Some(
                    "every blocking finding lies under `.protocols/`, so the fail counts as a pass".into(),
                );
            }
            Verdict::Pass if !blocking.is_empty() && !bookkeeping_only => {
                self.verdict = Verdict::Inconclusive;
                self.amended = Some("the verdict says pass but there are blocking findings".into());
            }
            _ => {}
        }
        self
    }
}

fn is_bookkeeping(finding: &Finding) -> bool {
    let path = finding.path.as_deref().unwrap_or_default().trim_start_matches("./");
    path.starts_with(".protocols/") && !path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(verdict: Verdict, findings: &[(Severity, Option<&str>)], expected: Verdict) {
        let findings = findings
            .iter()
            .map(|(severity, path)| Finding {
                path: path.map(str::to_owned),
                severity: *severity,
                text: String::new(),
            })
            .collect();
        let judgement = Judgement { verdict, summary: String::new(), findings, amended: None };
        assert_eq!(judgement.settled().verdict, expected);
    }

    #[test]
    fn a_fail_about_bookkeeping_alone_is_a_pass() {
        use Severity::{Blocking, Note, Warning};
        let log = Some(".protocols/0001-a/log.md");
        check(Verdict::Fail, &[(Blocking, log)], Verdict::Pass);
        check(Verdict::Fail, &[(Blocking, log), (Note, Some("src/a.rs"))], Verdict::Pass);
        check(Verdict::Fail, &[(Blocking, log), (Blocking, Some("src/a.rs"))], Verdict::Fail);
        check(Verdict::Fail, &[(Blocking, None)], Verdict::Fail);
        check(Verdict::Fail, &[(Blocking, Some(".protocols/../src/a.rs"))], Verdict::Fail);
        check(Verdict::Fail, &[(Blocking, Some("docs/.protocols/x"))], Verdict::Fail);
        check(Verdict::Fail, &[(Warning, log)], Verdict::Fail);
        check(Verdict::Fail, &[], Verdict::Fail);
    }

    #[test]
    fn a_pass_with_blocking_findings_is_inconclusive() {
        check(Verdict::Pass, &[(Severity::Blocking, Some("src/a.rs"))], Verdict::Inconclusive);
        check(Verdict::Pass, &[(Severity::Blocking, Some(".protocols/0001-a/log.md"))], Verdict::Pass);
        check(Verdict::Pass, &[(Severity::Warning, Some("src/a.rs"))], Verdict::Pass);
    }
}
