//! The file tree of the page: one line for each entry, compressed as a whole, which the script makes a tree of.

use std::collections::BTreeMap;

use carnet::oci::Digest;

use super::grid::{Cell, Grid};
use super::island::Space;
use crate::plain::plain;
use crate::render::words;

/// An entry of the root file system of an image.
#[derive(Debug, Clone)]
pub(crate) struct FileRow {
    /// The manifest of the image.
    pub(crate) image: Digest,
    /// The path without a leading slash, as `carnet::audit::path_text` writes it.
    pub(crate) path: String,
    /// `file`, `folder`, `symlink`, `hardlink`, `device` or `fifo`, as in the counts of a layer.
    pub(crate) kind: &'static str,
    /// The permission bits, with setuid, setgid and sticky.
    pub(crate) mode: u32,
    /// The owner.
    pub(crate) uid: u64,
    /// The group.
    pub(crate) gid: u64,
    /// The size in bytes.
    pub(crate) size: u64,
    /// Where a link leads.
    pub(crate) target: Option<String>,
    /// The layer that it comes from.
    pub(crate) layer: Digest,
}

/// Where the entries come from.
pub(crate) struct FileSource<'a> {
    /// The entries: those of one image together, sorted by path.
    pub(crate) rows: &'a mut dyn Iterator<Item = FileRow>,
    /// How many more there are.
    pub(crate) left_out: u64,
}

/// The most bytes of the list before compression.
const PLAIN_BYTES: usize = 96_000_000;
/// The most bytes of a path or target in the list.
const PATH_BYTES: usize = 4_096;
/// The most entries that are written as HTML, for readers without script.
const ROWS: usize = 2_000;

/// The files of all images.
#[derive(Default)]
pub(super) struct Files {
    /// The compressed list, in base64.
    pub(super) island: String,
    /// The entries that it has.
    pub(super) held: u64,
    /// All entries.
    pub(super) all: u64,
    /// The entries as a table, if they are few.
    pub(super) grid: Option<Grid>,
}

/// The list before compression.
struct List {
    text: String,
    /// Where the list can be cut: its length and the number of its entries, every now and then.
    marks: Vec<(usize, u64)>,
    roots: BTreeMap<Digest, u64>,
    layers: BTreeMap<Digest, u64>,
    root: Option<Digest>,
    path: String,
    entries: u64,
}

impl Files {
    /// Reads the entries. Those of one image should follow each other, sorted by path: the list is smaller then.
    pub(super) fn read(source: FileSource<'_>, names: &BTreeMap<Digest, String>, space: &mut Space) -> Files {
        let mut list = List {
            text: String::new(),
            marks: Vec::new(),
            roots: BTreeMap::new(),
            layers: BTreeMap::new(),
            root: None,
            path: String::new(),
            entries: 0,
        };
        let mut files = Files { all: source.left_out, ..Files::default() };
        let mut few = Vec::new();
        for row in source.rows {
            files.all += 1;
            if few.len() <= ROWS {
                few.push(cells(&row, names));
            }
            if list.text.len() < PLAIN_BYTES {
                list.add(&row, names);
            }
        }
        list.marks.push((list.text.len(), list.entries));
        while let Some((end, entries)) = list.marks.pop() {
            if let Some(island) = space.take_rest(list.text.get(..end).unwrap_or_default().as_bytes()) {
                (files.island, files.held) = (island, entries);
                break;
            }
            // Half of the list is the next that may fit.
            list.marks.retain(|&(mark, _)| mark <= end / 2);
        }
        if files.all > 0 && few.len() <= ROWS {
            let titles = ["Path", "Type", "Mode", "Owner", "Size#", "Layer"];
            files.grid = Some(Grid::new("file-list", "Files", &titles, few, space));
        }
        files
    }
}

impl List {
    /// Adds a line: the number of folders that the path shares with the line before, the rest of the path, type, mode in
    /// octal, owner, size, layer, target; between tabs. `plain` leaves no tab and no line ending in a text.
    fn add(&mut self, row: &FileRow, names: &BTreeMap<Digest, String>) {
        if self.root != Some(row.image) {
            let next = self.roots.len() as u64;
            let number = *self.roots.entry(row.image).or_insert_with(|| {
                let name = names.get(&row.image).map_or_else(|| words::short(&row.image), Clone::clone);
                self.text += &format!("=\t{}\n", plain(&name));
                next
            });
            self.text += &format!("@\t{number}\n");
            self.root = Some(row.image);
            self.path.clear();
        }
        let next = self.layers.len() as u64;
        let layer = *self.layers.entry(row.layer).or_insert_with(|| {
            self.text += &format!("+\t{}\t{}\n", row.layer.hex(), words::short(&row.layer));
            next
        });
        let path = short_path(&row.path);
        let same = path.split('/').zip(self.path.split('/')).take_while(|(a, b)| a == b).count();
        // The last name of a path is always written, so that a path that occurs twice is still a line.
        let shared = same.min(path.split('/').count().saturating_sub(1));
        let rest: Vec<&str> = path.split('/').skip(shared).collect();
        self.text += &format!(
            "{shared}\t{}\t{}\t{:o}\t{}:{}\t{}\t{layer}",
            rest.join("/"),
            crate::tables::letter(row.kind),
            row.mode,
            row.uid,
            row.gid,
            row.size
        );
        if let Some(target) = &row.target {
            self.text += &format!("\t{}", short_path(target));
        }
        self.text.push('\n');
        self.path = path;
        self.entries += 1;
        if self.entries.is_multiple_of(1_024) {
            self.marks.push((self.text.len(), self.entries));
        }
    }
}

/// A path with hidden characters shown, and cut if it is longer than what systems permit.
fn short_path(path: &str) -> String {
    let mut path = plain(path).into_owned();
    if path.len() > PATH_BYTES {
        let end = (0..=PATH_BYTES).rev().find(|at| path.is_char_boundary(*at)).unwrap_or(0);
        path.truncate(end);
        path.push('…');
    }
    path
}

fn cells(row: &FileRow, names: &BTreeMap<Digest, String>) -> Vec<Cell> {
    let mut path = Cell::code(&row.path);
    if let Some(target) = &row.target {
        path = path.with(&format!("→ {target}"));
    } else if names.len() > 1 {
        path = path.with(names.get(&row.image).map_or("", String::as_str));
    }
    vec![
        path,
        Cell::text(row.kind),
        Cell::code(&format!("{:04o}", row.mode & 0o7777)),
        Cell::code(&format!("{}:{}", row.uid, row.gid)),
        Cell::size(row.size),
        Cell::short(&row.layer).to(format!("l-{}", row.layer.hex())),
    ]
}
