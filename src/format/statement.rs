//! `00_statement.txt`: the signed text of a chunk (docs/format.md, "The statement").

use std::fmt;
use std::str::FromStr;

use super::error::FormatError;
use super::limits::{CHUNK_BYTES_MAX, CHUNK_NUMBER_MAX, STATEMENT_BYTES_MAX};
use super::lines::{Lines, Number, Sum, or_dash};
use super::name::{BundleName, Label, StreamName};
use super::timestamp::Timestamp;

/// The first line: what a signature over the text is for, and the version.
const FIRST_LINE: &str = "carnet-chunk v1";

/// Whether a chunk says what the bundle is or carries its cargo.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Chunk 0, or a part of it that stands apart.
    Control,
    /// Blobs and slices.
    Data,
    /// Reserved for redundancy over the other chunks. This version passes over such chunks.
    Parity,
}

/// What the blobs of a chunk are. The order is that of the chunks.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Layers that may not be distributed.
    Nondistributable,
    /// Manifests, indexes and configurations.
    Metadata,
    /// Everything else.
    Distributable,
}

macro_rules! words {
    ($type:ident, $rule:literal, $($variant:ident = $word:literal),+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($type::$variant => $word),+ })
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($word => Ok($type::$variant),)+ _ => Err($rule.to_owned()) }
            }
        }
    };
}

words!(Kind, "control, data or parity", Control = "control", Data = "data", Parity = "parity");
words!(
    Class,
    "nondistributable, metadata or distributable",
    Nondistributable = "nondistributable",
    Metadata = "metadata",
    Distributable = "distributable"
);

/// Where a bundle stands in a stream of bundles.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Crossing {
    /// The bundle's name.
    pub name: BundleName,
    /// The stream it belongs to.
    pub stream: Option<StreamName>,
    /// Its number in the stream.
    pub sequence: Option<u64>,
    /// The id of the bundle before it.
    pub previous: Option<Sum>,
    /// Its marking.
    pub label: Option<Label>,
}

/// What the packer says and signs of one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The bundle's id: the SHA-256 of its `plan.txt`.
    pub bundle: Sum,
    /// Name, stream, sequence and label, the same in every chunk of a bundle.
    pub crossing: Crossing,
    /// What the chunk is for.
    pub kind: Kind,
    /// What its blobs are; `None` for a parity chunk, which has none.
    pub class: Option<Class>,
    /// The chunk's number; 0 is the control chunk. Parity chunks are numbered apart, from 0.
    pub number: u32,
    /// The highest number in the bundle.
    pub last: u32,
    /// The size of the sealed part, in bytes.
    pub bytes: u64,
    /// When the chunk was sealed.
    pub created: Timestamp,
    /// From when on it is not accepted any more.
    pub expires: Option<Timestamp>,
    /// The SHA-256 of `02_sums.txt`.
    pub sums: Sum,
}

impl Crossing {
    pub(super) fn render(&self) -> String {
        format!(
            "name {}\nstream {}\nsequence {}\nprevious {}\n",
            self.name,
            or_dash(self.stream.as_ref()),
            or_dash(self.sequence.as_ref()),
            or_dash(self.previous.as_ref()),
        )
    }

    /// Reads the four lines; the label is set by the caller, whose place differs.
    pub(super) fn parse(lines: &mut Lines<'_>) -> Result<Crossing, FormatError> {
        let name = lines.parsed("name")?;
        let stream = lines.optional("stream")?;
        let sequence = lines.optional::<Number>("sequence")?.map(|number| number.0);
        let previous = lines.optional("previous")?;
        if stream.is_none() && (sequence.is_some() || previous.is_some()) {
            return Err(lines.refuse("a stream for a sequence or a previous bundle".to_owned(), Some("-")));
        }
        Ok(Crossing { name, stream, sequence, previous, label: None })
    }
}

impl Statement {
    /// Whether this is the statement of chunk 0.
    pub fn is_control(&self) -> bool {
        self.kind == Kind::Control && self.number == 0
    }

    /// The bytes that are signed.
    pub fn render(&self) -> Vec<u8> {
        format!(
            "{FIRST_LINE}\nbundle {}\n{}kind {}\nclass {}\nchunk {} of {}\nbytes {}\ncreated {}\nexpires {}\n\
             label {}\nsums {}\n",
            self.bundle,
            self.crossing.render(),
            self.kind,
            or_dash(self.class.as_ref()),
            self.number,
            self.last,
            self.bytes,
            self.created,
            or_dash(self.expires.as_ref()),
            or_dash(self.crossing.label.as_ref()),
            self.sums,
        )
        .into_bytes()
    }

    /// Reads a statement.
    ///
    /// # Errors
    /// [`FormatError`]: any byte that [`Statement::render`] would not write for the same values.
    pub fn parse(bytes: &[u8]) -> Result<Statement, FormatError> {
        let mut lines = Lines::new("statement", bytes, STATEMENT_BYTES_MAX)?;
        lines.exactly(FIRST_LINE)?;
        let bundle = lines.parsed("bundle")?;
        let mut crossing = Crossing::parse(&mut lines)?;
        let kind: Kind = lines.parsed("kind")?;
        let class: Option<Class> = lines.optional("class")?;
        let (fits, expected) = match kind {
            Kind::Control => (class == Some(Class::Metadata), "class metadata in a control chunk"),
            Kind::Data => (class.is_some(), "a class in a data chunk"),
            Kind::Parity => (class.is_none(), "no class in a parity chunk"),
        };
        if !fits {
            return Err(lines.refuse(expected.to_owned(), None));
        }
        let [number, of, last] = lines.words("chunk")?;
        let number = chunk_number(&lines, number)?;
        let last = chunk_number(&lines, last)?;
        let in_place = match kind {
            Kind::Control => number <= last,
            Kind::Data => (1..=last).contains(&number),
            Kind::Parity => true,
        };
        if of != "of" || !in_place {
            let found = format!("{number} {of} {last}");
            return Err(lines.refuse("a chunk number, \"of\" and the last number".to_owned(), Some(&found)));
        }
        let bytes = lines.parsed::<Number>("bytes")?.0;
        if bytes > CHUNK_BYTES_MAX {
            return Err(lines.refuse(format!("at most {CHUNK_BYTES_MAX} bytes"), Some(&bytes.to_string())));
        }
        let created = lines.parsed("created")?;
        let expires = lines.optional("expires")?;
        crossing.label = lines.optional("label")?;
        let sums = lines.parsed("sums")?;
        lines.end()?;
        Ok(Statement { bundle, crossing, kind, class, number, last, bytes, created, expires, sums })
    }
}

/// A chunk number in its only form and within bounds.
pub(super) fn chunk_number(lines: &Lines<'_>, word: &str) -> Result<u32, FormatError> {
    let number: Number = lines.word(word)?;
    match u32::try_from(number.0) {
        Ok(number) if number <= CHUNK_NUMBER_MAX => Ok(number),
        _ => Err(lines.refuse(format!("a chunk number up to {CHUNK_NUMBER_MAX}"), Some(word))),
    }
}
