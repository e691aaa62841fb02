//! Texts: which bytes are text, and the few kinds that their beginning or syntax tells.

use serde::de::IgnoredAny;

use super::{MediaType, array};

/// How far into the text the tags of HTML and SVG are looked for; libmagic does the same.
const TAG_BYTES: usize = 4096;

pub(super) fn sniff(head: &[u8], is_whole: bool) -> Option<MediaType> {
    if has_utf16_mark(head) {
        return Some(PLAIN);
    }
    if !head.iter().all(|byte| is_text(*byte)) {
        return None;
    }
    // One byte is too little for libmagic to say anything.
    if head.len() == 1 {
        return Some(MediaType::new("text/plain", "application/octet-stream"));
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    script(text)
        .or_else(|| armour(text))
        .or_else(|| markup(text))
        .or_else(|| json(text, is_whole))
        .or_else(|| opening(text))
        .or(Some(PLAIN))
}

const PLAIN: MediaType = MediaType::both("text/plain");

/// Every byte but most control characters: UTF-8, and the 8-bit sets that nobody can tell apart.
fn is_text(byte: u8) -> bool {
    matches!(byte, 0x07..=0x0d | 0x1b | 0x20..=0x7e | 0x80..=0xff)
}

/// UTF-16 with a byte-order mark, and no character that is a control character.
fn has_utf16_mark(head: &[u8]) -> bool {
    let decode: fn([u8; 2]) -> u16 = match array(head, 0) {
        Some([0xff, 0xfe]) => u16::from_le_bytes,
        Some([0xfe, 0xff]) => u16::from_be_bytes,
        _ => return false,
    };
    let mut characters = head.get(2..).unwrap_or_default().chunks_exact(2).peekable();
    characters.peek().is_some()
        && characters.all(|pair| {
            let character = array(pair, 0).map_or(0, decode);
            u8::try_from(character).map_or(character < 0xfffe, is_text)
        })
}

/// Interpreters of the first line (execve(2)), without path and version.
const INTERPRETERS: &[(&str, &str, &str)] = &[
    ("sh", "application/x-sh", "text/x-shellscript"),
    ("bash", "application/x-sh", "text/x-shellscript"),
    ("zsh", "application/x-sh", "text/x-shellscript"),
    ("ksh", "application/x-sh", "text/x-shellscript"),
    ("python", "text/x-python", "text/x-script.python"),
    ("perl", "text/x-perl", "text/x-perl"),
    ("ruby", "text/x-ruby", "text/x-ruby"),
    ("node", "application/javascript", "application/javascript"),
    ("awk", "text/x-awk", "text/x-awk"),
    ("gawk", "text/x-awk", "text/x-gawk"),
    ("lua", "text/x-lua", "text/x-lua"),
    ("tclsh", "text/x-tcl", "text/x-tcl"),
    ("php", "text/x-php", "text/x-php"),
];

fn script(text: &[u8]) -> Option<MediaType> {
    if text.starts_with(b"<?php") {
        return Some(MediaType::both("text/x-php"));
    }
    let line = text.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = line.get(..256).unwrap_or(line);
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let base = |word: &[u8]| -> String {
        let name = word.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        String::from_utf8_lossy(name).trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned()
    };
    let first = words.next().map(base)?;
    let by_env = first == "env";
    let name = if by_env { words.next().map(base)? } else { first };
    // libmagic has no rule for these, so they are plain text to it.
    if name == "dash" || by_env && name == "sh" {
        return Some(MediaType::new("application/x-sh", "text/plain"));
    }
    let row = INTERPRETERS.iter().find(|row| row.0 == name);
    Some(row.map_or(MediaType::new("application/x-sh", "text/plain"), |row| MediaType::new(row.1, row.2)))
}

/// Keys, certificates and messages in text (RFC 7468, RFC 9580).
const ARMOUR: &[(&[u8], &str, &str)] = &[
    (b"CERTIFICATE-----", "application/x-x509-cert", "text/plain"),
    (b"PRIVATE KEY-----", "application/x-x509-key", "text/plain"),
    (b"RSA PRIVATE KEY-----", "application/x-x509-key", "text/plain"),
    (b"EC PRIVATE KEY-----", "application/x-x509-key", "text/plain"),
    (b"PUBLIC KEY-----", "application/x-x509-key", "text/plain"),
    (b"PGP PUBLIC KEY BLOCK-----", "application/pgp-keys", "application/pgp-keys"),
    (b"PGP MESSAGE-----", "application/pgp-encrypted", "application/pgp-encrypted"),
    (b"PGP SIGNATURE-----", "application/pgp-signature", "application/pgp-signature"),
    (b"PGP SIGNED MESSAGE-----", "text/plain", "text/PGP"),
];

fn armour(text: &[u8]) -> Option<MediaType> {
    let label = text.strip_prefix(b"-----BEGIN ")?;
    let row = ARMOUR.iter().find(|row| label.starts_with(row.0))?;
    Some(MediaType::new(row.1, row.2))
}

fn markup(text: &[u8]) -> Option<MediaType> {
    let text = text.trim_ascii_start();
    if !text.starts_with(b"<") {
        return None;
    }
    let window = text.get(..TAG_BYTES).unwrap_or(text).to_ascii_lowercase();
    let has = |tag: &[u8]| window.windows(tag.len()).any(|found| found == tag);
    if window.starts_with(b"<svg") || window.starts_with(b"<?xml") && has(b"<svg") {
        return Some(MediaType::both("image/svg+xml"));
    }
    if has(b"<!doctype html") || has(b"<html") || window.starts_with(b"<head") {
        let tika = if window.starts_with(b"<?xml") { "application/xhtml+xml" } else { "text/html" };
        return Some(MediaType::new(tika, "text/html"));
    }
    window.starts_with(b"<?xml").then_some(MediaType::new("application/xml", "text/xml"))
}

/// An object or an array. What is cut off must be right as far as it goes.
fn json(text: &[u8], is_whole: bool) -> Option<MediaType> {
    if !text.trim_ascii_start().starts_with(b"{") && !text.trim_ascii_start().starts_with(b"[") {
        return None;
    }
    let mut values = 0_usize;
    for value in serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>() {
        match value {
            Ok(_) => values += 1,
            Err(error) if error.is_eof() && !is_whole => values += 1,
            Err(_) => return None,
        }
    }
    match values {
        0 => None,
        1 => Some(MediaType::both("application/json")),
        _ => Some(MediaType::new("text/plain", "application/x-ndjson")),
    }
}

fn opening(text: &[u8]) -> Option<MediaType> {
    let starts = |words: &[&[u8]]| words.iter().any(|word| text.starts_with(word));
    if starts(&[b"diff \x2d\x2dgit ", b"diff -", b"--- a/"]) {
        return Some(MediaType::both("text/x-diff"));
    }
    starts(&[b"BEGIN:VCALENDAR"]).then_some(MediaType::both("text/calendar"))
}
