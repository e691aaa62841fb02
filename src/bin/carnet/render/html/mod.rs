//! The report as a page: one file that opens without a network, needs no script for its first sections, and shows every
//! name as text. Style and script are named by their sums, so that nothing else runs.

mod files;
mod first;
mod grid;
mod island;
mod margin;
mod picture;
mod sections;
mod treemap;
mod visible;

use std::collections::BTreeMap;

use askama::Template;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use carnet::audit::AuditReport;
use carnet::format::Sum;
use carnet::oci::Digest;

pub(crate) use files::{FileRow, FileSource};
use first::First;
use island::Space;
use sections::Section;
pub(crate) use visible::Visible;

use super::words;

const STYLE: &str = include_str!("../assets/report.css");
const SCRIPT: &str = include_str!("../assets/report.js");

/// What has changed since the last bundle, one thing in a line.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// How: `new`, `gone`, `upgraded`, `downgraded`, `changed`.
    pub(crate) how: String,
    /// What: an artifact, package, file or finding.
    pub(crate) what: String,
    /// What it was.
    pub(crate) before: Option<String>,
    /// What it is.
    pub(crate) after: Option<String>,
}

/// What the page shows.
pub(crate) struct Page<'a> {
    /// The report.
    pub(crate) report: &'a AuditReport,
    /// The SHA-256 of the report as JSON, which the page stands beside.
    pub(crate) json: Option<Sum>,
    /// The names of the bundles that it was compared with, and what has changed.
    pub(crate) changes: Option<(Vec<String>, &'a [Change])>,
    /// The entries of the root file systems.
    pub(crate) files: Option<FileSource<'a>>,
    /// Compresses to a zlib stream (RFC 1950), the same for the same bytes.
    pub(crate) deflate: fn(&[u8]) -> Vec<u8>,
}

#[derive(Template)]
#[template(path = "report.html", config = "src/bin/carnet/render/askama.toml")]
struct Document<'a> {
    title: String,
    policy: String,
    style: &'a str,
    margin: String,
    script: &'a str,
    json: String,
    build: &'a str,
    first: First,
    sections: Vec<Section>,
    record: Vec<(String, String)>,
}

/// Writes the page.
pub(crate) fn page(page: Page<'_>) -> String {
    let report = page.report;
    let mut space = Space::new(page.deflate);
    let names = image_names(report);
    let first = First::of(report, page.changes.as_ref(), &mut space);
    let sections = sections::all(report, page.files, &names, page.changes.as_ref(), &mut space);
    let title = title(report);
    let margin = margin::style(&title, report, page.json.as_ref());
    let document = Document {
        title,
        policy: format!(
            "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{}' 'sha256-{}'; script-src 'sha256-{}'",
            sum(STYLE),
            sum(&margin),
            sum(SCRIPT)
        ),
        style: STYLE,
        margin,
        script: SCRIPT,
        json: page.json.map(|sum| sum.to_string()).unwrap_or_default(),
        build: &report.basis.build,
        first,
        sections,
        record: super::record::facts(report),
    };
    // Writing to a string does not fail, and the template calls nothing else.
    document.render().unwrap_or_default()
}

/// The name of the page.
fn title(report: &AuditReport) -> String {
    let names: Vec<&str> = match report.bundles.as_slice() {
        [] => report.sources.iter().map(String::as_str).collect(),
        bundles => bundles.iter().map(|bundle| bundle.summary.crossing.name.as_str()).collect(),
    };
    match names.as_slice() {
        [] => "Audit".to_owned(),
        [name] => format!("Audit of {name}"),
        [name, rest @ ..] => format!("Audit of {name} and {} more", rest.len()),
    }
}

/// The names of the images, for people.
fn image_names(report: &AuditReport) -> BTreeMap<Digest, String> {
    let name = |image: &carnet::audit::AuditedImage| {
        let name =
            image.names.first().map_or_else(|| words::short(&image.digest), |name| name.as_str().to_owned());
        (image.digest, format!("{name} ({})", image.platform))
    };
    report.images.iter().map(name).collect()
}

/// The SHA-256 of a text as a content security policy writes it (CSP 3, section 2.3.1).
fn sum(text: &str) -> String {
    BASE64_STANDARD.encode(Sum::of(text.as_bytes()).0)
}

#[cfg(test)]
mod tests;
