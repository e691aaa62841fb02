//! What only the binary may ask: the time, the environment, signals.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use carnet::clock::Clock;
use carnet::diagnosis::Code;
use carnet::format::Timestamp;
use carnet::http::{Proxy, ProxyError};
use carnet::stream::hash::Kernel;

use super::trouble::Trouble;

/// The clock of the machine.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_seconds(since.as_secs())
            .unwrap_or_else(|| Timestamp::from_seconds(0).expect("1970 is a time"))
    }
}

/// When chunks are said to be sealed: `SOURCE_DATE_EPOCH` if it is set, so that builds repeat, else now.
///
/// # Errors
/// When it is set and no number of seconds.
pub(crate) fn created() -> Result<Timestamp, Trouble> {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") else { return Ok(SystemClock.now()) };
    text.parse().ok().and_then(Timestamp::from_seconds).ok_or_else(|| {
        let message = format!("SOURCE_DATE_EPOCH is {text:?}, expected seconds since 1970");
        Trouble::new(Code::SourceDateEpoch, message)
    })
}

/// Lets `CARNET_HASH` choose the kernel that hashes, for tests and support. The choice holds for the whole
/// process: all runs share the processor, and the library looks the kernel up wherever it hashes.
///
/// # Errors
/// When it names none, or one that this processor does not have.
pub(crate) fn force_kernel() -> Result<(), Trouble> {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    let Ok(text) = std::env::var("CARNET_HASH") else { return Ok(()) };
    let refused = |message: String| Trouble::new(Code::HashKernel, message);
    let kernel = text.parse::<Kernel>();
    let kernel = kernel.map_err(|error| refused(format!("CARNET_HASH is {text:?}, {error}")))?;
    kernel.force().map_err(|error| refused(format!("CARNET_HASH is {text}: {error}")))
}

/// A flag that the first Ctrl-C or SIGTERM sets; the second ends the process at once. It belongs to the
/// caller, who hands it to the workers of every run that it shall stop.
pub(crate) fn stop_on_signals() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(
            signal,
            super::exit::INTERRUPTED.into(),
            Arc::clone(&stop),
        )?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// The proxy that the environment names, and the hosts that `NO_PROXY` excepts from it. The first variable with a URL
/// counts, for HTTPS and for HTTP alike.
///
/// # Errors
/// A message that names a variable whose proxy cannot be used: going around it silently is not what its author wants.
pub(crate) fn proxy() -> Result<Option<Proxy>, Trouble> {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    let read = |name: &str| std::env::var(name).ok();
    let direct = read("NO_PROXY").or_else(|| read("no_proxy"));
    let mut first = None;
    for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        let Some(url) = read(name) else { continue };
        match Proxy::new(&url, direct.as_deref()) {
            Ok(proxy) => first = first.or(Some(proxy)),
            Err(ProxyError::NotUrl) => {}
            Err(error @ ProxyError::Scheme { .. }) => {
                return Err(Trouble::new(Code::ProxyUnusable, format!("{name} names {error}")));
            }
        }
    }
    Ok(first)
}

/// The certificate authorities of the system (DER), or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. What cannot
/// be read is left out: the others count.
pub(crate) fn system_roots() -> Vec<Vec<u8>> {
    let found = rustls_native_certs::load_native_certs().certs;
    found.iter().map(|certificate| certificate.to_vec()).collect()
}

/// Where podman and docker keep credentials (containers-auth.json(5), docker's config.json), those that are there.
pub(crate) fn credential_files() -> Vec<std::path::PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    let folder =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(std::path::PathBuf::from);
    let home = folder("HOME");
    let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let candidates = [
        folder("REGISTRY_AUTH_FILE"),
        folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        // Where skopeo and podman write without that variable.
        Some(format!("/run/containers/{}/auth.json", rustix::process::getuid().as_raw()).into()),
        in_home(".config/containers/auth.json"),
        folder("DOCKER_CONFIG").map(|folder| folder.join("config.json")),
        in_home(".docker/config.json"),
    ];
    candidates.into_iter().flatten().filter(|path| path.is_file()).collect()
}
