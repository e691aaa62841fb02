//! A response, and the ways in which its delivery can fail.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::Headers;

/// How a response is delivered. Numbers are bytes of the body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Delivery {
    Whole,
    /// The connection is reset after this many bytes.
    Reset(usize),
    /// The connection is closed in order after this many bytes.
    Close(usize),
    /// Nothing more is sent after this many bytes, and the connection stays open.
    Stall(usize),
    /// One byte at a time, with a pause after each.
    Drip(Duration),
    /// The body never ends. It is sent in chunks unless it has a Content-Length.
    Endless,
    /// Endless header fields.
    EndlessHead,
    /// Nothing at all, and the connection stays open.
    Silence,
    /// Only the body, without status line and header: not HTTP, or raw HTTP that the test wrote.
    Raw,
}

#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) delivery: Delivery,
}

impl Response {
    pub(crate) fn new(status: u16) -> Response {
        Response { status, headers: Headers::default(), body: Vec::new(), delivery: Delivery::Whole }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.set(name, value);
        self
    }

    pub(crate) fn body(mut self, media_type: &str, bytes: impl Into<Vec<u8>>) -> Response {
        self.headers.set("Content-Type", media_type);
        self.body = bytes.into();
        self
    }

    pub(crate) fn json(self, value: &Value) -> Response {
        self.body("application/json", value.to_string())
    }

    pub(crate) fn delivered(mut self, delivery: Delivery) -> Response {
        self.delivery = delivery;
        self
    }

    /// Sends it. Returns how many bytes of the body were sent, and whether the connection can be used again.
    pub(super) fn send(
        &self,
        stream: &mut TcpStream,
        head_only: bool,
        stopping: impl Fn() -> bool,
    ) -> (u64, bool) {
        let chunked = self.delivery == Delivery::Endless && self.headers.get("Content-Length").is_none();
        if self.delivery == Delivery::Raw {
            let _ = stream.write_all(&self.body);
            return (self.body.len() as u64, false);
        }
        if self.delivery != Delivery::Silence && stream.write_all(self.head(chunked).as_bytes()).is_err() {
            return (0, false);
        }
        if head_only || self.status == 204 {
            return (0, !matches!(self.delivery, Delivery::Silence | Delivery::EndlessHead));
        }
        let mut sent = 0;
        let most = match self.delivery {
            Delivery::Reset(most) | Delivery::Close(most) | Delivery::Stall(most) => most,
            Delivery::Silence | Delivery::EndlessHead => 0,
            _ => usize::MAX,
        };
        if let Delivery::Drip(pause) = self.delivery {
            for byte in &self.body {
                if stopping() || stream.write_all(&[*byte]).is_err() {
                    return (sent, false);
                }
                sent += 1;
                std::thread::sleep(pause);
            }
        } else if !chunked {
            let part = &self.body[..most.min(self.body.len())];
            match stream.write_all(part) {
                Ok(()) => sent = part.len() as u64,
                Err(_) => return (0, false),
            }
        }
        match self.delivery {
            Delivery::Whole | Delivery::Drip(_) => return (sent, true),
            Delivery::Reset(_) => reset(stream),
            Delivery::Stall(_) | Delivery::Silence => wait_until_gone(stream, stopping),
            Delivery::Endless => sent += flood(stream, chunked, &self.body, stopping),
            Delivery::EndlessHead => drop(flood(stream, false, b"", stopping)),
            Delivery::Close(_) | Delivery::Raw => {}
        }
        (sent, false)
    }

    fn head(&self, chunked: bool) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in self.headers.iter() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if chunked {
            head.push_str("Transfer-Encoding: chunked\r\n");
        } else if self.headers.get("Content-Length").is_none() && self.status != 204 {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        if self.delivery == Delivery::EndlessHead {
            head.push_str("X-Endless: ");
        } else {
            head.push_str("\r\n");
        }
        head
    }
}

/// Makes the peer's next read fail.
pub(super) fn reset(stream: &TcpStream) {
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
}

/// Sends spaces until the peer disconnects. They may also follow a JSON document.
fn flood(stream: &mut TcpStream, chunked: bool, body: &[u8], stopping: impl Fn() -> bool) -> u64 {
    let spaces = vec![b' '; 64 << 10];
    let mut sent = 0;
    let mut piece = body;
    while !stopping() {
        let framed = if chunked { write!(stream, "{:x}\r\n", piece.len()) } else { Ok(()) };
        let ended = |stream: &mut TcpStream| if chunked { stream.write_all(b"\r\n") } else { Ok(()) };
        if !piece.is_empty()
            && framed.and_then(|()| stream.write_all(piece)).and_then(|()| ended(stream)).is_err()
        {
            break;
        }
        sent += piece.len() as u64;
        piece = &spaces;
    }
    sent
}

fn wait_until_gone(stream: &TcpStream, stopping: impl Fn() -> bool) {
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut byte = [0];
    while !stopping() {
        match stream.peek(&mut byte) {
            Ok(0) => return,
            Ok(_) => std::thread::sleep(Duration::from_millis(50)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        _ => "Other",
    }
}
