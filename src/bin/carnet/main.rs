//! The command line of carnet: arguments, output, exit code. Everything else is in the library.

mod advice;
mod args;
mod audit_exit;
mod bundle;
mod byte_count;
mod chunk_place;
mod command;
mod command_error;
mod commands;
mod connection;
mod content_args;
mod exit;
mod fields;
mod gate;
mod guard_profile;
mod keys;
mod log_lines;
mod memory;
mod network;
mod notify;
mod outputs;
mod piece_args;
mod piece_results;
mod plain;
mod progress;
mod progress_bar;
mod qr;
mod recovery;
mod render;
mod report_file;
mod request_codes;
mod request_text;
mod rule_args;
mod screen;
mod shell_word;
mod signature_keys;
mod sources;
mod state_args;
mod station_args;
mod status;
mod stores;
mod subject;
mod sum_option;
mod table;
mod tables;
mod terminal;
mod token_pin;
mod transfer_record;
mod transfer_text;
mod trust;
mod work_folder;
mod world;

use carnet::environment::Environment;
use carnet::observe::{Monitor, Run, RunId};
use carnet::stream::workers::Workers;
use clap::Parser as _;

use args::Args;
use command::Context;
use command_error::CommandError;
use progress::Progress;
use screen::Screen;
use world::SystemClock;

fn main() -> std::process::ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // clap reports help and version as errors too, and prints each to the right stream.
            let _ = error.print();
            return if error.use_stderr() { exit::USAGE.into() } else { exit::DONE.into() };
        }
    };
    let screen = Screen::new(&args.options);
    let code = match run(args, &screen) {
        Ok(exit::DONE) if screen.output_lost() => exit::FAILED,
        Ok(code) => code,
        Err(error) => {
            error.show(&screen);
            exit::code(error.diagnosis.code.failure())
        }
    };
    code.into()
}

/// Sets up signals, workers and progress, and runs the command.
fn run(args: Args, screen: &Screen) -> Result<u8, CommandError> {
    world::force_kernel()?;
    let stop = world::stop_on_signals().map_err(CommandError::system)?;
    let workers = Workers::new(args.options.jobs, stop).map_err(CommandError::system)?;
    let observer = Progress::new(screen);
    let monitor = match args.command.verb() {
        Some(verb) => Monitor::new(&observer, Run { id: RunId(0), verb }),
        None => Monitor::silent(),
    };
    let environment = Environment { clock: &SystemClock, monitor, workers: &workers };
    args.command.run(&Context { screen, environment, jobs: args.options.jobs })
}
