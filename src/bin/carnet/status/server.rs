//! A small HTTP server for loopback: GET of a few paths, one answer for each connection. Its own, because the kept server
//! crates bring an asynchronous runtime (docs/decisions/0041-a-status-page-without-a-server-crate.md).

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use carnet::clock::Clock as _;
use carnet::runs::Ledger;
use carnet::station::{Alive, Board, Level, Log};

use super::{health, metrics, page};
use crate::command_error::CommandError;
use crate::commands::record_text;
use crate::notify;
use crate::plain::plain_json;
use crate::world::{SystemClock, watchdog};

/// Maximum size of a request's head in bytes.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// Time for a whole request and its answer.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Maximum number of connections at once.
const CONNECTIONS_MAX: usize = 16;

/// How often waiting threads look whether they should stop.
const STOP_CHECK: Duration = Duration::from_millis(100);

/// How many runs the page shows.
const RUNS: usize = 20;

/// A pipeline that shows nothing for longer hangs: it looks, waits, or moves bytes, and every connection has a time limit.
const SILENCE_MAX: Duration = Duration::from_secs(30 * 60);

/// How often the file with the metrics is written.
const METRICS_EVERY: Duration = Duration::from_secs(15);

/// Where the page is shown: a loopback address, or a socket in the file system.
#[derive(Clone, Debug)]
pub(crate) enum Listen {
    Address(SocketAddr),
    Socket(PathBuf),
}

/// A socket that waits for connections.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Listen::Socket(path.into()));
        }
        let address: SocketAddr =
            text.parse().map_err(|_| "expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH".to_owned())?;
        if address.ip().is_loopback() {
            Ok(Listen::Address(address))
        } else {
            Err("the page has no login, so it is shown on loopback addresses and Unix sockets only"
                .to_owned())
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Address(address) => address.fmt(f),
            Listen::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// Begins to listen. A socket that an earlier process left is replaced.
    pub(crate) fn bind(&self) -> Result<Listener, CommandError> {
        let failed = |error: io::Error| CommandError::system(format!("cannot listen at {self}: {error}"));
        let listener = match self {
            Listen::Address(address) => Listener::Tcp(TcpListener::bind(address).map_err(failed)?),
            Listen::Socket(path) => {
                use std::os::unix::fs::FileTypeExt as _;
                if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
                    fs::remove_file(path).map_err(failed)?;
                }
                Listener::Unix(UnixListener::bind(path).map_err(failed)?)
            }
        };
        match &listener {
            Listener::Tcp(listener) => listener.set_nonblocking(true),
            Listener::Unix(listener) => listener.set_nonblocking(true),
        }
        .map_err(failed)?;
        Ok(listener)
    }
}

/// A connection of either kind.
trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

