//! `carnet station run`: runs all pipelines until it is stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carnet::station::{Board, Serving, serve};
use clap::Args;

use super::no_such_pipeline;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::log_lines::LogLines;
use crate::notify;
use crate::station_args::StationArgs;
use crate::status::{Listen, Status};

/// Run the pipelines until stopped: export by schedule, import what arrives
#[derive(Args)]
#[command(
    after_help = "Stop it with SIGTERM or Ctrl-C: runs under way end cleanly and are done again at the next start.\n\n\
    Example:\n  carnet station run --station /etc/carnet/station.toml"
)]
pub(super) struct RunStation {
    /// The pipelines to run [default: all that have a schedule or a trigger]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Show a status page, /metrics and /healthz at this address: 127.0.0.1:PORT, [::1]:PORT or unix:PATH. Read-only
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Listen>,
    /// Write the metrics to FILE every 15 seconds, for the textfile collector of Prometheus
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
    #[command(flatten)]
    args: StationArgs,
}

impl RunStation {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let screen = context.screen;
        let loaded = self.args.load(&context.environment)?;
        for name in &self.names {
            if loaded.station.export_pipeline(name).is_none()
                && loaded.station.import_pipeline(name).is_none()
            {
                return Err(no_such_pipeline(name));
            }
        }
        let (ledger, signers) = (loaded.ledger(context)?, loaded.signers(context)?);
        let (log, board) = (LogLines::new(screen.json, screen.quiet), Board::default());
        let serving = Serving {
            station: &loaded.station,
            equipment: &loaded.equipment,
            ledger: &ledger,
            signers: &signers,
            jobs: context.jobs,
            stop: context.environment.workers.stop(),
            log: &log,
            board: &board,
        };
        // The page shows what the pipelines do until the last one has ended.
        let ended = Arc::new(AtomicBool::new(false));
        let status = Status {
            board: &board,
            state: &loaded.station.state,
            alive: &loaded.equipment.alive,
            stop: Arc::clone(&ended),
        };
        let listener = self.listen.as_ref().map(Listen::bind).transpose()?;
        std::thread::scope(|scope| {
            if let Some(listener) = &listener {
                scope.spawn(|| status.serve(listener));
            }
            if let Some(path) = &self.metrics_file {
                scope.spawn(|| status.write_metrics(path, &log));
            }
            scope.spawn(|| status.keep_watchdog(&log));
            notify::send("READY=1");
            let served = serve(&serving, &self.names);
            ended.store(true, Ordering::Relaxed);
            notify::send("STOPPING=1");
            served
        })?;
        Ok(exit::DONE)
    }
}
