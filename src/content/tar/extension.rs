//! Headers that extend the entry behind them: PAX records (POSIX, "pax Extended Header") and GNU's long names.

use std::collections::BTreeMap;

use super::number;
use super::sparse::{self, Extents};

/// The most bytes of the extended attributes of one entry, names included.
pub(super) const XATTRS_BYTES_MAX: usize = 64 << 10;

/// The largest size that fits into the octal field of a header, in bytes.
const OCTAL_SIZE_MAX: u64 = 0o77_777_777_777;

/// The largest owner that fits into the octal field of a header.
const OCTAL_OWNER_MAX: u64 = 0o7_777_777;

const XATTR: &[u8] = b"SCHILY.xattr.";
const SPARSE_OFFSET: &[u8] = b"GNU.sparse.offset";
const SPARSE_BYTES: &[u8] = b"GNU.sparse.numbytes";

/// How the map of a sparse file is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SparseMap {
    /// In the records, as the formats 0.0 and 0.1 do.
    Here(Extents),
    /// At the start of the body, as the format 1.0 does.
    InBody,
}

/// What a PAX header says of a sparse file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sparse {
    pub(super) map: SparseMap,
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

/// The values of one PAX header.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    /// Whether the owner or the group is negative.
    pub(super) negative_owner: bool,
    pub(super) mtime: Option<i64>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether attributes were skipped because they are too large.
    pub(super) xattrs_cut: bool,
    pub(super) sparse: Option<Sparse>,
    /// Keys that have two values.
    pub(super) doubled: Vec<String>,
}

/// The keys with two values that are remembered.
const DOUBLED_MAX: usize = 8;

/// Everything that extends the next entry.
#[derive(Debug, Default)]
pub(super) struct Extension {
    /// Where the first of the headers begins.
    pub(super) start: Option<u64>,
    pub(super) pax: Option<Pax>,
    pub(super) gnu_path: Option<Vec<u8>>,
    pub(super) gnu_link: Option<Vec<u8>>,
    /// Headers of one kind that an earlier one of the same kind precedes.
    pub(super) doubled: Vec<&'static str>,
    /// Whether a GNU name goes on behind a zero byte.
    pub(super) zero_byte: bool,
}

impl Extension {
    /// Takes the body of a GNU long name (`L`) or long link (`K`).
    pub(super) fn gnu(&mut self, flag: u8, mut body: Vec<u8>) {
        let end = body.iter().position(|&byte| byte == 0).unwrap_or(body.len());
        self.zero_byte |= body.iter().skip(end).any(|&byte| byte != 0);
        body.truncate(end);
        let (place, field) =
            if flag == b'L' { (&mut self.gnu_path, "path") } else { (&mut self.gnu_link, "link") };
        if place.as_ref().is_some_and(|earlier| *earlier != body) {
            self.doubled.push(field);
        }
        // An empty name says nothing: runtimes keep the one in the header.
        *place = Some(body).filter(|name| !name.is_empty());
    }

    /// Takes the records of a PAX header. `None` if they cannot be read.
    pub(super) fn pax(&mut self, body: &[u8]) -> Option<()> {
        let pax = Pax::read(body)?;
        if self.pax.replace(pax).is_some() {
            self.doubled.push("PAX header");
        }
        Some(())
    }

    /// In what the headers of one entry disagree. `stated` is size, uid and gid of the last header.
    pub(super) fn contradictions(&self, pax: &Pax, stated: (u64, u64, u64)) -> Vec<String> {
        let (size, uid, gid) = stated;
        let mut fields: Vec<String> = pax.doubled.clone();
        fields.extend(self.doubled.iter().map(|&field| field.to_owned()));
        let differ = |a: &Option<Vec<u8>>, b: &Option<Vec<u8>>| a.is_some() && b.is_some() && a != b;
        if differ(&pax.path, &self.gnu_path) {
            fields.push("path".to_owned());
        }
        if differ(&pax.link, &self.gnu_link) {
            fields.push("link".to_owned());
        }
        // A number that does not fit into its field is cut, zero, or the largest that fits. One that fits must be there.
        let differs = |large: Option<u64>, field: u64, max: u64| {
            large.is_some_and(|large| {
                field != large && (large <= max || ![0, max, large & max].contains(&field))
            })
        };
        for (large, field, max, name) in [
            (pax.size, size, OCTAL_SIZE_MAX, "size"),
            (pax.uid, uid, OCTAL_OWNER_MAX, "uid"),
            (pax.gid, gid, OCTAL_OWNER_MAX, "gid"),
        ] {
            if differs(large, field, max) {
                fields.push(name.to_owned());
            }
        }
        fields
    }
}

