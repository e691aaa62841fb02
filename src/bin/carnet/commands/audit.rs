//! `carnet audit`: what is in a bundle or source, down to files and packages.

use std::cell::RefCell;
use std::path::PathBuf;

use carnet::audit::{
    AuditReport, AuditRequest, Audited, DEPTH_MAX, FileLine, PackageScope, audit, layer_limits,
};
use carnet::content::LayerLimits;
use carnet::content::inflate::InflateLimits;
use carnet::diagnosis::Code;
use carnet::difference::{Differed, DifferenceReport, difference};
use carnet::format::Timestamp;
use carnet::format::chunk_size::byte_count;
use carnet::format::plan::Carriage;
use carnet::observe::Verb;
use carnet::oci::Platform;
use carnet::trust::KeyPlace;
use clap::Args;
use schemars::{Schema, schema_for};

use super::diff::say_of_differences;
use crate::audit_exit::of_audit;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::guard_profile::guard_profile;
use crate::keys::{KeyAccess, key_place};
use crate::outputs::{Output, output, outputs};
use crate::plain::plain;
use crate::render::file_lines::FileLines;
use crate::render::file_rows::FileRows;
use crate::render::form::{self, Format};
use crate::rule_args::RuleArgs;
use crate::screen::say;
use crate::subject::{SubjectArgs, SubjectPlace, subject_place};

/// Tell what is in a bundle, down to files and packages, in one report
#[derive(Args)]
#[command(
    after_help = "Nothing is unpacked to disk, run or fetched. A source is audited before it is packed: oci:DIR,\n\
    docker-archive:FILE, docker://HOST/REPO:TAG and the others that pack takes.\n\n\
    FORMAT is text (the default), json, html, csv (packages), findings (as CSV), sarif, cyclonedx,\n\
    spdx, record, or files\n\
    (every file of every image, one JSON document per line). -o can be given several times; only one\n\
    format can go to stdout.\n\n\
    Exit codes: 0 nothing is wrong with the bundle, 3 not trusted, 4 damaged or incomplete,\n\
    or the count of a guard is not foreseen, 5 denied by a policy, or over a limit of a guard.\n\n\
    Examples:\n  \
    carnet audit out --trust trust.toml\n  \
    carnet audit out --trust trust.toml -o html=report.html -o json=report.json\n  \
    carnet audit out --trust trust.toml --against last -o html=report.html\n  \
    carnet audit oci:images -o files=files.ndjson\n  \
    carnet audit out --pub station.pub.pem --advisories osv --policy policy.toml\n  \
    carnet audit out --trust trust.toml --cosign-key team.pub --notation-ca vendor-ca.pem\n  \
    carnet audit out --trust trust.toml -o html=report.html -o record=record.txt --key auditor.key.pem"
)]
pub(crate) struct Audit {
    /// Chunk files, folders or places in object stores that hold them, or sources
    #[arg(value_name = "PLACE|SOURCE", required = true, value_parser = subject_place())]
    subjects: Vec<SubjectPlace>,
    #[command(flatten)]
    options: SubjectArgs,
    /// Write the report in FORMAT to FILE, or to stdout; repeatable
    #[arg(short = 'o', long = "output", value_name = "FORMAT[=FILE]", value_parser = output::<Format>())]
    outputs: Vec<Output<Format>>,
    /// Audit only this artifact, by name or digest; repeatable
    #[arg(long, value_name = "REF")]
    artifact: Vec<String>,
    /// Audit only this platform of an index, e.g. linux/amd64; repeatable
    #[arg(long, value_name = "OS/ARCH")]
    platform: Vec<Platform>,
    #[command(flatten)]
    rules: RuleArgs,
    /// List the packages that a container sees, or also those that upper layers hide
    #[arg(long, value_name = "SCOPE", value_enum, default_value_t = Scope::Squashed)]
    scope: Scope,
    /// Count in the chunk files what a guard with the profile in FILE will count; exit code 5 if one is over a limit
    #[arg(long, value_name = "FILE")]
    guard: Option<PathBuf>,
    /// Also tell in the text and on the page what has changed against an earlier bundle or source, as
    /// `carnet diff` does; repeatable
    #[arg(long, value_name = "PLACE|SOURCE", value_parser = subject_place())]
    against: Vec<SubjectPlace>,
    /// Hash the content of each file, for `-o files`
    #[arg(long)]
    hash_files: bool,
    /// Do not look for secrets in files
    #[arg(long, conflicts_with = "secret_rules")]
    no_secrets: bool,
    /// Stop reading a layer that expands to more than N times its size [default: 200]
    #[arg(long, value_name = "N")]
    max_ratio: Option<u64>,
    /// Stop reading a layer that expands to more than SIZE [default: 64GiB]
    #[arg(long, value_name = "SIZE", value_parser = byte_size)]
    max_bytes: Option<u64>,
    /// List at most N entries of all layers; the others are counted [default: 2000000, which is the most]
    #[arg(long, value_name = "N")]
    max_entries: Option<u64>,
    /// Read archives in archives N deep, at most 16 [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    max_depth: Option<u8>,
    /// Sign each report that goes to a file, except the list of files, with this private key; the signature goes
    /// to the name of the report plus .sig
    #[arg(long, value_name = "KEY", value_parser = key_place())]
    key: Option<KeyPlace>,
    #[command(flatten)]
    key_access: KeyAccess,
    /// The time that ages are measured at [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

/// Which packages are listed.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Scope {
    Squashed,
    AllLayers,
}

