//! The options that say what a bundle contains, and how it is laid out.

use std::path::PathBuf;

use carnet::artifacts::{OnFailure, SourceSpec};
use carnet::format::chunk_size::ChunkSize;
use carnet::format::plan::Carriage;
use carnet::format::statement::Crossing;
use carnet::format::{BundleName, Label, Profile, StreamName, Sum, Timestamp};
use carnet::medium::ChunkStore;
use carnet::oci::Platform;
use carnet::pack::{Expiry, PackRequest, Splitting, Wanted};
use clap::Args;

use super::args::place;
use super::command_error::CommandError;
use super::sources::listed;

/// The syntax of sources and sizes, for the help of commands with these options.
macro_rules! content_syntax {
    () => {
        "SOURCE is docker://HOST/REPO[:TAG|@sha256:...], oci:DIR[:REF], oci:DIR@sha256:...,\n\
    oci-archive:FILE[:REF] or docker-archive:FILE[:REF]. Without REF every artifact of a layout\n\
    or archive is packed; without TAG the tag `latest` of a repository. REF, TAG and REPO may be\n\
    patterns, in quotes: 'docker://HOST/team/*:1.*'. SOURCE=NAME renames a single artifact.\n\
    Signatures, SBOMs and other referrers are packed too, unless --no-referrers is given.\n\n\
    Sizes: 2g (1,990,000,000 bytes, the default), 1g, 100m, cd, fat32, s3, or a number with KiB, MiB,\n\
    GiB (powers of 1024) or KB, MB, GB (powers of 1000).\n\n"
    };
}
pub(crate) use content_syntax;

/// The options that say what a bundle contains, and how it is laid out.
#[derive(Args)]
pub(crate) struct ContentArgs {
    /// The artifacts to pack; see SOURCE below
    #[arg(value_name = "SOURCE", required_unless_present = "artifacts_from", value_parser = place::<SourceSpec>())]
    pub(crate) sources: Vec<SourceSpec>,
    /// Read more sources from FILE, one per line, # for comments; - reads stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) artifacts_from: Option<PathBuf>,
    /// The bundle's name: 1 to 40 of a-z and 0-9; files are named NAME_00000.tar and so on
    #[arg(long, value_name = "NAME")]
    pub(crate) name: BundleName,
    /// The maximum size of a chunk file
    #[arg(long, value_name = "SIZE", default_value = "2g")]
    pub(crate) chunk_size: ChunkSize,
    /// Fail if a blob would have to be split, and list those blobs
    #[arg(long)]
    pub(crate) no_split: bool,
    /// Non-distributable layers: carry them in separate chunks, or omit them
    #[arg(long, value_name = "HOW", default_value = "carry", value_parser = carriage)]
    pub(crate) nondistributable: Carriage,
    /// Pack only OS/ARCH[/VARIANT] of each index; repeatable. The index itself is not changed
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Vec<Platform>,
    /// Leave out signatures, SBOMs and other referrers
    #[arg(long)]
    pub(crate) no_referrers: bool,
    /// The stream (one-way channel) that the bundle belongs to
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<StreamName>,
    /// The sequence number of the bundle in the stream
    #[arg(long, value_name = "N", requires = "stream", value_parser = clap::value_parser!(u64).range(..=carnet::format::limits::SEQUENCE_MAX))]
    pub(crate) sequence: Option<u64>,
    /// The id of the previous bundle in the stream
    #[arg(long, value_name = "ID", requires = "stream")]
    pub(crate) previous: Option<Sum>,
    /// When the bundle expires: 90d, 12h, 2027-02-20 or 2027-02-20T00:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    pub(crate) expires: Option<Expiry>,
    /// A marking written into every chunk, e.g. UNCLASSIFIED
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<Label>,
    /// Keep the rules of a profile: cnsa2, for which the key must be of ML-DSA-87
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<Profile>,
    /// If an artifact fails, report it, pack the others, and exit with 4
    #[arg(long)]
    pub(crate) continue_on_errors: bool,
}

impl ContentArgs {
    /// Returns all sources, those of `--artifacts-from` included.
    pub(crate) fn sources(&self) -> Result<Vec<SourceSpec>, CommandError> {
        listed(&self.sources, self.artifacts_from.as_deref())
    }

    /// Returns the request to pack these sources.
    pub(crate) fn request<'a>(
        &self,
        sources: Vec<Wanted>,
        store: &'a dyn ChunkStore,
        created: Timestamp,
    ) -> PackRequest<'a> {
        let mut request = PackRequest::new(sources, self.name.clone(), store, created);
        request.crossing = self.crossing();
        request.chunk_size = self.chunk_size;
        request.splitting = self.splitting();
        request.nondistributable = self.nondistributable;
        request.referrers = self.referrers();
        request.platforms.clone_from(&self.platform);
        request.expires = self.expires;
        request.profile = self.profile;
        request.on_failure = self.on_failure();
        request
    }

    /// Whether referrers are packed.
    pub(crate) fn referrers(&self) -> Carriage {
        if self.no_referrers { Carriage::Omit } else { Carriage::Carry }
    }

    /// The name, stream, sequence and label of the bundle.
    pub(crate) fn crossing(&self) -> Crossing {
        Crossing {
            name: self.name.clone(),
            stream: self.stream.clone(),
            sequence: self.sequence,
            previous: self.previous,
            label: self.label.clone(),
        }
    }

    /// Whether blobs may be split.
    fn splitting(&self) -> Splitting {
        if self.no_split { Splitting::Forbidden } else { Splitting::Allowed }
    }

    /// Whether to continue when an artifact fails.
    fn on_failure(&self) -> OnFailure {
        if self.continue_on_errors { OnFailure::Continue } else { OnFailure::Stop }
    }
}

/// `carry` or `omit`, for `--nondistributable`.
fn carriage(text: &str) -> Result<Carriage, String> {
    text.parse()
}

/// A duration, a date or a time, for `--expires`.
pub(crate) fn expiry(text: &str) -> Result<Expiry, String> {
    let invalid = || "expected 90d, 12h, 2027-02-20 or 2027-02-20T00:00:00Z".to_owned();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Expiry::At(time));
    }
    if let Ok(time) = format!("{text}T00:00:00Z").parse::<Timestamp>() {
        return Ok(Expiry::At(time));
    }
    let units = [("d", 86_400), ("h", 3_600)];
    let (digits, unit) = units
        .iter()
        .find_map(|(word, seconds)| Some((text.strip_suffix(word)?, *seconds)))
        .ok_or_else(invalid)?;
    let number: u64 = digits.parse().map_err(|_| invalid())?;
    match number.checked_mul(unit) {
        Some(seconds) if number > 0 => Ok(Expiry::After { seconds }),
        _ => Err(invalid()),
    }
}
