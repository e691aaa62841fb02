//! The options of every command that talks to a registry.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use carnet::http::{self, Proxy};
use carnet::registry::{Host, Reach, Settings};
use clap::Args as ClapArgs;

use super::world::{credential_files, system_roots};

#[derive(ClapArgs, Clone)]
#[command(next_help_heading = "Options for registries")]
pub(crate) struct Connection {
    /// Credentials of docker or podman [default: those of podman, then docker]
    #[arg(long, value_name = "FILE")]
    pub(crate) authfile: Option<PathBuf>,
    /// Use plain HTTP for this registry, as for those on loopback; repeat for more
    #[arg(long, value_name = "HOST")]
    pub(crate) plain_http: Vec<Host>,
    /// Use HTTPS for this registry although it is on loopback; repeat for more
    #[arg(long, value_name = "HOST")]
    pub(crate) tls: Vec<Host>,
    /// Trust the certificate authorities in FILE (PEM) beside the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Our certificate (PEM), for registries that ask for one
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub(crate) client_cert: Option<PathBuf>,
    /// The key of --client-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,
    /// Move at most this much per second over all connections, as 10MiB or 500KB
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) limit_rate: Option<u64>,
    /// Seconds without data after which a connection counts as broken
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// Retries after 429, 5xx or a broken connection
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) retries: u32,
    /// Maximum concurrent transfers
    #[arg(long, value_name = "N", default_value = "6")]
    pub(crate) connections: NonZeroUsize,
}

impl Connection {
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
            connections: self.connections,
            stop,
        };
        let (plain_http, tls) = (self.plain_http.clone(), self.tls.clone());
        Settings { credential_files, plain_http, tls, reach, http }
    }
}

/// Bytes per second: a number, alone or with KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024).
fn rate(text: &str) -> Result<u64, String> {
    let refused = || "expected a number of bytes per second, as 500KB or 10MiB".to_owned();
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
    let number: u64 = digits.parse().map_err(|_| refused())?;
    number.checked_mul(unit).filter(|&rate| rate > 0).ok_or_else(refused)
}
