//! `rpmdb.sqlite` and its write-ahead log, `rpmdb.sqlite-wal` (<https://sqlite.org/fileformat2.html>).
//!
//! The table of packages is read page by page, as the log has the pages, and as the file has the others.

mod pages;
mod record;
#[cfg(test)]
mod tests;
mod tree;
mod wal;

use self::pages::Pages;
use self::record::{Value, values};
use self::tree::{Row, walk};
use super::collect::Collected;
use crate::packages::Found;

/// The page that the table of tables begins at.
const SCHEMA_ROOT: u32 = 1;

/// Reads the packages of an `rpmdb.sqlite` and of its log.
///
/// `log` is `rpmdb.sqlite-wal`, if it is there: what was written last may be only in it.
pub fn sqlite(file: &[u8], log: Option<&[u8]>) -> Found {
    let mut collected = Collected::default();
    match Pages::open(file, log, &mut |problem| collected.problem(problem)) {
        Ok(pages) => read(&pages, &mut collected),
        Err(problem) => collected.problem(problem),
    }
    collected.finish()
}

fn read(pages: &Pages<'_>, collected: &mut Collected) {
    let mut root = None;
    walk(pages, SCHEMA_ROOT, &mut |row| match row {
        Row::Problem(problem) => collected.problem(format!("the list of tables: {problem}")),
        Row::Payload { bytes, .. } => root = root.or_else(|| root_of_packages(&bytes)),
    });
    let Some(root) = root else {
        return collected.problem("the database has no table of packages".to_owned());
    };
    walk(pages, root, &mut |row| match row {
        Row::Problem(problem) => collected.problem(format!("the table of packages: {problem}")),
        Row::Payload { id, bytes } => {
            // `hnum INTEGER PRIMARY KEY, blob BLOB`: the first is the number of the row.
            match values(&bytes).nth(1) {
                Some(Value::Bytes(blob)) => collected.add(blob, &format!("the header of package {id}")),
                _ => collected.problem(format!("row {id} of the table of packages has no header")),
            }
        }
    });
}

/// Returns the page that the table `Packages` begins at, if a row of the table of tables is of it: type, name, name of the
/// table, page, statement.
fn root_of_packages(row: &[u8]) -> Option<u32> {
    let row: Vec<Value<'_>> = values(row).take(4).collect();
    let [Value::Bytes(b"table"), Value::Bytes(name), _, Value::Number(root)] = row.as_slice() else {
        return None;
    };
    name.eq_ignore_ascii_case(b"Packages").then(|| u32::try_from(*root).ok()).flatten()
}
