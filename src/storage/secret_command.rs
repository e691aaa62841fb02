//! Programs that print a secret, such as the client of a vault.

use std::time::Duration;

use zeroize::Zeroizing;

use super::StorageError;
use crate::http::Connections;
use crate::program::{Program, ProgramError};

/// Time limit for a program. It may wait for input from a user who is not there.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Maximum size of what a program prints, in bytes.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// Runs a program and returns what it prints, without the line feed at its end.
///
/// # Errors
/// [`StorageError::Setup`] with the exit status and what the program wrote to stderr, never what it wrote to stdout.
/// [`StorageError::Interrupted`] after a stop signal; the program is killed then.
pub(super) fn run_secret_command(
    argv: &[String],
    connections: &Connections,
) -> Result<Zeroizing<String>, StorageError> {
    run(argv, &|| connections.is_stopped())
}

fn run(argv: &[String], is_stopped: &dyn Fn() -> bool) -> Result<Zeroizing<String>, StorageError> {
    let name = argv.first().map_or("", String::as_str);
    let refuse = |problem: String| StorageError::Setup {
        what: format!("the secret command {name}"),
        problem,
        advice: None,
    };
    let program = Program { argv, input: b"", output_bytes_max: OUTPUT_BYTES_MAX, time: TIME_MAX };
    let secret = program.run(is_stopped).map_err(|error| match error {
        ProgramError::Interrupted => StorageError::Interrupted,
        error => refuse(error.to_string()),
    })?;
    let text = std::str::from_utf8(&secret).map_err(|_| refuse("its output is not UTF-8".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(text).trim_end_matches('\r');
    if text.is_empty() {
        return Err(refuse("it printed nothing".to_owned()));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Result<String, String> {
        let argv = ["sh", "-c", script].map(str::to_owned);
        super::run(&argv, &|| false).map(|text| text.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn returns_the_output_or_the_reason() {
        assert_eq!(run("echo secret"), Ok("secret".to_owned()));
        assert_eq!(run("printf 'secret\\r\\n'"), Ok("secret".to_owned()));
        let error = run("echo secret; echo no such path >&2; exit 3").unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("no such path"), "{error}");
        assert!(!error.contains("secret:") && !error.contains("echo"), "{error}");
        assert!(run("true").unwrap_err().contains("printed nothing"));
        assert!(run("printf '\\377'").unwrap_err().contains("not UTF-8"));
        assert!(super::run(&[], &|| false).is_err());
    }

    #[test]
    fn a_stop_signal_ends_it() {
        let argv = ["sleep", "30"].map(str::to_owned);
        assert!(matches!(super::run(&argv, &|| true), Err(StorageError::Interrupted)));
    }
}
