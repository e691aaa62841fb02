//! Programs that print a secret, such as the client of a vault.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::StorageError;
use crate::http::{Connections, bounded};

/// Time limit for a program. It may wait for input from a user who is not there.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Maximum size of what a program prints, in bytes.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// How long the output may stay open after the program has ended, because it left another one behind.
const OUTPUT_TIME_MAX: Duration = Duration::from_secs(1);

/// Interval at which a running program is looked at.
const CHECK: Duration = Duration::from_millis(20);

/// Runs a program and returns what it prints, without the line feed at its end.
///
/// # Errors
/// [`StorageError::Setup`] with the exit status and what the program wrote to stderr, never what it wrote to stdout.
/// [`StorageError::Interrupted`] after a stop signal; the program is killed then.
pub(super) fn run_secret_command(
    argv: &[String],
    connections: &Connections,
) -> Result<Zeroizing<String>, StorageError> {
    run(argv, TIME_MAX, &|| connections.is_stopped())
}

fn run(
    argv: &[String],
    time: Duration,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Zeroizing<String>, StorageError> {
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
    let (secret, errors) = (read(stdout), read(stderr));
    let status = wait(&mut child, time, is_stopped).map_err(|error| refuse(error.to_string()))?;
    if status.is_none() && is_stopped() {
        return Err(StorageError::Interrupted);
    }
    // A program that it left behind may hold a pipe open for ever.
    let secret = secret.recv_timeout(OUTPUT_TIME_MAX);
    let errors = errors.recv_timeout(OUTPUT_TIME_MAX).unwrap_or_default();
    let errors = bounded(&String::from_utf8_lossy(&errors));
    let said = if errors.is_empty() { String::new() } else { format!(": {errors}") };
    match status {
        None => return Err(refuse(format!("it takes longer than {} seconds{said}", time.as_secs()))),
        Some(status) if !status.success() => return Err(refuse(format!("it failed with {status}{said}"))),
        Some(_) => {}
    }
    let secret =
        secret.map_err(|_| refuse("it left a program behind that holds its output open".to_owned()))?;
    if secret.len() as u64 > OUTPUT_BYTES_MAX {
        return Err(refuse(format!("it printed more than {OUTPUT_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(&secret).map_err(|_| refuse("its output is not UTF-8".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(text).trim_end_matches('\r');
    if text.is_empty() {
        return Err(refuse("it printed nothing".to_owned()));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads what a pipe brings in a thread of its own, which may outlive the program.
fn read(pipe: Option<impl Read + Send + 'static>) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::new());
        let read = pipe.map(|pipe| pipe.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut bytes));
        drop((read, sender.send(bytes)));
    });
    receiver
}

/// Waits for a program; `None` if it was killed, because it took too long or after a stop signal.
fn wait(
    child: &mut Child,
    time: Duration,
    is_stopped: &dyn Fn() -> bool,
) -> std::io::Result<Option<std::process::ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > time || is_stopped() {
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
        super::run(&argv, Duration::from_secs(2), &|| false)
            .map(|text| text.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn returns_the_output_or_the_reason() {
        assert_eq!(run("echo secret"), Ok("secret".to_owned()));
        let error = run("echo secret; echo no such path >&2; exit 3").unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("no such path"), "{error}");
        assert!(!error.contains("secret:") && !error.contains("echo"), "{error}");
        assert!(run("true").unwrap_err().contains("printed nothing"));
        // A program that prints more may also notice that nobody reads it.
        for bytes in [(64 << 10) + 1, 10_000_000] {
            assert!(run(&format!("head -c {bytes} /dev/zero")).is_err(), "{bytes}");
        }
        for argv in [&["/nowhere/vault".to_owned()][..], &[]] {
            assert!(super::run(argv, Duration::from_secs(2), &|| false).is_err(), "{argv:?}");
        }
    }

    /// Neither a program that does not end nor one that it leaves behind makes us wait.
    #[test]
    fn takes_a_bounded_time() {
        let started = Instant::now();
        let error = run("echo secret; echo waiting >&2; exec sleep 30").unwrap_err();
        assert!(error.contains("longer than 2 seconds: waiting"), "{error}");
        let error = run("sleep 30 & echo secret").unwrap_err();
        assert!(error.contains("left a program behind") && !error.contains("secret:"), "{error}");
        assert_eq!(run("sleep 30 >/dev/null 2>&1 & echo secret"), Ok("secret".to_owned()));
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_stop_signal_ends_it() {
        let started = Instant::now();
        let argv = ["sleep", "30"].map(str::to_owned);
        let stop = || started.elapsed() > Duration::from_millis(200);
        let ended = super::run(&argv, TIME_MAX, &stop);
        assert!(matches!(ended, Err(StorageError::Interrupted)));
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
