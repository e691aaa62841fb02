//! A client of SSH agents (draft-miller-ssh-agent): asks for the keys that the agent has, and for signatures.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::agent_error::AgentError;
use super::public_key::ED25519;
use super::wire::{Reader, put_string};

/// Time limit for one question. An agent may ask its user to confirm a signature.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Interval at which a waiting question looks for a stop signal.
const CHECK: Duration = Duration::from_millis(100);

/// Maximum size of a question or an answer, in bytes. OpenSSH has the same limit.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const FAILURE: u8 = 5;

/// An agent behind a socket. Each question opens a connection of its own, so several threads can ask at a time.
#[derive(Debug)]
pub(in crate::trust) struct Agent {
    socket: PathBuf,
    stop: Arc<AtomicBool>,
}

/// A key that an agent has.
pub(in crate::trust) struct Identity {
    /// The public key, as `ssh-add -L` shows it in base64.
    pub(in crate::trust) blob: Vec<u8>,
    /// The comment.
    pub(in crate::trust) comment: String,
}

impl Agent {
    /// The agent with this socket. It is not asked yet. Questions end early when `stop` is set.
    pub(in crate::trust) fn new(socket: PathBuf, stop: Arc<AtomicBool>) -> Agent {
        Agent { socket, stop }
    }

    /// The keys that the agent has. A locked agent has none.
    ///
    /// # Errors
    /// [`AgentError`].
    pub(in crate::trust) fn identities(&self) -> Result<Vec<Identity>, AgentError> {
        let answer = self.ask(&[REQUEST_IDENTITIES])?;
        let read = |answer: &[u8]| {
            let mut reader = Reader(answer);
            let is_list = reader.bytes(1)? == [IDENTITIES_ANSWER];
            let mut found = Vec::new();
            for _ in 0..reader.number()? {
                let (blob, comment) = (reader.string()?.to_vec(), reader.string()?);
                found.push(Identity { blob, comment: String::from_utf8_lossy(comment).into_owned() });
            }
            (is_list && reader.is_at_end()).then_some(found)
        };
        read(&answer).ok_or_else(|| self.malformed("it is no list of keys"))
    }

    /// The Ed25519 signature of a key over `message`; `None` if the agent refuses to sign. It is not verified.
    ///
    /// # Errors
    /// [`AgentError`].
    pub(in crate::trust) fn sign(&self, blob: &[u8], message: &[u8]) -> Result<Option<[u8; 64]>, AgentError> {
        let mut question = vec![SIGN_REQUEST];
        put_string(&mut question, blob);
        put_string(&mut question, message);
        question.extend(0_u32.to_be_bytes());
        let answer = self.ask(&question)?;
        if answer == [FAILURE] {
            return Ok(None);
        }
        let read = |answer: &[u8]| {
            let mut reader = Reader(answer);
            let is_signature = reader.bytes(1)? == [SIGN_RESPONSE];
            let mut signature = Reader(reader.string()?);
            let (kind, bytes) = (signature.string()?, signature.string()?.try_into().ok()?);
            let is_whole = reader.is_at_end() && signature.is_at_end();
            (is_signature && is_whole && kind == ED25519.as_bytes()).then_some(bytes)
        };
        let signature = read(&answer).ok_or_else(|| self.malformed("it is no Ed25519 signature"))?;
        Ok(Some(signature))
    }

    /// Sends a question and returns the answer, both without their length.
    fn ask(&self, question: &[u8]) -> Result<Vec<u8>, AgentError> {
        if question.len() > MESSAGE_BYTES_MAX {
            return Err(AgentError::TooLong { bytes: question.len(), limit: MESSAGE_BYTES_MAX });
        }
        let deadline = Instant::now() + TIME_MAX;
        let broken = |source| AgentError::Unreachable { socket: self.socket.clone(), source };
        let mut stream = UnixStream::connect(&self.socket).map_err(broken)?;
        stream.set_read_timeout(Some(CHECK)).map_err(broken)?;
        stream.set_write_timeout(Some(TIME_MAX)).map_err(broken)?;
        let mut bytes = Vec::with_capacity(4 + question.len());
        put_string(&mut bytes, question);
        stream.write_all(&bytes).map_err(broken)?;
        let mut length = [0; 4];
        self.fill(&mut stream, &mut length, deadline)?;
        let length = u32::from_be_bytes(length) as usize;
        if !(1..=MESSAGE_BYTES_MAX).contains(&length) {
            return Err(self.malformed("its length is not from 1 to 262144"));
        }
        let mut answer = vec![0; length];
        self.fill(&mut stream, &mut answer, deadline)?;
        Ok(answer)
    }

    fn fill(&self, stream: &mut UnixStream, buffer: &mut [u8], deadline: Instant) -> Result<(), AgentError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match stream.read(&mut buffer[filled..]) {
                Ok(0) => return Err(self.malformed("it ends too early")),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stop.load(Ordering::Relaxed) {
                        return Err(AgentError::Interrupted);
                    }
                }
                Err(source) => return Err(AgentError::Unreachable { socket: self.socket.clone(), source }),
            }
            if Instant::now() > deadline {
                return Err(AgentError::Slow { socket: self.socket.clone(), seconds: TIME_MAX.as_secs() });
            }
        }
        Ok(())
    }

    fn malformed(&self, detail: &'static str) -> AgentError {
        AgentError::Answer { socket: self.socket.clone(), detail }
    }
}