impl Listener {
    /// Returns the next connection, with a time limit; `None` if there is none yet.
    fn accept(&self) -> io::Result<Option<Box<dyn Stream>>> {
        let stream: io::Result<Box<dyn Stream>> = match self {
            Listener::Tcp(listener) => listener.accept().and_then(|(stream, _)| {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(TIME_MAX))?;
                stream.set_write_timeout(Some(TIME_MAX))?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            }),
            Listener::Unix(listener) => listener.accept().and_then(|(stream, _)| {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(TIME_MAX))?;
                stream.set_write_timeout(Some(TIME_MAX))?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            }),
        };
        match stream {
            Ok(stream) => Ok(Some(stream)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What the page shows.
pub(crate) struct Status<'a> {
    pub(crate) board: &'a Board,
    /// The state folder.
    pub(crate) state: &'a Path,
    /// When each pipeline last showed that it is alive.
    pub(crate) alive: &'a Alive,
    pub(crate) stop: Arc<AtomicBool>,
}

/// An answer.
struct Answer {
    status: &'static str,
    kind: &'static str,
    body: String,
}

impl Answer {
    fn text(status: &'static str, body: impl Into<String>) -> Answer {
        Answer { status, kind: "text/plain; charset=utf-8", body: body.into() }
    }

    fn html(body: String) -> Answer {
        Answer { status: "200 OK", kind: "text/html; charset=utf-8", body }
    }
}

impl Status<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Answers requests until told to stop.
    pub(crate) fn serve(&self, listener: &Listener) {
        let open = AtomicUsize::new(0);
        thread::scope(|scope| {
            while !self.is_stopped() {
                match listener.accept() {
                    Ok(Some(stream)) if open.load(Ordering::Relaxed) < CONNECTIONS_MAX => {
                        open.fetch_add(1, Ordering::Relaxed);
                        let open = &open;
                        let answer = move || {
                            // The peer may go away at any time.
                            let _ = self.answer(stream);
                            open.fetch_sub(1, Ordering::Relaxed);
                        };
                        if thread::Builder::new()
                            .name("status".to_owned())
                            .spawn_scoped(scope, answer)
                            .is_err()
                        {
                            open.fetch_sub(1, Ordering::Relaxed);
                        }
                    }
                    // Too many: the peer may try again.
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => thread::sleep(STOP_CHECK),
                }
            }
        });
    }

    fn answer(&self, mut stream: Box<dyn Stream>) -> io::Result<()> {
        let until = Instant::now() + TIME_MAX;
        let mut head = Vec::new();
        let mut block = [0; 1024];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut block)?;
            if read == 0 || head.len() + read > HEAD_BYTES_MAX || Instant::now() > until {
                return Ok(());
            }
            head.extend_from_slice(&block[..read]);
        }
        let head = String::from_utf8_lossy(&head);
        let (answer, with_body) = match request(&head) {
            Err(answer) => (answer, true),
            Ok((method, path)) => (self.page(path), method == "GET"),
        };
        let Answer { status, kind, body } = answer;
        let headers = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\r\n",
            body.len()
        );
        stream.write_all(headers.as_bytes())?;
        if with_body {
            stream.write_all(body.as_bytes())?;
        }
        stream.flush()
    }

    fn page(&self, path: &str) -> Answer {
        let now = SystemClock.now();
        match path {
            "/" => {
                let runs = Ledger::newest(self.state, RUNS, &|_| true).unwrap_or_default();
                Answer::html(page::overview(&self.board.all(), &runs, now))
            }
            "/metrics" => Answer {
                kind: "text/plain; version=0.0.4; charset=utf-8",
                ..Answer::text("200 OK", metrics::text(&self.board.all(), now))
            },
            "/healthz" => match health::problems(&self.board.all(), now) {
                problems if problems.is_empty() => Answer::text("200 OK", "ok\n"),
                problems => Answer::text("503 Service Unavailable", problems.join("\n") + "\n"),
            },
            path => match path.strip_prefix("/runs/") {
                Some(name) => self.run(name),
                None => Answer::text("404 Not Found", "no such page\n"),
            },
        }
    }

    fn run(&self, name: &str) -> Answer {
        let (name, is_json) = name.strip_suffix(".json").map_or((name, false), |name| (name, true));
        match Ledger::record(self.state, name) {
            Ok(record) if is_json => {
                let text = serde_json::to_string_pretty(&record).expect("a record serialises");
                Answer { status: "200 OK", kind: "application/json", body: plain_json(&text) + "\n" }
            }
            Ok(record) => Answer::html(page::run(&record, &record_text(&record))),
            Err(_) => Answer::text("404 Not Found", "no such run\n"),
        }
    }

    /// Writes the metrics to a file again and again, until told to stop.
    pub(crate) fn write_metrics(&self, path: &Path, log: &dyn Log) {
        let mut told = None;
        // By then every pipeline has looked around.
        let mut next = Instant::now() + Duration::from_secs(1);
        while !self.is_stopped() {
            if Instant::now() >= next {
                next = Instant::now() + METRICS_EVERY;
                let text = metrics::text(&self.board.all(), SystemClock.now());
                let mut partial = path.as_os_str().to_owned();
                partial.push(".partial");
                let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, path));
                let problem = written.err().map(|error| format!("cannot write {}: {error}", path.display()));
                if let Some(problem) = problem.as_ref().filter(|problem| told.as_ref() != Some(*problem)) {
                    log.line(Level::Error, "station", None, problem);
                }
                told = problem;
            }
            thread::sleep(STOP_CHECK);
        }
    }

    /// Tells systemd that the service works, as long as every pipeline is alive, until told to stop.
    pub(crate) fn keep_watchdog(&self, log: &dyn Log) {
        let Some(every) = watchdog() else { return };
        let (mut next, mut told) = (Instant::now(), Vec::new());
        while !self.is_stopped() {
            if Instant::now() >= next {
                next = Instant::now() + every / 2;
                let silent = self.alive.silent(Instant::now(), SILENCE_MAX);
                if silent.is_empty() {
                    notify::send("WATCHDOG=1");
                }
                for name in silent.iter().filter(|name| !told.contains(*name)) {
                    let minutes = SILENCE_MAX.as_secs() / 60;
                    let text = format!(
                        "the pipeline has done nothing for {minutes} minutes; the watchdog will end the service"
                    );
                    log.line(Level::Error, name, None, &text);
                }
                told = silent;
            }
            thread::sleep(STOP_CHECK);
        }
    }
}

/// Reads the method and the path of a request. The host must be this machine: a page elsewhere must not read this one
/// under a name of its own.
fn request(head: &str) -> Result<(&str, &str), Answer> {
    let bad = || Answer::text("400 Bad Request", "not a request that is understood here\n");
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad());
    };
    if !version.starts_with("HTTP/1.") || !path.starts_with('/') {
        return Err(bad());
    }
    if !matches!(method, "GET" | "HEAD") {
        return Err(Answer::text("405 Method Not Allowed", "this page can only be read\n"));
    }
    let host =
        lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = host.map_or("", |(_, value)| value.trim());
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_here = name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if !is_here {
        return Err(Answer::text("421 Misdirected Request", "this page is for localhost only\n"));
    }
    Ok((method, path.split('?').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_of_this_machine_are_answered() {
        let ok = |head: &str| request(head).map(|(method, path)| format!("{method} {path}"));
        for host in ["localhost", "localhost:8080", "127.0.0.1:80", "[::1]:80", "LOCALHOST"] {
            let head = format!("GET /metrics?x=1 HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(ok(&head).ok().as_deref(), Some("GET /metrics"));
        }
        for (head, status) in [
            ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"),
            ("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", "421"),
            ("GET / HTTP/1.1\r\n\r\n", "421"),
            ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
            ("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
            ("GET /\r\n\r\n", "400"),
        ] {
            assert!(request(head).err().unwrap().status.starts_with(status), "{head}");
        }
    }

    #[test]
    fn only_loopback_is_listened_at() {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/carnet.sock"] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()), Ok(text.to_owned()));
        }
        for text in ["0.0.0.0:80", "192.0.2.1:80", "localhost:80", "8080", "unix:"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
