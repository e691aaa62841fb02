//! `carnet parity`: makes parity files for a bundle.

use std::collections::BTreeSet;
use std::sync::Arc;

use carnet::diagnosis::Code;
use carnet::format::volume::{VolumeLimits, VolumeSize};
use carnet::medium::{ChunkFile, ChunkPlace, ChunkStore, FileNames, Replace};
use carnet::observe::Verb;
use carnet::parity::{Amount, ParityReport, ParityRequest};
use carnet::trust::{Signer, TrustPolicy};
use clap::Args;
use schemars::{Schema, schema_for};

use crate::bundle::chunk_files;
use crate::byte_count::HumanBytes;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::ChunkKeyArgs;
use crate::plain::plain;
use crate::stores::{StoreArgs, StoreWriting, Stores};
use crate::tables::count_of;
use crate::trust::TrustArgs;
use crate::world::sealing_time;

/// Make parity files, from which lost and damaged chunks can be recovered
#[derive(Args)]
#[command(
    after_help = "Parity files change neither the bundle's id nor its other files, so a bundle that was released stays\n\
    released. They are called NAME_parity_00000.tar and so on, and are no larger than the chunk limit.\n\
    Make them after the release: then they keep the release signatures of the control chunk, too.\n\n\
    Examples:\n  carnet parity out --parity 10% --key station.key.pem\n  \
    carnet parity out --parity 3 --key station.key.pem --to parity"
)]
pub(crate) struct Parity {
    /// All chunk files of the bundle, or folders or places in object stores that hold them
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// How many files may be lost: a part of the chunks, such as 10%, or a number
    #[arg(long = "parity", value_name = "N|N%")]
    amount: Amount,
    #[command(flatten)]
    key: ChunkKeyArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Where to write the parity files [default: PLACE, if there is one]
    #[arg(long, value_name = "PLACE", value_parser = chunk_place())]
    to: Option<ChunkPlace>,
    /// The bundle, if there are several: its name or id
    #[arg(long, value_name = "NAME|ID")]
    bundle: Option<String>,
    /// Put the parity files into folders that each fit a medium with a file system: cd, dvd, bd25, bd50, bd100, bd128, or a
    /// number with a unit
    #[arg(long, value_name = "SIZE", conflicts_with = "overwrite")]
    volume_size: Option<VolumeSize>,
    /// At most N files in each such folder, with room for two more
    #[arg(long, value_name = "N", conflicts_with = "overwrite")]
    volume_files: Option<u32>,
    /// Replace parity files of this name
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    writing: StoreWriting,
}

impl Command for Parity {
    const VERB: Option<Verb> = Some(Verb::Parity);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let stores = Stores { writing: Some(&self.writing), ..self.stores.open(&context.environment) };
        let key = self.key.load(context)?;
        let policy = match self.trust.policy()? {
            Some(policy) => policy,
            None => own_key(key.as_ref())?,
        };
        let to = target("parity files", &self.places, self.to.as_ref())?;
        let store = stores.store(to)?;
        let request = ParityRequest {
            files: &chunk_files(&self.places, &stores)?,
            policy: &policy,
            bundle: self.bundle.as_deref(),
            amount: self.amount,
            store: store.as_ref(),
            volumes: limits(self.volume_size, self.volume_files),
            replace: if self.overwrite { Replace::WhenComplete } else { Replace::Never },
            created: sealing_time(None)?,
        };
        let report = carnet::parity::add_parity(&request, key.as_ref(), &context.environment)?;
        context.screen.report(&report, || text(&report));
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("parity", schema_for!(ParityReport))]
    }
}

/// A policy that accepts chunks of this key only.
fn own_key(key: &dyn Signer) -> Result<TrustPolicy, CommandError> {
    Ok(TrustPolicy::single_key(key.public_key().clone(), "own key")?)
}

