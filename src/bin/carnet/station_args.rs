//! The station file, and everything that its pipelines need.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use carnet::clock::Clock;
use carnet::environment::Environment;
use carnet::registry::{self, Reach};
use carnet::runs::Ledger;
use carnet::station::{Equipment, Station};
use carnet::storage;
use carnet::trust::Signer;
use clap::Args as ClapArgs;

use super::command::Context;
use super::command_error::CommandError;
use super::keys;
use super::memory::ClockArgs;
use super::network::Network;
use super::world::{SystemClock, credential_files, host_name, proxy, spool_folder, store_variables};

/// The options of the commands that use a station file.
#[derive(ClapArgs, Clone)]
pub(crate) struct StationArgs {
    /// The station file
    #[arg(long, value_name = "FILE", default_value = "/etc/carnet/station.toml")]
    station: PathBuf,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    network: Network,
}

/// A station that was loaded.
pub(crate) struct Loaded {
    pub(crate) station: Station,
    pub(crate) equipment: Equipment,
}

impl StationArgs {
    /// Reads the station file. Keys are loaded later.
    pub(crate) fn load(&self, environment: &Environment<'_>) -> Result<Loaded, CommandError> {
        let station = Station::load(&self.station)?;
        let stop = environment.workers.stop();
        let mut http = self.network.settings(proxy()?, stop);
        if http.ca.is_none() {
            http.ca.clone_from(&station.ca);
        }
        let credential_files = match &station.authfile {
            Some(path) => vec![path.clone()],
            None => credential_files(),
        };
        let clock = self.clock.clock().map_or_else(|| Arc::new(SystemClock) as Arc<dyn Clock>, Arc::from);
        let equipment = Equipment {
            registry: registry::Settings {
                credential_files,
                plain_http: station.plain_http.clone(),
                tls: Vec::new(),
                reach: Reach::Anywhere,
                http: http.clone(),
            },
            storage: storage::Settings {
                variables: store_variables(),
                secret_command: None,
                clock: Arc::clone(&clock),
                encryption: None,
                http,
            },
            allow_hosts: station.allow_hosts.clone(),
            spool: station.spool.clone().unwrap_or_else(spool_folder),
            host: host_name(),
            connections: self.network.transfers(),
            alive: Arc::default(),
            clock,
        };
        Ok(Loaded { station, equipment })
    }
}

impl Loaded {
    /// Opens the records for writing.
    pub(crate) fn ledger(&self, context: &Context<'_>) -> Result<Ledger, CommandError> {
        let key = keys::load(&self.station.key, context)?;
        Ok(Ledger::open(&self.station.state, key, Arc::clone(&self.equipment.clock))?)
    }

    /// Loads the keys of the export pipelines, by the name of the pipeline.
    pub(crate) fn signers(
        &self,
        context: &Context<'_>,
    ) -> Result<HashMap<String, Arc<dyn Signer>>, CommandError> {
        let mut signers: HashMap<String, Arc<dyn Signer>> = HashMap::new();
        for pipeline in &self.station.exports {
            signers.insert(pipeline.name.clone(), keys::load(&pipeline.key, context)?);
        }
        Ok(signers)
    }
}
