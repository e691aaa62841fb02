//! `carnet audit`: what is in a bundle or source, down to files and packages.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use carnet::audit::{
    AuditReport, AuditRequest, Audited, FileLine, IgnoreFile, NamedSum, PolicyFile, Rule, audit,
};
use carnet::content::LayerLimits;
use carnet::content::deflate::zlib_stream;
use carnet::content::inflate::InflateLimits;
use carnet::content::secrets::SecretRules;
use carnet::diagnosis::Code;
use carnet::format::chunk_size::byte_count;
use carnet::format::{Sum, Timestamp};
use carnet::medium::{ChunkStore as _, Folder};
use carnet::observe::Verb;
use carnet::rulebook::{Ignores, Rulebook, RulebookError};
use carnet::small_file::SmallFile;
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::render::html::{FileRow, Page, page};
use crate::render::{self, record, sarif, text};
use crate::screen::say;
use crate::subject::{SubjectArgs, SubjectPlace, subject_place};

/// Tell what is in a bundle, down to files and packages, in one report
#[derive(Args)]
#[command(
    after_help = "Nothing is unpacked to disk, run or fetched. A source is audited before it is packed: oci:DIR,\n\
    docker-archive:FILE, docker://HOST/REPO:TAG and the others that pack takes.\n\n\
    FORMAT is text (the default), json, html, csv (packages), findings (as CSV), sarif, record, or files\n\
    (every file of every image, one JSON document per line). -o can be given several times; only one\n\
    format can go to stdout.\n\n\
    Exit codes: 0 nothing is wrong with the bundle, 3 not trusted, 4 damaged or incomplete,\n\
    5 denied by a policy.\n\n\
    Examples:\n  \
    carnet audit out --trust trust.toml\n  \
    carnet audit out --trust trust.toml -o html=report.html -o json=report.json\n  \
    carnet audit oci:images -o files=files.ndjson\n  \
    carnet audit out --pub station.pub.pem --advisories osv --policy policy.toml"
)]
pub(crate) struct Audit {
    /// Chunk files, folders or places in object stores that hold them, or sources
    #[arg(value_name = "PLACE|SOURCE", required = true, value_parser = subject_place())]
    subjects: Vec<SubjectPlace>,
    #[command(flatten)]
    options: SubjectArgs,
    /// Write the report in FORMAT to FILE, or to stdout; repeatable
    #[arg(short = 'o', long = "output", value_name = "FORMAT[=FILE]", value_parser = output())]
    outputs: Vec<Output>,
    /// Audit only this artifact, by name or digest; repeatable
    #[arg(long, value_name = "REF")]
    artifact: Vec<String>,
    /// Audit only this platform of an index, e.g. linux/amd64; repeatable
    #[arg(long, value_name = "OS/ARCH")]
    platform: Vec<String>,
    /// Look packages up in an advisory database: OSV records (a folder, or zip files), the JSON of the
    /// Debian security tracker, or an Alpine secdb; repeatable
    #[arg(long, value_name = "PATH")]
    advisories: Vec<PathBuf>,
    /// Judge the bundle by the rules in FILE; exit code 5 if they deny it; repeatable
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Accept the denials in FILE, each for a reason and until a day; repeatable
    #[arg(long, value_name = "FILE", requires = "policy")]
    ignore: Vec<PathBuf>,
    /// Do not look for secrets in files
    #[arg(long)]
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
    /// The time that ages are measured at [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Html,
    Csv,
    Findings,
    Sarif,
    Record,
    Files,
}

const FORMATS: [(&str, Format); 8] = [
    ("text", Format::Text),
    ("json", Format::Json),
    ("html", Format::Html),
    ("csv", Format::Csv),
    ("findings", Format::Findings),
    ("sarif", Format::Sarif),
    ("record", Format::Record),
    ("files", Format::Files),
];

/// A format, and the file that it goes to.
#[derive(Clone, Debug)]
struct Output {
    format: Format,
    file: Option<PathBuf>,
}

