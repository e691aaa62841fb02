//! Errors that end a command without a report.

use std::fmt::Display;
use std::io;
use std::path::Path;

use carnet::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use carnet::small_file::SmallFileError;
use serde::Serialize;

use super::advice;
use super::judgement::{Judgement, reasons};
use super::plain::{plain, plain_path};
use super::screen::{Screen, say};

/// An error that ends a command without a report.
pub(crate) struct CommandError {
    pub(crate) diagnosis: Diagnosis,
    pub(crate) message: String,
    /// The judgement, if a policy denied something.
    pub(crate) judgement: Option<Box<Judgement>>,
}

impl<E: Diagnose> From<E> for CommandError {
    fn from(error: E) -> Self {
        CommandError {
            diagnosis: error.diagnosis(),
            message: plain(&error.to_string()).into_owned(),
            judgement: None,
        }
    }
}

impl CommandError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> CommandError {
        CommandError { diagnosis: code.into(), message: message.into(), judgement: None }
    }

    /// An error for a file or folder that cannot be read or written. `verb` is `read` or `write`.
    pub(crate) fn file(verb: &str, path: &Path, error: &io::Error) -> CommandError {
        let message = format!("cannot {verb} {}: {error}", plain_path(path));
        CommandError { diagnosis: Code::FileUnusable.with(Advice::of_io(error)), message, judgement: None }
    }

    /// An error for a small file that the operator named, such as a list or a passphrase.
    pub(crate) fn small_file(path: &Path, error: &SmallFileError) -> CommandError {
        let message = format!("cannot read {}: {error}", plain_path(path));
        CommandError { diagnosis: Code::FileUnusable.with(error.advice()), message, judgement: None }
    }

    /// An error of the operating system.
    pub(crate) fn system(error: impl Display) -> CommandError {
        CommandError::new(Code::System, error.to_string())
    }

    /// Prints the error and the next step to stderr, and with `--json` also a document to stdout.
    pub(crate) fn show(&self, screen: &Screen) {
        let code = self.diagnosis.code;
        let hint = advice::hint(&self.diagnosis);
        if screen.json {
            let (message, hint) = (self.message.clone(), Some(hint.clone()));
            let policy = self.judgement.as_deref();
            screen.document(&ErrorReport { error: ErrorDetail { code, message, hint }, policy });
        }
        say(&format!("error[{code}]: {}", self.message));
        for reason in self.judgement.iter().flat_map(|judgement| reasons(judgement)) {
            say(&reason);
        }
        say(&format!("  hint: {hint}"));
    }
}

/// The output of every command with `--json` if it ends without a report.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(crate) struct ErrorReport<'a> {
    /// The error that ended the command.
    pub(crate) error: ErrorDetail,
    /// The judgement, if a policy denied something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<&'a Judgement>,
}

/// An error: its code, a message and a hint.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(crate) struct ErrorDetail {
    /// The error code: a stable word for scripts. docs/errors.md lists all codes.
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub(crate) code: Code,
    /// What went wrong, for people. The wording may change between versions.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
}
