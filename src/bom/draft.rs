//! The fields of an SBOM while it is read. Which format it has is often known only at the end.

use std::collections::BTreeSet;

use serde::de::{MapAccess, SeqAccess};

use super::cyclonedx::{Components, Metadata};
use super::format::Format;
use super::lenient::{Take, skip, value};
use super::model::{Bom, BomSubject};
use super::package_list::PackageList;
use super::spdx::{Creation, Described, Packages};

/// The keys that have a meaning. Each may occur once.
const KEYS: [&str; 15] = [
    "bomFormat",
    "specVersion",
    "metadata",
    "components",
    "spdxVersion",
    "name",
    "creationInfo",
    "packages",
    "documentDescribes",
    "relationships",
    "@context",
    "@graph",
    "artifacts",
    "descriptor",
    "schema",
];

/// The fields of an SBOM, in any of the formats.
#[derive(Default)]
pub(super) struct Draft {
    seen: BTreeSet<&'static str>,
    problems: Vec<String>,
    bom_format: Option<String>,
    spec_version: Option<String>,
    spdx_version: Option<String>,
    context: Option<String>,
    name: Option<String>,
    metadata: Metadata,
    creation: Creation,
    described: Described,
    candidates: Vec<(String, BomSubject)>,
    list: PackageList,
}

impl Take for Draft {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, fields: &mut A) -> Result<(), A::Error> {
        let Some(known) = KEYS.into_iter().find(|known| *known == key) else { return skip(fields) };
        if !self.seen.insert(known) && self.problems.len() < KEYS.len() {
            self.problems.push(format!("the key {known} occurs twice, so programs read it differently"));
        }
        match known {
            "bomFormat" => value(fields, &mut self.bom_format),
            "specVersion" => value(fields, &mut self.spec_version),
            "metadata" => value(fields, &mut self.metadata),
            "components" => value(fields, &mut Components(&mut self.list)),
            "spdxVersion" => value(fields, &mut self.spdx_version),
            "name" => value(fields, &mut self.name),
            "creationInfo" => value(fields, &mut self.creation),
            "packages" => {
                value(fields, &mut Packages { list: &mut self.list, candidates: &mut self.candidates })
            }
            "documentDescribes" => value(fields, &mut self.described.0),
            "relationships" => value(fields, &mut self.described),
            "@context" => value(fields, &mut Context(&mut self.context)),
            _ => skip(fields),
        }
    }
}

impl Draft {
    /// Returns the SBOM; `None` if it is none.
    pub(super) fn finish(mut self) -> Option<Bom> {
        let (format, version) = self.format()?;
        let mut bom = Bom {
            format,
            version,
            made_by: Vec::new(),
            created: None,
            subject: None,
            packages: Vec::new(),
            others: 0,
            problems: self.problems,
        };
        if format == Format::CycloneDx {
            bom.made_by = self.metadata.tools.0.found;
            bom.created = self.metadata.timestamp;
            bom.subject = self.metadata.component.subject();
        } else {
            bom.created = self.creation.created.take();
            bom.made_by = self.creation.made_by();
            bom.subject = spdx_subject(&self.described.0.found, self.candidates, &mut self.list);
        }
        if let Some(subject) = &mut bom.subject {
            add_written_digests(subject);
        }
        bom.others = self.list.others;
        bom.packages = self.list.finish(&mut bom.problems);
        if self.seen.contains("components") && self.seen.contains("packages") {
            let problem = "it has packages of both CycloneDX and SPDX, so programs read it differently";
            bom.problems.push(problem.to_owned());
        }
        Some(bom)
    }

    fn format(&mut self) -> Option<(Format, String)> {
        if let Some(version) = self.spdx_version.take() {
            return Some((Format::Spdx, version.trim_start_matches("SPDX-").to_owned()));
        }
        let version = self.spec_version.take().unwrap_or_default();
        if self.bom_format.as_deref() == Some("CycloneDX") {
            return Some((Format::CycloneDx, version));
        }
        if let Some(context) = self.context.take().filter(|context| context.contains("spdx.org")) {
            let version = context.split('/').find(|part| part.starts_with("3.")).unwrap_or("3");
            return Some((Format::Spdx3, version.to_owned()));
        }
        let is_syft = ["artifacts", "descriptor", "schema"].iter().all(|key| self.seen.contains(key));
        is_syft.then(|| (Format::Syft, String::new()))
    }
}

/// What an SPDX document describes. A document that describes several packages is about what has them.
fn spdx_subject(
    described: &[String],
    candidates: Vec<(String, BomSubject)>,
    list: &mut PackageList,
) -> Option<BomSubject> {
    let is_described = |id: &str| !id.is_empty() && described.iter().any(|described| described == id);
    if let Some((_, subject)) = candidates.into_iter().find(|(id, _)| is_described(id)) {
        return Some(subject);
    }
    let described: BTreeSet<&String> = described.iter().collect();
    if described.len() != 1 {
        return None;
    }
    let package = list.take(is_described).into_iter().next()?;
    let version = Some(package.version).filter(|version| !version.is_empty());
    Some(BomSubject { name: package.name, version, purl: package.purl, digests: Vec::new() })
}

/// Adds digests that tools write as the version of an image, or into its package URL.
fn add_written_digests(subject: &mut BomSubject) {
    let version = subject.version.as_deref().unwrap_or_default();
    let in_purl = subject.purl.as_deref().and_then(|purl| purl.split_once('@')).map_or("", |(_, rest)| rest);
    let in_purl =
        in_purl.split(['?', '#']).next().unwrap_or_default().replace("%3A", ":").replace("%3a", ":");
    for text in [version, &in_purl] {
        if let Ok(digest) = text.parse()
            && !subject.digests.contains(&digest)
        {
            subject.digests.push(digest);
        }
    }
}

/// The value of `@context`: a URL, or an array with one.
struct Context<'a>(&'a mut Option<String>);

impl Take for Context<'_> {
    fn text(&mut self, text: &str) {
        if self.0.is_none() {
            self.0.text(text);
        }
    }

    fn item<'de, A: SeqAccess<'de>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut one: Option<String> = None;
        let more = super::lenient::next(items, &mut one)?;
        self.text(&one.unwrap_or_default());
        Ok(more)
    }
}
