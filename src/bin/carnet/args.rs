//! The top-level command line, and the options that every command has. Arguments of a single command are in its file.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::str::FromStr;

use carnet::artifacts::{SourceSpec, SpecError};
use carnet::diagnosis::Diagnose as _;
use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::advice;
use super::commands::AnyCommand;

/// Carries container images and other OCI artifacts across a boundary without a network path
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
        Exit codes: 0 success, 1 failure, 2 usage error, 3 not trusted, 4 damaged or incomplete,\n\
        5 denied by a policy, 130 interrupted."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: AnyCommand,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// The options that every command has.
#[derive(clap::Args, Clone, Copy)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Options {
    /// Print one JSON document to stdout, and progress as JSON lines to stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print more: every blob, every chunk
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Number of worker threads, at most 1024 [default: one per CPU]
    #[arg(long, global = true, value_name = "N", value_parser = up_to::<1024>)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// Parses a number from 1 to `MAX`.
pub(crate) fn up_to<const MAX: usize>(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= MAX);
    number.ok_or_else(|| format!("expected a whole number from 1 to {MAX}"))
}

/// Parses a registry destination. The error says what is wrong and shows the expected syntax.
pub(crate) fn parse_spec<T: FromStr<Err = SpecError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| with_hint(&error))
}

/// A parser for sources and destinations. The paths in them need not be UTF-8. Its errors are those of [`parse_spec`].
pub(crate) fn place<T>() -> impl TypedValueParser<Value = T>
where
    T: for<'a> TryFrom<&'a OsStr, Error = SpecError> + Clone + Send + Sync + 'static,
{
    OsStringValueParser::new().try_map(|text| T::try_from(&text).map_err(|error| with_hint(&error)))
}

/// Parses a source. The error says what is wrong and shows the expected syntax.
pub(crate) fn parse_source(text: &OsStr) -> Result<SourceSpec, String> {
    SourceSpec::try_from(text).map_err(|error| with_hint(&error))
}

fn with_hint(error: &SpecError) -> String {
    format!("{error}; {}", advice::hint(&error.diagnosis()))
}
