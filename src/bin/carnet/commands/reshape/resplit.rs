//! `carnet resplit`: the same artifacts in chunks of another size.

use carnet::format::BundleName;
use carnet::format::chunk_size::ChunkSize;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use clap::Args;

use super::{Making, NewBundleArgs, Which};
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// Make a new bundle of a verified one, with chunks of another size
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("trusted").args(["trust", "public"]).required(true)),
    after_help = "The bundle must be accepted, released and complete. Its source is not needed. The new bundle has another\n\
    id and needs releases of its own; the old signatures travel in its plan as evidence.\n\n\
    Examples:\n  \
    carnet resplit in --trust trust.toml --chunk-size 100m --to out --key station.key.pem"
)]
pub(crate) struct Resplit {
    /// Chunk files, or folders or places in object stores that hold them; file names do not matter
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// The maximum size of a chunk file
    #[arg(long, value_name = "SIZE")]
    chunk_size: ChunkSize,
    /// The bundle to take if several arrived: its name or id
    #[arg(long, value_name = "NAME|ID")]
    bundle: Option<String>,
    /// The new bundle's name [default: that of the old one]
    #[arg(long, value_name = "NAME")]
    name: Option<BundleName>,
    #[command(flatten)]
    new: NewBundleArgs,
}

impl Command for Resplit {
    const VERB: Option<Verb> = Some(Verb::Reshape);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (places, which) = (&self.places[..], Which::One(self.bundle.as_deref()));
        let (artifacts, name, chunk_size) = (Vec::new(), self.name, self.chunk_size);
        self.new.make(Making { places, which, artifacts, name, chunk_size }, context)
    }
}
