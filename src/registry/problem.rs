//! Parses the body of an error response (distribution-spec, "Error Codes"). Codes are parsed here, where the JSON is
//! available.

use std::fmt;

use serde_json::Value;

use crate::http::{Response, StatusCode, bounded};

/// Maximum size of an error body, in bytes.
const ERROR_BYTES_MAX: u64 = 16 << 10;

/// The maximum number of errors of one body in a message.
const ERRORS_SHOWN: usize = 3;

/// The errors in the body of a response, or the meaning of its status. Limited in length, but not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    text: String,
    codes: Vec<ErrorCode>,
    names_urls: bool,
    expects_tls: bool,
    says_read_only: bool,
}

/// An error code of the distribution-spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The registry lacks a blob.
    BlobUnknown,
    /// The upload is invalid.
    BlobUploadInvalid,
    /// The registry does not know an upload.
    BlobUploadUnknown,
    /// The bytes that were sent do not match the digest.
    DigestInvalid,
    /// The registry lacks a manifest or blob that a manifest references.
    ManifestBlobUnknown,
    /// The registry does not accept a manifest.
    ManifestInvalid,
    /// The registry lacks a manifest.
    ManifestUnknown,
    /// The registry does not accept the name of a repository.
    NameInvalid,
    /// The registry lacks a repository.
    NameUnknown,
    /// The bytes that were sent have a wrong size.
    SizeInvalid,
    /// Authentication is required.
    Unauthorized,
    /// The credentials do not permit the request.
    Denied,
    /// The registry does not support the request.
    Unsupported,
    /// The registry limits the rate of requests.
    TooManyRequests,
}

impl ErrorCode {
    fn parse(word: &str) -> Option<ErrorCode> {
        Some(match word {
            "BLOB_UNKNOWN" => ErrorCode::BlobUnknown,
            "BLOB_UPLOAD_INVALID" => ErrorCode::BlobUploadInvalid,
            "BLOB_UPLOAD_UNKNOWN" => ErrorCode::BlobUploadUnknown,
            "DIGEST_INVALID" => ErrorCode::DigestInvalid,
            "MANIFEST_BLOB_UNKNOWN" => ErrorCode::ManifestBlobUnknown,
            "MANIFEST_INVALID" => ErrorCode::ManifestInvalid,
            "MANIFEST_UNKNOWN" => ErrorCode::ManifestUnknown,
            "NAME_INVALID" => ErrorCode::NameInvalid,
            "NAME_UNKNOWN" => ErrorCode::NameUnknown,
            "SIZE_INVALID" => ErrorCode::SizeInvalid,
            "UNAUTHORIZED" => ErrorCode::Unauthorized,
            "DENIED" => ErrorCode::Denied,
            "UNSUPPORTED" => ErrorCode::Unsupported,
            "TOOMANYREQUESTS" => ErrorCode::TooManyRequests,
            _ => return None,
        })
    }
}

impl Problem {
    /// Parses the body of an error response.
    pub(super) fn of(response: Response) -> Problem {
        let (status, is_plain) = (response.status, response.url.scheme() == "http");
        let is_json = response.content_type().is_some_and(|kind| kind.contains("json"));
        let json = || serde_json::from_slice::<Value>(&response.bytes(ERROR_BYTES_MAX).ok()?).ok();
        let json = is_json.then(json).flatten();
        json.as_ref().and_then(Problem::of_json).unwrap_or_else(|| Problem {
            // Servers reject plain HTTP on a TLS port this way.
            expects_tls: is_plain && status == 400,
            ..Problem::of_text(reason(status).to_owned())
        })
    }

    fn of_text(text: String) -> Problem {
        Problem { text, codes: Vec::new(), names_urls: false, expects_tls: false, says_read_only: false }
    }

