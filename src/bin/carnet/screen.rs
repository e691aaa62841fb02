//! Output: reports to stdout, as text or as one JSON document; errors and warnings to stderr.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use carnet::diagnosis::Code;
use serde::Serialize;

use super::args::Options;
use super::plain::{plain, plain_json};

/// Writes reports to stdout, in the form that the options ask for.
pub(crate) struct Screen {
    /// Print one JSON document and nothing else.
    pub(crate) json: bool,
    /// Print errors only.
    pub(crate) quiet: bool,
    /// Print every blob and every chunk.
    pub(crate) verbose: bool,
    /// Whether writing to stdout failed.
    lost: AtomicBool,
}

impl Screen {
    pub(crate) fn new(options: &Options) -> Screen {
        let Options { json, quiet, verbose, .. } = *options;
        Screen { json, quiet, verbose: verbose > 0, lost: AtomicBool::new(false) }
    }

    /// Prints a report about work done. Prints nothing with `--quiet`.
    pub(crate) fn report(&self, report: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json || !self.quiet {
            self.answer(report, text);
        }
    }

    /// Prints a report that answers a question, even with `--quiet`.
    pub(crate) fn answer(&self, report: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            self.document(report);
        } else {
            self.bytes(text().as_bytes());
        }
    }

    /// Prints a JSON document.
    pub(crate) fn document(&self, report: &impl Serialize) {
        let mut out = plain_json(&serde_json::to_string_pretty(report).expect("a report serialises"));
        out.push('\n');
        self.bytes(out.as_bytes());
    }

    /// Writes bytes to stdout. A closed pipe is not a failure; any other error, such as a full disk, is.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                say(&format!("error[{}]: cannot write to stdout: {error}", Code::OutputLost));
                self.lost.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Whether writing to stdout failed, so that output is incomplete.
    pub(crate) fn output_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Prints an error or warning as one line on stderr, escaped by [`plain`].
pub(crate) fn say(line: &str) {
    write_line(&plain(line));
}

/// Writes a line to stderr unchanged. Errors are ignored: there is nowhere left to report them.
pub(crate) fn write_line(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
