//! `carnet verify`: checks signatures, the release and every byte.

use carnet::arrival::OpenRequest;
use carnet::diagnosis::{Code, count};
use carnet::environment::Environment;
use carnet::format::BundleName;
use carnet::format::resend::Range;
use carnet::format::statement::Kind;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::verify::{
    BundleReport, BundleVerdict, ChunkVerdict, FileReport, LackingVolume, ProtectionReport, Remembered,
    VerifyReport,
};
use clap::Args;
use std::collections::BTreeMap;

use crate::advice::here;
use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context, documents};
use crate::command_error::CommandError;
use crate::exit;
use crate::memory::{MemoryArgs, warn};
use crate::piece_results::ResultArgs;
use crate::plain::plain;
use crate::screen::{Screen, say};
use crate::stores::{PLACES, StoreArgs};
use crate::tables::{count_of, holders, left_out, numbers, omissions, origins, release_files, table};
use crate::trust::TrustArgs;

/// Check signatures, the release and every byte; writes nothing
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("policy").args(["trust", "public"]).required(true)),
    after_help = "Examples:\n  carnet verify /media/disc1 /media/disc2 --trust trust.toml\n  \
    carnet verify out --pub station.pub.pem --json"
)]
pub(crate) struct Verify {
    #[arg(value_name = "PLACE", help = PLACES, required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    results: ResultArgs,
    #[command(flatten)]
    stores: StoreArgs,
}

impl Command for Verify {
    const VERB: Option<Verb> = Some(Verb::Verify);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let mut recall = self.memory.recall(false)?;
        let (memory, rollback) = (recall.take_memory(), self.memory.allow_rollback);
        let clock = recall.clock(context.environment.clock);
        let Environment { monitor, workers, .. } = context.environment;
        let environment = Environment { clock: &clock, monitor, workers };
        let stores = self.stores.open(&environment);
        let policy = self.trust.policy()?;
        let request = OpenRequest { files: &chunk_files(&self.places, &stores)?, policy: policy.as_ref() };
        let remembered = self.memory.state.is_some().then_some(Remembered { memory, rollback });
        let report = self.results.verify(&request, remembered, &stores)?;
        context.screen.answer(&report, || text(&report, context.screen));
        // One line for each failure, so that a log without the report has it.
        for bundle in &report.bundles {
            if let Some(code) = bundle.code() {
                let name = &bundle.crossing.name;
                say(&format!("error[{code}]: bundle {name} ({}): {}", bundle.bundle, verdict(bundle)));
            }
            if let Some(report) = &bundle.in_stream {
                match report.code() {
                    Some(code) => {
                        let (name, text) = (&bundle.crossing.name, report.sentence(&bundle.crossing));
                        say(&format!("error[{code}]: bundle {name} ({}): {text}", bundle.bundle));
                    }
                    None => warn(&bundle.crossing, report),
                }
            }
        }
        Ok(report.failure().map_or(exit::DONE, exit::code))
    }

    documents!["verify": VerifyReport];
}

/// Renders the verdict of each bundle and of its files. With `--quiet`, complete bundles are left out.
fn text(report: &VerifyReport, screen: &Screen) -> String {
    let mut out = String::new();
    for bundle in &report.bundles {
        if !screen.quiet || bundle.verdict != BundleVerdict::Complete || bundle.stream_code().is_some() {
            out += &bundle_text(bundle, screen);
        }
    }
    out += &interrupted_replacements(report);
    if !screen.quiet {
        for other in &report.others {
            let problem = other.problems.first().map_or_else(String::new, ToString::to_string);
            let file = plain(&other.file);
            out += &match other.verdict {
                ChunkVerdict::Unreadable => format!("{file}: {}\n", plain(&problem)),
                _ => format!("not a chunk: {file}: {}\n", plain(&problem)),
            };
        }
    }
    out
}

