//! The arguments, as clap reads them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use carnet::artifacts::{DestinationSpec, RegistryDestination, SourceSpec, SpecError};
use carnet::diagnosis::Diagnose as _;
use carnet::format::chunk_size::ChunkSize;
use carnet::format::plan::Carriage;
use carnet::format::{BundleName, Label, StreamName, Sum, Timestamp};
use carnet::import::RenameRule;
use carnet::oci::Platform;
use carnet::pack::Expiry;
use carnet::registry::{Host, Tag};
use carnet::sums::SumFunction;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::connection::Connection;
use super::explain::Explain;

/// Carries container images and other OCI artifacts across a boundary that has no network path.
#[derive(Parser)]
#[command(
    name = "carnet",
    version,
    about,
    max_term_width = 100,
    after_help = "Examples:\n  \
        carnet keygen station\n  \
        carnet pack oci:images --to out --name release42 --key station.key.pem\n  \
        carnet pack docker://low.example/team/app:1.0 --to out --name app --key station.key.pem\n  \
        carnet verify out --pub station.pub.pem\n  \
        carnet unpack out --pub station.pub.pem --to oci:arrived\n  \
        carnet import out --pub station.pub.pem --to docker://high.example\n\n\
        Exit codes: 0 done and intact, 1 could not do it, 2 usage, 3 not trusted,\n\
        4 damaged or incomplete, 130 interrupted."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) screen: Screen,
}

#[derive(ClapArgs, Clone, Copy)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Screen {
    /// Print one JSON document to stdout, and progress as JSON lines to stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print more: every blob, every chunk
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Worker threads [default: one a processor]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Keygen(Keygen),
    Pack(Box<Pack>),
    Sign(Sign),
    Verify(Verify),
    Missing(Missing),
    Inspect(Inspect),
    Unpack(Unpack),
    Import(Box<Import>),
    Sums(Sums),
    Explain(Explain),
    Completions(Completions),
    Man(Man),
    Version(Version),
    #[command(hide = true)]
    Schemas(Schemas),
}

/// Make a key pair: NAME.key.pem (keep it) and NAME.pub.pem (give it to those who verify)
#[derive(ClapArgs)]
#[command(after_help = "Both files are read by stock openssl; neither is ever overwritten.\n\n\
    Examples:\n  carnet keygen station\n  carnet keygen alice --passphrase-file alice.passphrase")]
