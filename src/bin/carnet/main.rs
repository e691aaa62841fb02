//! The command line of carnet: arguments, output, exit code. Everything else is in the library.
//!
//! Without the feature `full` it has a few commands, and the files in `absent` stand for what these could do with the rest.

// What the few commands share with the others has parts that only those use. The linker leaves them out.
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports))]

mod advice;
mod args;
#[cfg(feature = "full")]
mod audit_exit;
mod bundle;
mod byte_count;
#[cfg_attr(not(feature = "full"), path = "absent/chunk_place.rs")]
mod chunk_place;
mod command;
mod command_error;
#[cfg_attr(not(feature = "full"), path = "absent/command_names.rs")]
mod command_names;
mod commands;
#[cfg(feature = "full")]
mod connection;
#[cfg(feature = "full")]
mod content_args;
mod destination;
mod exit;
#[cfg(feature = "full")]
mod fields;
#[cfg(feature = "full")]
mod gate;
#[cfg(feature = "full")]
mod guard_profile;
#[cfg_attr(not(feature = "full"), path = "absent/judgement.rs")]
mod judgement;
#[cfg(feature = "full")]
mod keys;
#[cfg(feature = "full")]
mod log_lines;
mod memory;
#[cfg(feature = "full")]
mod network;
#[cfg(feature = "full")]
mod notify;
#[cfg(feature = "full")]
mod outputs;
#[cfg(feature = "full")]
mod piece_args;
#[cfg_attr(not(feature = "full"), path = "absent/piece_results.rs")]
mod piece_results;
mod plain;
mod progress;
#[cfg_attr(not(feature = "full"), path = "absent/progress_bar.rs")]
mod progress_bar;
#[cfg(feature = "full")]
mod qr;
#[cfg_attr(not(feature = "full"), path = "absent/recovery.rs")]
mod recovery;
#[cfg(feature = "full")]
mod render;
mod report_file;
#[cfg_attr(not(feature = "full"), path = "absent/request_codes.rs")]
mod request_codes;
#[cfg(feature = "full")]
mod request_text;
#[cfg(feature = "full")]
mod rule_args;
mod screen;
mod shell_word;
#[cfg(feature = "full")]
mod signature_keys;
#[cfg(feature = "full")]
mod sources;
#[cfg(feature = "full")]
mod state_args;
#[cfg(feature = "full")]
mod station_args;
#[cfg(feature = "full")]
mod status;
#[cfg_attr(not(feature = "full"), path = "absent/stores.rs")]
mod stores;
#[cfg(feature = "full")]
mod subject;
#[cfg(feature = "full")]
mod sum_option;
mod table;
mod tables;
#[cfg(feature = "full")]
mod terminal;
#[cfg(feature = "full")]
mod token_pin;
#[cfg(feature = "full")]
mod transfer_record;
#[cfg(feature = "full")]
mod transfer_text;
mod trust;
#[cfg_attr(not(feature = "full"), path = "absent/width.rs")]
mod width;
#[cfg(feature = "full")]
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
