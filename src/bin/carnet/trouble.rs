//! Why a command ended without a report.

use std::fmt::Display;
use std::io;
use std::path::Path;

use carnet::diagnosis::{Diagnose, Failure};
use schemars::JsonSchema;
use serde::Serialize;

use super::plain::{plain, plain_path};
use super::screen::{Screen, say};

/// Why a command ended without a report.
pub(crate) struct Trouble {
    pub(crate) code: &'static str,
    pub(crate) failure: Failure,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl<E: Diagnose> From<E> for Trouble {
    fn from(error: E) -> Self {
        Trouble {
            code: error.code(),
            failure: error.failure(),
            message: plain(&error.to_string()).into_owned(),
            hint: error.hint(),
        }
    }
}

impl Trouble {
    pub(crate) fn new(failure: Failure, code: &'static str, message: impl Into<String>) -> Trouble {
        Trouble { code, failure, message: message.into(), hint: None }
    }

    /// A file or folder that cannot be read or written.
    pub(crate) fn unusable(what: &str, path: &Path, error: &io::Error) -> Trouble {
        let path = plain_path(path);
        Trouble::new(Failure::Failed, "file-unusable", format!("cannot {what} {path}: {error}"))
    }

    /// Something that the operating system refuses.
    pub(crate) fn system(error: impl Display) -> Trouble {
        Trouble::new(Failure::Failed, "system", error.to_string())
    }

    /// Tells the error and the next step.
    pub(crate) fn show(&self, screen: &Screen) {
        if screen.json {
            screen.document(&ErrorReport {
                error: ErrorDetail {
                    code: self.code.to_owned(),
                    message: self.message.clone(),
                    hint: self.hint.clone(),
                },
            });
        }
        say(&format!("error[{}]: {}", self.code, self.message));
        if let Some(hint) = &self.hint {
            say(&format!("  hint: {hint}"));
        }
    }
}

/// What every command says with `--json` when it ends without a report.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorReport {
    /// What went wrong.
    pub(crate) error: ErrorDetail,
}

/// What went wrong.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorDetail {
    /// A stable word.
    pub(crate) code: String,
    /// A sentence.
    pub(crate) message: String,
    /// The next step.
    pub(crate) hint: Option<String>,
}
