//! Asks a token for signatures, on a thread of its own: a session belongs to one thread, and a token that hangs must not
//! keep the program from ending.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::super::token_error::TokenError;
use super::super::uri::TokenUri;
use super::super::{Pin, PinQuestion};
use super::token::TokenKey;
use crate::trust::key::PublicKey;
use crate::trust::signer::{Signer, SignerError};

/// Time limit for one answer of a token. It may wait for somebody to touch it, or to type a PIN on its own keys.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Interval at which a waiting question looks for a stop signal.
const CHECK: Duration = Duration::from_millis(100);

/// How long the end of the program waits for a token that is at work. Modules do not like to be ended in the middle.
const END_TIME_MAX: Duration = Duration::from_secs(5);

/// A key of Ed25519 or P-384 whose private half is in a token.
///
/// Several threads may ask for signatures at a time; the token makes one after the other.
pub struct TokenSigner {
    public: PublicKey,
    stop: Arc<AtomicBool>,
    line: Mutex<Line>,
}

/// The way to the thread.
struct Line {
    server: Server,
    /// An answer that nobody waited for any more.
    late: Option<Receiver<Answer>>,
}

/// The thread. It ends when this is dropped.
struct Server {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

struct Request {
    message: Vec<u8>,
    answer: Sender<Answer>,
}

type Answer = Result<Vec<u8>, TokenError>;

/// What the thread says before the first request.
enum Said {
    Asks(PinQuestion),
    Opened(Result<PublicKey, TokenError>),
}

impl TokenSigner {
    /// Finds a key. `module` is used if the name of the key has none. `pin` is asked once at most, in this thread. Waiting for
    /// the token ends early when `stop` is set.
    ///
    /// # Errors
    /// [`TokenError`], and what `pin` returns.
    pub fn open<E: From<TokenError>>(
        uri: &TokenUri,
        module: Option<&Path>,
        stop: Arc<AtomicBool>,
        pin: impl FnOnce(&PinQuestion) -> Result<Pin, E>,
    ) -> Result<TokenSigner, E> {
        let (say, said) = mpsc::channel();
        let (give, given) = mpsc::channel();
        let (requests, waiting) = mpsc::channel();
        let (uri, module) = (uri.clone(), module.map(Path::to_owned));
        let work = move || {
            let ask = |question| say.send(Said::Asks(question)).ok().and_then(|()| given.recv().ok());
            match TokenKey::open(uri, module, ask) {
                Ok(key) => {
                    drop(say.send(Said::Opened(Ok(key.public().clone()))));
                    serve(key, &waiting);
                }
                Err(error) => drop(say.send(Said::Opened(Err(error)))),
            }
        };
        let thread =
            thread::Builder::new().name("token".to_owned()).spawn(work).map_err(TokenError::Thread)?;
        let server = Server { requests: Some(requests), thread: Some(thread) };
        let public = opened(&said, give, &stop, pin)?;
        Ok(TokenSigner { public, stop, line: Mutex::new(Line { server, late: None }) })
    }
}

impl Signer for TokenSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn waits(&self) -> bool {
        true
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        // Workers behind a token that hangs do not wait for it once more.
        if let Some(late) = line.late.take()
            && matches!(late.try_recv(), Err(TryRecvError::Empty))
        {
            line.late = Some(late);
            return Err(slow().into());
        }
        let (answer, answered) = mpsc::channel();
        let request = Request { message: message.to_vec(), answer };
        let requests = line.server.requests.as_ref().ok_or(TokenError::Ended)?;
        requests.send(request).map_err(|_| TokenError::Ended)?;
        match wait(&answered, &self.stop) {
            Ok(answer) => Ok(answer?),
            Err(error) => {
                line.late = Some(answered);
                Err(error.into())
            }
        }
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSigner({})", self.public.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.requests = None;
        let deadline = Instant::now() + END_TIME_MAX;
        let Some(thread) = self.thread.take() else { return };
        while !thread.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Waits until the thread has opened the key, and asks for the PIN meanwhile.
#[expect(clippy::needless_pass_by_value, reason = "without it, the thread does not wait for a PIN any more")]
fn opened<E: From<TokenError>>(
    said: &Receiver<Said>,
    give: Sender<Pin>,
    stop: &AtomicBool,
    pin: impl FnOnce(&PinQuestion) -> Result<Pin, E>,
) -> Result<PublicKey, E> {
    let mut pin = Some(pin);
    loop {
        match wait(said, stop)? {
            Said::Asks(question) => {
                let pin = pin.take().ok_or(TokenError::Ended)?;
                give.send(pin(&question)?).map_err(|_| TokenError::Ended)?;
            }
            Said::Opened(public) => return Ok(public?),
        }
    }
}

/// What the thread does: one request after the other.
fn serve(mut key: TokenKey, requests: &Receiver<Request>) {
    while let Ok(Request { message, answer }) = requests.recv() {
        drop(answer.send(key.sign(&message)));
    }
}

fn wait<T>(from: &Receiver<T>, stop: &AtomicBool) -> Result<T, TokenError> {
    let deadline = Instant::now() + TIME_MAX;
    loop {
        match from.recv_timeout(CHECK) {
            Ok(said) => return Ok(said),
            Err(RecvTimeoutError::Disconnected) => return Err(TokenError::Ended),
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                return Err(TokenError::Interrupted);
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => return Err(slow()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn slow() -> TokenError {
    TokenError::Slow { seconds: TIME_MAX.as_secs() }
}
