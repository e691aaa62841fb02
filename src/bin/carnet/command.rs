//! What a command is. Each has a file in `commands/`.

use carnet::environment::Environment;
use carnet::observe::Verb;
use schemars::Schema;

use super::screen::Screen;
use super::trouble::Trouble;

/// A command. The type that implements it holds the arguments, as clap reads them.
pub(crate) trait Command: clap::Args {
    /// The verb of the library that it runs. Progress is shown for those that have one.
    const VERB: Option<Verb> = None;

    /// Runs it and shows its report. Returns the exit code.
    fn run(self, context: &Context<'_>) -> Result<u8, Trouble>;

    /// The JSON documents that it prints or writes: the name and the schema of each.
    fn schemas() -> Vec<(&'static str, Schema)> {
        Vec::new()
    }
}

/// What a command needs beside its arguments.
pub(crate) struct Context<'a> {
    /// Where its report goes.
    pub(crate) screen: &'a Screen,
    /// Clock, observer and workers, for the library.
    pub(crate) environment: Environment<'a>,
}
