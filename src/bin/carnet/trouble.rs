//! Why a command ended without a report.

use std::fmt::Display;
use std::io;
use std::path::Path;

use carnet::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use schemars::JsonSchema;
use serde::Serialize;

use super::advice;
use super::plain::{plain, plain_path};
use super::screen::{Screen, say};

/// Why a command ended without a report.
pub(crate) struct Trouble {
    pub(crate) diagnosis: Diagnosis,
    pub(crate) message: String,
}

impl<E: Diagnose> From<E> for Trouble {
    fn from(error: E) -> Self {
        Trouble { diagnosis: error.diagnosis(), message: plain(&error.to_string()).into_owned() }
    }
}

impl Trouble {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Trouble {
        Trouble { diagnosis: code.into(), message: message.into() }
    }

    /// A file or folder that cannot be read or written.
    pub(crate) fn unusable(what: &str, path: &Path, error: &io::Error) -> Trouble {
        let message = format!("cannot {what} {}: {error}", plain_path(path));
        Trouble { diagnosis: Code::FileUnusable.with(Advice::of_io(error)), message }
    }

    /// Something that the operating system refuses.
    pub(crate) fn system(error: impl Display) -> Trouble {
        Trouble::new(Code::System, error.to_string())
    }

    /// Tells the error and the next step.
    pub(crate) fn show(&self, screen: &Screen) {
        let code = self.diagnosis.code;
        let hint = advice::hint(&self.diagnosis);
        if screen.json {
            let (message, hint) = (self.message.clone(), Some(hint.clone()));
            screen.document(&ErrorReport { error: ErrorDetail { code, message, hint } });
        }
        say(&format!("error[{code}]: {}", self.message));
        say(&format!("  hint: {hint}"));
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
    #[schemars(with = "String")]
    pub(crate) code: Code,
    /// A sentence.
    pub(crate) message: String,
    /// The next step.
    pub(crate) hint: Option<String>,
}
