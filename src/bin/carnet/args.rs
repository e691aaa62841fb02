//! The top-level command line, and the options that every command has. Arguments of a single command are in its file.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::str::FromStr;

use carnet::artifacts::SpecError;
use carnet::diagnosis::Diagnose as _;
use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::advice;
use super::commands::{ABOUT, AnyCommand, EXAMPLES};

/// The command line.
#[derive(Parser)]
#[command(
    name = "carnet",
    version,
    about = ABOUT,
    max_term_width = 100,
    after_help = EXAMPLES
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

/// What is wrong, and the expected syntax.
pub(crate) fn with_hint(error: &SpecError) -> String {
    format!("{error}; {}", advice::hint(&error.diagnosis()))
}
