//! `carnet resend`: copies the chunks that a request asks for.

use carnet::diagnosis::{Code, count};
use carnet::format::resend::Range;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::resend::{ResendOrder, ResendReport, ResentBundle, ResentChunk, resend};
use clap::Args;
use schemars::{Schema, schema_for};

use crate::advice;
use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::request_text::requests;
use crate::screen::say;
use crate::stores::{StoreArgs, StoreWriting, Stores};
use crate::tables::table;
use crate::trust::TrustArgs;

/// Copy the chunks that a request asks for, to be sent again
#[derive(Args)]
#[command(
    after_help = "REQUEST is the text that `carnet missing --request` or --qr gave on the far side, as several words or in\n\
    quotes, or a file with it, or - for stdin. Case, white space and line breaks do not matter. A wrong\n\
    word or number is named.\n\n\
    The files are chosen by what is in them, not by their names. Each copy is verified as a whole before it\n\
    gets its name. Nothing is replaced.\n\n\
    Examples:\n  \
    carnet resend request.txt --from out --to again\n  \
    carnet resend RESEND otter violin ... CHECK maple ocean --from out --to again\n  \
    zbarimg -q --raw photo.jpg | carnet resend - --from s3://transfer/low --to s3://transfer/again"
)]
pub(crate) struct Resend {
    /// The request
    #[arg(value_name = "REQUEST", required = true, num_args = 1..)]
    request: Vec<String>,
    /// Where the chunk files of the bundle are: files, folders or places in object stores; repeatable
    #[arg(long, value_name = "PLACE", required = true, value_parser = chunk_place())]
    from: Vec<ChunkPlace>,
    /// Where to write the copies: DIR, which is created if needed, s3://BUCKET[/PREFIX] or
    /// az://ACCOUNT/CONTAINER[/PREFIX]
    #[arg(long, value_name = "PLACE", value_parser = chunk_place())]
    to: ChunkPlace,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    writing: StoreWriting,
}

impl Command for Resend {
    const VERB: Option<Verb> = Some(Verb::Resend);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let requests = requests(&self.request)?;
        let stores = Stores { writing: Some(&self.writing), ..self.stores.open(&context.environment) };
        let policy = self.trust.policy()?;
        let files = chunk_files(&self.from, &stores)?;
        let store = stores.store(&self.to)?;
        let order = ResendOrder {
            requests: &requests,
            files: &files,
            policy: policy.as_ref(),
            store: store.as_ref(),
        };
        let report = resend(&order, &context.environment)?;
        context
            .screen
            .report(&report, || report.bundles.iter().map(|bundle| text(bundle, &self.to)).collect());
        say_failures(&report);
        Ok(report.failure().map_or(exit::DONE, exit::code))
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("resend", schema_for!(ResendReport))]
    }
}

fn text(bundle: &ResentBundle, to: &ChunkPlace) -> String {
    let asked = (bundle.chunks.len() + bundle.not_found.len()) as u64;
    let mut out = format!(
        "bundle {}: {} of {} to send again, in {}\nid     {}\n",
        bundle.name,
        bundle.chunks.len(),
        count(asked, "chunk", "chunks"),
        plain(&to.to_string()),
        bundle.bundle
    );
    let row = |chunk: &ResentChunk| {
        let state = if chunk.kept { "was there" } else { "copied" };
        vec![chunk.number.to_string(), chunk.bytes.to_string(), state.to_owned(), chunk.file.clone()]
    };
    if !bundle.chunks.is_empty() {
        out += &table(&["chunk", "bytes", "", "file"], &[0, 1], bundle.chunks.iter().map(row).collect());
    }
    out
}

/// Prints what was not found to stderr, with the next step.
fn say_failures(report: &ResendReport) {
    let code = Code::ResendIncomplete;
    for bundle in &report.bundles {
        for unfit in &bundle.unfit {
            say(&format!(
                "warning: chunk {} was not copied from {}: {}",
                unfit.number, unfit.file, unfit.problem
            ));
        }
        if !bundle.not_found.is_empty() {
            let numbers: Vec<String> = Range::of(&bundle.not_found).iter().map(ToString::to_string).collect();
            let missing = count(bundle.not_found.len() as u64, "chunk", "chunks");
            let (name, id) = (&bundle.name, bundle.bundle);
            say(&format!("error[{code}]: bundle {name} ({id}): {missing} not found: {}", numbers.join(" ")));
        }
    }
    if report.failure().is_some() {
        say(&format!("  hint: {}", advice::next_step(code)));
    }
}
