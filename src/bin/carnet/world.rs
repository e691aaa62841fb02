//! Access to the clock, the environment variables and signals. Nothing else in carnet reads them.

#[cfg(feature = "full")]
mod services;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use carnet::clock::Clock;
use carnet::diagnosis::Code;
use carnet::format::Timestamp;
use carnet::stream::hash::Kernel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use super::command_error::CommandError;

#[cfg(feature = "full")]
pub(crate) use services::{
    agent_socket, credential_files, host_name, is_journal, is_own, notify_socket, pkcs11_module, proxy,
    sealing_time, spool_folder, state_folder, store_variables, system_roots, token_pin, watchdog,
};

/// The system clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_seconds(since.as_secs())
            .unwrap_or_else(|| Timestamp::from_seconds(0).expect("second 0 is a valid timestamp"))
    }
}

/// Uses the hash kernel that `CARNET_HASH` names, if it is set, for tests and support. The choice applies to the
/// whole process, because the library looks up the kernel wherever it hashes.
///
/// # Errors
/// If `CARNET_HASH` names no kernel, or one that this CPU does not support.
pub(crate) fn force_kernel() -> Result<(), CommandError> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let Ok(text) = std::env::var("CARNET_HASH") else { return Ok(()) };
    let invalid = |message: String| CommandError::new(Code::HashKernel, message);
    let kernel = text.parse::<Kernel>();
    let kernel = kernel.map_err(|error| invalid(format!("CARNET_HASH is {text:?}: {error}")))?;
    kernel.force().map_err(|error| invalid(format!("CARNET_HASH is {text}: {error}")))
}

/// Returns a flag that the first SIGINT, SIGTERM or SIGHUP sets. The second signal ends the process at once. The caller
/// passes the flag to the workers of every run that the signal must stop.
///
/// Under nohup(1), SIGHUP stays ignored. With SIGXFSZ, a file that grows beyond the limit becomes an error instead of a
/// killed process.
pub(crate) fn stop_on_signals() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if signal == SIGHUP && is_ignored(signal) {
            continue;
        }
        signal_hook::flag::register_conditional_shutdown(
            signal,
            super::exit::INTERRUPTED.into(),
            Arc::clone(&stop),
        )?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Whether the parent process made this one ignore a signal (proc_pid_status(5), `SigIgn`).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