/// What a volume holds, if volumes are asked for.
pub(super) fn limits(size: Option<VolumeSize>, files: Option<u32>) -> Option<VolumeLimits> {
    let bytes = size.map(|size| size.0);
    (bytes.is_some() || files.is_some()).then_some(VolumeLimits { bytes, files })
}

/// Makes parity for a bundle that was just packed into a store with this key.
pub(super) fn of_packed(
    id: &str,
    amount: Amount,
    store: &dyn ChunkStore,
    key: &dyn Signer,
    replace: Replace,
    volumes: Option<VolumeLimits>,
    context: &Context<'_>,
) -> Result<ParityReport, CommandError> {
    let request = ParityRequest {
        files: &store.files()?,
        policy: &own_key(key)?,
        bundle: Some(id),
        amount,
        store,
        volumes,
        replace,
        created: sealing_time(None)?,
    };
    Ok(carnet::parity::add_parity(&request, key, &context.environment)?)
}

/// Returns the parity files in the store that they were written to.
pub(super) fn files(
    report: &ParityReport,
    store: &dyn ChunkStore,
) -> Result<Vec<Arc<dyn ChunkFile>>, CommandError> {
    let names = FileNames::parity(&report.crossing.name);
    let numbers: BTreeSet<u32> = report.files.iter().map(|file| file.number).collect();
    let is_written = |file: &Arc<dyn ChunkFile>| {
        let number = file.file_name().and_then(|name| names.number(name));
        number.is_some_and(|number| numbers.contains(&number))
    };
    let mut files = store.files()?;
    files.retain(is_written);
    Ok(files)
}

/// Returns the place for new files: the one that was asked for, or the only place.
pub(super) fn target<'a>(
    what: &str,
    places: &'a [ChunkPlace],
    to: Option<&'a ChunkPlace>,
) -> Result<&'a ChunkPlace, CommandError> {
    let is_place = |place: &&ChunkPlace| match place {
        ChunkPlace::Path(path) => path.is_dir(),
        ChunkPlace::Store(_) => true,
    };
    let only = match places {
        [only] => Some(only).filter(is_place),
        _ => None,
    };
    to.or(only).ok_or_else(|| {
        let message =
            format!("say with --to where the {what} go: there is not just one folder to put them into");
        CommandError::new(Code::TargetNotSaid, message)
    })
}

/// Renders the report as text.
fn text(report: &ParityReport) -> String {
    let mut out = format!("bundle {}: {}\n", report.crossing.name, protection(report));
    out += &format!("id     {}\n", report.bundle);
    let bytes = report.files.iter().map(|file| file.bytes).sum();
    let kept = report.files.iter().filter(|file| file.kept).count();
    out += &format!(
        "wrote  {}, {}",
        count_of(report.files.len() - kept, "parity file", "parity files"),
        HumanBytes(bytes)
    );
    if kept > 0 {
        out += &format!("; {} there already", count_of(kept, "file was", "files were"));
    }
    out.push('\n');
    if let (Some(first), Some(last)) = (report.files.first(), report.files.last()) {
        out += &format!("from   {}\nto     {}\n", plain(&first.file), plain(&last.file));
    }
    if report.volumes > 0 {
        let volumes = count_of(report.volumes, "volume", "volumes");
        out +=
            &format!("in     {volumes} of their own, {}_parity_volume_001 and so on\n", report.crossing.name);
    }
    if report.signatures < 2 {
        out += "The parity keeps the packer's signature only. If the bundle is released later, keep a copy of its control\n\
                chunk, or make the parity again.\n";
    }
    out
}

/// Says in words what may be lost.
pub(super) fn protection(report: &ParityReport) -> String {
    let losses = count_of(report.losses as usize, "file", "files");
    if report.groups == 1 {
        let chunks = count_of(report.chunks as usize, "chunk", "chunks");
        return format!("any {losses} of its {chunks} and {} parity files may be lost", report.files.len());
    }
    format!(
        "any {losses} of each of its {} groups may be lost; neighbours are in different groups",
        report.groups
    )
}
