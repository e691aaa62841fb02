//! `carnet receive`: waits for bundles in a place, and runs the next step for each that is complete. `step` is that
//! step, `receiving` what is done with the files and bundles that are there, `denied` what a policy denied, `outcome` what became of a
//! bundle.

mod denied;
mod outcome;
mod receiving;
mod step;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use carnet::diagnosis::Code;
use carnet::environment::Environment;
use carnet::format::chunk_size::byte_count;
use carnet::medium::ChunkPlace;
use carnet::registry::Host;
use carnet::station::{Inbox, Level, Log as _, Looks, Mending, Reception, seconds};
use clap::Args;

use super::import::PushArgs;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::connection::Connection;
use crate::exit;
use crate::gate::GateArgs;
use crate::log_lines::LogLines;
use crate::memory::MemoryArgs;
use crate::notify;
use crate::stores::{StoreAccess, Stores};
use crate::trust::TrustArgs;
use crate::world::spool_folder;
use denied::Denied;
use receiving::Receiving;
use step::Step;

/// How often a waiting process looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// How often `--once` looks again at most.
const LOOKS_MAX: usize = 1000;

/// The longest wait before the files of a complete bundle are looked at once more.
const SETTLE: Duration = Duration::from_secs(2);

/// Wait for bundles, and verify, unpack or import each one that is complete and released
#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("trusted").args(["trust", "public"]).required(true)),
    after_help = "Chunks may arrive in any order, under any names, half written, twice, and from several bundles.\n\
    docs/receive.md says what happens to each file. Stop it with SIGTERM or Ctrl-C.\n\n\
    Exit codes with --once: 0 all is done, 3 something is not trusted, 4 something is incomplete\n\
    or damaged, 5 a policy denies something, else that of the step that failed.\n\n\
    Examples:\n  carnet receive in --pub station.pub.pem --then unpack oci:images --state state\n  \
    carnet receive in --trust trust.toml --once --to arrived\n  \
    carnet receive in --trust trust.toml --then import docker://high.example/mirror --delete-source"
)]
pub(crate) struct Receive {
    /// The folder, or the place in an object store, in which chunk files arrive
    #[arg(value_name = "PLACE", value_parser = chunk_place())]
    place: ChunkPlace,
    #[command(flatten)]
    trust: TrustArgs,
    /// Copy the chunk files of each complete bundle into DIR/NAME-ID, and work on the copies
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// What to do with a bundle: verify, unpack DEST, or import DEST [default: verify]
    #[arg(long, value_names = ["VERB", "DEST"], num_args = 1..=2)]
    then: Vec<OsString>,
    /// Handle what is complete now, and exit
    #[arg(long)]
    once: bool,
    /// Time between two looks: 5s, 1m, 1h or 1d
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    poll: u64,
    /// Pass over files that were last modified longer ago
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_age: Option<u64>,
    /// Take up at most this many files at a time
    #[arg(long, value_name = "N")]
    max_files: Option<u64>,
    /// Take up files of at most this total size at a time, e.g. 500GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_bytes: Option<u64>,
    /// Tell once which chunks to send again if nothing of an unfinished bundle arrived for this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    remind_after: Option<u64>,
    /// Move files that are not trusted into DIR [default: .quarantine beside them]
    #[arg(long, value_name = "DIR")]
    quarantine: Option<PathBuf>,
    /// Remove the chunk files of a bundle after the step succeeded
    #[arg(long)]
    delete_source: bool,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Write a receipt of each import into DIR
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    #[command(flatten)]
    push: PushArgs,
    /// Allow redirects, upload locations and token services on this other host; repeatable
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<Host>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    access: StoreAccess,
}

/// A duration such as 5s.
fn duration(text: &str) -> Result<u64, String> {
    seconds(text).ok_or_else(|| "expected a duration such as 30s, 5m, 1h or 60d".to_owned())
}

/// A size such as 500GB.
fn size(text: &str) -> Result<u64, String> {
    byte_count(text).ok_or_else(|| "expected a size such as 500GB or 64MiB".to_owned())
}

impl Command for Receive {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let recall = self.memory.recall(true)?;
        let clock = recall.clock(context.environment.clock);
        let Environment { monitor, workers, .. } = context.environment;
        let environment = Environment { clock: &clock, monitor, workers };
        let context = &Context { screen: context.screen, environment, jobs: context.jobs };
        let environment = &context.environment;
        let step = Step::parse(&self.then)?;
        let policy = self.trust.policy()?;
        let policy = policy.ok_or_else(|| CommandError::new(Code::PolicyKeyCount, "no trust policy"))?;
        for folder in [&self.to, &self.quarantine].into_iter().flatten() {
            if matches!(&self.place, ChunkPlace::Path(place) if folder.starts_with(place)) {
                let message = "files in it would be received again: choose a folder outside of PLACE";
                return Err(CommandError::new(Code::BadPlace, message));
            }
        }
        let network = &self.connection.network;
        let stores = Stores { network, access: &self.access, writing: None, environment };
        let store = stores.store(&self.place)?;
        let words: Vec<_> = self.then.iter().map(|word| word.to_string_lossy()).collect();
        let done = if words.is_empty() { "verify".to_owned() } else { words.join(" ") };
        let copied = self.to.as_ref().map_or(String::new(), |to| format!("copy to {}, ", to.display()));
        let recovered = match &self.memory.state {
            Some(state) => state.join("recovered"),
            None => spool_folder(),
        };
        let mut receiving = Receiving {
            options: &self,
            step,
            policy,
            looks: if self.once { Looks::Once } else { Looks::Repeated },
            context,
            log: LogLines::new(context.screen.json, context.screen.quiet),
            inbox: Inbox::default(),
            reception: Reception::open(self.memory.state.as_deref(), format!("{copied}{done}"))?,
            recall: &recall,
            denied: Denied::default(),
            mending: Mending::new(recovered),
            lacking: std::collections::HashMap::new(),
            again: false,
            told: std::collections::HashMap::new(),
            settles: false,
            ends: exit::DONE,
        };
        if self.once {
            receiving.look(store.files()?);
            // Damage may be found, then recovered, then the bundle is complete; and it may be what another one waits for.
            for _ in 0..LOOKS_MAX {
                if !receiving.again {
                    break;
                }
                receiving.look(store.files()?);
            }
            return Ok(receiving.end());
        }
        notify::send("READY=1");
        let mut away = None;
        while !environment.workers.interrupted() {
            // A place that is away for a while must not end the waiting.
            match receiving.look_again(store.as_ref()) {
                Ok(()) => away = None,
                Err(error) if away.as_ref() != Some(&error.message) => {
                    receiving.log.line(Level::Error, "receive", None, &error.message);
                    away = Some(error.message);
                }
                Err(_) => {}
            }
            let mut rest = Duration::from_secs(self.poll);
            if receiving.settles {
                rest = rest.min(SETTLE);
            }
            while !rest.is_zero() && !environment.workers.interrupted() {
                let wait = rest.min(STOP_CHECK);
                std::thread::sleep(wait);
                rest -= wait;
            }
        }
        notify::send("STOPPING=1");
        Ok(if receiving.ends == exit::INTERRUPTED { exit::INTERRUPTED } else { exit::DONE })
    }
}
