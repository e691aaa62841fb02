//! `carnet sign`: releases a bundle.

use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use carnet::sign::SignReport;
use clap::Args;
use schemars::{Schema, schema_for};

use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::KeyArgs;
use crate::plain::plain;
use crate::stores::{StoreArgs, StoreWriting, Stores};
use crate::tables::{artifacts, count_of, left_out, omissions, origins};

/// Release a bundle: add a signature to its control chunk, and change nothing else
#[derive(Args)]
#[command(after_help = "Inspect and verify a bundle before you release it.\n\nExamples:\n  \
    carnet inspect out --trust trust.toml\n  carnet sign out --key alice.key.pem")]
pub(crate) struct Sign {
    /// Control chunks, or folders or places in object stores that hold them
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    writing: StoreWriting,
}

impl Command for Sign {
    const VERB: Option<Verb> = Some(Verb::Sign);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let stores = Stores { writing: Some(&self.writing), ..self.stores.open(&context.environment) };
        let key = self.key.load(context)?;
        let report =
            carnet::sign::sign(&chunk_files(&self.places, &stores)?, key.as_ref(), &context.environment)?;
        context.screen.report(&report, || text(&report));
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("sign", schema_for!(SignReport))]
    }
}

/// Renders the report as text.
fn text(report: &SignReport) -> String {
    let mut out = String::new();
    for bundle in &report.bundles {
        let outcome = if bundle.already_signed { "is already signed by this key" } else { "signed" };
        let carried = count_of(bundle.artifacts.len(), "artifact", "artifacts");
        out += &format!("bundle {} {outcome}: {carried}\n", bundle.crossing.name);
        out += &format!("id     {}\nkey    {}\n", bundle.bundle, bundle.key);
        let signatures = count_of(bundle.signatures, "signature", "signatures");
        out += &format!("file   {}, now with {signatures}\n", plain(&bundle.file));
        out += &artifacts(&bundle.artifacts);
        out += &omissions(&bundle.omitted);
        out += &left_out(&bundle.left_out);
        out += &origins(&bundle.origins);
    }
    out
}
