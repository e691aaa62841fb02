//! Tables of contents, which eStargz and zstd:chunked add to layers. A runtime that fetches files one by one believes the
//! table and never sees the archive, so a table that says something else is another image.

use std::collections::HashMap;
use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::members::{Member, Members};
use super::name;
use crate::content::Problems;
use crate::content::name::shown;
use crate::content::tar::EntryKind;
use crate::oci::Digest;

/// The table of eStargz is an entry of the archive, which it does not list itself.
const ESTARGZ_TABLE: &[u8] = b"stargz.index.json";

/// The most entries of a table, and of the layer that it is compared with. Each takes some 250 bytes on either side.
const TABLE_ENTRIES_MAX: usize = 200_000;

/// What a table says that the archive does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TocProblem {
    /// The table cannot be read.
    #[error("the table of contents cannot be read: {problem}")]
    Unreadable {
        /// What the parser says.
        problem: String,
    },
    /// The table or the layer is too long to be compared.
    #[error("the table of contents was not compared: it or the layer has more than {limit} entries")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The table has a path that the archive does not have.
    #[error("only the table of contents has {}", shown(.path))]
    OnlyInTable {
        /// The path.
        path: Vec<u8>,
    },
    /// The archive has a path that the table does not have.
    #[error("the table of contents does not have {}", shown(.path))]
    OnlyInArchive {
        /// The path.
        path: Vec<u8>,
    },
    /// Both have a path, but not the same there.
    #[error("the table of contents has another {field} for {}", shown(.path))]
    Differs {
        /// The path.
        path: Vec<u8>,
        /// What differs.
        field: &'static str,
    },
}

impl TocProblem {
    /// The name of the rule that the table breaks, for findings and policies.
    pub const fn rule(&self) -> &'static str {
        match self {
            TocProblem::Unreadable { .. } => "toc-unreadable",
            TocProblem::TooLong { .. } => "entries-limit",
            _ => "toc-lies",
        }
    }

    /// The path that it is about, if it is about one.
    pub fn path(&self) -> Option<&[u8]> {
        match self {
            TocProblem::Unreadable { .. } | TocProblem::TooLong { .. } => None,
            TocProblem::OnlyInTable { path }
            | TocProblem::OnlyInArchive { path }
            | TocProblem::Differs { path, .. } => Some(path),
        }
    }
}

/// Both formats have the same fields, but for places and chunks, which are of no concern here.
#[derive(Deserialize)]
struct Table {
    #[serde(default)]
    entries: Lines,
}

/// The entries without the chunks of files; `None` if there are too many.
struct Lines(Option<Vec<Line>>);

impl Default for Lines {
    fn default() -> Lines {
        Lines(Some(Vec::new()))
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Lines, D::Error> {
        deserializer.deserialize_seq(LinesVisitor)
    }
}

struct LinesVisitor;

impl<'de> Visitor<'de> for LinesVisitor {
    type Value = Lines;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Lines, A::Error> {
        let mut lines = Vec::new();
        while let Some(line) = entries.next_element::<Line>()? {
            if line.kind == "chunk" {
                continue;
            }
            if lines.len() == TABLE_ENTRIES_MAX {
                while entries.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Lines(None));
            }
            lines.push(line);
        }
        Ok(Lines(Some(lines)))
    }
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default, rename = "linkName")]
    link: String,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    mode: i64,
    #[serde(default)]
    uid: i64,
    #[serde(default)]
    gid: i64,
    #[serde(default)]
    digest: String,
}

/// Compares a table of contents (JSON, as [`crate::content::LayerRead::toc`] has it) with the entries of its layer.
/// `digest` gives the digest of the entry with a number, if it is known; then those of the table must be the same.
pub fn compare_toc(
    json: &[u8],
    members: &Members,
    digest: &dyn Fn(u32) -> Option<Digest>,
) -> Problems<TocProblem> {
    let mut problems = Problems::default();
    let mut note = |problem: TocProblem| problems.add(problem.rule(), problem);
    let table: Table = match serde_json::from_slice(json) {
        Ok(table) => table,
        Err(error) => {
            note(TocProblem::Unreadable { problem: error.to_string() });
            return problems;
        }
    };
    let Some(lines) = table.entries.0.filter(|_| members.len() <= TABLE_ENTRIES_MAX) else {
        note(TocProblem::TooLong { limit: TABLE_ENTRIES_MAX });
        return problems;
    };
    // A path can occur more than once in both.
    let mut by_path: HashMap<Vec<u8>, Vec<(Member<'_>, bool)>> = HashMap::new();
    for member in members.iter() {
        by_path.entry(clean(&member.path())).or_default().push((member, false));
    }
    for line in &lines {
        let path = clean(line.name.as_bytes());
        match by_path.get_mut(&path) {
            None => note(TocProblem::OnlyInTable { path }),
            Some(found) => {
                let mut field = None;
                // Tables and archives have the same order, so the first that was not found yet is the likeliest.
                let at = found.iter().position(|(_, seen)| !seen).unwrap_or(0);
                if let Some((member, seen)) = found.get_mut(at) {
                    *seen = true;
                    field = difference(line, member, digest);
                }
                if let Some(field) = field {
                    note(TocProblem::Differs { path, field });
                }
            }
        }
    }
    // In the order of the archive, so that the result is the same in every run.
    for member in members.iter() {
        let path = clean(&member.path());
        if path == ESTARGZ_TABLE {
            continue;
        }
        let seen = by_path
            .get(&path)
            .is_some_and(|found| found.iter().any(|&(other, seen)| seen && other.number == member.number));
        if !seen {
            note(TocProblem::OnlyInArchive { path });
        }
    }
    problems
}

/// The first field in which a line of the table and an entry differ.
fn difference(
    line: &Line,
    member: &Member<'_>,
    digest: &dyn Fn(u32) -> Option<Digest>,
) -> Option<&'static str> {
    let kind = match line.kind.as_str() {
        "reg" => EntryKind::File,
        "dir" => EntryKind::Folder,
        "symlink" => EntryKind::Symlink,
        "hardlink" => EntryKind::HardLink,
        "char" => EntryKind::CharDevice,
        "block" => EntryKind::BlockDevice,
        "fifo" => EntryKind::Fifo,
        _ => return Some("type"),
    };
    if kind != member.kind {
        return Some("type");
    }
    let same_link = match kind {
        EntryKind::HardLink => clean(line.link.as_bytes()) == clean(member.link),
        _ => line.link.as_bytes() == member.link,
    };
    if !same_link {
        return Some("target");
    }
    if kind == EntryKind::File {
        if u64::try_from(line.size).ok() != Some(member.size) {
            return Some("size");
        }
        let known = digest(member.number);
        if known.is_some_and(|known| !line.digest.is_empty() && line.digest != known.to_string()) {
            return Some("digest");
        }
    }
    // A hard link has no owner and mode of its own.
    if kind != EntryKind::HardLink {
        if line.mode & 0o7777 != i64::from(member.mode) {
            return Some("mode");
        }
        if line.uid != i64::from(member.uid) || line.gid != i64::from(member.gid) {
            return Some("owner");
        }
    }
    None
}

