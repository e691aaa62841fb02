//! What the environment says of networks, keys, services and places. The program that only verifies uses none of it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use carnet::clock::Clock as _;
use carnet::diagnosis::Code;
use carnet::format::Timestamp;
use carnet::http::{Proxy, ProxyError};
use carnet::storage::Variables;
use zeroize::Zeroizing;

use super::SystemClock;
use crate::command_error::CommandError;

/// The time of sealing that `pack` records: `SOURCE_DATE_EPOCH` if it is set, for reproducible bundles, else
/// the time of a request, else now.
///
/// # Errors
/// If `SOURCE_DATE_EPOCH` is set and is not a number of seconds.
pub(crate) fn sealing_time(requested: Option<Timestamp>) -> Result<Timestamp, CommandError> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") else {
        let now = SystemClock.now();
        return match requested {
            // A request is not signed. Nobody may get a signature for a time that has not come.
            Some(time) if time > now => {
                let message =
                    format!("the request says that the chunks were sealed at {time}, but it is only {now}");
                Err(CommandError::new(Code::RequestWrong, message))
            }
            requested => Ok(requested.unwrap_or(now)),
        };
    };
    text.parse().ok().and_then(Timestamp::from_seconds).ok_or_else(|| {
        let message = format!("SOURCE_DATE_EPOCH is {text:?}, expected seconds since 1970");
        CommandError::new(Code::SourceDateEpoch, message)
    })
}

/// The proxy that the environment names, and the hosts in `NO_PROXY` to reach directly. The first variable with a URL
/// applies, to both HTTPS and HTTP.
///
/// # Errors
/// If a variable names a proxy that cannot be used. Connecting directly instead could bypass a policy.
pub(crate) fn proxy() -> Result<Option<Proxy>, CommandError> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let read = |name: &str| std::env::var(name).ok();
    let direct = read("NO_PROXY").or_else(|| read("no_proxy"));
    let mut first = None;
    for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        let Some(url) = read(name) else { continue };
        match Proxy::new(&url, direct.as_deref()) {
            Ok(proxy) => first = first.or(Some(proxy)),
            Err(ProxyError::NotUrl) => {}
            Err(error @ ProxyError::Scheme { .. }) => {
                return Err(CommandError::new(Code::ProxyUnusable, format!("{name} names {error}")));
            }
        }
    }
    Ok(first)
}

/// The certificate authorities of the system (DER), or those in `SSL_CERT_FILE` and `SSL_CERT_DIR`. Certificates that
/// cannot be read are skipped.
pub(crate) fn system_roots() -> Vec<Vec<u8>> {
    let found = rustls_native_certs::load_native_certs().certs;
    found.iter().map(|certificate| certificate.to_vec()).collect()
}

/// The existing credential files of podman and docker (containers-auth.json(5), docker's config.json), in the order in
/// which they are searched.
pub(crate) fn credential_files() -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME");
    let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let candidates = [
        folder("REGISTRY_AUTH_FILE"),
        folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        // skopeo and podman write here if XDG_RUNTIME_DIR is not set.
        Some(format!("/run/containers/{}/auth.json", rustix::process::getuid().as_raw()).into()),
        in_home(".config/containers/auth.json"),
        folder("DOCKER_CONFIG").map(|folder| folder.join("config.json")),
        in_home(".docker/config.json"),
    ];
    candidates.into_iter().flatten().filter(|path| path.is_file()).collect()
}

/// The environment variables that give access to object stores.
pub(crate) fn store_variables() -> Variables {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let all = std::env::vars_os();
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    Variables::new(all.filter_map(text).filter(|(name, _)| Variables::is_used(name)))
}

/// The socket of the SSH agent: `SSH_AUTH_SOCK`.
pub(crate) fn agent_socket() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The module of PKCS#11 for keys that name none: `CARNET_PKCS11_MODULE`.
pub(crate) fn pkcs11_module() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    std::env::var_os("CARNET_PKCS11_MODULE").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The PIN of a token: `CARNET_PIN`.
pub(crate) fn token_pin() -> Option<Zeroizing<Vec<u8>>> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let pin = std::env::var_os("CARNET_PIN").filter(|pin| !pin.is_empty())?;
    Some(Zeroizing::new(pin.into_vec()))
}

/// The folder in which chunks for object stores are assembled: `TMPDIR`, else the folder for large temporary files
/// (file-hierarchy(7)).
pub(crate) fn spool_folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let folder = std::env::var_os("TMPDIR").filter(|folder| !folder.is_empty());
    folder.unwrap_or_else(|| "/var/tmp".into()).into()
}

/// Whether a file belongs to the user of this process.
pub(crate) fn is_own(file: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(file) == rustix::process::geteuid().as_raw()
}

/// Whether stderr goes to the journal of systemd, which reads priorities at the start of lines (sd-daemon(3)).
pub(crate) fn is_journal() -> bool {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    std::env::var_os("JOURNAL_STREAM").is_some()
}

/// The socket on which systemd waits for messages (sd_notify(3)).
pub(crate) fn notify_socket() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    std::env::var("NOTIFY_SOCKET").ok().filter(|path| !path.is_empty())
}

/// How often systemd wants to hear that the service works (sd_watchdog_enabled(3)).
pub(crate) fn watchdog() -> Option<std::time::Duration> {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let text = std::env::var("WATCHDOG_USEC").ok()?;
    text.parse().ok().map(std::time::Duration::from_micros)
}

/// The name of this machine.
pub(crate) fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The state folder of the station: `CARNET_STATE`, else the one of the system (file-hierarchy(7)).
pub(crate) fn state_folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "only this module reads it")]
    let folder = std::env::var_os("CARNET_STATE").filter(|folder| !folder.is_empty());
    folder.unwrap_or_else(|| "/var/lib/carnet".into()).into()
}
