//! The options of the commands that connect to registries or object stores.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use carnet::format::chunk_size::byte_count;
use carnet::http::{Proxy, Settings};
use carnet::stream::workers::transfers_max;
use clap::Args as ClapArgs;

use super::args::up_to;
use super::world::system_roots;

/// The options for connections of every kind.
#[derive(ClapArgs, Clone)]
#[command(next_help_heading = "Options for connections")]
pub(crate) struct Network {
    /// Trust the certificates in FILE (PEM), of authorities or of the server, in addition to the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The client certificate (PEM), for servers that require one
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The private key of --client-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// Transfer at most this much per second over all connections, e.g. 10MiB or 500KB
    #[arg(long, value_name = "RATE", value_parser = rate)]
    limit_rate: Option<u64>,
    /// Treat a connection as broken if it stalls for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// How often to retry after a status of 408, 429 or 5xx, or a broken connection
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(..=100))]
    retries: u32,
    /// Maximum concurrent transfers, at most 256
    #[arg(long, value_name = "N", default_value = "6", value_parser = up_to::<256>)]
    connections: NonZeroUsize,
}

impl Network {
    /// The maximum number of concurrent transfers, as far as the limit of open files allows.
    pub(crate) fn transfers(&self) -> NonZeroUsize {
        self.connections.min(transfers_max())
    }

    /// The settings that follow from the options.
    pub(crate) fn settings(&self, proxy: Option<Proxy>, stop: Arc<AtomicBool>) -> Settings {
        Settings {
            system_roots,
            ca: self.ca.clone(),
            client: self.client_cert.clone().zip(self.client_key.clone()),
            proxy,
            rate: self.limit_rate,
            stall: Duration::from_secs(self.timeout),
            retries: self.retries,
            connections: self.transfers(),
            stop,
        }
    }
}

/// Parses bytes per second: a number, alone or with KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024).
fn rate(text: &str) -> Result<u64, String> {
    let rate = byte_count(text).filter(|&rate| rate > 0);
    rate.ok_or_else(|| "expected bytes per second, e.g. 500KB or 10MiB".to_owned())
}
