//! What a bench found, as text and as JSON. Pure.

use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// One number that was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// Documented in docs/benchmarks.md.
    pub(super) name: &'static str,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) goal: Goal,
}

/// What the number is meant to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    None,
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// `None` where there is no goal.
    fn is_met(self, value: f64) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtLeast(least) => Some(value >= least),
            Self::AtMost(most) => Some(value <= most),
        }
    }

    fn words(self) -> String {
        match self {
            Self::None => String::new(),
            Self::AtLeast(least) => format!("at least {least}"),
            Self::AtMost(most) => format!("at most {most}"),
        }
    }
}

/// The numbers of a bench, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures(Vec<Figure>);

impl Figures {
    pub(super) fn add(&mut self, name: &'static str, value: f64, unit: &'static str, goal: Goal) {
        self.0.push(Figure { name, value, unit, goal });
    }
}

/// What a bench found, and where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    pub(super) bench: &'static str,
    pub(super) size: &'static str,
    pub(super) build: &'static str,
    pub(super) store: &'static str,
    pub(super) redis: bool,
    pub(super) cores: usize,
    /// The machine's load of the last minute, at the end.
    pub(super) load: f64,
    pub(super) figures: Figures,
}

impl Report {
    /// Whether a figure is as it should be; nobody knows from so few, measured with limits that were made short.
    fn is_met(&self, figure: &Figure) -> Option<bool> {
        figure.goal.is_met(figure.value).filter(|_| self.size != "tiny")
    }

    pub(super) fn json(&self) -> Value {
        let figures: Map<String, Value> = self
            .figures
            .0
            .iter()
            .map(|figure| {
                let met = self.is_met(figure);
                let words = Some(figure.goal.words()).filter(|words| !words.is_empty());
                let value = round(figure.value);
                (
                    figure.name.to_owned(),
                    json!({"value": value, "unit": figure.unit, "goal": words, "met": met}),
                )
            })
            .collect();
        let Self { bench, size, build, store, redis, cores, load, .. } = self;
        json!({
            "bench": bench, "size": size, "build": build, "store": store, "redis": redis, "cores": cores, "load": load,
            "figures": figures,
        })
    }

    pub(super) fn text(&self) -> String {
        let redis = if self.redis { " and Redis" } else { "" };
        let mut text = format!(
            "{}: {} build, {}{redis}, {} cores, load {}\n",
            self.bench, self.build, self.store, self.cores, self.load
        );
        for figure in &self.figures.0 {
            let Figure { name, value, unit, goal } = figure;
            let verdict = match self.is_met(figure) {
                None => String::new(),
                Some(true) => format!("  {}: met", goal.words()),
                Some(false) => format!("  {}: MISSED", goal.words()),
            };
            let line = format!("{name:<28} {:>12} {unit:<6}{verdict}", round(*value));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if self.build == "debug" || self.size == "tiny" {
            text.push_str("These figures mean nothing: measure in full, with a release build.\n");
        }
        text
    }
}

/// Three digits are as many as a noisy machine can tell.
fn round(value: f64) -> f64 {
    let places: f64 = if value >= 100.0 { 1.0 } else { 1000.0 };
    (value * places).round() / places
}

/// The middle one, so that one disturbed round does not count. Zero of nothing.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(size: &'static str, figures: Figures) -> Report {
        let (bench, build, store) = ("intake", "release", "sqlite");
        Report { bench, size, build, store, redis: false, cores: 2, load: 0.5, figures }
    }

    #[test]
    fn one_disturbed_round_does_not_count() {
        assert_eq!(median([5.0, 900.0, 4.0]), 5.0);
        assert_eq!(median([1.0, 3.0]), 2.0);
        assert_eq!(median([]), 0.0);
    }

    #[test]
    fn a_tiny_report_says_nothing_about_goals() {
        let mut figures = Figures::default();
        figures.add("recovery", 900.0, "ms", Goal::AtMost(15_000.0));
        let report = report("tiny", figures);
        assert_eq!(report.json()["figures"]["recovery"]["met"], Value::Null);
        assert!(!report.text().contains("met"), "{}", report.text());
    }

    #[test]
    fn a_report_says_whether_its_goals_are_met() {
        let mut figures = Figures::default();
        figures.add("per_second", 5_432.4, "1/s", Goal::None);
        figures.add("ratio_to_sink", 0.71234, "", Goal::AtLeast(0.8));
        figures.add("p99", 20.0, "ms", Goal::AtMost(25.0));
        let report = report("full", figures);
        insta::assert_snapshot!(report.text(), @r"
        intake: release build, sqlite, 2 cores, load 0.5
        per_second                           5432 1/s
        ratio_to_sink                       0.712         at least 0.8: MISSED
        p99                                    20 ms      at most 25: met
        ");
        let figures = &report.json()["figures"];
        assert_eq!(
            figures["ratio_to_sink"],
            json!({"value": 0.712, "unit": "", "goal": "at least 0.8", "met": false})
        );
        assert_eq!(figures["per_second"]["met"], Value::Null);
    }
}
