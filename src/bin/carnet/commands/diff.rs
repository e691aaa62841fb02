//! `carnet diff`: what differs between two bundles or sources.

use std::path::PathBuf;

use carnet::audit::{AuditRequest, CargoKeyFiles, DEPTH_MAX, PackageScope, Subject, layer_limits};
use carnet::content::secrets::SecretRules;
use carnet::diagnosis::count;
use carnet::difference::{Differed, DifferenceReport, difference};
use carnet::format::plan::Carriage;
use carnet::observe::Verb;
use carnet::oci::Platform;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use schemars::{Schema, schema_for};

use crate::audit_exit::of_audit;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::outputs::{Output, output, outputs};
use crate::render::difference as render;
use crate::render::form::write_json;
use crate::screen::say;
use crate::signature_keys::SignatureKeyArgs;
use crate::subject::{SubjectArgs, SubjectPlace, parse, subject_place};

/// Tell what differs between two bundles, or between a bundle and a registry or layout
#[derive(Args)]
#[command(
    after_help = "Prints one change in a line, and nothing if there is none. Options stand before the --.\n\n\
    Images are compared with those of the same name and platform, or of the same repository if only the\n\
    tag differs. What follows from another change, such as a layer from its files, is listed with -v, and\n\
    in JSON and CSV. Both sides are audited, so all layers of both are read.\n\n\
    FORMAT is text (the default), json, csv, or html: the page of the new side with the changes. -o can be\n\
    given several times; only one format can go to stdout.\n\n\
    Exit codes: 0 the comparison was made, 3 not trusted, 4 damaged or incomplete,\n\
    5 something has changed (with --exit-code).\n\n\
    Examples:\n  \
    carnet diff --trust trust.toml last -- in\n  \
    carnet diff oci:images:app-1.0 -- oci:images:app-1.1\n  \
    carnet diff --pub station.pub.pem -o html=changes.html docker://high.example/team/app:1.0 -- in"
)]
pub(crate) struct Diff {
    /// What it was: chunk files, folders or places in object stores that hold them, or sources
    #[arg(value_name = "OLD", required = true, value_parser = subject_place())]
    old: Vec<SubjectPlace>,
    /// What it is: the same, after --
    #[arg(value_name = "NEW", required = true, last = true, value_parser = new_place())]
    new: Vec<SubjectPlace>,
    #[command(flatten)]
    options: SubjectArgs,
    /// Write the changes in FORMAT to FILE, or to stdout; repeatable
    #[arg(short = 'o', long = "output", value_name = "FORMAT[=FILE]", value_parser = output::<Format>())]
    outputs: Vec<Output<Format>>,
    /// Exit with 5 if anything has changed
    #[arg(long)]
    exit_code: bool,
    /// Compare only this artifact, by name or digest, where a side has it; repeatable
    #[arg(long, value_name = "REF")]
    artifact: Vec<String>,
    /// Compare only this platform of indexes, e.g. linux/amd64; repeatable
    #[arg(long, value_name = "OS/ARCH")]
    platform: Vec<Platform>,
    /// Look packages up in an advisory database, to tell which flaws are new or gone; repeatable
    #[arg(long, value_name = "PATH")]
    advisories: Vec<PathBuf>,
    #[command(flatten)]
    signature_keys: SignatureKeyArgs,
    /// Do not look for secrets in files
    #[arg(long)]
    no_secrets: bool,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
    Csv,
}

/// A parser for what stands after the `--`.
fn new_place() -> impl TypedValueParser<Value = SubjectPlace> {
    OsStringValueParser::new().try_map(|text| {
        if text.as_encoded_bytes().starts_with(b"-") {
            return Err("options stand before the --; write ./ before a file with this name".to_owned());
        }
        parse(&text)
    })
}

impl Command for Diff {
    const VERB: Option<Verb> = Some(Verb::Audit);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let text_or_json = if context.screen.json { Format::Json } else { Format::Text };
        let outputs = outputs(&self.outputs, text_or_json)?;
        let rules = SecretRules::builtin().map_err(CommandError::system)?;
        let keys = self.signature_keys.files().signature_keys()?;
        let differed = self.options.with(&self.old, context, |old| {
            self.options.with(&self.new, context, |new| {
                let (old, new) =
                    (self.request(*old, &rules, &keys, context), self.request(*new, &rules, &keys, context));
                Ok(difference(&old, &new, &context.environment)?)
            })
        })?;
        let all = context.screen.verbose;
        for output in &outputs {
            let report = &differed.report;
            output.put(context.screen, None, |out| match output.format {
                Format::Text => out.write_all(render::text(report, all).as_bytes()),
                Format::Json => write_json(report, out),
                Format::Html => out.write_all(render::html(report, &differed.new.report, all).as_bytes()),
                Format::Csv => render::write_csv(report, out),
            })?;
        }
        tell(&differed, context);
        Ok(self.ends(&differed))
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("diff", schema_for!(DifferenceReport))]
    }
}

impl Diff {
    fn request<'a>(
        &'a self,
        subject: Subject<'a>,
        rules: &'a SecretRules,
        signature_keys: &'a CargoKeyFiles,
        context: &Context<'_>,
    ) -> AuditRequest<'a> {
        AuditRequest {
            subject,
            artifacts: self.artifact.clone(),
            platforms: self.platform.clone(),
            referrers: Carriage::Carry,
            limits: layer_limits(),
            secrets: (!self.no_secrets).then_some(rules),
            scope: PackageScope::Squashed,
            hash_files: true,
            secret_rules: Vec::new(),
            depth_max: DEPTH_MAX,
            vex: None,
            advisories: self.advisories.clone(),
            signature_keys,
            policies: &[],
            ignores: &[],
            guard: None,
            files: None,
            at: context.environment.clock.now(),
            build: format!("carnet {}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// The exit code. What is wrong with the files comes before what has changed.
    fn ends(&self, differed: &Differed) -> u8 {
        let codes = [of_audit(&differed.old), of_audit(&differed.new)];
        let gravest =
            [exit::UNTRUSTED, exit::FAILED, exit::DAMAGED].into_iter().find(|one| codes.contains(one));
        let has_changed = self.exit_code && !differed.report.changes.is_empty();
        gravest.unwrap_or(if has_changed { exit::DENIED } else { exit::DONE })
    }
}

/// Says on stderr what was not compared, or is not listed.
pub(super) fn say_of_differences(report: &DifferenceReport) {
    for text in &report.not_compared {
        say(&format!("not compared: {text}"));
    }
    if report.more > 0 {
        say(&format!("{} more of files that are not listed", count(report.more, "change", "changes")));
    }
}

/// Says on stderr what the lines do not say.
fn tell(differed: &Differed, context: &Context<'_>) {
    let report = &differed.report;
    say_of_differences(report);
    for bundle in report.old.bundles.iter().chain(&report.new.bundles) {
        if !bundle.summary.verified {
            let name = &bundle.summary.crossing.name;
            say(&format!("bundle {name}: NOT VERIFIED: no signature was checked; pass --trust or --pub"));
        }
    }
    let follow = report.changes.iter().filter(|change| change.follows).count() as u64;
    if follow > 0 && !context.screen.verbose && !context.screen.quiet && !context.screen.json {
        let changes = count(follow, "more change follows", "more changes follow");
        say(&format!("{changes} from these; -v lists them"));
    }
}
