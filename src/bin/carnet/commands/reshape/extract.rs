//! `carnet extract`: some artifacts of a bundle.

use carnet::artifacts::Selection;
use carnet::format::BundleName;
use carnet::format::chunk_size::ChunkSize;
use carnet::medium::ChunkPlace;
use carnet::observe::Verb;
use clap::Args;

use super::{Making, NewBundleArgs, Which, selection};
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// Make a new bundle of some artifacts of a verified one
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("trusted").args(["trust", "public"]).required(true)),
    after_help = "The bundle must be accepted, released and complete. Its source is not needed. The new bundle has another\n\
    id and needs releases of its own; the old signatures travel in its plan as evidence.\n\n\
    Examples:\n  \
    carnet extract in --trust trust.toml --artifact team/app:1.0 --to out --name app --key station.key.pem"
)]
pub(crate) struct Extract {
    /// Chunk files, or folders or places in object stores that hold them; file names do not matter
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// An artifact to take, by its name in the bundle or its digest, with its referrers; repeatable
    #[arg(long, value_name = "REF", required = true, value_parser = selection)]
    artifact: Vec<Selection>,
    /// The maximum size of a chunk file
    #[arg(long, value_name = "SIZE", default_value = "2g")]
    chunk_size: ChunkSize,
    /// The bundle to take if several arrived: its name or id
    #[arg(long, value_name = "NAME|ID")]
    bundle: Option<String>,
    /// The new bundle's name
    #[arg(long, value_name = "NAME")]
    name: BundleName,
    #[command(flatten)]
    new: NewBundleArgs,
}

impl Command for Extract {
    const VERB: Option<Verb> = Some(Verb::Reshape);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (places, which) = (&self.places[..], Which::One(self.bundle.as_deref()));
        let (artifacts, name, chunk_size) = (self.artifact, Some(self.name), self.chunk_size);
        self.new.make(Making { places, which, artifacts, name, chunk_size }, context)
    }
}