/// A path without `.`, `..` and double slashes.
fn clean(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for (_, part) in name::components(path, 0, 0) {
        if part == b".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::{TocProblem, compare_toc};
    use crate::content::tar::TarEntry;
    use crate::content::{Interest, LayerLimits, LayerVisitor, read_layer};
    use crate::oci::Digest;
    use crate::rootfs::Members;

    struct Table(Members);

    impl LayerVisitor for Table {
        fn entry(&mut self, entry: &TarEntry) -> Interest {
            assert!(self.0.push(entry));
            Interest::Skip
        }
    }

    const HONEST: &str = r#"{"version":1,"entries":[
        {"type":"dir","name":"d/","mode":493,"modtime":"2026-11-26T20:18:40Z"},
        {"type":"reg","name":"d/a","mode":420,"size":2,"offset":9,"digest":"DIGEST"},
        {"type":"chunk","name":"d/a","offset":20,"chunkOffset":1},
        {"type":"symlink","name":"l","linkName":"d/a","mode":511},
        {"type":"hardlink","name":"h","linkName":"d/a"}]}"#;

    /// A layer with a table as eStargz has it.
    fn layer(table: &str) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, link, kind, mode, body) in [
            ("./d/", "", tar::EntryType::Directory, 0o755, &b""[..]),
            ("./d/a", "", tar::EntryType::Regular, 0o644, b"hi"),
            ("./l", "d/a", tar::EntryType::Symlink, 0o777, b""),
            ("./h", "./d/a", tar::EntryType::Link, 0o644, b""),
            ("stargz.index.json", "", tar::EntryType::Regular, 0o644, table.as_bytes()),
        ] {
            let mut header = tar::Header::new_ustar();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(body.len() as u64);
            header.set_cksum();
            builder.append(&header, body).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn sentences(table: &str) -> Vec<String> {
        let table = table.replace("DIGEST", &Digest::sha256(b"hi").to_string());
        let mut seen = Table(Members::new());
        let read = read_layer(&mut layer(&table).as_slice(), &LayerLimits::default(), &mut seen);
        assert_eq!(read.toc.as_deref(), Some(table.as_bytes()));
        let digest = |number| (number == 1).then(|| Digest::sha256(b"hi"));
        let problems = compare_toc(&read.toc.unwrap(), &seen.0, &digest);
        problems.kept().iter().map(TocProblem::to_string).collect()
    }

    #[test]
    fn an_honest_table_has_no_problem() {
        assert_eq!(sentences(HONEST), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_is_too_long_is_not_compared() {
        let line = r#"{"type":"reg","name":"a"}"#;
        let table = |lines: usize| format!(r#"{{"entries":[{}]}}"#, vec![line; lines].join(","));
        let too_long = "the table of contents was not compared: it or the layer has more than 200000 entries";
        assert_eq!(sentences(&table(200_001)), [too_long]);
        assert_eq!(sentences(&table(200_000))[0], "only the table of contents has \"a\"");
    }

    #[test]
    fn every_lie_is_named() {
        for (from, to, sentence) in [
            ("\"size\":2", "\"size\":3", "the table of contents has another size for \"d/a\""),
            ("\"mode\":420", "\"mode\":2541", "the table of contents has another mode for \"d/a\""),
            ("\"mode\":493", "\"mode\":493,\"uid\":5", "the table of contents has another owner for \"d\""),
            ("DIGEST", "sha256:00", "the table of contents has another digest for \"d/a\""),
            (
                "\"linkName\":\"d/a\",\"mode\"",
                "\"linkName\":\"/\",\"mode\"",
                "the table of contents has another target for \"l\"",
            ),
            ("\"type\":\"symlink\"", "\"type\":\"reg\"", "the table of contents has another type for \"l\""),
            (
                "\"version\":1",
                "\"version\":",
                "the table of contents cannot be read: expected value at line 1 column 12",
            ),
        ] {
            let lie = HONEST.replacen(from, to, 1);
            assert_ne!(lie, HONEST);
            assert_eq!(sentences(&lie), [sentence]);
        }
        let renamed = HONEST.replacen("\"name\":\"h\"", "\"name\":\"evil\"", 1);
        assert_eq!(
            sentences(&renamed),
            ["only the table of contents has \"evil\"", "the table of contents does not have \"h\""]
        );
    }
}
