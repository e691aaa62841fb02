//! The question before a signature.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use carnet::diagnosis::Code;
use carnet::format::Sum;

use crate::command::Context;
use crate::command_error::CommandError;

/// How many digits of the id must be typed.
const DIGITS: usize = 8;

/// Interval at which a waiting question looks for a stop signal.
const CHECK: Duration = Duration::from_millis(100);

/// Shows what is signed and asks for `y` with the beginning of the id, of a bundle or of a trust file. Asks only on a terminal, and not if the
/// answer was given with the command.
///
/// # Errors
/// If the answer is anything else.
pub(in crate::commands) fn confirm(
    id: &Sum,
    shown: &str,
    yes: bool,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    if yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let mut stderr = io::stderr();
    let question = format!("{shown}To sign it, type y and the first {DIGITS} digits of the id: ");
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(CommandError::system)?;
    let id = id.to_string();
    if answer(context)?.split_ascii_whitespace().eq(["y", &id[..DIGITS]]) {
        return Ok(());
    }
    let message = "the answer was not y with the beginning of the id; nothing was signed";
    Err(CommandError::new(Code::ReleaseDeclined, message))
}

/// Reads a line. A thread does it, because a stop signal does not end reading.
fn answer(context: &Context<'_>) -> Result<String, CommandError> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        drop(sender.send(io::stdin().read_line(&mut line).map(|_| line)));
    });
    let stop = context.environment.workers.stop();
    loop {
        match receiver.recv_timeout(CHECK) {
            Ok(line) => return line.map_err(CommandError::system),
            Err(RecvTimeoutError::Timeout) if !stop.load(Ordering::Relaxed) => {}
            Err(_) => {
                return Err(CommandError::new(
                    Code::Interrupted,
                    "a signal ended the run; nothing was signed",
                ));
            }
        }
    }
}
