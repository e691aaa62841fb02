//! What the body of an error says (distribution-spec, "Error Codes").

use crate::http::{Answer, StatusCode, escaped};

/// How much of an error's text is read, in bytes.
const ERROR_BYTES_MAX: u64 = 16 << 10;

/// What an error's body says (distribution-spec, "Error Codes"), or else its status.
pub(super) fn problem_of(answer: Answer) -> String {
    let status = StatusCode::from_u16(answer.status).ok();
    let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("no reason given");
    let is_json = answer.content_type().is_some_and(|kind| kind.contains("json"));
    let json = || serde_json::from_slice::<serde_json::Value>(&answer.bytes(ERROR_BYTES_MAX).ok()?).ok();
    let Some(json) = is_json.then(json).flatten() else { return reason.to_owned() };
    let text = |value: &serde_json::Value| value.as_str().map(escaped).unwrap_or_default();
    let error = |error: &serde_json::Value| {
        let detail = match &error["detail"] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(detail) => format!(" ({})", escaped(detail)),
            detail => format!(" ({})", escaped(&detail.to_string())),
        };
        format!("{} {}{detail}", text(&error["code"]), text(&error["message"]))
    };
    let errors: Vec<String> = json["errors"].as_array().into_iter().flatten().take(3).map(error).collect();
    match (errors.is_empty(), json["details"].as_str()) {
        (false, _) => errors.join("; "),
        (true, Some(details)) => escaped(details),
        (true, None) => reason.to_owned(),
    }
}