pub(crate) struct Keygen {
    /// The pair's name, with a folder if you like
    pub(crate) name: PathBuf,
    /// Encrypt the private key with the first line of FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub(crate) struct Key {
    /// The private key that signs
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The passphrase of the key is the first line of FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Pack artifacts into a signed bundle of chunks no larger than the limit
#[derive(ClapArgs)]
#[command(
    after_help = "SOURCE is docker://HOST/REPO[:TAG|@sha256:...], oci:DIR[:REF], oci:DIR@sha256:...,\n\
    oci-archive:FILE[:REF] or docker-archive:FILE[:REF]. Without REF every artifact of a layout\n\
    or archive is packed; without TAG the tag `latest` of a repository. REF, TAG and REPO may be\n\
    patterns: 'docker://HOST/team/*:1.*', in quotes. SOURCE=NAME gives the one artifact another\n\
    name. Signatures, SBOMs and other referrers travel along.\n\n\
    Sizes: 2g (1,990,000,000 bytes, the default), 1g, 100m, cd, fat32, s3, or a number with KiB, MiB,\n\
    GiB (powers of 1024) or KB, MB, GB (powers of 1000).\n\n\
    Running the same command again after any failure keeps the chunks that are finished, and of a\n\
    registry's blobs those that had come whole.\n\n\
    Examples:\n  \
    carnet pack oci:images:app-1.0 --to out --name release42 --key station.key.pem\n  \
    carnet pack docker://low.example/team/app:1.0 --to out --name app --key station.key.pem\n  \
    carnet pack docker-archive:app.tar=team/app:1.0 --to out --name app --key k.pem --chunk-size cd\n  \
    carnet pack oci:images --to out --name all --key k.key.pem --platform linux/amd64 --dry-run"
)]
pub(crate) struct Pack {
    /// Where the artifacts are
    #[arg(value_name = "SOURCE", required_unless_present = "artifacts_from", value_parser = place::<SourceSpec>)]
    pub(crate) sources: Vec<SourceSpec>,
    /// Read more sources from FILE, one a line, # for comments; - reads stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) artifacts_from: Option<PathBuf>,
    /// The folder for the chunk files; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// The bundle's name: 1 to 40 of a-z and 0-9; files are called NAME_00000.tar and so on
    #[arg(long, value_name = "NAME")]
    pub(crate) name: BundleName,
    #[command(flatten)]
    pub(crate) key: Key,
    /// No file is larger than this
    #[arg(long, value_name = "SIZE", default_value = "2g")]
    pub(crate) chunk_size: ChunkSize,
    /// Fail if a blob would have to be cut, and list which
    #[arg(long)]
    pub(crate) no_split: bool,
    /// Whether layers that may not be distributed travel: carry or omit
    #[arg(long, value_name = "HOW", default_value = "carry", value_parser = carriage)]
    pub(crate) nondistributable: Carriage,
    /// Narrow indexes to OS/ARCH[/VARIANT]; repeat for more. The index itself stays as it is
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Vec<Platform>,
    /// Leave out signatures, SBOMs and other referrers
    #[arg(long)]
    pub(crate) no_referrers: bool,
    /// The one-way channel that the bundle belongs to
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<StreamName>,
    /// The bundle's number in the stream
    #[arg(long, value_name = "N", requires = "stream", value_parser = clap::value_parser!(u64).range(..=carnet::format::limits::SEQUENCE_MAX))]
    pub(crate) sequence: Option<u64>,
    /// The id of the bundle before it in the stream
    #[arg(long, value_name = "ID", requires = "stream")]
    pub(crate) previous: Option<Sum>,
    /// When the bundle stops being accepted: 90d, 12h, 2027-02-20 or 2027-02-20T00:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    pub(crate) expires: Option<Expiry>,
    /// A marking, as UNCLASSIFIED, in every chunk
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<Label>,
    /// Also write NAME_sha256.txt, NAME_md5.txt: coreutils sums of the chunk files
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) file_sums: Vec<SumWord>,
    /// Print the plan and the size of every file, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Replace chunk files of this name, once the new bundle is complete
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Pack the others when an artifact fails, and name it
    #[arg(long)]
    pub(crate) continue_on_errors: bool,
    /// Also push the non-distributable layers into docker://HOST[/PREFIX], once the bundle is packed
    #[arg(long, value_name = "DEST", value_parser = place::<RegistryDestination>)]
    pub(crate) push_nondistributable_to: Option<RegistryDestination>,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Let the URLs of non-distributable layers lead to this HOST[:PORT] although its address is private
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_private_urls: Vec<Host>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SumWord {
    Sha256,
    Md5,
}

impl From<SumWord> for SumFunction {
    fn from(word: SumWord) -> Self {
        match word {
            SumWord::Sha256 => SumFunction::Sha256,
            SumWord::Md5 => SumFunction::Md5,
        }
    }
}

/// Release a bundle: add a signature to its control chunk, changing nothing else
#[derive(ClapArgs)]
#[command(after_help = "Inspect a bundle before you release it. Examples:\n  \
    carnet inspect out --trust trust.toml\n  carnet sign out --key alice.key.pem")]
pub(crate) struct Sign {
    /// The control chunk, or folders with it
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) key: Key,
}

