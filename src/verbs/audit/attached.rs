//! SBOMs and attestations that travel, held against what the layers contain.

use std::collections::BTreeSet;

use super::carried::Carried;
use super::finding::{Finding, Place, Rule};
use super::report::{AuditedBom, AuditedPackage, AuditedSignature, AuditedStatement, Unseen, VersionDiffers};
use super::signatures::{Checks, System, fetched, is_envelope, reported, system_of};
use super::survey::{Attached, Survey};
use crate::bom::{Bom, Document, Signed, Statement, SubjectAnswer, Unreadable, compare};
use crate::oci::{Descriptor, Digest};
use crate::trust::cargo::Outcome;

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
    /// What is attached and in a form that is not read.
    pub opaque: BTreeSet<Unseen>,
}

/// Reads what is attached to the images.
pub(super) fn read(
    survey: &Survey,
    all: &[&dyn Carried],
    packages: &[AuditedPackage],
    checks: Checks<'_>,
    findings: &mut Vec<Finding>,
) -> Read {
    let mut reading = Reading { survey, packages, checks, findings, read: Read::default() };
    for attached in &survey.attached {
        let Some(carried) = all.get(attached.carried) else { continue };
        for blob in &attached.blobs {
            if let Some(system) = System::of(attached, blob) {
                let outcome = checks.signature(system, *carried, attached, blob);
                reading.signature(system, attached, blob, outcome);
                continue;
            }
            reading.blob(*carried, attached, blob);
        }
    }
    let Read { mut boms, mut statements, mut signatures, opaque } = reading.read;
    signatures.sort_by_cached_key(|signature| {
        let AuditedSignature { of, digest, kind, status, by, why, .. } = signature;
        (*of, *digest, kind.clone(), *status, by.clone(), why.clone())
    });
    boms.sort_by_key(|bom| (bom.of, bom.digest));
    statements.sort_by_key(|statement| (statement.of, statement.digest));
    Read { boms, statements, signatures, opaque }
}

struct Reading<'a> {
    survey: &'a Survey,
    packages: &'a [AuditedPackage],
    checks: Checks<'a>,
    findings: &'a mut Vec<Finding>,
    read: Read,
}

impl Reading<'_> {
    /// Notes a signature. Returns the file of the key, if it is valid.
    fn signature(
        &mut self,
        system: System,
        attached: &Attached,
        blob: &Descriptor,
        outcome: Outcome,
    ) -> Option<String> {
        let (audited, finding) = reported(system, attached, blob, outcome);
        self.findings.extend(finding);
        let by = audited.by.clone();
        self.read.signatures.push(audited);
        by
    }

    fn blob(&mut self, carried: &dyn Carried, attached: &Attached, blob: &Descriptor) {
        let unread = |problem: &str| {
            let place = Place { layer: Some(blob.digest), ..Place::artifact(attached.subject) };
            let text = format!("what is attached to {} cannot be read: {problem}", attached.subject);
            Finding::new(Rule::BomUnreadable, place, "", text)
        };
        let bytes = match fetched(carried, blob, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(problem) => {
                self.findings.push(unread(&problem));
                return;
            }
        };
        match crate::bom::open(&bytes) {
            Ok((Document::Bom(bom), signed)) => {
                if signed.is_some() {
                    let why = "what is signed does not name what it is attached to".to_owned();
                    let outcome = Outcome::Unverifiable { why };
                    self.signature(System::Attestation, attached, blob, outcome);
                }
                self.bom(attached.subject, blob.digest, &bom);
            }
            Ok((Document::Statement(statement), signed)) => {
                self.statement(attached, blob, &statement, signed.as_ref());
            }
            Err(Unreadable::Unknown | Unreadable::Envelope) if is_envelope(blob) => {
                let (system, outcome) = self.checks.other(&bytes, carried, attached, blob);
                self.signature(system, attached, blob, outcome);
            }
            // A referrer may be anything. Nothing attached has the document `{}` (image-spec, "Guidance for an Empty Descriptor").
            Err(Unreadable::Unknown | Unreadable::Envelope) if bytes == b"{}" => {}
            Err(Unreadable::Unknown | Unreadable::Envelope) => {
                let of = attached.subject;
                let why = format!(
                    "content of the type {} is attached to {of} and not looked into",
                    blob.media_type
                );
                self.read.opaque.insert(Unseen { digest: blob.digest, why });
            }
            Err(error) => {
                self.findings.push(unread(&error.to_string()));
                if is_envelope(blob) {
                    let why = format!("it cannot be read: {error}");
                    self.signature(System::Attestation, attached, blob, Outcome::Unverifiable { why });
                }
            }
        }
    }

    fn statement(
        &mut self,
        attached: &Attached,
        blob: &Descriptor,
        statement: &Statement,
        signed: Option<&Signed>,
    ) {
        let subject = attached.subject;
        let mut signed_by = None;
        if let Some(signed) = signed {
            let system = system_of(statement);
            let outcome = self.checks.statement(signed, blob, statement, &subject);
            signed_by = self.signature(system, attached, blob, outcome);
            if system == System::Cosign {
                // It says nothing but that it signs its subject.
                return;
            }
        }
        let about = statement.is_about(&subject);
        if let SubjectAnswer::Other { named } = &about {
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            let text = format!("the attestation is attached to {subject}, but is about {}", named.join(", "));
            let place = Place { layer: Some(blob.digest), ..Place::artifact(subject) };
            self.findings.push(Finding::new(Rule::OtherSubject, place, "", text));
        }
        self.read.statements.push(AuditedStatement {
            digest: blob.digest,
            of: subject,
            predicate: statement.predicate_type.clone(),
            subject_holds: about == SubjectAnswer::Holds,
            builder: statement.builder.clone(),
            signed_by,
        });
        if let Some(bom) = &statement.bom {
            self.bom(subject, blob.digest, bom);
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
