//! The command line as a whole, and the options of every command. Each command has its own arguments.

use std::num::NonZeroUsize;
use std::str::FromStr;

use carnet::artifacts::SpecError;
use carnet::diagnosis::Diagnose as _;
use clap::Parser;

use super::advice;
use super::commands::AnyCommand;

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
    pub(crate) command: AnyCommand,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// The options of every command.
#[derive(clap::Args, Clone, Copy)]
#[command(next_help_heading = "Options of every command")]
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
    /// Worker threads [default: one a processor]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// A source or destination; what is wrong with it, and how it is written.
pub(crate) fn place<T: FromStr<Err = SpecError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: SpecError| format!("{error}; {}", advice::hint(&error.diagnosis())))
}
