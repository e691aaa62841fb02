//! Opening databases: files and folders of any of the known forms.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use crate::oci::Digest;

use super::bounded_reader::BoundedReader;
use super::database::Database;
use super::error::AdvisoryError;
use super::gathering::Gathering;
use super::shape::{HEAD_BYTES, Shape, shape};
use super::wanted::Wanted;
use super::{debian_tracker, osv, secdb, zip_file};

/// The most files of a folder.
const FILES_MAX: usize = 2_000_000;

/// The most folders in each other. `DIR/ECOSYSTEM/all.zip` has two.
const DEPTH_MAX: usize = 8;

impl Database {
    /// Reads databases, and keeps what concerns the wanted packages.
    ///
    /// A path is a file or a folder: OSV records as `.json` or zip files of them (`DIR/ECOSYSTEM/all.zip`), the JSON of
    /// the Debian security tracker, or a secdb.
    ///
    /// The memory depends on the number of wanted packages and not on the size of the databases: a record of at most
    /// 8 MiB is read at a time.
    ///
    /// # Errors
    /// [`AdvisoryError`] if a database cannot be read or breaks off. An OSV record that cannot be read is a problem
    /// ([`Database::problems`]), and the others are read all the same.
    pub fn open(paths: &[PathBuf], wanted: &Wanted) -> Result<Database, AdvisoryError> {
        let mut gathering = Gathering::new(wanted);
        let mut bases = Vec::new();
        for path in paths {
            let sum = if metadata(path)?.is_dir() {
                let mut list = String::new();
                for (name, file) in files_of(path)? {
                    let sum = read_file(&file, &mut gathering)?;
                    list.push_str(&format!("{}  {name}\n", sum.hex()));
                }
                Digest::sha256(list.as_bytes())
            } else {
                read_file(path, &mut gathering)?
            };
            bases.push(gathering.basis(path.to_string_lossy().into_owned(), sum));
        }
        Ok(gathering.database(bases))
    }

    /// Reads one database that is not a zip file from a stream. `name` stands for it in messages.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn read(name: &str, stream: impl Read, wanted: &Wanted) -> Result<Database, AdvisoryError> {
        let mut gathering = Gathering::new(wanted);
        let mut stream = stream;
        let mut head = Vec::new();
        let path = Path::new(name);
        let read = (&mut stream).take(HEAD_BYTES).read_to_end(&mut head);
        read.map_err(|source| AdvisoryError::Io { path: path.to_owned(), source })?;
        let sum = read_json(path, head, stream, &mut gathering)?;
        let basis = gathering.basis(name.to_owned(), sum);
        Ok(gathering.database(vec![basis]))
    }
}

fn metadata(path: &Path) -> Result<fs::Metadata, AdvisoryError> {
    fs::metadata(path).map_err(|source| AdvisoryError::Io { path: path.to_owned(), source })
}

/// The files of a folder that may be databases, with their names in it, sorted by name.
fn files_of(folder: &Path) -> Result<Vec<(String, PathBuf)>, AdvisoryError> {
    let mut found = Vec::new();
    let mut seen = 0_usize;
    let mut waiting = vec![(folder.to_owned(), String::new(), 1)];
    while let Some((path, prefix, depth)) = waiting.pop() {
        let io = |source| AdvisoryError::Io { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(io)? {
            let entry = entry.map_err(io)?;
            seen += 1;
            if seen > FILES_MAX || depth > DEPTH_MAX {
                return Err(AdvisoryError::TooLarge {
                    path: folder.to_owned(),
                    limit: FILES_MAX,
                    depth: DEPTH_MAX,
                });
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            // Folders such as `.git` hold no records.
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type().map_err(io)?;
            if kind.is_dir() {
                waiting.push((entry.path(), format!("{prefix}{name}/"), depth + 1));
            } else if is_database(&entry.path()) {
                found.push((format!("{prefix}{name}"), entry.path()));
            }
        }
    }
    if found.is_empty() {
        return Err(AdvisoryError::Empty { path: folder.to_owned() });
    }
    found.sort();
    Ok(found)
}

fn is_database(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["json", "jsonl", "ndjson", "zip"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Reads a file of any form, and returns its sum.
fn read_file(path: &Path, gathering: &mut Gathering<'_>) -> Result<Digest, AdvisoryError> {
    let io = |source| AdvisoryError::Io { path: path.to_owned(), source };
    let broken = |why| AdvisoryError::Broken { path: path.to_owned(), why };
    if !metadata(path)?.is_file() {
        return Err(io(io::Error::other("expected a regular file or a folder")));
    }
    let mut file = File::open(path).map_err(io)?;
    let mut head = Vec::new();
    (&file).take(HEAD_BYTES).read_to_end(&mut head).map_err(io)?;
    if shape(&head) == Shape::Zip {
        read_zip(path, &file, gathering).map_err(broken)?;
        file.rewind().map_err(io)?;
        return BoundedReader::new(file, gathering.allowance.clone()).finish().map_err(io);
    }
    read_json(path, head, file, gathering)
}

/// Reads JSON of any form: its first bytes and the rest.
fn read_json(
    path: &Path,
    head: Vec<u8>,
    rest: impl Read,
    gathering: &mut Gathering<'_>,
) -> Result<Digest, AdvisoryError> {
    let broken = |why| AdvisoryError::Broken { path: path.to_owned(), why };
    let shape = shape(&head);
    let whole = Cursor::new(head).chain(rest);
    let mut stream =
        BufReader::with_capacity(1 << 16, BoundedReader::new(whole, gathering.allowance.clone()));
    match shape {
        Shape::Osv => {
            if let Err(why) = osv::read_stream(&mut stream, gathering) {
                gathering.problem(format!("{}: {why}", path.display()));
            }
        }
        Shape::OsvList => osv::read_list(&mut stream, gathering).map_err(broken)?,
        Shape::DebianTracker => debian_tracker::read(&mut stream, gathering).map_err(broken)?,
        Shape::Secdb => secdb::read(&mut stream, gathering).map_err(broken)?,
        Shape::Zip => {
            return Err(AdvisoryError::Unknown { path: path.to_owned(), found: "a zip file".to_owned() });
        }
        Shape::Unknown(found) => return Err(AdvisoryError::Unknown { path: path.to_owned(), found }),
    }
    stream.into_inner().finish().map_err(|source| AdvisoryError::Io { path: path.to_owned(), source })
}

/// Reads the OSV records of a zip file.
fn read_zip(path: &Path, file: &File, gathering: &mut Gathering<'_>) -> Result<(), String> {
    let is_record = |name: &str| is_database(Path::new(name));
    zip_file::each_member(file, is_record, |name, bytes| {
        if let Err(why) = bytes.and_then(|bytes| osv::read_record(bytes, gathering)) {
            gathering.problem(format!("{}: {name}: {why}", path.display()));
        }
    })
}
