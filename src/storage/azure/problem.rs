//! What the Blob service says when it refuses a request (Azure Storage documentation, "Blob Storage error codes", "Common
//! REST API error codes").

use serde::Deserialize;

use super::access::Access;
use crate::format::Timestamp;
use crate::http::{Response, bounded, date_seconds, header};
use crate::storage::{Permission, Refusal};

/// Maximum size of an error document, in bytes.
const PROBLEM_BYTES_MAX: u64 = 64 << 10;

/// How far the clocks may differ, in seconds. The service accepts 15 minutes.
const CLOCK_SECONDS_MAX: u64 = 15 * 60;

/// An error document, or the code in the headers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Problem {
    pub(super) code: String,
    message: String,
    /// Why a signature or token is refused.
    authentication_error_detail: String,
    #[serde(skip)]
    pub(super) status: u16,
    #[serde(skip)]
    date: Option<u64>,
}

impl Problem {
    /// Reads the problem in a response.
    pub(super) fn of(response: Response) -> Problem {
        let status = response.status;
        let code = response.header("x-ms-error-code").map(bounded);
        let date = response.header(header::DATE).and_then(date_seconds);
        let bytes = response.bytes(PROBLEM_BYTES_MAX).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let mut problem: Problem =
            quick_xml::de::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
        if let Some(code) = code {
            problem.code = code;
        }
        (problem.status, problem.date) = (status, date);
        problem
    }

    /// Why the store refuses, if that is known, and the reason in words.
    pub(super) fn explain(
        &self,
        access: &Access,
        needed: Permission,
        now: Timestamp,
    ) -> (Option<Refusal>, String) {
        let said = self.said(access);
        let since = u64::try_from(now.get().as_second()).unwrap_or(0);
        let skewed = self.date.filter(|date| date.abs_diff(since) > CLOCK_SECONDS_MAX);
        if let (401 | 403, Some(store)) = (self.status, skewed) {
            let store = Timestamp::from_seconds(store).map_or_else(String::new, |time| time.to_string());
            let text = format!("the clock of this machine says {now}, that of the store {store} ({said})");
            return (Some(Refusal::Clock), text);
        }
        let detail = self.authentication_error_detail.as_str();
        let refusal = match (self.code.as_str(), self.status) {
            ("AuthenticationFailed", _) if detail.contains("not valid in the specified time frame") => {
                if starts_later(detail) {
                    Refusal::NotYetValid
                } else {
                    Refusal::Expired
                }
            }
            ("NoAuthenticationInformation", _) => Refusal::Anonymous,
            (
                "AuthenticationFailed" | "InvalidAuthenticationInfo" | "KeyBasedAuthenticationNotPermitted",
                _,
            ) => Refusal::Credentials,
            ("AuthorizationFailure", _) => {
                return match access {
                    Access::Sas(_) => {
                        let why = "the signature of the SAS token is not valid for this container (was the account key \
                                   rotated?), or a network rule of the account refuses this machine";
                        (Some(Refusal::Credentials), format!("{why} ({said})"))
                    }
                    Access::Key(_) => {
                        let why =
                            "the account key is wrong, or a network rule of the account refuses this machine";
                        (Some(Refusal::Credentials), format!("{why} ({said})"))
                    }
                    Access::Identity(_) => (
                        Some(Refusal::Network),
                        format!("a network rule of the account refuses this machine ({said})"),
                    ),
                };
            }
            ("AuthorizationPermissionMismatch" | "InsufficientAccountPermissions", _) => match access {
                Access::Identity(identity) => {
                    let text = format!("{} lacks the role to {needed} ({said})", identity.name());
                    return (Some(Refusal::Role(needed)), text);
                }
                _ => Refusal::Permission(needed),
            },
            ("AuthorizationResourceTypeMismatch" | "AuthorizationServiceMismatch", _) => Refusal::Scope,
            ("AuthorizationProtocolMismatch" | "AccountRequiresHttps", _) => Refusal::HttpsOnly,
            ("AuthorizationSourceIPMismatch", _) => Refusal::Address,
            ("ContainerNotFound" | "ContainerBeingDeleted" | "ContainerDisabled" | "ResourceNotFound", _) => {
                Refusal::NoContainer
            }
            ("BlobNotFound", _) | ("", 404) => Refusal::NoObject,
            ("BlobAlreadyExists", _) => Refusal::Exists,
            ("ConditionNotMet" | "TargetConditionNotMet" | "UnauthorizedBlobOverwrite", _) | ("", 412) => {
                Refusal::Changed
            }
            (
                "BlobImmutableDueToPolicy"
                | "BlobImmutableDueToLegalHold"
                | "LeaseIdMissing"
                | "ContainerImmutableDueToPolicy",
                _,
            ) => Refusal::Immutable,
            ("BlobArchived" | "BlobBeingRehydrated", _) => Refusal::Archived,
            ("", 401 | 403) => Refusal::Permission(needed),
            ("BlobOperationNotSupported" | "FeatureVersionMismatch", _) | (_, 501) => Refusal::Unsupported,
            (_, 507) => Refusal::Full,
            _ => return (None, said),
        };
        let text = match refusal {
            Refusal::Expired | Refusal::NotYetValid => {
                format!("the token is not valid at this time ({said})")
            }
            Refusal::Anonymous => format!("the store requires credentials ({said})"),
            Refusal::Permission(permission) => format!("the permission to {permission} is missing ({said})"),
            Refusal::Scope => format!("the token is not for this kind of resource ({said})"),
            Refusal::HttpsOnly => format!("HTTPS is required ({said})"),
            Refusal::Address => format!("the token does not permit the address of this machine ({said})"),
            Refusal::NoContainer => format!("there is no such container ({said})"),
            Refusal::Immutable => format!("the blob is protected ({said})"),
            Refusal::Archived => format!("the blob is in the archive tier ({said})"),
            _ => said,
        };
        (Some(refusal), text)
    }