/// Explains incomplete bundles of one name: what a killed `pack --overwrite` leaves behind.
fn interrupted_replacements(report: &VerifyReport) -> String {
    let mut incomplete: BTreeMap<&BundleName, u64> = BTreeMap::new();
    for bundle in report.bundles.iter().filter(|bundle| bundle.verdict == BundleVerdict::Incomplete) {
        *incomplete.entry(&bundle.crossing.name).or_default() += 1;
    }
    let several = incomplete.into_iter().filter(|(_, bundles)| *bundles > 1);
    several
        .map(|(name, bundles)| {
            format!(
                "{bundles} bundles are called {name}, and none is complete. If packing with --overwrite was \
                 interrupted while one replaced the other, run the same command again there.\n"
            )
        })
        .collect()
}

fn bundle_text(bundle: &BundleReport, screen: &Screen) -> String {
    let crossing = &bundle.crossing;
    let mut out = format!("bundle {}: {}\n", crossing.name, verdict(bundle));
    out += &format!("id     {}\n", bundle.bundle);
    if let Some(stream) = &crossing.stream {
        let sequence = crossing.sequence.map_or_else(|| "-".to_owned(), |number| number.to_string());
        out += &format!("stream {stream}, number {sequence}\n");
    }
    if let Some(report) = &bundle.in_stream {
        let refused = if report.refused { "REFUSED, " } else { "" };
        out += &format!("       {refused}{}\n", report.sentence(crossing));
    }
    if let Some(label) = &crossing.label {
        out += &format!("label  {label}\n");
    }
    if let Some(release) = &bundle.release {
        out += &format!("released by {}\n", holders(&release.by));
        for refused in &release.refused {
            out += &format!("  not counted: {}\n", plain(&refused.to_string()));
        }
    }
    if let Some(problem) = &bundle.control_problem {
        out += &format!("control chunk: {}\n", plain(problem));
    }
    let bad = |file: &&FileReport| {
        !matches!(file.verdict, ChunkVerdict::Accepted | ChunkVerdict::Intact | ChunkVerdict::PassedOver)
    };
    let shown: Vec<&FileReport> = if screen.verbose || bundle.files.len() <= 20 {
        bundle.files.iter().collect()
    } else {
        bundle.files.iter().filter(bad).collect()
    };
    let row = |file: &&FileReport| {
        vec![
            number(file),
            class(file),
            file.bytes.to_string(),
            word(file.verdict).to_owned(),
            file.file.clone(),
        ]
    };
    if !shown.is_empty() {
        let rows = shown.iter().map(row).collect();
        out += &table(&["chunk", "class", "bytes", "verdict", "file"], &[0, 2], rows);
    }
    for file in bundle.files.iter().filter(bad) {
        for problem in &file.problems {
            out += &format!("  {}: {}\n", plain(&file.file), plain(&problem.to_string()));
        }
    }
    out += &release_files(&bundle.releases);
    if let Some(protection) = &bundle.protection {
        out += &protection_text(protection);
    }
    for volume in &bundle.volumes {
        out += &format!("{}\n", volume_text(volume));
    }
    for problem in &bundle.unsound {
        out += &format!("  {}\n", plain(&problem.to_string()));
    }
    out += &omissions(&bundle.omitted);
    out += &left_out(&bundle.left_out);
    out += &origins(&bundle.origins);
    out
}

/// Says how much more may be lost.
fn protection_text(protection: &ProtectionReport) -> String {
    let mut out = String::new();
    for group in protection.groups.iter().filter(|group| group.reserve < 0) {
        let needed = usize::try_from(-group.reserve).unwrap_or(usize::MAX);
        out += &format!(
            "parity cannot recover chunks {}: {} needed, any of these or of their parity files\n",
            numbers(&group.lost),
            count_of(needed, "more file is", "more files are")
        );
    }
    if let Ok(reserve) = usize::try_from(protection.reserve) {
        out += &match reserve {
            0 => "parity: no further file may be lost\n".to_owned(),
            reserve => format!("parity: {} may be lost\n", count_of(reserve, "more file", "more files")),
        };
    }
    out
}

