//! Programs that an operator names, such as the client of a vault: run with a time limit, and with a bound on what
//! they print.

use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// Maximum size of what is kept of the messages of a program, in bytes.
const MESSAGES_BYTES_MAX: u64 = 64 << 10;

/// Maximum length of what an error repeats of them, in characters.
const SAID_CHARS_MAX: usize = 300;

/// How long the output may stay open after the program has ended, because it left another one behind.
const OUTPUT_TIME_MAX: Duration = Duration::from_secs(1);

/// Interval at which a running program is looked at.
const CHECK: Duration = Duration::from_millis(20);

/// A program to run.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The program and its arguments. No shell reads them.
    pub argv: &'a [String],
    /// What it reads from stdin.
    pub input: &'a [u8],
    /// Maximum size of what it prints to stdout, in bytes.
    pub output_bytes_max: u64,
    /// The time limit. It may wait for a user who is not there.
    pub time: Duration,
}

/// A program did not do its work. Its text is a predicate, which follows the name of the program. It has nothing of
/// what the program wrote to stdout, because that may be a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The list of program and arguments is empty.
    #[error("it names no program")]
    Unnamed,
    /// It cannot be started, or waited for.
    #[error("{0}")]
    System(#[source] io::Error),
    /// A stop signal came. The program was killed.
    #[error("a signal ended the run")]
    Interrupted,
    /// It was killed, because it took too long.
    #[error("it takes longer than {seconds} seconds{said}")]
    Slow {
        /// The time limit.
        seconds: u64,
        /// What it wrote to stderr, after a colon.
        said: String,
    },
    /// It ended with another exit code than 0.
    #[error("it failed with {status}{said}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to stderr, after a colon.
        said: String,
    },
    /// It has ended, but another program that it started holds its output open.
    #[error("it left a program behind that holds its output open")]
    LeftBehind,
    /// It printed too much.
    #[error("it printed more than {limit} bytes")]
    TooLong {
        /// The largest allowed size in bytes.
        limit: u64,
    },
}

impl Program<'_> {
    /// Runs the program to its end and returns what it printed.
    ///
    /// # Errors
    /// [`ProgramError`]. The program has ended by then, or was killed.
    pub fn run(&self, is_stopped: &dyn Fn() -> bool) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
        let (program, arguments) = self.argv.split_first().ok_or(ProgramError::Unnamed)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ProgramError::System)?;
        if let Some(mut stdin) = child.stdin.take() {
            let input = self.input.to_vec();
            // A program need not read all of it. What it prints shows whether it did its work.
            thread::spawn(move || drop(stdin.write_all(&input)));
        }
        // Both pipes are emptied, so that the program does not wait for us.
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (output, messages) = (read(stdout, self.output_bytes_max), read(stderr, MESSAGES_BYTES_MAX));
        let status = wait(&mut child, self.time, is_stopped).map_err(ProgramError::System)?;
        if status.is_none() && is_stopped() {
            return Err(ProgramError::Interrupted);
        }
        // A program that it left behind may hold a pipe open for ever.
        let output = output.recv_timeout(OUTPUT_TIME_MAX);
        let messages = messages.recv_timeout(OUTPUT_TIME_MAX).unwrap_or_default();
        let messages = String::from_utf8_lossy(&messages);
        let messages: String = messages.trim().chars().take(SAID_CHARS_MAX).collect();
        let said = if messages.is_empty() { messages } else { format!(": {messages}") };
        match status {
            None => return Err(ProgramError::Slow { seconds: self.time.as_secs(), said }),
            Some(status) if !status.success() => return Err(ProgramError::Failed { status, said }),
            Some(_) => {}
        }
        let output = output.map_err(|_| ProgramError::LeftBehind)?;
        if output.len() as u64 > self.output_bytes_max {
            return Err(ProgramError::TooLong { limit: self.output_bytes_max });
        }
        Ok(output)
    }
}

/// Reads what a pipe brings in a thread of its own, which may outlive the program.
fn read(pipe: Option<impl Read + Send + 'static>, limit: u64) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::new());
        let read = pipe.map(|pipe| pipe.take(limit + 1).read_to_end(&mut bytes));
        drop((read, sender.send(bytes)));
    });
    receiver
}

/// Waits for a program; `None` if it was killed, because it took too long or after a stop signal.
fn wait(child: &mut Child, time: Duration, is_stopped: &dyn Fn() -> bool) -> io::Result<Option<ExitStatus>> {
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

    fn run(script: &str, input: &[u8]) -> Result<String, String> {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let program = Program { argv: &argv, input, output_bytes_max: 100, time: Duration::from_secs(2) };
        program
            .run(&|| false)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn passes_the_input_and_returns_the_output_or_the_reason() {
        assert_eq!(run("cat", b"statement\n"), Ok("statement\n".to_owned()));
        assert_eq!(run("wc -c", b""), Ok("0\n".to_owned()));
        // More input than a pipe holds, and a program that reads nothing of it.
        let long = vec![0; 300_000];
        assert_eq!(run("wc -c", &long), Ok("300000\n".to_owned()));
        assert_eq!(run("echo done", &long), Ok("done\n".to_owned()));
        let error = run("echo secret; echo no such key >&2; exit 3", b"x").unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("no such key"), "{error}");
        assert!(!error.contains("secret"), "{error}");
        // A program that prints more may also notice that nobody reads it.
        for bytes in [101, 10_000_000] {
            assert!(run(&format!("head -c {bytes} /dev/zero"), b"").is_err(), "{bytes}");
        }
        for argv in [&["/nowhere/vault".to_owned()][..], &[]] {
            let program = Program { argv, input: b"", output_bytes_max: 100, time: Duration::from_secs(2) };
            assert!(program.run(&|| false).is_err(), "{argv:?}");
        }
    }

    /// Neither a program that does not end nor one that it leaves behind makes us wait.
    #[test]
    fn takes_a_bounded_time() {
        let started = Instant::now();
        let error = run("echo secret; echo waiting >&2; exec sleep 30", b"").unwrap_err();
        assert!(error.contains("longer than 2 seconds: waiting"), "{error}");
        let error = run("sleep 30 & echo secret", b"").unwrap_err();
        assert!(error.contains("left a program behind") && !error.contains("secret"), "{error}");
        assert_eq!(run("sleep 30 >/dev/null 2>&1 & echo secret", b""), Ok("secret\n".to_owned()));
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_stop_signal_ends_it() {
        let started = Instant::now();
        let argv = ["sleep", "30"].map(str::to_owned);
        let program =
            Program { argv: &argv, input: b"", output_bytes_max: 100, time: Duration::from_secs(60) };
        let ended = program.run(&|| started.elapsed() > Duration::from_millis(200));
        assert!(matches!(ended, Err(ProgramError::Interrupted)));
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
