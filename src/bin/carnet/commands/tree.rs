//! `carnet tree`: artifacts and everything that refers to them.

use std::collections::BTreeMap;

use carnet::audit::{AuditedArtifact, AuditedBundle, AuditedManifest, AuditedReferrer, TreeReport, tree};
use carnet::observe::Verb;
use carnet::oci::Digest;
use clap::Args;
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::subject::{SubjectArgs, SubjectPlace, subject_place};
use crate::tables::name;

/// Show artifacts, platforms, and what refers to them: signatures, SBOMs, attestations
#[derive(Args)]
#[command(after_help = "A source is shown before it is packed: oci:DIR[:REF], docker-archive:FILE,\n\
    docker://HOST/REPO:TAG and the others that pack takes.\n\n\
    Examples:\n  carnet tree out --pub station.pub.pem\n  carnet tree oci:images")]
pub(crate) struct Tree {
    /// Chunk files, folders or places in object stores that hold them, or sources
    #[arg(value_name = "PLACE|SOURCE", required = true, value_parser = subject_place())]
    subjects: Vec<SubjectPlace>,
    #[command(flatten)]
    options: SubjectArgs,
}

impl Command for Tree {
    const VERB: Option<Verb> = Some(Verb::Audit);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        self.options.with(&self.subjects, context, |subject| {
            let report = tree(subject, &context.environment)?;
            context.screen.answer(&report, || text(&report));
            Ok(if report.unknown.iter().any(|bundle| bundle.untrusted) {
                exit::UNTRUSTED
            } else if report.unknown.iter().any(|bundle| bundle.unreadable) {
                exit::FAILED
            } else if report.unknown.is_empty() && report.findings.is_empty() {
                exit::DONE
            } else {
                exit::DAMAGED
            })
        })
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("tree", schema_for!(TreeReport))]
    }
}

fn text(report: &TreeReport) -> String {
    let mut out = String::new();
    for bundle in &report.bundles {
        out += &heading(bundle);
    }
    for artifact in &report.artifacts {
        out += &artifact_text(artifact);
    }
    if !report.all_said {
        out += "*** list truncated: there are too many references ***\n";
    }
    for finding in &report.findings {
        out += &format!("{}: {}\n", finding.rule, plain(&finding.text));
    }
    for unknown in &report.unknown {
        out += &format!("bundle {}: cannot be shown: {}\n", unknown.bundle, plain(&unknown.problem));
    }
    out
}

fn heading(bundle: &AuditedBundle) -> String {
    let verified = if bundle.summary.verified {
        String::new()
    } else {
        "*** NOT VERIFIED: no signature was checked; pass --trust or --pub ***\n".to_owned()
    };
    format!("{verified}bundle {} ({})\n", bundle.summary.crossing.name, bundle.summary.bundle)
}

/// Draws the lines of a tree.
struct Drawing<'a> {
    by_subject: BTreeMap<Digest, Vec<&'a AuditedReferrer>>,
    out: String,
}

/// How deep referrers of referrers are drawn.
const DEPTH_MAX: usize = 16;

fn artifact_text(artifact: &AuditedArtifact) -> String {
    let mut by_subject: BTreeMap<Digest, Vec<&AuditedReferrer>> = BTreeMap::new();
    for referrer in &artifact.referrers {
        by_subject.entry(referrer.subject).or_default().push(referrer);
    }
    let mut drawing = Drawing { by_subject, out: String::new() };
    drawing.out += &format!("{}  {}\n", name(artifact.name.as_ref()), artifact.digest);
    let manifests: Vec<&AuditedManifest> =
        artifact.manifests.iter().filter(|manifest| manifest.digest != artifact.digest).collect();
    let more = drawing.by_subject.contains_key(&artifact.digest);
    for (at, manifest) in manifests.iter().enumerate() {
        let is_last = at + 1 == manifests.len() && !more;
        let absent = if manifest.carried { "" } else { "  (not in the bundle)" };
        let platform = plain(manifest.platform.as_deref().unwrap_or("-"));
        drawing.line("", is_last, &format!("{platform}  {}{absent}", manifest.digest));
        drawing.referrers(&manifest.digest, if is_last { "    " } else { "│   " }, 1);
    }
    drawing.referrers(&artifact.digest, "", 1);
    drawing.out
}

impl Drawing<'_> {
    fn line(&mut self, before: &str, is_last: bool, text: &str) {
        self.out += &format!("{before}{} {text}\n", if is_last { "└──" } else { "├──" });
    }

    fn referrers(&mut self, subject: &Digest, before: &str, depth: usize) {
        // Each is drawn once: referrers may refer to each other in a circle.
        let Some(referrers) = self.by_subject.remove(subject) else { return };
        for (at, referrer) in referrers.iter().enumerate() {
            let is_last = at + 1 == referrers.len();
            self.line(before, is_last, &format!("{}  {}", plain(&referrer.kind), referrer.digest));
            if depth < DEPTH_MAX {
                let before = format!("{before}{}", if is_last { "    " } else { "│   " });
                self.referrers(&referrer.digest, &before, depth + 1);
            }
        }
    }
}
