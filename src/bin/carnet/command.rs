//! The trait that every command implements. Each command has a file or folder in `commands/`.

use std::num::NonZeroUsize;

use carnet::environment::Environment;
use carnet::observe::Verb;

use super::command_error::CommandError;
use super::screen::Screen;

/// A command. The implementing type holds the arguments as clap parses them.
pub(crate) trait Command: clap::Args {
    /// The library verb that the command runs. Commands with a verb show progress.
    const VERB: Option<Verb> = None;

    /// Runs the command and shows its report. Returns the exit code.
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError>;

    /// The name and schema of each JSON document that the command prints or writes.
    #[cfg(feature = "schemas")]
    fn schemas() -> Vec<(&'static str, schemars::Schema)> {
        Vec::new()
    }
}

/// What a command needs besides its arguments.
pub(crate) struct Context<'a> {
    /// The output for its report.
    pub(crate) screen: &'a Screen,
    /// The clock, observer and workers for the library.
    pub(crate) environment: Environment<'a>,
    /// The number of worker threads that was asked for.
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// Implements [`Command::schemas`] for a command that every program has.
macro_rules! documents {
    ($($name:literal: $Report:ty),*) => {
        #[cfg(feature = "schemas")]
        fn schemas() -> Vec<(&'static str, schemars::Schema)> {
            vec![$(($name, schemars::schema_for!($Report))),*]
        }
    };
}

pub(crate) use documents;
