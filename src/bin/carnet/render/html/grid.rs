//! A table of the page. A small one is written as HTML; a large one as HTML for its first rows and as compressed data for
//! all of them, which the script shows.

use carnet::oci::Digest;

use super::visible::escaped;
use crate::plain::plain;
use crate::render::words;

/// The most rows that are written as HTML.
const ROWS: usize = 2_000;
/// The most bytes of cells that are written as HTML.
const BYTES: usize = 600_000;
/// The rows that a large table shows without script.
const FIRST_ROWS: usize = 100;
/// The most characters of a cell. A longer text is cut, and says so: a reader learns nothing from its rest.
const CHARACTERS: usize = 1_000;

/// A cell of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    /// What it shows.
    pub(super) text: String,
    /// A second line.
    pub(super) sub: String,
    /// The place in the page that it leads to, without `#`.
    pub(super) link: String,
    /// The place in the page that leads here.
    pub(super) anchor: String,
    /// The class of its look.
    pub(super) class: &'static str,
    /// What it is sorted by, if that is a number.
    pub(super) number: Option<u64>,
}

impl Cell {
    /// A text, with hidden characters shown.
    pub(super) fn text(text: &str) -> Cell {
        Cell { text: cut(text), ..Cell::default() }
    }

    /// A text of a machine: a path, a package URL.
    pub(super) fn code(text: &str) -> Cell {
        Cell { class: "code", ..Cell::text(text) }
    }

    /// A number.
    pub(super) fn number(number: u64) -> Cell {
        Cell { text: words::number(number), class: "num", number: Some(number), ..Cell::default() }
    }

    /// A size.
    pub(super) fn size(bytes: u64) -> Cell {
        Cell { text: words::size(bytes), class: "num", number: Some(bytes), ..Cell::default() }
    }

    /// A whole digest.
    pub(super) fn digest(digest: &Digest) -> Cell {
        Cell { text: digest.to_string(), class: "code hash", ..Cell::default() }
    }

    /// The first digits of a digest.
    pub(super) fn short(digest: &Digest) -> Cell {
        Cell { text: words::short(digest), class: "code", ..Cell::default() }
    }

    /// A word with a colour. `class` is one of `critical`, `high`, `medium`, `low`, `info`, `good` and `bad`.
    pub(super) fn word(class: &'static str, text: &str) -> Cell {
        Cell { class, ..Cell::text(text) }
    }

    /// A severity, sorted by how grave it is.
    pub(super) fn severity(severity: carnet::audit::Severity) -> Cell {
        Cell { number: Some(severity as u64), ..Cell::word(severity.word(), severity.word()) }
    }

    /// A cell without content.
    pub(super) fn none() -> Cell {
        Cell::text("–")
    }

    /// A text, or none.
    pub(super) fn option(text: Option<&str>) -> Cell {
        text.map_or_else(Cell::none, Cell::text)
    }

    /// This cell with a second line.
    pub(super) fn with(mut self, sub: &str) -> Cell {
        self.sub = cut(sub);
        self
    }

    /// This cell, leading to a place in the page.
    pub(super) fn to(mut self, link: String) -> Cell {
        self.link = link;
        self
    }

    /// This cell, as a place in the page.
    pub(super) fn at(mut self, anchor: String) -> Cell {
        self.anchor = anchor;
        self
    }

    fn bytes(&self) -> usize {
        escaped(&self.text).len() + escaped(&self.sub).len() + self.link.len() + self.anchor.len() + 40
    }
}

/// Shows hidden characters, and cuts what is longer than a cell.
fn cut(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    out.extend(characters.by_ref().take(CHARACTERS));
    let more = characters.count();
    let mut out = plain(&out).into_owned();
    if more > 0 {
        out += &format!("… ({} more)", carnet::diagnosis::count(more as u64, "character", "characters"));
    }
    out
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its title.
    pub(super) title: &'static str,
    /// The class of its look: `num`, or nothing.
    pub(super) class: &'static str,
}

/// A table.
#[derive(Debug)]
pub(super) struct Grid {
    /// The id of the table in the page.
    pub(super) id: &'static str,
    /// What it lists, e.g. `Packages`.
    pub(super) title: &'static str,
    /// The columns.
    pub(super) columns: Vec<Column>,
    /// The rows that are written as HTML.
    pub(super) rows: Vec<Vec<Cell>>,
    /// The rows of a large table, as compressed JSON in base64.
    pub(super) island: String,
    /// The number of its rows that the page has.
    pub(super) held: usize,
    /// The number of all its rows.
    pub(super) all: usize,
}

impl Grid {
    /// A table. The titles of columns with numbers end in `#`, which is not shown. The rows may be made one by one: of a large
    /// table, they are not all in memory.
    pub(super) fn new(
        id: &'static str,
        title: &'static str,
        titles: &[&'static str],
        rows: impl IntoIterator<Item = Vec<Cell>>,
        space: &mut super::island::Space,
    ) -> Grid {
        let columns = titles.iter().map(|&title| match title.strip_suffix('#') {
            Some(title) => Column { title, class: "num" },
            None => Column { title, class: "" },
        });
        let (mut few, mut bytes, mut fit) = (Vec::new(), 0, 0);
        let mut rows = rows.into_iter();
        for row in rows.by_ref() {
            bytes += row.iter().map(Cell::bytes).sum::<usize>();
            few.push(row);
            if bytes > BYTES || few.len() > ROWS {
                break;
            }
            fit += 1;
        }
        let mut all = few.len();
        let (mut island, mut held) = (String::new(), all);
        if fit < all {
            (island, held, all) = space.rows(&few, rows);
            few.truncate(FIRST_ROWS.min(fit));
        }
        Grid { id, title, columns: columns.collect(), rows: few, island, held, all }
    }

    /// Whether the page has data that only the script shows.
    pub(super) fn is_large(&self) -> bool {
        !self.island.is_empty()
    }

    /// What the page leaves out, in a sentence, or nothing.
    pub(super) fn left_out(&self) -> String {
        let held = self.held.max(self.rows.len());
        match self.all.saturating_sub(held) {
            0 => String::new(),
            left => format!(
                "{} of {} rows are left out, because the page would be too large. The JSON report has all.",
                words::number(left as u64),
                words::number(self.all as u64)
            ),
        }
    }
}
