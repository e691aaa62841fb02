//! Statements of in-toto: what is claimed (the predicate) about what (the subjects). Versions 0.1 and 1.

use serde::de::{MapAccess, SeqAccess};

use super::lenient::{Take, next, skip, value};
use super::model::Bom;
use crate::oci::Digest;

/// Most subjects that are kept. The provenance of a build has a few, one for each of its results.
pub const SUBJECTS_MAX: usize = 10_000;

/// The types of statements that are known.
const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];

/// A statement, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// Its type: a URL with the version.
    pub kind: String,
    /// The type of its predicate; empty if it does not say.
    pub predicate_type: String,
    /// What it is about.
    pub subjects: Vec<StatementSubject>,
    /// Who built the subjects, if the predicate is a SLSA provenance, versions 0.1 to 1.
    pub builder: Option<String>,
    /// How they were built: the URL of the type of build.
    pub build_type: Option<String>,
    /// The SBOM, if the predicate is one.
    pub bom: Option<Bom>,
    /// What could not be read, as sentences for people.
    pub problems: Vec<String>,
}

/// What a statement is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatementSubject {
    /// Its name. Builders of images write a package URL.
    pub name: String,
    /// Its digests, of the algorithms that blobs can have.
    pub digests: Vec<Digest>,
}

/// Whether a statement is about what it is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectAnswer {
    /// One of its subjects has the digest.
    Holds,
    /// None of its subjects has the digest.
    Other {
        /// The digests that it names, at most four.
        named: Vec<Digest>,
    },
    /// It names no digest.
    Nothing,
}

impl Statement {
    /// Returns whether it is about the manifest with this digest.
    pub fn is_about(&self, digest: &Digest) -> SubjectAnswer {
        let digests = || self.subjects.iter().flat_map(|subject| &subject.digests);
        if digests().any(|named| named == digest) {
            return SubjectAnswer::Holds;
        }
        let named: Vec<Digest> = digests().take(4).copied().collect();
        if named.is_empty() { SubjectAnswer::Nothing } else { SubjectAnswer::Other { named } }
    }

    /// Returns whether its type is one that is known.
    pub fn is_known(&self) -> bool {
        TYPES.contains(&self.kind.as_str())
    }
}

/// The array `subject`.
#[derive(Default)]
pub(super) struct Subjects {
    /// The subjects that are kept.
    pub(super) found: Vec<StatementSubject>,
    /// How many were not.
    pub(super) left_out: u64,
}

impl Take for Subjects {
    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut subject = Subject::default();
        let more = next(items, &mut subject)?;
        if more && self.found.len() < SUBJECTS_MAX {
            let name = subject.name.unwrap_or_default();
            self.found.push(StatementSubject { name, digests: subject.digests.0 });
        } else if more {
            self.left_out += 1;
        }
        Ok(more)
    }
}

#[derive(Default)]
struct Subject {
    name: Option<String>,
    digests: DigestSet,
}

impl Take for Subject {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => value(fields, &mut self.name),
            "digest" => value(fields, &mut self.digests),
            _ => skip(fields),
        }
    }
}

/// The object `digest`: hex digits by algorithm. All but those of blobs are passed over.
#[derive(Default)]
struct DigestSet(Vec<Digest>);

impl Take for DigestSet {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        if !matches!(key, "sha256" | "sha512") {
            return skip(fields);
        }
        let mut digits: Option<String> = None;
        value(fields, &mut digits)?;
        if self.0.len() < 8 {
            self.0.extend(format!("{key}:{}", digits.unwrap_or_default()).parse::<Digest>().ok());
        }
        Ok(())
    }
}

/// One key of an object, as a text: `builder.id`.
pub(super) struct Inside<'a>(pub(super) &'static str, pub(super) &'a mut Option<String>);

impl Take for Inside<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        if key == self.0 { value(fields, self.1) } else { skip(fields) }
    }
}

/// The object `runDetails` of a SLSA provenance 1.
pub(super) struct RunDetails<'a>(pub(super) &'a mut Option<String>);

impl Take for RunDetails<'_> {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "builder" => value(fields, &mut Inside("id", self.0)),
            _ => skip(fields),
        }
    }
}