#[derive(ClapArgs)]
pub(crate) struct Trust {
    /// Who is trusted for what: a trust file
    #[arg(long, value_name = "FILE", conflicts_with = "public")]
    pub(crate) trust: Option<PathBuf>,
    /// The short form: this one public key packs and releases
    #[arg(long = "pub", value_name = "FILE", id = "public")]
    pub(crate) public: Option<PathBuf>,
}

/// Check signatures, release and every byte; read only
#[derive(ClapArgs)]
#[command(
    group(clap::ArgGroup::new("who").args(["trust", "public"]).required(true)),
    after_help = "Examples:\n  carnet verify /media/disc1 /media/disc2 --trust trust.toml\n  \
    carnet verify out --pub station.pub.pem --json"
)]
pub(crate) struct Verify {
    /// Files and folders, in any mixture, under any names
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
}

/// Say which chunks to send again, in a line that a person can carry
#[derive(ClapArgs)]
#[command(after_help = "Prints nothing and exits 0 when nothing is missing. Without a trust file only \
    integrity is looked at.\n\nExample:\n  carnet missing /media/disc1 /media/disc2")]
pub(crate) struct Missing {
    /// Files and folders, in any mixture, under any names
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
}

/// Show what a bundle holds, without unpacking it
#[derive(ClapArgs)]
#[command(after_help = "The control chunk (NAME_00000.tar) suffices. -v lists every blob.\n\n\
    Examples:\n  carnet inspect out --pub station.pub.pem\n  carnet inspect out/release42_00000.tar")]
pub(crate) struct Inspect {
    /// Files and folders, in any mixture, under any names
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
}

/// Unpack a verified and released bundle into a layout or an archive
#[derive(ClapArgs)]
#[command(
    group(clap::ArgGroup::new("who").args(["trust", "public"]).required(true)),
    after_help = "DEST is oci:DIR (new, or a layout to add to), oci-archive:FILE or docker-archive:FILE.\n\n\
    Examples:\n  carnet unpack in --trust trust.toml --to oci:images\n  \
    carnet unpack in --pub station.pub.pem --to docker-archive:app.tar && docker load -i app.tar"
)]
pub(crate) struct Unpack {
    /// Files and folders, in any mixture, under any names
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Where to
    #[arg(long, value_name = "DEST", value_parser = place::<DestinationSpec>)]
    pub(crate) to: DestinationSpec,
    /// Which bundle, by name or id, where several arrived
    #[arg(long, value_name = "NAME|ID")]
    pub(crate) bundle: Option<String>,
    /// Let names that the layout already has point at the new artifacts
    #[arg(long)]
    pub(crate) overwrite_tags: bool,
}