fn output() -> impl TypedValueParser<Value = Output> {
    OsStringValueParser::new().try_map(|text| {
        let bytes = text.as_bytes();
        let (word, file) = match bytes.iter().position(|byte| *byte == b'=') {
            Some(at) => (&bytes[..at], Some(PathBuf::from(OsStr::from_bytes(&bytes[at + 1..])))),
            None => (bytes, None),
        };
        let format = FORMATS.iter().find(|(name, _)| name.as_bytes() == word).map(|(_, format)| *format);
        let names = || FORMATS.map(|(name, _)| name).join(", ");
        let format =
            format.ok_or_else(|| format!("expected {}, with =FILE if it goes to a file", names()))?;
        Ok::<_, String>(Output { format, file })
    })
}

fn byte_size(text: &str) -> Result<u64, String> {
    byte_count(text).ok_or_else(|| "expected a size, e.g. 64GiB".to_owned())
}

/// Rows of files that the page gets. Beyond, it says that there are more.
const ROWS_MAX: usize = 1_000_000;

impl Command for Audit {
    const VERB: Option<Verb> = Some(Verb::Audit);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let mut outputs = self.outputs.clone();
        if outputs.is_empty() {
            let format = if context.screen.json { Format::Json } else { Format::Text };
            outputs.push(Output { format, file: None });
        }
        if outputs.iter().filter(|output| output.file.is_none()).count() > 1 {
            return Err(CommandError::new(
                Code::BadPlace,
                "only one format can go to stdout: name files for the others",
            ));
        }
        let wants = |format: Format| outputs.iter().any(|output| output.format == format);
        let wants_files = wants(Format::Html) || wants(Format::Files);
        let rows: RefCell<Vec<FileLine>> = RefCell::default();
        let take = |line: FileLine| {
            let mut rows = rows.borrow_mut();
            if rows.len() < ROWS_MAX {
                rows.push(line);
            }
        };
        let rules = SecretRules::builtin().map_err(CommandError::system)?;
        let defaults = LayerLimits::default();
        let inflate = InflateLimits {
            ratio_max: self.max_ratio.unwrap_or(defaults.inflate.ratio_max),
            expanded_bytes_max: self.max_bytes.unwrap_or(defaults.inflate.expanded_bytes_max),
            // Two layers are read at once.
            window_bytes_max: defaults.inflate.window_bytes_max / 2,
            ..defaults.inflate
        };
        let limits = LayerLimits { inflate, entries_max: self.max_entries.unwrap_or(defaults.entries_max) };
        let policies = self.policy.iter().map(|path| policy(path)).collect::<Result<Vec<_>, _>>()?;
        let ignores = self.ignore.iter().map(|path| ignores(path)).collect::<Result<Vec<_>, _>>()?;
        let audited = self.options.with(&self.subjects, context, |subject| {
            let request = AuditRequest {
                subject: *subject,
                artifacts: self.artifact.clone(),
                platforms: self.platform.clone(),
                limits,
                secrets: (!self.no_secrets).then_some(&rules),
                advisories: self.advisories.clone(),
                policies: &policies,
                ignores: &ignores,
                files: if wants_files { Some(&take) } else { None },
                at: self.at.unwrap_or_else(|| context.environment.clock.now()),
                build: format!("carnet {}", env!("CARGO_PKG_VERSION")),
            };
            Ok(audit(&request, &context.environment)?)
        })?;
        let rows = rows.into_inner();
        for output in &outputs {
            let bytes = rendered(output.format, &audited.report, &rows, context.screen.verbose);
            match &output.file {
                Some(file) => write(file, &bytes)?,
                None => context.screen.bytes(&bytes),
            }
        }
        for unknown in &audited.unknown {
            say(&format!("bundle {}: cannot be audited: {}", unknown.bundle, plain(&unknown.problem)));
        }
        Ok(code(&audited))
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("audit", schema_for!(AuditReport)), ("audit-files", schema_for!(FileLine))]
    }
}

/// The most bytes of a rule file.
const RULES_BYTES_MAX: u64 = 4 << 20;

