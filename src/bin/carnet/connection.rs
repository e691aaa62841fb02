//! The options of the commands that connect to registries.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use carnet::artifacts::{RegistrySources, SourceSpec};
use carnet::http::Proxy;
use carnet::registry::{Host, Reach, Registries, Settings};
use clap::Args as ClapArgs;

use super::command_error::CommandError;
use super::network::Network;
use super::world::{credential_files, proxy};

/// The options of the commands that connect to registries.
#[derive(ClapArgs, Clone)]
#[command(next_help_heading = "Options for registries")]
pub(crate) struct Connection {
    /// Read credentials from this podman or docker file [default: podman's files, then docker's]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
    /// Use plain HTTP for this registry, as for registries on loopback; repeatable
    #[arg(long, value_name = "HOST")]
    plain_http: Vec<Host>,
    /// Use HTTPS for this registry even if it is on loopback; repeatable
    #[arg(long, value_name = "HOST")]
    tls: Vec<Host>,
    #[command(flatten)]
    pub(crate) network: Network,
}

impl Connection {
    /// The registry settings that follow from the options.
    pub(crate) fn settings(&self, reach: Reach, proxy: Option<Proxy>, stop: Arc<AtomicBool>) -> Settings {
        let credential_files = match &self.authfile {
            Some(path) => vec![path.clone()],
            None => credential_files(),
        };
        let http = self.network.settings(proxy, stop);
        let (plain_http, tls) = (self.plain_http.clone(), self.tls.clone());
        Settings { credential_files, plain_http, tls, reach, http }
    }

    /// The registries of these sources. URLs of layers may be on the `private` hosts even if their addresses are private. Nothing
    /// is requested yet.
    pub(crate) fn registries(
        &self,
        specs: &[SourceSpec],
        private: &[Host],
        stop: Arc<AtomicBool>,
    ) -> Result<RegistrySources, CommandError> {
        let proxy = if specs.iter().any(SourceSpec::is_remote) { proxy()? } else { None };
        let settings = self.settings(Reach::Anywhere, proxy, stop);
        Ok(RegistrySources::new(Registries::new(settings), private.to_vec()))
    }
}
