//! The body of a check run request, as strictly read as GitHub reads it.
//!
//! Limits: <https://docs.github.com/en/rest/checks/runs>; sizes of texts are bytes, lengths of labels are characters.

use crate::sandbox::acts::Refused;
use crate::sandbox::github::acts::{Output, RunChange};
use crate::sandbox::http::{Call, wrong_type};
use crate::sandbox::model::{CheckConclusion, CheckStatus};
use serde_json::Value;

const LARGEST_TEXT: usize = 65_535;
const MOST_ANNOTATIONS: usize = 50;
const MOST_ACTIONS: usize = 3;
const STATUSES: &[&str] = &["queued", "in_progress", "completed"];
const CONCLUSIONS: &[&str] =
    &["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"];

pub(super) fn read_change(call: &Call) -> Result<RunChange, Refused> {
    let owned = |field: &str| Ok::<_, Refused>(call.maybe_text(field)?.map(str::to_owned));
    let status = call.maybe_word("status", STATUSES)?.and_then(CheckStatus::parse);
    let conclusion = call.maybe_word("conclusion", CONCLUSIONS)?.and_then(CheckConclusion::parse);
    if status == Some(CheckStatus::Completed) && conclusion.is_none() {
        let why = "Missing required keys \"conclusion\" when status is \"completed\"";
        return Err(Refused::schema(why));
    }
    let details_url = owned("details_url")?;
    if details_url.as_ref().is_some_and(|u| !u.starts_with("http://") && !u.starts_with("https://")) {
        let why = "details_url must use http or https scheme";
        return Err(Refused::invalid("CheckRun", "details_url", "custom", why));
    }
    Ok(RunChange {
        name: owned("name")?,
        external_id: owned("external_id")?,
        details_url,
        status,
        conclusion,
        started: moment(call, "started_at")?,
        completed: moment(call, "completed_at")?,
        output: call.body.get("output").filter(|o| !o.is_null()).map(read_output).transpose()?,
        actions: call.body.get("actions").filter(|a| !a.is_null()).map(read_actions).transpose()?,
    })
}

/// ISO 8601 with a zone: `2026-01-31T10:00:00Z`.
fn moment(call: &Call, field: &str) -> Result<Option<String>, Refused> {
    let Some(text) = call.maybe_text(field)? else {
        return Ok(None);
    };
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let (head, tail) = text.as_bytes().split_at(shape.len().min(text.len()));
    let same = |(want, is): (&u8, &u8)| {
        if *want == b'd' { is.is_ascii_digit() } else { want == is }
    };
    let zoned = tail.ends_with(b"Z") || tail.contains(&b'+') || tail.contains(&b'-');
    if head.len() == shape.len() && shape.iter().zip(head).all(same) && zoned {
        return Ok(Some(text.to_owned()));
    }
    Err(Refused::schema(format_args!("For 'properties/{field}', {text:?} is not a valid date-time.")))
}

fn too_long(field: &str, most: usize, unit: &str) -> Refused {
    Refused::invalid("CheckRun", field, "custom", format!("{field} exceeds a maximum of {most} {unit}"))
}

fn text_of<'v>(value: &'v Value, field: &str) -> Result<Option<&'v str>, Refused> {
    match value.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(field, other, "string")),
    }
}

fn required<'v>(value: &'v Value, field: &str) -> Result<&'v str, Refused> {
    text_of(value, field)?.ok_or_else(|| Refused::schema(format_args!("\"{field}\" wasn't supplied.")))
}

fn read_output(output: &Value) -> Result<Output, Refused> {
    if !output.is_object() {
        return Err(wrong_type("output", output, "object"));
    }
    let title = required(output, "title")?;
    let summary = required(output, "summary")?;
    let text = text_of(output, "text")?;
    for (field, value) in [("summary", Some(summary)), ("text", text)] {
        if value.is_some_and(|v| v.len() > LARGEST_TEXT) {
            return Err(too_long(field, LARGEST_TEXT, "bytes"));
        }
    }
    let annotations = match output.get("annotations") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(other) => return Err(wrong_type("annotations", other, "array")),
    };
    if annotations.len() > MOST_ANNOTATIONS {
        let why = format!(
            "No more than {MOST_ANNOTATIONS} items are allowed; {} were supplied.",
            annotations.len()
        );
        return Err(Refused::schema(why));
    }
    annotations.iter().try_for_each(check_annotation)?;
    Ok(Output {
        title: Some(title.to_owned()),
        summary: summary.to_owned(),
        text: text.map(str::to_owned),
        annotations,
    })
}

fn check_annotation(annotation: &Value) -> Result<(), Refused> {
    required(annotation, "path")?;
    let message = required(annotation, "message")?;
    let level = required(annotation, "annotation_level")?;
    if !["notice", "warning", "failure"].contains(&level) {
        let why = format!("{level:?} is not a member of [notice, warning, failure].");
        return Err(Refused::schema(why));
    }
    for field in ["start_line", "end_line"] {
        if annotation.get(field).and_then(Value::as_u64).is_none() {
            return Err(Refused::schema(format_args!("\"{field}\" wasn't supplied.")));
        }
    }
    let title = text_of(annotation, "title")?.unwrap_or_default();
    let raw = text_of(annotation, "raw_details")?.unwrap_or_default();
    match () {
        () if title.chars().count() > 255 => Err(too_long("title", 255, "characters")),
        () if message.len() > 64 << 10 => Err(too_long("message", 64 << 10, "bytes")),
        () if raw.len() > 64 << 10 => Err(too_long("raw_details", 64 << 10, "bytes")),
        () => Ok(()),
    }
}

fn read_actions(actions: &Value) -> Result<Vec<Value>, Refused> {
    let list = actions.as_array().ok_or_else(|| wrong_type("actions", actions, "array"))?;
    if list.len() > MOST_ACTIONS {
        let why = format!("No more than {MOST_ACTIONS} items are allowed; {} were supplied.", list.len());
        return Err(Refused::schema(why));
    }
    for action in list {
        for (field, most) in [("label", 20), ("description", 40), ("identifier", 20)] {
            if required(action, field)?.chars().count() > most {
                return Err(too_long(field, most, "characters"));
            }
        }
    }
    Ok(list.clone())
}