fn byte_size(text: &str) -> Result<u64, String> {
    byte_count(text).ok_or_else(|| "expected a size, e.g. 64GiB".to_owned())
}

impl Command for Audit {
    const VERB: Option<Verb> = Some(Verb::Audit);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let text_or_json = if context.screen.json { Format::Json } else { Format::Text };
        let outputs = outputs(&self.outputs, text_or_json)?;
        let key = match &self.key {
            Some(_)
                if outputs.iter().all(|output| output.file.is_none() || output.format == Format::Files) =>
            {
                let problem = "--key signs reports in files: name one with -o FORMAT=FILE";
                return Err(CommandError::new(Code::BadPlace, problem));
            }
            Some(key) => Some(self.key_access.load(key, context)?),
            None => None,
        };
        let signer = key.as_deref();
        let wants = |format: Format| outputs.iter().any(|output| output.format == format);
        let wants_page = wants(Format::Html);
        let (lists, outputs): (Vec<Output<Format>>, Vec<Output<Format>>) =
            outputs.iter().cloned().partition(|output| output.format == Format::Files);
        let lines = FileLines::start(lists.iter().map(|list| list.file.as_deref()), context.screen)?;
        let rows: RefCell<FileRows> = RefCell::default();
        let take = |line: FileLine| {
            lines.add(&line);
            if wants_page {
                rows.borrow_mut().add(&line);
            }
        };
        let rules = self.rules.read()?;
        let defaults = layer_limits();
        let inflate = InflateLimits {
            ratio_max: self.max_ratio.unwrap_or(defaults.inflate.ratio_max),
            expanded_bytes_max: self.max_bytes.unwrap_or(defaults.inflate.expanded_bytes_max),
            ..defaults.inflate
        };
        let limits = LayerLimits { inflate, entries_max: self.max_entries.unwrap_or(defaults.entries_max) };
        let guard = self.guard.as_deref().map(guard_profile).transpose()?;
        if guard.is_some() && self.subjects.iter().any(|subject| matches!(subject, SubjectPlace::Source(_))) {
            return Err(CommandError::new(
                Code::BadPlace,
                "--guard counts chunk files, and a source has none before it is packed: give the packed files",
            ));
        }
        let (audited, differences) = self.options.with(&self.subjects, context, |subject| {
            let request = AuditRequest {
                subject: *subject,
                artifacts: self.artifact.clone(),
                platforms: self.platform.clone(),
                referrers: Carriage::Carry,
                limits,
                secrets: (!self.no_secrets).then_some(&rules.secrets),
                scope: match self.scope {
                    Scope::Squashed => PackageScope::Squashed,
                    Scope::AllLayers => PackageScope::AllLayers,
                },
                hash_files: self.hash_files,
                secret_rules: rules.secret_files.clone(),
                depth_max: self.max_depth.map_or(DEPTH_MAX, usize::from),
                advisories: rules.advisories.clone(),
                vex: Some(&rules.vex),
                signature_keys: &rules.signature_keys,
                policies: &rules.policies,
                ignores: &rules.ignores,
                guard: guard.as_ref(),
                files: if wants_page || !lines.is_empty() { Some(&take) } else { None },
                at: self.at.unwrap_or_else(|| context.environment.clock.now()),
                build: format!("carnet {}", env!("CARGO_PKG_VERSION")),
            };
            self.compared(&request, context)
        })?;
        lines.end()?;
        let rows = rows.into_inner();
        for output in &outputs {
            let differences = differences.as_ref();
            output.put(context.screen, signer, |out| {
                form::write(output.format, &audited.report, &rows, differences, context.screen.verbose, out)
            })?;
        }
        for unknown in &audited.unknown {
            say(&format!("bundle {}: cannot be audited: {}", unknown.bundle, plain(&unknown.problem)));
        }
        if let Some(differences) = &differences {
            say_of_differences(differences);
        }
        Ok(of_audit(&audited))
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("audit", schema_for!(AuditReport)), ("audit-files", schema_for!(FileLine))]
    }
}

impl Audit {
    /// Audits, and compares if that is asked for.
    fn compared(
        &self,
        request: &AuditRequest<'_>,
        context: &Context<'_>,
    ) -> Result<(Audited, Option<DifferenceReport>), CommandError> {
        if self.against.is_empty() {
            return Ok((audit(request, &context.environment)?, None));
        }
        self.options.with(&self.against, context, |old| {
            let new = AuditRequest { hash_files: true, ..request.clone() };
            let old = AuditRequest {
                subject: *old,
                policies: &[],
                ignores: &[],
                guard: None,
                files: None,
                ..new.clone()
            };
            let Differed { old, new, report } = difference(&old, &new, &context.environment)?;
            match old.unknown.first() {
                None => Ok((new, Some(report))),
                // Against nothing, everything would be new.
                Some(unknown) => {
                    let code = if unknown.untrusted { Code::BundleUntrusted } else { Code::BundleIncomplete };
                    let message =
                        format!("bundle {}: cannot be compared: {}", unknown.bundle, plain(&unknown.problem));
                    Err(CommandError::new(code, message))
                }
            }
        })
    }
}
