//! A request, read from a connection.

use std::io::{BufRead, Read as _};

/// Header fields, in order. Names are compared without regard to case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets a field and removes its earlier values.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.0.push((name.to_owned(), value.into()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection, without its body.
    pub(super) fn read_head(reader: &mut impl BufRead) -> Option<Request> {
        let line = line(reader)?;
        let mut words = line.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Headers::default();
        loop {
            let line = self::line(reader)?;
            if line.is_empty() {
                return Some(Request { method, target, headers, body: Vec::new() });
            }
            let (name, value) = line.split_once(':')?;
            headers.0.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    pub(super) fn expects_continue(&self) -> bool {
        self.headers.get("Expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    fn is_chunked(&self) -> bool {
        self.headers.get("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    fn length(&self) -> u64 {
        self.headers.get("Content-Length").and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    pub(super) fn read_body(&mut self, reader: &mut impl BufRead) -> Option<()> {
        self.read_part_of_body(reader, u64::MAX)
    }

    /// Reads the body up to `most` bytes.
    pub(super) fn read_part_of_body(&mut self, reader: &mut impl BufRead, most: u64) -> Option<()> {
        if !self.is_chunked() {
            let wanted = self.length().min(most);
            reader.by_ref().take(wanted).read_to_end(&mut self.body).ok()?;
            return (self.body.len() as u64 == wanted).then_some(());
        }
        loop {
            let size = u64::from_str_radix(line(reader)?.split(';').next()?, 16).ok()?;
            let wanted = size.min(most - self.body.len() as u64);
            reader.by_ref().take(wanted).read_to_end(&mut self.body).ok()?;
            if wanted < size {
                return Some(());
            }
            line(reader)?;
            if size == 0 {
                return Some(());
            }
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    /// A parameter of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        parameter(self.target.split_once('?')?.1, name)
    }

    /// Every value of a repeated parameter.
    pub(crate) fn queries(&self, name: &str) -> Vec<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        parameters(query).filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).collect()
    }

    /// A field of a form in the body, decoded.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        parameter(std::str::from_utf8(&self.body).ok()?, name)
    }

    /// User and password of the Basic scheme.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let text = self.headers.get("Authorization")?.strip_prefix("Basic ")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    /// The token of the Bearer scheme.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.headers.get("Authorization")?.strip_prefix("Bearer ")
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.take(64 << 10).read_line(&mut line).ok()?;
    line.ends_with('\n').then(|| line.trim_end().to_owned())
}

fn parameters(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn parameter(text: &str, name: &str) -> Option<String> {
    parameters(text).find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
}

/// Decodes percent signs and pluses.
fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        at += if byte.is_some() { 3 } else { 1 };
        out.push(byte.unwrap_or(if bytes[at - 1] == b'+' { b' ' } else { bytes[at - 1] }));
    }
    String::from_utf8_lossy(&out).into_owned()
}
