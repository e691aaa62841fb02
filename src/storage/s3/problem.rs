//! What S3 says when it refuses a request.

use serde::Deserialize;

use crate::http::{Response, bounded, header};
use crate::storage::{Permission, Refusal};

/// Maximum size of an error document, in bytes.
const PROBLEM_BYTES_MAX: u64 = 64 << 10;

/// An error document, or the status alone.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) message: String,
    /// The region of the bucket, if the request named another one.
    pub(super) region: Option<String>,
    #[serde(skip)]
    pub(super) status: u16,
    /// The time of the store, as its `Date` header has it.
    #[serde(skip)]
    pub(super) date: Option<String>,
}

impl Problem {
    /// Reads the problem in a response.
    pub(super) fn of(response: Response) -> Problem {
        let status = response.status;
        let date = response.header(header::DATE).map(bounded);
        let region = response.header("x-amz-bucket-region").map(str::to_owned);
        let text = response.bytes(PROBLEM_BYTES_MAX).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let mut problem = Problem::parse(text.as_deref().unwrap_or_default());
        problem.region = region.or(problem.region);
        (problem.status, problem.date) = (status, date);
        problem
    }

    /// Reads an error document; one without a code if it is something else.
    pub(super) fn parse(text: &str) -> Problem {
        quick_xml::de::from_str(text).unwrap_or_default()
    }

    /// Why the store refuses, if that is known. `needed` is what the request needs.
    pub(super) fn refusal(&self, needed: Permission) -> Option<Refusal> {
        Some(match (self.code.as_str(), self.status) {
            ("AccessDenied" | "InvalidRequest", _) if self.is_about_lock() => Refusal::Immutable,
            ("AccessDenied" | "AllAccessDisabled" | "UnauthorizedAccess", _) | ("", 401 | 403) => {
                Refusal::Permission(needed)
            }
            ("ExpiredToken" | "TokenRefreshRequired", _) => Refusal::Expired,
            (
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidToken"
                | "InvalidSecurity"
                | "AuthorizationHeaderMalformed"
                | "NotSignedUp",
                _,
            ) => Refusal::Credentials,
            ("RequestTimeTooSkewed", _) => Refusal::Clock,
            ("NoSuchBucket", _) => Refusal::NoContainer,
            ("NoSuchKey", _) | ("", 404) => Refusal::NoObject,
            ("InvalidObjectState", _) => Refusal::Archived,
            ("ObjectLocked" | "InvalidRetentionPeriod", _) => Refusal::Immutable,
            ("QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" | "TooMuchData", _) => {
                Refusal::Full
            }
            (_, 507) => Refusal::Full,
            ("NotImplemented", _) | (_, 501) => Refusal::Unsupported,
            ("PreconditionFailed", _) | (_, 412) => Refusal::Changed,
            _ => return None,
        })
    }

    /// Whether the message says that the object is locked. There is no code for that.
    fn is_about_lock(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        ["retention", "object lock", "legal hold", "worm"].iter().any(|word| message.contains(word))
    }

    /// Whether the bytes got lost or changed on the way, so that they may be sent once more.
    pub(super) fn is_of_transfer(&self) -> bool {
        let codes = ["BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout"];
        codes.contains(&self.code.as_str())
    }

    /// Whether the store does not know the header with a SHA-256 sum. Some stores know MD5 only.
    pub(super) fn is_about_sha256(&self) -> bool {
        matches!(self.status, 400 | 501) && self.message.to_ascii_lowercase().contains("x-amz-checksum")
    }

    /// Whether another request came in between, so that this one may be sent again.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self.code.as_str(), "ConditionalRequestConflict" | "OperationAborted")
    }

    /// Whether the store asks for another try. Its status does not say so when it was sent before the work was done.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self.code.as_str(), "InternalError" | "ServiceUnavailable" | "SlowDown" | "RequestTimeout")
    }

    /// The problem in words. `clock` is the time of this machine.
    pub(super) fn text(&self, needed: Permission, clock: &str) -> String {
        let (code, message) = (bounded(&self.code), bounded(&self.message));
        let said = match (code.as_str(), message.as_str()) {
            ("", "") => format!("HTTP {}", self.status),
            (code, "") => code.to_owned(),
            ("", message) => message.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        match self.refusal(needed) {
            Some(Refusal::Clock) => {
                let store = self.date.as_deref().unwrap_or("another time");
                format!("the clock of this machine says {clock}, that of the store {store} ({said})")
            }
            // Without the permission to list, the store does not tell which objects exist.
            Some(Refusal::Permission(Permission::Read)) => format!(
                "the permission to read is missing, or the object may not exist and the permission to list is missing \
                 ({said})"
            ),
            Some(Refusal::Permission(permission)) => {
                format!("the permission to {permission} is missing ({said})")
            }
            Some(Refusal::Expired) => format!("the session token has expired ({said})"),
            Some(Refusal::NoContainer) => format!("there is no such bucket ({said})"),
            Some(Refusal::Credentials) => format!("the access key or the secret is wrong ({said})"),
            _ => said,
        }
    }
}