/// Says which volume to look for.
fn volume_text(volume: &LackingVolume) -> String {
    let LackingVolume { parity, volume: number, of, first, last, missing } = volume;
    let (which, files) = if *parity { ("parity volume", "parity files") } else { ("volume", "chunks") };
    if volume.is_absent() {
        return format!(
            "{which} {number} of {of} is missing: {files} {first} to {last}, according to the labels (not signed)"
        );
    }
    let numbers: Vec<String> = Range::of(missing).iter().map(ToString::to_string).collect();
    format!("{which} {number} of {of} lacks, according to the labels (not signed): {}", numbers.join(" "))
}

fn verdict(bundle: &BundleReport) -> String {
    match bundle.verdict {
        BundleVerdict::Complete => "COMPLETE, verified and released".to_owned(),
        BundleVerdict::Unverified => "complete and intact, but NOT VERIFIED: no trust file given".to_owned(),
        BundleVerdict::Unreadable => {
            let chunks = count_of(bundle.unreadable.len(), "chunk", "chunks");
            format!("CANNOT BE READ: {chunks} arrived, but cannot be read; all others are good")
        }
        BundleVerdict::Recoverable => {
            let lost = bundle.missing.len() + bundle.unreadable.len();
            here(&format!(
                "RECOVERABLE, {} lost or damaged, and parity for them is there (`carnet repair`)",
                count_of(lost, "chunk is", "chunks are")
            ))
        }
        BundleVerdict::Expired => {
            let expired = bundle.expired.map(|time| time.to_string()).unwrap_or_default();
            format!("EXPIRED at {expired}")
        }
        BundleVerdict::Incomplete => format!(
            "INCOMPLETE, {} of {} to send again (`carnet missing` lists the numbers)",
            bundle.missing.len(),
            count(u64::from(bundle.last) + 1, "chunk", "chunks")
        ),
        BundleVerdict::Unsound => {
            "UNSOUND: its manifests reference content that it neither carries nor lists as omitted".to_owned()
        }
        BundleVerdict::Unreleased => {
            let release = bundle.release.as_ref();
            let (have, need) = release.map_or((0, 1), |release| (release.by.len(), release.threshold));
            format!(
                "NOT RELEASED, {have} of {}",
                count(need.into(), "release signature", "release signatures")
            )
        }
        BundleVerdict::Untrusted if bundle.code() == Some(Code::ProfileMissing) => {
            "NOT TRUSTED: packed without the profile that the trust file demands".to_owned()
        }
        BundleVerdict::Untrusted => "NOT TRUSTED: chunks without a signature of a trusted packer".to_owned(),
        BundleVerdict::Forked => {
            "FORKED: two different chunks have the same number and valid signatures; do not use either"
                .to_owned()
        }
    }
}

/// The number of a chunk; parity files are numbered apart.
fn number(file: &FileReport) -> String {
    let prefix = if file.kind == Some(Kind::Parity) { "p" } else { "" };
    file.number.map_or_else(|| "-".to_owned(), |number| format!("{prefix}{number}"))
}

/// The class of the blobs in a chunk.
fn class(file: &FileReport) -> String {
    match (file.kind, file.class) {
        (Some(Kind::Parity), _) => "parity".to_owned(),
        (_, Some(class)) => class.to_string(),
        (_, None) => "-".to_owned(),
    }
}

fn word(verdict: ChunkVerdict) -> &'static str {
    match verdict {
        ChunkVerdict::Accepted => "accepted",
        ChunkVerdict::Intact => "intact",
        ChunkVerdict::Damaged => "DAMAGED",
        ChunkVerdict::Untrusted => "UNTRUSTED",
        ChunkVerdict::Forked => "FORKED",
        ChunkVerdict::PassedOver => "passed over",
        ChunkVerdict::Unreadable => "UNREADABLE",
        ChunkVerdict::NotAChunk => "not a chunk",
    }
}
