//! SBOMs and attestations that travel, held against what the layers contain.

use super::carried::Carried;
use super::finding::{Finding, Place, Rule};
use super::report::{
    AuditedBom, AuditedPackage, AuditedSignature, AuditedStatement, SignatureStatus, VersionDiffers,
};
use super::survey::{Attached, Survey};
use crate::bom::{Bom, Document, SubjectAnswer, Unreadable, compare};
use crate::oci::{Descriptor, Digest};

/// The largest SBOM or attestation, in bytes. It is held in memory to be checked.
const BYTES_MAX: u64 = 48 << 20;

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    /// The SBOMs.
    pub boms: Vec<AuditedBom>,
    /// The attestations.
    pub statements: Vec<AuditedStatement>,
    /// The signatures.
    pub signatures: Vec<AuditedSignature>,
}

/// Reads what is attached to the images.
pub(super) fn read(
    survey: &Survey,
    all: &[&dyn Carried],
    packages: &[AuditedPackage],
    findings: &mut Vec<Finding>,
) -> Read {
    let mut reading = Reading { survey, packages, findings, read: Read::default() };
    for attached in &survey.attached {
        let Some(carried) = all.get(attached.carried) else { continue };
        for blob in &attached.blobs {
            if let Some(kind) = signature_kind(attached, blob) {
                reading.signature(attached, kind);
                continue;
            }
            reading.blob(*carried, attached, blob);
        }
    }
    let Read { mut boms, mut statements, mut signatures } = reading.read;
    signatures.sort_by_key(|signature| (signature.of, signature.digest));
    boms.sort_by_key(|bom| (bom.of, bom.digest));
    statements.sort_by_key(|statement| (statement.of, statement.digest));
    Read { boms, statements, signatures }
}

/// The system of a blob that is a signature and no document.
fn signature_kind(attached: &Attached, blob: &Descriptor) -> Option<&'static str> {
    let types = [Some(&blob.media_type), attached.artifact_type.as_ref()];
    types.into_iter().flatten().find_map(|media_type| {
        let has = |words: &[&str]| words.iter().any(|word| media_type.as_str().contains(word));
        if has(&["simplesigning"]) {
            Some("cosign")
        } else if has(&["notary", "jose+json", "application/cose"]) {
            Some("notation")
        } else {
            None
        }
    })
}

struct Reading<'a> {
    survey: &'a Survey,
    packages: &'a [AuditedPackage],
    findings: &'a mut Vec<Finding>,
    read: Read,
}

impl Reading<'_> {
    /// Notes a signature. None is checked yet, so none is called valid.
    fn signature(&mut self, attached: &Attached, kind: &str) {
        let why = "this version does not check signatures in the cargo";
        let place = Place { layer: Some(attached.manifest), ..Place::artifact(attached.subject) };
        let text = format!("a signature of {kind} on {} was not checked: {why}", attached.subject);
        self.findings.push(Finding::new(Rule::SignatureUnverifiable, place, "", text));
        self.read.signatures.push(AuditedSignature {
            of: attached.subject,
            digest: attached.manifest,
            kind: kind.to_owned(),
            status: SignatureStatus::Unverifiable,
            by: None,
            why: Some(why.to_owned()),
        });
    }

    fn blob(&mut self, carried: &dyn Carried, attached: &Attached, blob: &Descriptor) {
        let place = Place { layer: Some(blob.digest), ..Place::artifact(attached.subject) };
        let unread = |problem: &str| {
            let text = format!("what is attached to {} cannot be read: {problem}", attached.subject);
            Finding::new(Rule::BomUnreadable, place.clone(), "", text)
        };
        if blob.size > BYTES_MAX {
            self.findings.push(unread(&format!("it has {} bytes; {BYTES_MAX} are read", blob.size)));
            return;
        }
        let bytes = match carried.document(blob) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                self.findings.push(unread("it is not in the bundle, or not all of its chunks are there"));
                return;
            }
            Err(problem) => {
                self.findings.push(unread(&problem));
                return;
            }
        };
        // A signed envelope is opened; nothing is verified by that.
        match crate::bom::open(&bytes).map(|(document, _)| document) {
            Ok(Document::Bom(bom)) => self.bom(attached.subject, blob.digest, &bom),
            Ok(Document::Statement(statement)) => {
                let about = statement.is_about(&attached.subject);
                if let SubjectAnswer::Other { named } = &about {
                    let named: Vec<String> = named.iter().map(ToString::to_string).collect();
                    let text = format!(
                        "the attestation is attached to {}, but is about {}",
                        attached.subject,
                        named.join(", ")
                    );
                    self.findings.push(Finding::new(Rule::OtherSubject, place, "", text));
                }
                self.read.statements.push(AuditedStatement {
                    digest: blob.digest,
                    of: attached.subject,
                    predicate: statement.predicate_type.clone(),
                    subject_holds: about == SubjectAnswer::Holds,
                    builder: statement.builder.clone(),
                });
                if let Some(bom) = &statement.bom {
                    self.bom(attached.subject, blob.digest, bom);
                }
            }
            // A referrer may be anything.
            Err(Unreadable::Unknown | Unreadable::Envelope) => {}
            Err(error) => self.findings.push(unread(&error.to_string())),
        }
    }

    fn bom(&mut self, of: Digest, digest: Digest, bom: &Bom) {
        let place = || Place { layer: Some(digest), ..Place::artifact(of) };
        for problem in &bom.problems {
            let text = format!("the SBOM of {of} was read in part: {problem}");
            self.findings.push(Finding::new(Rule::BomUnreadable, place(), problem, text));
        }
        // Only an image has packages to compare with. That of an index is one of all its platforms.
        let is_compared = self.survey.images.contains_key(&of) && bom.not_compared().is_none();
        let mut audited = AuditedBom {
            digest,
            of,
            format: bom.title(),
            made_by: bom.made_by.clone(),
            created: bom.created.clone(),
            packages: bom.packages.len() as u64,
            compared: is_compared,
            only_there: Vec::new(),
            only_here: Vec::new(),
            version_differs: Vec::new(),
        };
        if is_compared {
            let here = self.packages.iter().filter(|located| located.images.contains(&of));
            let comparison = compare(bom, here.map(|located| (&located.package, located.purl.as_str())));
            let differs = comparison.other_version.into_iter().map(|other| VersionDiffers {
                purl: other.purl,
                there: other.there,
                here: other.here,
            });
            audited.version_differs = differs.collect();
            audited.only_there = comparison.only_there;
            audited.only_here = comparison.only_here;
            let mut find = |rule, count: usize, what: &str| {
                if count > 0 {
                    let text = format!("{} of {of}: {count} {what}", audited.format);
                    self.findings.push(Finding::new(rule, place(), "", text));
                }
            };
            find(Rule::BomOnlyThere, audited.only_there.len(), "packages are in the SBOM only");
            find(Rule::BomOnlyHere, audited.only_here.len(), "packages are in the image only");
            find(
                Rule::BomVersionDiffers,
                audited.version_differs.len(),
                "packages have another version in the image",
            );
        }
        self.read.boms.push(audited);
    }
}
