//! The PIN of a token: from a file, from the environment, or typed on the terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use carnet::diagnosis::Code;
use carnet::trust::{Pin, PinQuestion};

use super::command::Context;
use super::command_error::CommandError;
use super::keys::passphrase;
use super::terminal::Terminal;
use super::world;

/// The PIN that a token asks for. A PIN that nobody types is not tried if a wrong one would lock the token: an unattended program may
/// be started again and again.
///
/// # Errors
/// If there is none, or if it would be the last try.
pub(crate) fn token_pin(
    question: &PinQuestion,
    file: Option<&Path>,
    context: &Context<'_>,
) -> Result<Pin, CommandError> {
    let unattended = passphrase(file)?.or_else(world::token_pin);
    let token = &question.token;
    match unattended {
        Some(_) if question.is_last_try => {
            let message = format!("one try is left for the PIN of token {token:?}, and nobody types it");
            Err(CommandError::new(Code::TokenLastTry, message))
        }
        Some(pin) => Ok(pin),
        None => typed(question, context)?.ok_or_else(|| {
            let message = format!("token {token:?} asks for its PIN, and there is none");
            CommandError::new(Code::TokenPinMissing, message)
        }),
    }
}

/// Asks on the terminal; `None` if there is none, or if nothing is typed.
fn typed(question: &PinQuestion, context: &Context<'_>) -> Result<Option<Pin>, CommandError> {
    let mut stderr = io::stderr();
    if !stderr.is_terminal() {
        return Ok(None);
    }
    let Some(terminal) = Terminal::open() else { return Ok(None) };
    let warning = if question.is_last_try { " (one try is left)" } else { "" };
    let stop = context.environment.workers.stop();
    let prompt =
        || write!(stderr, "PIN of token {:?}{warning}: ", question.token).and_then(|()| stderr.flush());
    let line = terminal.hidden_line(prompt, &stop).map_err(CommandError::system)?;
    let Some(line) = line else {
        return Err(CommandError::new(Code::Interrupted, "a signal ended the run"));
    };
    Ok(Some(line).filter(|line| !line.is_empty()))
}
