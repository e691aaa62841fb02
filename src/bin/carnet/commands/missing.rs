//! `carnet missing`: lists the chunks to send again, and writes requests for them.

use std::path::{Path, PathBuf};

use carnet::arrival::OpenRequest;
use carnet::diagnosis::{Code, count};
use carnet::format::resend::ResendRequest;
use carnet::medium::ChunkPlace;
use carnet::missing::{ExpiredBundle, MissingBundle, MissingReport, RecoverableBundle};
use carnet::observe::Verb;
use carnet::verify::UnreadableChunk;
use clap::Args;

use crate::advice::{self, here};
use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context, documents};
use crate::command_error::CommandError;
use crate::exit;
use crate::report_file::write;
use crate::request_codes::CodeArgs;
use crate::screen::say;
use crate::stores::{PLACES, StoreArgs};
use crate::tables::numbers;
use crate::trust::TrustArgs;

/// List the chunks to send again, in one short line per bundle
#[derive(Args)]
#[command(
    after_help = "If no chunk is missing, it prints nothing and exits with 0. Without --trust or --pub\n\
    it checks integrity only.\n\n\
    A request is the same list as text that survives being read aloud, typed and photographed.\n\
    `carnet resend` and `carnet pack --only` take it.\n\n\
    Examples:\n  carnet missing /media/disc1 /media/disc2\n  \
    carnet missing in --trust trust.toml --request -\n  \
    carnet missing in --trust trust.toml --qr-file request.svg"
)]
pub(crate) struct Missing {
    #[arg(value_name = "PLACE", help = PLACES, required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// Write the request to FILE; - prints it instead of the short lines
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    #[command(flatten)]
    codes: CodeArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    stores: StoreArgs,
}

impl Command for Missing {
    const VERB: Option<Verb> = Some(Verb::Missing);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let stores = self.stores.open(&context.environment);
        let policy = self.trust.policy()?;
        let request = OpenRequest { files: &chunk_files(&self.places, &stores)?, policy: policy.as_ref() };
        let report = carnet::missing::missing(&request, &context.environment)?;
        let requests: Vec<&ResendRequest> =
            report.bundles.iter().filter_map(|bundle| bundle.request.as_ref()).collect();
        self.write_files(&requests)?;
        let codes = self.codes.drawn(&requests, context.screen)?;
        context.screen.answer(&report, || self.text(&report, &requests) + &codes);
        say_failures(&report);
        Ok(report.failure().map_or(exit::DONE, exit::code))
    }

    documents!["missing": MissingReport];
}

impl Missing {
    /// What is printed: the requests, or the short lines.
    fn text(&self, report: &MissingReport, requests: &[&ResendRequest]) -> String {
        if self.request.as_deref() == Some(Path::new("-")) {
            return requests.iter().map(ToString::to_string).collect();
        }
        let to_send = report.bundles.iter().filter(|bundle| !bundle.missing.is_empty());
        to_send.map(|bundle| format!("{bundle}\n")).collect()
    }

    /// Writes the request and its code to the files that were named. If no chunk is missing, there is nothing to write, and
    /// an older file must not be taken for a new one.
    fn write_files(&self, requests: &[&ResendRequest]) -> Result<(), CommandError> {
        let text = self.request.as_deref().filter(|file| *file != Path::new("-"));
        if requests.is_empty() {
            for file in text.into_iter().chain(self.codes.file()) {
                say(&format!("no chunk is missing: {} was not written", file.display()));
            }
            return Ok(());
        }
        if let Some(file) = text {
            let text: String = requests.iter().map(ToString::to_string).collect();
            write(file, text.as_bytes())?;
        }
        self.codes.write(requests)
    }
}

/// Prints one line to stderr for each failure, so that a log without the report has it.
fn say_failures(report: &MissingReport) {
    for ExpiredBundle { name, bundle, expired } in &report.expired {
        let code = Code::BundleExpired;
        say(&format!("error[{code}]: bundle {name} ({bundle}) expired at {expired}: nothing to send again"));
    }
    for MissingBundle { name, bundle, chunks, missing, .. } in &report.bundles {
        if !missing.is_empty() {
            let (code, all) = (Code::BundleIncomplete, count((*chunks).into(), "chunk", "chunks"));
            let missing = missing.len();
            say(&format!("error[{code}]: bundle {name} ({bundle}): {missing} of {all} to send again"));
        }
    }
    for RecoverableBundle { name, bundle, chunks } in &report.recoverable {
        let then = if report.bundles.iter().any(|found| found.bundle == *bundle && !found.missing.is_empty())
        {
            "once those to send again have arrived; "
        } else {
            ""
        };
        let chunks = numbers(chunks);
        say(&here(&format!(
            "bundle {name} ({bundle}): {then}`carnet repair` recovers from parity: chunks {chunks}"
        )));
    }
    let code = Code::ChunkUnreadable;
    let chunks = report.bundles.iter().flat_map(|bundle| &bundle.unreadable);
    for UnreadableChunk { number, file, reason } in chunks.clone() {
        say(&format!("error[{code}]: chunk {number} arrived, but cannot be read: {file}: {reason}"));
    }
    for file in &report.unreadable {
        let problem = file.problems.first().map_or_else(String::new, ToString::to_string);
        say(&format!("error[{code}]: {} may be a chunk, but {problem}", file.file));
    }
    if chunks.count() + report.unreadable.len() > 0 {
        say(&format!("  hint: {}", advice::next_step(code)));
    }
}
