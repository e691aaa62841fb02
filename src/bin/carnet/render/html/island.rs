//! The compressed data of the page, and how much room is left for it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::grid::Cell;

/// The most bytes of a page. Browsers open it in a moment, and mail and ticket systems still take it.
pub(super) const PAGE_BYTES: usize = 25_000_000;
/// What the page needs beside compressed data: the tables that are written as HTML, at their limits.
const HTML_BYTES: usize = 11_000_000;
/// The most bytes of data before compression, for one table.
const PLAIN_BYTES: usize = 32_000_000;

/// The room for compressed data.
pub(super) struct Space {
    deflate: fn(&[u8]) -> Vec<u8>,
    left: usize,
}

impl Space {
    /// The room of a new page. `deflate` compresses to a zlib stream (RFC 1950).
    pub(super) fn new(deflate: fn(&[u8]) -> Vec<u8>) -> Space {
        Space { deflate, left: PAGE_BYTES - HTML_BYTES }
    }

    /// Takes the room for `plain`, compressed; `None` if there is not enough. No part takes more than half of what is
    /// left, so that later parts find some.
    fn take(&mut self, plain: &[u8]) -> Option<String> {
        self.take_within(plain, self.left / 2)
    }

    /// Takes the room for `plain`, compressed, of all that is left.
    pub(super) fn take_rest(&mut self, plain: &[u8]) -> Option<String> {
        self.take_within(plain, self.left)
    }

    fn take_within(&mut self, plain: &[u8], room: usize) -> Option<String> {
        let island = BASE64_STANDARD.encode((self.deflate)(plain));
        if island.len() > room {
            return None;
        }
        self.left -= island.len();
        Some(island)
    }

    /// Takes the room for as many of the rows as fit, the first first. Returns the island, the number of its rows, and the
    /// number of all rows.
    pub(super) fn rows(
        &mut self,
        first: &[Vec<Cell>],
        others: impl Iterator<Item = Vec<Cell>>,
    ) -> (String, usize, usize) {
        let mut text = String::new();
        // Where each row ends in the text.
        let mut ends = Vec::new();
        let mut all = 0;
        let mut add = |row: &[Cell]| {
            all += 1;
            if text.len() < PLAIN_BYTES {
                text += &Value::Array(row.iter().map(cell).collect()).to_string();
                ends.push(text.len());
                text.push('\n');
            }
        };
        for row in first {
            add(row);
        }
        others.for_each(|row| add(&row));
        let mut held = ends.len();
        while let Some(end) = held.checked_sub(1).and_then(|last| ends.get(last)) {
            if let Some(island) = self.take(text.get(..*end).unwrap_or_default().as_bytes()) {
                return (island, held, all);
            }
            held /= 2;
        }
        (String::new(), 0, all)
    }
}

/// A cell as the script reads it: text, class, second line, link, number. Empty ends are left out.
fn cell(cell: &Cell) -> Value {
    let number = cell.number.map_or(Value::Null, Value::from);
    match (cell.class, cell.sub.as_str(), cell.link.as_str(), cell.number) {
        ("", "", "", None) => json!(cell.text),
        (class, "", "", None) => json!([cell.text, class]),
        (class, sub, "", None) => json!([cell.text, class, sub]),
        (class, sub, link, None) => json!([cell.text, class, sub, link]),
        (class, sub, link, Some(_)) => json!([cell.text, class, sub, link, number]),
    }
}