    /// Adds what a header says to the message.
    pub(super) fn append(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Parses JSON; `None` if it describes no error.
    fn of_json(json: &Value) -> Option<Problem> {
        let errors: Vec<&Value> = json["errors"].as_array().into_iter().flatten().collect();
        if errors.is_empty() {
            // Some token services use this form.
            return json["details"].as_str().map(|details| Problem {
                names_urls: details.contains("url"),
                ..Problem::of_text(bounded(details))
            });
        }
        let text = errors.iter().take(ERRORS_SHOWN).map(|error| shown(error)).collect::<Vec<_>>().join("; ");
        let codes = errors.iter().filter_map(|error| ErrorCode::parse(error["code"].as_str()?)).collect();
        // The specification has no code for refused `urls` of a layer. Only the message and the detail mention them.
        let names_urls = errors.iter().any(|error| {
            [&error["message"], &error["detail"]].iter().any(|part| part.to_string().contains("url"))
        });
        let says_read_only = errors.iter().any(|error| {
            let text = error.to_string().to_ascii_lowercase();
            ["read only", "read-only", "readonly"].iter().any(|words| text.contains(words))
        });
        Some(Problem { text, codes, names_urls, expects_tls: false, says_read_only })
    }

    /// Returns whether the body contains this code.
    pub fn has(&self, code: ErrorCode) -> bool {
        self.codes.contains(&code)
    }

    /// Returns whether the body mentions the `urls` of a layer.
    pub fn names_urls(&self) -> bool {
        self.names_urls
    }

    /// Returns whether the body says that the registry is read-only. The specification has no code for that.
    pub fn says_read_only(&self) -> bool {
        self.says_read_only
    }

    /// Returns whether the server seems to have rejected plain HTTP because this is a TLS port.
    pub fn expects_tls(&self) -> bool {
        self.expects_tls
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn reason(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("no reason given")
}

/// Formats one error of a body for messages.
fn shown(error: &Value) -> String {
    let text = |value: &Value| value.as_str().map(bounded).unwrap_or_default();
    let detail = match &error["detail"] {
        Value::Null => String::new(),
        Value::String(detail) => format!(" ({})", bounded(detail)),
        detail => format!(" ({})", bounded(&detail.to_string())),
    };
    format!("{} {}{detail}", text(&error["code"]), text(&error["message"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_are_parsed_and_texts_are_kept() {
        let json = json!({"errors": [
            {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown", "detail": {"Digest": "sha256:0"}},
            {"code": "ODD", "message": "line\nbreak"},
            {"code": "DENIED"},
            {"code": "NAME_UNKNOWN", "message": "left out"},
        ]});
        let problem = Problem::of_json(&json).unwrap();
        assert!(problem.has(ErrorCode::ManifestBlobUnknown) && problem.has(ErrorCode::NameUnknown));
        assert!(!problem.has(ErrorCode::Unauthorized) && !problem.names_urls());
        assert_eq!(
            problem.to_string(),
            "MANIFEST_BLOB_UNKNOWN blob unknown ({\"Digest\":\"sha256:0\"}); ODD line\nbreak; DENIED "
        );
    }

    #[test]
    fn urls_are_found_in_the_message_or_the_detail() {
        for error in [
            json!({"code": "MANIFEST_INVALID", "message": "invalid url on layer"}),
            json!({"code": "UNKNOWN", "message": "", "detail": {"field": "urls"}}),
        ] {
            assert!(Problem::of_json(&json!({ "errors": [error] })).unwrap().names_urls());
        }
        let other = json!({"errors": [{"code": "MANIFEST_INVALID", "message": "no config"}]});
        assert!(!Problem::of_json(&other).unwrap().names_urls());
    }

    #[test]
    fn other_json_contains_no_error() {
        for json in [json!({}), json!([]), json!({"errors": []}), json!({"errors": "no"})] {
            assert_eq!(Problem::of_json(&json), None, "{json}");
        }
        let details = Problem::of_json(&json!({"details": "wrong password"})).unwrap();
        assert_eq!(details.to_string(), "wrong password");
    }
}
