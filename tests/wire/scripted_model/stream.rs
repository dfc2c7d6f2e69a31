//! Answers as server-sent events of the Responses API. `output_item.done` and `completed` are what clients count on.

use serde_json::{Value, json};

/// Tokens of every answer: a run's total tells how many model calls it made.
pub(crate) const USAGE: [u64; 4] = [1000, 400, 50, 10];

pub(crate) fn message(text: &str) -> String {
    let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
    let item = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content});
    answer(&item)
}

pub(crate) fn shell_call(command: &str, number: usize) -> String {
    let arguments = json!({"cmd": command, "yield_time_ms": 20_000}).to_string();
    let call_id = format!("call_{number}");
    answer(&json!({
        "type": "function_call", "id": format!("fc_{number}"), "call_id": call_id, "name": "exec_command",
        "arguments": arguments, "status": "completed",
    }))
}

pub(crate) fn failure(code: &str, message: &str) -> String {
    let response = json!({"id": "resp_1", "status": "failed", "error": {"code": code, "message": message}});
    event("response.created", &json!({"response": {"id": "resp_1"}}))
        + &event("response.failed", &json!({ "response": response }))
}

fn answer(item: &Value) -> String {
    let [input, cached, output, reasoning] = USAGE;
    let usage = json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input + output,
    });
    event("response.created", &json!({"response": {"id": "resp_1"}}))
        + &event("response.output_item.done", &json!({"output_index": 0, "item": item}))
        + &event("response.completed", &json!({"response": {"id": "resp_1", "usage": usage}}))
}

fn event(kind: &str, data: &Value) -> String {
    let mut data = data.clone();
    data["type"] = kind.into();
    format!("event: {kind}\ndata: {data}\n\n")
}
