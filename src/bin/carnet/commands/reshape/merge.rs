//! `carnet merge`: several bundles in one.

use carnet::format::BundleName;
use carnet::format::chunk_size::ChunkSize;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use clap::Args;

use super::{Making, NewBundleArgs, Which};
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// Make one new bundle of several verified ones
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("trusted").args(["trust", "public"]).required(true)),
    after_help = "All bundles among the files are taken; each must be accepted, released and complete. Their sources are not\n\
    needed. A delta and its bases become a full bundle. The new bundle has another id and needs releases of its\n\
    own; the old signatures travel in its plan as evidence.\n\n\
    Examples:\n  \
    carnet merge monday tuesday --trust trust.toml --to out --name week --key station.key.pem"
)]
pub(crate) struct Merge {
    /// Chunk files, or folders or places in object stores that hold them; file names do not matter
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// The maximum size of a chunk file
    #[arg(long, value_name = "SIZE", default_value = "2g")]
    chunk_size: ChunkSize,
    /// The new bundle's name
    #[arg(long, value_name = "NAME")]
    name: BundleName,
    #[command(flatten)]
    new: NewBundleArgs,
}

impl Command for Merge {
    const VERB: Option<Verb> = Some(Verb::Reshape);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (places, which) = (&self.places[..], Which::All);
        let (artifacts, name, chunk_size) = (Vec::new(), Some(self.name), self.chunk_size);
        self.new.make(Making { places, which, artifacts, name, chunk_size }, context)
    }
}
