//! What a delta leaves out, and the earlier bundles that carry it (docs/format.md, "Deltas").

use std::fmt::Write as _;

use crate::format::error::FormatError;
use crate::format::lines::{Lines, Number, Sum, or_dash};
use crate::format::name::{BundleName, StreamName};
use crate::format::statement::Class;
use crate::oci::{Digest, MediaType, RefName};

/// Another bundle, as a plan names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BundleMark {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name of the bundle.
    pub name: BundleName,
    /// The stream of the bundle, if any.
    pub stream: Option<StreamName>,
    /// The number of the bundle in its stream.
    pub sequence: Option<u64>,
}

/// A blob that the bundle leaves out, because an earlier bundle carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The digest of the blob.
    pub digest: Digest,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The class that the blob has in this bundle.
    pub class: Class,
    /// The media type of the blob.
    pub media_type: MediaType,
    /// The id of the bundle that carries it.
    pub base: Sum,
    /// The name of an artifact in that bundle that needs it, if one is known.
    pub name: Option<RefName>,
}

/// Renders the words after `base` or `origin`.
pub(super) fn mark_words(mark: &BundleMark) -> String {
    let (stream, sequence) = (or_dash(mark.stream.as_ref()), or_dash(mark.sequence.as_ref()));
    format!("{} {} {stream} {sequence}", mark.bundle, mark.name)
}

/// Parses a line with this key and the words of a bundle.
pub(super) fn mark(lines: &mut Lines<'_>, key: &str) -> Result<BundleMark, FormatError> {
    let [bundle, name, stream, sequence] = lines.words(key)?;
    let mark = BundleMark {
        bundle: lines.word(bundle)?,
        name: lines.word(name)?,
        stream: lines.optional_word(stream)?,
        sequence: lines.optional_word::<Number>(sequence)?.map(|number| number.0),
    };
    if mark.stream.is_none() && mark.sequence.is_some() {
        return Err(lines.refuse("a stream, because there is a sequence".to_owned(), Some(sequence)));
    }
    Ok(mark)
}

/// Renders the lines of `base` and `elsewhere`.
pub(super) fn render(bases: &[BundleMark], elsewhere: &[Elsewhere], out: &mut String) {
    for base in bases {
        let _ = writeln!(out, "base {}", mark_words(base));
    }
    for e in elsewhere {
        let name = or_dash(e.name.as_ref());
        let (digest, size, class, media_type, base) = (e.digest, e.size, e.class, &e.media_type, e.base);
        let _ = writeln!(out, "elsewhere {digest} {size} {class} {media_type} {base} {name}");
    }
}

/// Parses the lines of `base` and `elsewhere`.
pub(super) fn parse(lines: &mut Lines<'_>) -> Result<(Vec<BundleMark>, Vec<Elsewhere>), FormatError> {
    let (mut bases, mut elsewhere) = (Vec::new(), Vec::new());
    while lines.next_is("base") {
        bases.push(mark(lines, "base")?);
    }
    while lines.next_is("elsewhere") {
        let [digest, size, class, media_type, base, name] = lines.words("elsewhere")?;
        elsewhere.push(Elsewhere {
            digest: lines.word(digest)?,
            size: lines.word::<Number>(size)?.0,
            class: lines.word(class)?,
            media_type: lines.word(media_type)?,
            base: lines.word(base)?,
            name: lines.optional_word(name)?,
        });
    }
    Ok((bases, elsewhere))
}
