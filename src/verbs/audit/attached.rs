//! SBOMs and attestations that travel, held against what the layers contain.

use std::collections::BTreeSet;

use super::carried::Carried;
use super::finding::{Finding, Place, Rule};
use super::report::{AuditedBom, AuditedPackage, AuditedSignature, AuditedStatement, Unseen, VersionDiffers};
use super::signatures::{Checks, System, fetched, is_envelope, reported, system_of};
use super::survey::{Attached, Survey};
use crate::bom::{
    Bom, COMPARED_MAX, Document, LeftOut, Signed, Statement, SubjectAnswer, Unreadable, compare,
};
use crate::diagnosis::count;
use crate::oci::{Descriptor, Digest};
use crate::trust::cargo::Outcome;

/// The largest SBOM or attestation, in bytes. It is held in memory to be checked.
const BYTES_MAX: u64 = 48 << 20;

/// What the report has at most of all that is attached, in bytes.
const REPORTED_BYTES_MAX: usize = 32 << 20;

/// How much of the type of a predicate and of the name of a builder is kept, in characters.
const NAME_CHARS_MAX: usize = 300;

/// What anything that is attached takes in the report beside long texts, in bytes: its line, and findings about it.
const LINE_BYTES: usize = 1024;

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
    /// How many blobs were not looked into, because the report has no room for more.
    pub passed_over: u64,
}

/// Reads what is attached to the images.
pub(super) fn read(
    survey: &Survey,
    all: &[&dyn Carried],
    packages: &[AuditedPackage],
    checks: Checks<'_>,
    findings: &mut Vec<Finding>,
) -> Read {
    let left = REPORTED_BYTES_MAX;
    let mut reading = Reading { survey, packages, checks, findings, left, read: Read::default() };
    for attached in &survey.attached {
        let Some(carried) = all.get(attached.carried) else { continue };
        for blob in &attached.blobs {
            if !reading.take(LINE_BYTES) {
                reading.read.passed_over += 1;
                continue;
            }
            if let Some(system) = System::of(attached, blob) {
                let outcome = checks.signature(system, *carried, attached, blob);
                reading.signature(system, attached, blob, outcome);
                continue;
            }
            reading.blob(*carried, attached, blob);
        }
    }
    let Read { mut boms, mut statements, mut signatures, opaque, passed_over } = reading.read;
    signatures.sort_by_cached_key(|signature| {
        let AuditedSignature { of, digest, kind, status, by, why, .. } = signature;
        (*of, *digest, kind.clone(), *status, by.clone(), why.clone())
    });
    boms.sort_by_key(|bom| (bom.of, bom.digest));
    statements.sort_by_key(|statement| (statement.of, statement.digest));
    Read { boms, statements, signatures, opaque, passed_over }
}

struct Reading<'a> {
    survey: &'a Survey,
    packages: &'a [AuditedPackage],
    checks: Checks<'a>,
    findings: &'a mut Vec<Finding>,
    /// How many bytes the report may still get.
    left: usize,
    read: Read,
}

impl Reading<'_> {
    /// Takes room in the report. Returns whether there is any.
    fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }

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
                // Comparing takes memory, too.
                drop(bytes);
                if signed.is_some() {
                    let why = "what is signed does not name what it is attached to".to_owned();
                    let outcome = Outcome::Unverifiable { why };
                    self.signature(System::Attestation, attached, blob, outcome);
                    drop(signed);
                }
                self.bom(attached.subject, blob.digest, &bom);
            }
            Ok((Document::Statement(statement), signed)) => {
                drop(bytes);
                self.statement(attached, blob, &statement, signed);
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
        signed: Option<Signed>,
    ) {
        let subject = attached.subject;
        let mut signed_by = None;
        if let Some(signed) = signed {
            let system = system_of(statement);
            let outcome = self.checks.statement(&signed, blob, statement, &subject);
            drop(signed);
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
        let shown = |text: &String| text.chars().take(NAME_CHARS_MAX).collect::<String>();
        self.read.statements.push(AuditedStatement {
            digest: blob.digest,
            of: subject,
            predicate: shown(&statement.predicate_type),
            subject_holds: about == SubjectAnswer::Holds,
            builder: statement.builder.as_ref().map(shown),
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
        let mut is_compared = self.survey.images.contains_key(&of) && bom.not_compared().is_none();
        let here = || self.packages.iter().filter(|located| located.images.contains(&of));
        if is_compared && here().nth(COMPARED_MAX).is_some() {
            is_compared = false;
            let text =
                format!("the SBOM of {of} was not compared: the image has more than {COMPARED_MAX} packages");
            self.findings.push(Finding::new(Rule::BomUnreadable, place(), "compared", text));
        }
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
            not_listed: 0,
        };
        if is_compared {
            let here = here().map(|located| (located.package.as_ref(), located.purl.as_str()));
            let comparison = compare(bom, here);
            let LeftOut { only_there, only_here, other_version } = comparison.left_out;
            let differs = comparison.other_version.into_iter().map(|other| VersionDiffers {
                purl: other.purl,
                there: other.there,
                here: other.here,
            });
            audited.version_differs = differs.collect();
            audited.only_there = comparison.only_there;
            audited.only_here = comparison.only_here;
            let mut find = |rule, listed: usize, left_out: u64, one: &str, many: &str| {
                let found = count(left_out.saturating_add(listed as u64), one, many);
                if listed > 0 || left_out > 0 {
                    let text = format!("{} of {of}: {found}", audited.format);
                    self.findings.push(Finding::new(rule, place(), "", text));
                }
            };
            find(
                Rule::BomOnlyThere,
                audited.only_there.len(),
                only_there,
                "package is in the SBOM only",
                "packages are in the SBOM only",
            );
            find(
                Rule::BomOnlyHere,
                audited.only_here.len(),
                only_here,
                "package is in the image only",
                "packages are in the image only",
            );
            find(
                Rule::BomVersionDiffers,
                audited.version_differs.len(),
                other_version,
                "package has another version in the image",
                "packages have another version in the image",
            );
            audited.not_listed = only_there.saturating_add(only_here).saturating_add(other_version);
        }
        if !self.take(weight(&audited)) {
            let lists = audited.only_there.len() + audited.only_here.len() + audited.version_differs.len();
            audited.not_listed = audited.not_listed.saturating_add(lists as u64);
            audited.made_by = Vec::new();
            audited.only_there = Vec::new();
            audited.only_here = Vec::new();
            audited.version_differs = Vec::new();
        }
        self.read.boms.push(audited);
    }
}

/// About how many bytes the texts of an SBOM take in the report.
fn weight(bom: &AuditedBom) -> usize {
    let texts = |texts: &[String]| texts.iter().map(|text| text.len() + 40).sum::<usize>();
    let differs =
        bom.version_differs.iter().map(|one| one.purl.len() + one.there.len() + one.here.len() + 120);
    texts(&bom.made_by) + texts(&bom.only_there) + texts(&bom.only_here) + differs.sum::<usize>()
}
