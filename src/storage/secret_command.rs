//! Programs that print a secret, such as the client of a vault.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::StorageError;
use crate::http::bounded;

/// Time limit for a program. It may wait for input from a user who is not there.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Maximum size of what a program prints, in bytes.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// Interval at which a running program is looked at.
const CHECK: Duration = Duration::from_millis(20);

/// Runs a program and returns what it prints, without the line feed at its end.
///
/// # Errors
/// [`StorageError::Setup`] with the exit status and what the program wrote to stderr, never what it wrote to stdout.
pub(super) fn run_secret_command(argv: &[String]) -> Result<Zeroizing<String>, StorageError> {
    let program = argv.first().map_or("", String::as_str);
    let refuse = |problem: String| StorageError::Setup {
        what: format!("the secret command {program}"),
        problem,
        advice: None,
    };
    let Some((_, arguments)) = argv.split_first() else {
        return Err(refuse("it names no program".to_owned()));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| refuse(error.to_string()))?;
    // Both pipes are emptied, so that the program does not wait for us.
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let output = thread::scope(|scope| {
        let errors = scope.spawn(move || {
            let mut text = Vec::new();
            stderr.map(|pipe| pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut text));
            text
        });
        let secret = scope.spawn(move || {
            let mut text = Zeroizing::new(Vec::new());
            stdout.map(|pipe| pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut text));
            text
        });
        let status = wait(&mut child);
        (status, secret.join(), errors.join())
    });
    let (Ok(status), Ok(secret), Ok(errors)) = output else {
        return Err(refuse("it cannot be read".to_owned()));
    };
    let errors = bounded(&String::from_utf8_lossy(&errors));
    let said = if errors.is_empty() { String::new() } else { format!(": {errors}") };
    match status {
        None => return Err(refuse(format!("it takes longer than {} seconds{said}", TIME_MAX.as_secs()))),
        Some(status) if !status.success() => return Err(refuse(format!("it failed with {status}{said}"))),
        Some(_) => {}
    }
    let text = std::str::from_utf8(&secret).map_err(|_| refuse("its output is not UTF-8".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(text).trim_end_matches('\r');
    if text.is_empty() {
        return Err(refuse("it printed nothing".to_owned()));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// Waits for a program; `None` if it took too long and was killed.
fn wait(child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > TIME_MAX {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(CHECK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Result<String, String> {
        let argv = ["sh", "-c", script].map(str::to_owned);
        run_secret_command(&argv).map(|text| text.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn returns_the_output_or_the_reason() {
        assert_eq!(run("echo secret"), Ok("secret".to_owned()));
        let error = run("echo secret; echo no such path >&2; exit 3").unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("no such path"), "{error}");
        assert!(!error.contains("secret:") && !error.contains("echo"), "{error}");
        assert!(run("true").unwrap_err().contains("printed nothing"));
        assert!(run_secret_command(&["/nowhere/vault".to_owned()]).is_err());
        assert!(run_secret_command(&[]).is_err());
    }
}