/// The records of a PAX header, in their order: length, space, key, `=`, value, line feed. `None` stands for a record
/// that cannot be read; it is the last.
fn records(mut body: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    std::iter::from_fn(move || {
        if body.is_empty() {
            return None;
        }
        let mut read = || {
            let space = body.iter().take(20).position(|&byte| byte == b' ')?;
            let length = usize::try_from(number::decimal(body.get(..space)?)?).ok()?;
            let record = body.get(space + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|&byte| byte == b'=').filter(|&at| at > 0)?;
            body = body.get(length..)?;
            Some((record.get(..equals)?, record.get(equals + 1..)?))
        };
        let record = read();
        if record.is_none() {
            body = &[];
        }
        Some(record)
    })
}

/// The keys of a global header, except `comment`, which `git archive` writes. `None` if it cannot be read.
pub(super) fn global_keys(body: &[u8]) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    for record in records(body) {
        let (key, _) = record?;
        if key != b"comment" && keys.len() < DOUBLED_MAX {
            keys.push(key.escape_ascii().to_string());
        }
    }
    Some(keys)
}

impl Pax {
    fn read(body: &[u8]) -> Option<Pax> {
        let mut pax = Pax::default();
        let mut values = BTreeMap::new();
        let mut pairs: Vec<&[u8]> = Vec::new();
        for record in records(body) {
            let (key, value) = record?;
            if !is_valid(key, value) {
                return None;
            }
            if key == SPARSE_OFFSET || key == SPARSE_BYTES {
                // Offsets and lengths in turn (format 0.0).
                if (key == SPARSE_OFFSET) != pairs.len().is_multiple_of(2) {
                    return None;
                }
                pairs.push(value);
            } else if values.insert(key, value).is_some_and(|earlier| earlier != value)
                && pax.doubled.len() < DOUBLED_MAX
            {
                pax.doubled.push(key.escape_ascii().to_string());
            }
        }
        // An empty value says nothing: runtimes keep the one in the header.
        values.retain(|_, value| !value.is_empty());
        let get = |key: &[u8]| values.get(key).copied();
        let whole = |key: &[u8]| get(key).map(|value| u64::try_from(number::decimal(value)?).ok());
        pax.path = get(b"path").map(<[u8]>::to_vec);
        pax.link = get(b"linkpath").map(<[u8]>::to_vec);
        pax.size = whole(b"size").map_or(Some(None), |size| size.map(Some))?;
        for (key, place) in [(&b"uid"[..], &mut pax.uid), (b"gid", &mut pax.gid)] {
            if let Some(text) = get(key) {
                let owner = number::decimal(text)?;
                pax.negative_owner |= owner < 0;
                *place = Some(number::owner(owner));
            }
        }
        pax.mtime = get(b"mtime").map_or(Some(None), |mtime| number::time(mtime).map(Some))?;
        let mut left = XATTRS_BYTES_MAX;
        for (key, value) in &values {
            let Some(name) = key.strip_prefix(XATTR) else { continue };
            match left.checked_sub(name.len() + value.len()) {
                Some(rest) => {
                    left = rest;
                    pax.xattrs.push((name.to_vec(), value.to_vec()));
                }
                None => pax.xattrs_cut = true,
            }
        }
        pax.sparse = sparse_file(&get, &pairs).ok()?;
        Some(pax)
    }
}

/// What the records say of a sparse file, if it is one. An error if they are wrong.
fn sparse_file<'a>(get: &dyn Fn(&[u8]) -> Option<&'a [u8]>, pairs: &[&[u8]]) -> Result<Option<Sparse>, ()> {
    let joined = (!pairs.is_empty()).then(|| pairs.join(&b','));
    let map = joined.as_deref().or_else(|| get(b"GNU.sparse.map"));
    let in_body = match (get(b"GNU.sparse.major"), get(b"GNU.sparse.minor")) {
        (Some(b"0"), Some(b"0" | b"1")) => false,
        (Some(b"1"), Some(b"0")) => true,
        (None, None) if map.is_some() => false,
        // Another version is no sparse file for runtimes.
        _ => return Ok(None),
    };
    let size = match get(b"GNU.sparse.size").or_else(|| get(b"GNU.sparse.realsize")) {
        Some(text) => Some(u64::try_from(number::decimal(text).ok_or(())?).map_err(|_| ())?),
        None => None,
    };
    let map = if in_body {
        SparseMap::InBody
    } else {
        let pairs = get(b"GNU.sparse.numblocks").and_then(number::decimal);
        SparseMap::Here(sparse::list(map.unwrap_or_default(), pairs).ok_or(())?)
    };
    Ok(Some(Sparse { map, path: get(b"GNU.sparse.name").map(<[u8]>::to_vec), size }))
}

/// Whether runtimes accept a record: names have no zero byte, and neither has any other key.
fn is_valid(key: &[u8], value: &[u8]) -> bool {
    match key {
        b"path" | b"linkpath" | b"uname" | b"gname" => !value.contains(&0),
        key => !key.contains(&0),
    }
}
