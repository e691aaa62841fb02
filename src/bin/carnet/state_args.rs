//! The option for the state folder of a station, which `runs` and `stream` share.

use std::path::PathBuf;

use clap::Args;

use super::world::state_folder;

/// The option for the state folder.
#[derive(Args, Clone)]
pub(crate) struct StateArgs {
    /// The state folder
    ///
    /// By default it is the one in the variable CARNET_STATE, or else /var/lib/carnet.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl StateArgs {
    /// Returns the state folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(state_folder)
    }
}