/// Push a verified and released bundle into a registry, straight from the chunk files
#[derive(ClapArgs)]
#[command(
    group(clap::ArgGroup::new("who").args(["trust", "public"]).required(true)),
    after_help = "Artifacts keep their repository and tag; the host that they came from is dropped. --rename\n\
    matches the whole name in the bundle (HOST/REPO:TAG, or the digest of an artifact without a\n\
    name); the first rule that matches counts, and its right side is REPO[:TAG] below PREFIX.\n\n\
    No connection is made to any host but the one of --to, those of --allow-host, and a proxy that\n\
    the environment names. Running the same command again after any failure goes on: what is there\n\
    is skipped.\n\n\
    Examples:\n  \
    carnet import in --trust trust.toml --to docker://registry.example/mirror --dry-run\n  \
    carnet import in --trust trust.toml --to docker://registry.example --receipt receipt.json\n  \
    carnet import in --pub p.pem --to docker://registry.example --rename 'low.example/(.*)=team/$1'\n  \
    carnet import in --pub p.pem --to docker://registry.example --backup-tags=-before"
)]
pub(crate) struct Import {
    /// Files and folders, in any mixture, under any names
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Where to: docker://HOST[:PORT][/PREFIX]
    #[arg(long, value_name = "DEST", value_parser = place::<RegistryDestination>)]
    pub(crate) to: RegistryDestination,
    /// Which bundle, by name or id, where several arrived
    #[arg(long, value_name = "NAME|ID")]
    pub(crate) bundle: Option<String>,
    /// Only this artifact, by its name in the bundle or its digest; repeat for more
    #[arg(long, value_name = "REF")]
    pub(crate) artifact: Vec<String>,
    /// Give artifacts other names; repeat for more rules
    #[arg(long, value_name = "REGEX=REPLACEMENT")]
    pub(crate) rename: Vec<RenameRule>,
    /// Let tags that the registry has point at the new artifacts
    #[arg(long)]
    pub(crate) overwrite_tags: bool,
    /// Replace tags that the registry has, and keep the old artifact as TAG followed by SUFFIX
    #[arg(long, value_name = "SUFFIX", allow_hyphen_values = true, value_parser = suffix)]
    pub(crate) backup_tags: Option<String>,
    /// Import the others when an artifact fails, and name it
    #[arg(long)]
    pub(crate) continue_on_errors: bool,
    /// Print what would be pushed, push nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write what was done to FILE (JSON), and to FILE.txt for the transfer log
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) receipt: Option<PathBuf>,
    /// Sign the receipt with this private key: FILE.sig
    #[arg(long, value_name = "FILE", requires = "receipt")]
    pub(crate) key: Option<PathBuf>,
    /// The passphrase of the key is the first line of FILE
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Follow redirects, uploads and token services to this other host; repeat for more
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<Host>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Print coreutils sums of the chunk files, for guards and transfer forms
#[derive(ClapArgs)]
#[command(
    after_help = "Examples:\n  carnet sums out --sha256 > sums.txt && (cd out && sha256sum -c ../sums.txt)\n  \
    carnet sums out --sha256 --md5 --json"
)]
pub(crate) struct Sums {
    /// Files and folders, in any mixture
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// SHA-256, as sha256sum prints it (the default)
    #[arg(long)]
    pub(crate) sha256: bool,
    /// MD5, as md5sum prints it
    #[arg(long)]
    pub(crate) md5: bool,
}

/// Print a completion script for a shell
#[derive(ClapArgs)]
#[command(after_help = "Example:\n  carnet completions bash > /etc/bash_completion.d/carnet")]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page, or write one page a command into a folder
#[derive(ClapArgs)]
#[command(after_help = "Examples:\n  carnet man | man -l -\n  carnet man --to /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Write carnet.1 and a page for every command into DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}

/// Print the version; with -v, also which instructions hash on this machine
#[derive(ClapArgs)]
#[command(
    after_help = "CARNET_HASH=portable, avx2, avx512 or sha-ni forces a kernel, for tests and support.\n\n\
    Example:\n  carnet version -v"
)]
pub(crate) struct Version {}

/// Write the JSON schemas of all outputs into a folder
#[derive(ClapArgs)]
pub(crate) struct Schemas {
    pub(crate) to: PathBuf,
}

/// What can stand behind any tag.
fn suffix(text: &str) -> Result<String, String> {
    match format!("x{text}").parse::<Tag>() {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("expected letters, digits, _ . and -, as -before".to_owned()),
    }
}

/// A source or destination; what is wrong with it, and how it is written.
fn place<T: FromStr<Err = SpecError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: SpecError| format!("{error}; {}", super::advice::hint(&error.diagnosis())))
}

fn carriage(text: &str) -> Result<Carriage, String> {
    text.parse()
}

fn expiry(text: &str) -> Result<Expiry, String> {
    let refused = || "expected 90d, 12h, 2027-02-20 or 2027-02-20T00:00:00Z".to_owned();
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
        .ok_or_else(refused)?;
    let number: u64 = digits.parse().map_err(|_| refused())?;
    match number.checked_mul(unit) {
        Some(seconds) if number > 0 => Ok(Expiry::After { seconds }),
        _ => Err(refused()),
    }
}
