//! The terminal of this process, for what must not be shown when it is typed.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Maximum length of what is typed, in bytes. Terminals give no longer lines.
const LINE_BYTES_MAX: u64 = 4096;

/// Interval at which a waiting question looks for a stop signal.
const CHECK: Duration = Duration::from_millis(100);

/// The terminal.
pub(crate) struct Terminal(File);

impl Terminal {
    /// The terminal of this process; `None` if it has none.
    pub(crate) fn open() -> Option<Terminal> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").ok().map(Terminal)
    }

    /// Runs `prompt`, and reads a line that the terminal does not show; `None` after a stop signal. A thread does it, because a
    /// stop signal does not end reading.
    pub(crate) fn hidden_line(
        self,
        prompt: impl FnOnce() -> io::Result<()>,
        stop: &AtomicBool,
    ) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let hidden = Hidden::new(self.0.try_clone()?)?;
        prompt()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = Zeroizing::new(Vec::with_capacity(256));
            let read = BufReader::new(self.0.take(LINE_BYTES_MAX)).read_until(b'\n', &mut line);
            drop(sender.send(read.map(|_| line)));
        });
        let line = loop {
            match receiver.recv_timeout(CHECK) {
                Ok(line) => break Some(line?),
                Err(RecvTimeoutError::Timeout) if !stop.load(Ordering::Relaxed) => {}
                Err(_) => break None,
            }
        };
        drop(hidden);
        let end = |line: Zeroizing<Vec<u8>>| {
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            Zeroizing::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
        };
        Ok(line.map(end))
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn new(terminal: File) -> io::Result<Hidden> {
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, so that the next text begins on a new one.
        hidden.local_modes.insert(LocalModes::ECHONL);
        // What was typed before the question was shown, and is no answer.
        tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
        Ok(Hidden { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
