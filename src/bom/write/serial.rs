//! Documents as JSON, with an id that is made from their content.

use std::io;

use serde::Serialize;

use crate::format::Sum;

/// Returns the UUID of version 8 (RFC 9562, section 5.8) that the first 128 bits of the SHA-256 of a document give. The same
/// content has the same id, and other content has another.
pub(super) fn uuid_of(document: &impl Serialize) -> String {
    let sum = Sum::of_written(|out| write_json(document, out)).expect("a document serialises").to_string();
    let part = |range: std::ops::Range<usize>| sum.get(range).unwrap_or_default();
    // The variant takes the first two bits of its digit.
    let variant = match part(16..17) {
        "0" | "4" | "8" | "c" => '8',
        "1" | "5" | "9" | "d" => '9',
        "2" | "6" | "a" | "e" => 'a',
        _ => 'b',
    };
    format!("{}-{}-8{}-{variant}{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

/// Writes a document as JSON, with a line feed at its end.
pub(super) fn write_json(document: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    out.write_all(b"\n")
}