/// Reads a file of rules: its text, and its name and sum.
fn rules(path: &Path) -> Result<(String, NamedSum), CommandError> {
    let file =
        SmallFile::read(path, RULES_BYTES_MAX).map_err(|error| CommandError::small_file(path, &error))?;
    let text = String::from_utf8(file.bytes().to_vec()).map_err(|_| {
        CommandError::new(Code::RulesUnusable, format!("{}: it is not UTF-8", path.display()))
    })?;
    Ok((text, NamedSum { name: path.display().to_string(), sha256: Sum::of(file.bytes()) }))
}

fn unusable(path: &Path, error: &RulebookError) -> CommandError {
    CommandError::new(Code::RulesUnusable, format!("{}: {error}", path.display()))
}

fn policy(path: &Path) -> Result<PolicyFile, CommandError> {
    let (text, file) = rules(path)?;
    let rules = Rulebook::parse(&text).map_err(|error| unusable(path, &error))?;
    Ok(PolicyFile { file, rules })
}

fn ignores(path: &Path) -> Result<IgnoreFile, CommandError> {
    let (text, file) = rules(path)?;
    let ignores = Ignores::parse(&text).map_err(|error| unusable(path, &error))?;
    Ok(IgnoreFile { file, ignores })
}

fn json(report: &AuditReport) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(report).expect("a report serialises");
    text.push(b'\n');
    text
}

fn rendered(format: Format, report: &AuditReport, rows: &[FileLine], all: bool) -> Vec<u8> {
    match format {
        Format::Text => text::text(report, all).into_bytes(),
        Format::Json => json(report),
        Format::Html => {
            let mut rows = rows.iter().filter_map(|line| {
                Some(FileRow {
                    image: line.image,
                    path: line.path.clone(),
                    kind: ["folder", "symlink", "hardlink", "device", "fifo"]
                        .into_iter()
                        .find(|kind| *kind == line.kind)
                        .unwrap_or("file"),
                    mode: line.mode,
                    uid: line.uid.into(),
                    gid: line.gid.into(),
                    size: line.size,
                    target: line.target.clone(),
                    layer: line.layer?,
                })
            });
            let page = page(Page {
                report,
                json: Some(Sum::of(&json(report))),
                changes: None,
                files: Some(&mut rows),
                deflate: zlib_stream,
            });
            page.into_bytes()
        }
        Format::Csv => render::csv::packages(report).into_bytes(),
        Format::Findings => render::csv::findings(report).into_bytes(),
        Format::Sarif => {
            let mut text = serde_json::to_vec_pretty(&sarif::document(report)).expect("a report serialises");
            text.push(b'\n');
            text
        }
        Format::Record => record::text(report, Some(Sum::of(&json(report)))).into_bytes(),
        Format::Files => {
            let mut lines = Vec::new();
            for row in rows {
                lines.extend(serde_json::to_vec(row).expect("a line serialises"));
                lines.push(b'\n');
            }
            lines
        }
    }
}

/// Writes a file, which appears when it is whole.
fn write(file: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file
        .file_name()
        .and_then(OsStr::to_str)
        .ok_or_else(|| CommandError::new(Code::BadPlace, format!("{} has no file name", file.display())))?;
    Ok(Folder::new(folder).put_beside(name, bytes)?)
}

/// The exit code. What is wrong with the files comes before what is in them.
fn code(audited: &Audited) -> u8 {
    let Audited { report, unknown } = audited;
    if unknown.iter().any(|bundle| bundle.untrusted) {
        return exit::UNTRUSTED;
    }
    if unknown.iter().any(|bundle| bundle.unreadable) {
        return exit::FAILED;
    }
    let damaged = [Rule::BlobDamaged, Rule::BlobAbsent, Rule::DocumentUnreadable];
    let is_damaged = report.findings.iter().any(|finding| damaged.contains(&finding.rule));
    let is_incomplete = report.bundles.iter().any(|bundle| !bundle.missing.is_empty());
    if is_damaged || is_incomplete || !unknown.is_empty() {
        return exit::DAMAGED;
    }
    let is_denied = report.policy.as_ref().is_some_and(|policy| !policy.allowed);
    if is_denied { exit::DENIED } else { exit::DONE }
}
