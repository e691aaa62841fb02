//! `00_statement.txt`: the signed text of a chunk (docs/format.md, "The statement").

use std::fmt;
use std::str::FromStr;

use super::error::FormatError;
use super::limits::{CHUNK_BYTES_MAX, CHUNK_NUMBER_MAX, STATEMENT_BYTES_MAX};
use super::lines::{Lines, Number, Sum, or_dash};
use super::name::{BundleName, Label, StreamName};
use super::sum_pair::SumPair;
use super::timestamp::Timestamp;

/// The first line: the purpose of a signature over the text, and the version.
const FIRST_LINE: &str = "carnet-chunk v1";

/// The kind of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The control chunk (number 0) or an annex chunk.
    Control,
    /// A chunk with blobs and slices.
    Data,
    /// A chunk of redundancy over the other chunks.
    Parity,
}

/// The class of the blobs in a chunk. Chunks are sorted in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Layers that are non-distributable.
    Nondistributable,
    /// Manifests, indexes and configurations.
    Metadata,
    /// All other blobs.
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

/// The name, stream position and label of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Crossing {
    /// The name of the bundle.
    pub name: BundleName,
    /// The stream that the bundle belongs to, if any.
    pub stream: Option<StreamName>,
    /// The sequence number of the bundle in the stream.
    pub sequence: Option<u64>,
    /// The id of the previous bundle in the stream.
    pub previous: Option<Sum>,
    /// The marking of the bundle.
    pub label: Option<Label>,
}

/// The text about a chunk that the packer signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The bundle's id: the SHA-256 of its `plan.txt`.
    pub bundle: Sum,
    /// Name, stream, sequence and label, the same in every chunk of a bundle.
    pub crossing: Crossing,
    /// The kind of the chunk.
    pub kind: Kind,
    /// The class of its blobs; `None` for a parity chunk, which has none.
    pub class: Option<Class>,
    /// The chunk number; 0 is the control chunk. Parity chunks have separate numbers from 0.
    pub number: u32,
    /// The highest chunk number in the bundle.
    pub last: u32,
    /// The size of the sealed part, in bytes.
    pub bytes: u64,
    /// The time at which the chunk was sealed.
    pub created: Timestamp,
    /// The time from which the chunk is no longer accepted.
    pub expires: Option<Timestamp>,
    /// The SHA-256 of `02_sums.txt`, and in a bundle with a profile the SHA-384 of `03_sums384.txt`.
    pub sums: SumPair,
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

    /// Reads the four lines. The caller sets the label, because its line is elsewhere.
    pub(super) fn parse(lines: &mut Lines<'_>) -> Result<Crossing, FormatError> {
        let name = lines.parsed("name")?;
        let stream = lines.optional("stream")?;
        let sequence = lines.optional::<Number>("sequence")?.map(|number| number.0);
        let previous = lines.optional("previous")?;
        if stream.is_none() && (sequence.is_some() || previous.is_some()) {
            return Err(lines
                .refuse("a stream, because there is a sequence or a previous bundle".to_owned(), Some("-")));
        }
        Ok(Crossing { name, stream, sequence, previous, label: None })
    }
}

impl Statement {
    /// Returns whether this is the statement of the control chunk.
    pub fn is_control(&self) -> bool {
        self.kind == Kind::Control && self.number == 0
    }

    /// Renders the bytes that are signed.
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

    /// Parses a statement.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`Statement::render`] would write.
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
        let sums: SumPair = lines.parsed("sums")?;
        if kind == Kind::Parity && sums.sha384.is_some() {
            return Err(lines.refuse("only a SHA-256 in a parity chunk".to_owned(), Some(&sums.to_string())));
        }
        lines.end()?;
        Ok(Statement { bundle, crossing, kind, class, number, last, bytes, created, expires, sums })
    }
}

/// Parses a chunk number in its canonical form and within the limit.
pub(super) fn chunk_number(lines: &Lines<'_>, word: &str) -> Result<u32, FormatError> {
    let number: Number = lines.word(word)?;
    match u32::try_from(number.0) {
        Ok(number) if number <= CHUNK_NUMBER_MAX => Ok(number),
        _ => Err(lines.refuse(format!("a chunk number up to {CHUNK_NUMBER_MAX}"), Some(word))),
    }
}
