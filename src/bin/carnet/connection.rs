//! The options of the commands that connect to registries.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use carnet::http::{self, Proxy};
use carnet::registry::{Host, Reach, Settings};
use carnet::stream::workers::transfers_max;
use clap::Args as ClapArgs;

use super::args::up_to;
use super::world::{credential_files, system_roots};

/// The options of the commands that connect to registries.
#[derive(ClapArgs, Clone)]
#[command(next_help_heading = "Options for registries")]
pub(crate) struct Connection {
    /// Read credentials from this podman or docker file [default: podman's files, then docker's]
    #[arg(long, value_name = "FILE")]
    pub(crate) authfile: Option<PathBuf>,
    /// Use plain HTTP for this registry, as for registries on loopback; repeatable
    #[arg(long, value_name = "HOST")]
    pub(crate) plain_http: Vec<Host>,
    /// Use HTTPS for this registry even if it is on loopback; repeatable
    #[arg(long, value_name = "HOST")]
    pub(crate) tls: Vec<Host>,
    /// Trust the certificates in FILE (PEM), of authorities or of the registry, in addition to the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The client certificate (PEM), for registries that require one
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub(crate) client_cert: Option<PathBuf>,
    /// The private key of --client-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,
    /// Transfer at most this much per second over all connections, e.g. 10MiB or 500KB
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) limit_rate: Option<u64>,
    /// Treat a connection as broken if it stalls for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// How often to retry after a status of 408, 429 or 5xx, or a broken connection
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) retries: u32,
    /// Maximum concurrent transfers, at most 256
    #[arg(long, value_name = "N", default_value = "6", value_parser = up_to::<256>)]
    connections: NonZeroUsize,
}

impl Connection {
    /// The maximum number of concurrent transfers, as far as the limit of open files allows.
    pub(crate) fn transfers(&self) -> NonZeroUsize {
        self.connections.min(transfers_max())
    }

    /// The registry settings that follow from the options.
    pub(crate) fn settings(&self, reach: Reach, proxy: Option<Proxy>, stop: Arc<AtomicBool>) -> Settings {
        let credential_files = match &self.authfile {
            Some(path) => vec![path.clone()],
            None => credential_files(),
        };
        let http = http::Settings {
            system_roots,
            ca: self.ca.clone(),
            client: self.client_cert.clone().zip(self.client_key.clone()),
            proxy,
            rate: self.limit_rate,
            stall: Duration::from_secs(self.timeout),
            retries: self.retries,
            connections: self.transfers(),
            stop,
        };
        let (plain_http, tls) = (self.plain_http.clone(), self.tls.clone());
        Settings { credential_files, plain_http, tls, reach, http }
    }
}

/// Parses bytes per second: a number, alone or with KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024).
fn rate(text: &str) -> Result<u64, String> {
    let invalid = || "expected bytes per second, e.g. 500KB or 10MiB".to_owned();
    let units = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let unit = units.iter().find_map(|(word, unit)| Some((text.strip_suffix(word)?, *unit)));
    let (digits, unit) = unit.unwrap_or((text, 1));
    let number: u64 = digits.parse().map_err(|_| invalid())?;
    number.checked_mul(unit).filter(|&rate| rate > 0).ok_or_else(invalid)
}
