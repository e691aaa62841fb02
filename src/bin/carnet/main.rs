//! The command line of carnet: arguments, screen, exit code. Everything else is in the library.

mod advice;
mod args;
mod connection;
mod exit;
mod explain;
mod progress;
mod render;
mod run;
mod schema;
mod world;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; clap knows which stream each belongs to.
            let _ = error.print();
            return if error.use_stderr() { exit::USAGE.into() } else { exit::DONE.into() };
        }
    };
    run::run(args).into()
}
