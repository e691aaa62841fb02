//! Where output goes: reports to stdout, as text or as one JSON document; errors and warnings to stderr.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use carnet::diagnosis::Code;
use serde::Serialize;

use super::args::Options;
use super::plain::{plain, plain_json};

/// Stdout, and how the operator wants to see reports there.
pub(crate) struct Screen {
    /// One JSON document, nothing else.
    pub(crate) json: bool,
    /// Errors only.
    pub(crate) quiet: bool,
    /// Every blob, every chunk.
    pub(crate) verbose: bool,
    lost: AtomicBool,
}

impl Screen {
    pub(crate) fn new(options: &Options) -> Screen {
        let Options { json, quiet, verbose, .. } = *options;
        Screen { json, quiet, verbose: verbose > 0, lost: AtomicBool::new(false) }
    }

    /// A report that says what was done: nothing of it with `--quiet`.
    pub(crate) fn report(&self, report: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json || !self.quiet {
            self.answer(report, text);
        }
    }

    /// A report that answers a question: it is printed with `--quiet`, too.
    pub(crate) fn answer(&self, report: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            self.document(report);
        } else {
            self.bytes(text().as_bytes());
        }
    }

    /// A JSON document.
    pub(crate) fn document(&self, report: &impl Serialize) {
        let mut out = plain_json(&serde_json::to_string_pretty(report).expect("a report serialises"));
        out.push('\n');
        self.bytes(out.as_bytes());
    }

    /// Bytes to stdout. A reader that has gone away is no failure, a full disk is.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                say(&format!("error[{}]: stdout cannot be written: {error}", Code::OutputLost));
                self.lost.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Whether something that was asked for could not be written to stdout.
    pub(crate) fn output_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// An error or warning: one line to stderr.
pub(crate) fn say(line: &str) {
    write_line(&plain(line));
}

/// A line to stderr as it is. That nobody reads it is no reason to fail.
pub(crate) fn write_line(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
