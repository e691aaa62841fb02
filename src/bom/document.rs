//! Recognises and reads a document: an SBOM, or a statement of in-toto.

use std::io::{self, BufReader, Read};

use serde::de::{DeserializeSeed as _, MapAccess};

use super::draft::Draft;
use super::envelope::Signed;
use super::format::Format;
use super::guarded::Guarded;
use super::lenient::{Into, Take, skip, value};
use super::model::Bom;
use super::signed::read_signed;
use super::statement::{Inside, RunDetails, SUBJECTS_MAX, Statement, Subjects};

/// Largest document in bytes. Large images have SBOMs of tens of megabytes, with all their files.
pub const DOCUMENT_BYTES_MAX: u64 = 128 << 20;

/// The bytes at the start that tell the form.
const START_BYTES: u64 = 1024;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// An SBOM.
    Bom(Bom),
    /// A statement of in-toto. Its predicate may be an SBOM.
    Statement(Statement),
}

/// Why a document is neither an SBOM nor a statement.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The bytes could not be had.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// It is no JSON, or passes a bound, before anything in it says what it is.
    #[error("it cannot be read: {0}")]
    Json(String),
    /// It is a signed envelope, alone or in a bundle. See [`open`].
    #[error("it is a signed envelope (DSSE), which has to be opened first")]
    Envelope,
    /// It is something else.
    #[error("it is neither an SBOM nor an in-toto statement")]
    Unknown,
}

/// Reads an SBOM or a statement, as a stream.
///
/// Memory is bounded by [`super::PACKAGES_MAX`] and by the texts that are kept; time by [`DOCUMENT_BYTES_MAX`]. If the
/// JSON breaks off, what was read before is in the result, and the break is one of its problems.
///
/// # Errors
/// [`Unreadable`] if nothing says what it is.
pub fn read(mut source: impl Read) -> Result<Document, Unreadable> {
    let mut start = Vec::new();
    source.by_ref().take(START_BYTES).read_to_end(&mut start).map_err(Unreadable::Io)?;
    // Some tools write a byte order mark.
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start).trim_ascii_start();
    if !text.starts_with(b"{") {
        return not_json(text).map(Document::Bom);
    }
    let mut reading = Reading::default();
    let guarded = BufReader::new(Guarded::new(text.chain(source), DOCUMENT_BYTES_MAX));
    let mut json = serde_json::Deserializer::from_reader(guarded);
    let outcome = Into(&mut reading).deserialize(&mut json).and_then(|()| json.end());
    reading.finish(outcome.err().map(|error| crate::oci::json::message(&error)))
}

/// Reads an SBOM or a statement that may lie in a signed envelope. The signature is not verified.
///
/// # Errors
/// As [`read`]; and if the envelope cannot be read.
pub fn open(bytes: &[u8]) -> Result<(Document, Option<Signed>), Unreadable> {
    match read(bytes) {
        Err(Unreadable::Envelope) => {
            let signed = read_signed(bytes).map_err(Unreadable::Json)?;
            let payload = signed.envelope().map(|envelope| envelope.payload.as_slice());
            let document = read(payload.ok_or(Unreadable::Unknown)?)?;
            Ok((document, Some(signed)))
        }
        found => Ok((found?, None)),
    }
}

/// Names the formats that are not JSON.
fn not_json(start: &[u8]) -> Result<Bom, Unreadable> {
    let text = String::from_utf8_lossy(start);
    let after = |mark: &str| {
        let rest = text.split_once(mark)?.1;
        let version = rest.trim_start().trim_start_matches("SPDX-");
        Some(version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').take(8).collect::<String>())
    };
    let found = if text.starts_with('<') {
        let cyclonedx =
            after("http://cyclonedx.org/schema/bom/").map(|version| (Format::CycloneDxXml, version));
        cyclonedx.or_else(|| text.contains("spdx.org/rdf").then(|| (Format::SpdxRdf, String::new())))
    } else {
        after("SPDXVersion:").map(|version| (Format::SpdxTagValue, version))
    };
    let (format, version) = found.ok_or(Unreadable::Unknown)?;
    Ok(Bom {
        format,
        version,
        made_by: Vec::new(),
        created: None,
        subject: None,
        packages: Vec::new(),
        others: 0,
        problems: Vec::new(),
    })
}

/// The fields of a document: those of a statement, and those of an SBOM.
#[derive(Default)]
struct Reading {
    kind: Option<String>,
    predicate_type: Option<String>,
    subjects: Subjects,
    predicate: Predicate,
    is_envelope: bool,
    bom: Draft,
}

impl Take for Reading {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "_type" => value(fields, &mut self.kind),
            "predicateType" => value(fields, &mut self.predicate_type),
            "subject" => value(fields, &mut self.subjects),
            "predicate" => value(fields, &mut self.predicate),
            "payloadType" | "payload" | "dsseEnvelope" => {
                self.is_envelope = true;
                skip(fields)
            }
            _ => self.bom.field(key, fields),
        }
    }
}

impl Reading {
    fn finish(self, broken: Option<String>) -> Result<Document, Unreadable> {
        let Some(kind) = self.kind else {
            return match (self.bom.finish(), broken) {
                (Some(mut bom), broken) => {
                    bom.problems.extend(broken);
                    Ok(Document::Bom(bom))
                }
                // A payload can be longer than a string in an SBOM.
                (None, _) if self.is_envelope => Err(Unreadable::Envelope),
                (None, Some(broken)) => Err(Unreadable::Json(broken)),
                (None, None) => Err(Unreadable::Unknown),
            };
        };
        let mut statement = Statement {
            kind,
            predicate_type: self.predicate_type.unwrap_or_default(),
            subjects: self.subjects.found,
            builder: self.predicate.builder,
            build_type: self.predicate.build_type,
            bom: self.predicate.bom.finish(),
            problems: broken.into_iter().collect(),
        };
        if self.subjects.left_out > 0 {
            let problem =
                format!("{} subjects more than {SUBJECTS_MAX} were left out", self.subjects.left_out);
            statement.problems.push(problem);
        }
        if !statement.is_known() {
            statement.problems.push(format!("the type of statement {:?} is not known", statement.kind));
        }
        Ok(Document::Statement(statement))
    }
}

/// The predicate of a statement: an SBOM, or a SLSA provenance. Early versions of cosign put an SBOM into `Data`.
#[derive(Default)]
struct Predicate {
    builder: Option<String>,
    build_type: Option<String>,
    bom: Draft,
}

impl Take for Predicate {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        match key {
            "builder" => value(fields, &mut Inside("id", &mut self.builder)),
            "runDetails" => value(fields, &mut RunDetails(&mut self.builder)),
            "buildType" => value(fields, &mut self.build_type),
            "buildDefinition" => value(fields, &mut Inside("buildType", &mut self.build_type)),
            "Data" => value(fields, &mut self.bom),
            _ => self.bom.field(key, fields),
        }
    }
}

#[cfg(test)]
mod tests;