    /// The code and the first lines of the texts of the store, without anything that could be a signature.
    fn said(&self, access: &Access) -> String {
        let line = |text: &str| {
            let mut text = text.lines().next().unwrap_or_default();
            // Details can repeat the request, or quote the signature of a key.
            for mark in ["sig=", "found in the HTTP request '"] {
                text = text.split(mark).next().unwrap_or_default();
            }
            if let Access::Sas(token) = access {
                text = token.without_signature(text);
            }
            bounded(text)
        };
        let code = if self.code.is_empty() { format!("HTTP {}", self.status) } else { bounded(&self.code) };
        let text = if self.authentication_error_detail.is_empty() {
            line(&self.message)
        } else {
            line(&self.authentication_error_detail)
        };
        if text.is_empty() { code } else { format!("{code}: {text}") }
    }
}

/// Whether a detail such as `… time frame: Start [A] - Expiry [B] - Current [C]` says that the start is still to come.
fn starts_later(detail: &str) -> bool {
    let time = |name: &str| {
        let (_, rest) = detail.split_once(name)?;
        date_seconds(rest.trim_start().strip_prefix('[')?.split(']').next()?)
    };
    matches!((time("Start"), time("Current")), (Some(start), Some(current)) if start > current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_to_come_is_told_from_an_end_that_is_past() {
        let detail = |start: &str| {
            format!(
                "Signature not valid in the specified time frame: Start [{start}] - Expiry [Sat, 28 Nov 2026 12:00:00 \
                 GMT] - Current [Thu, 26 Nov 2026 12:00:00 GMT]"
            )
        };
        assert!(starts_later(&detail("Fri, 27 Nov 2026 12:00:00 GMT")));
        assert!(!starts_later(&detail("Wed, 25 Nov 2026 12:00:00 GMT")));
        assert!(!starts_later("Signature not valid in the specified time frame"));
    }
}
