//! Tells systemd how the station is (sd_notify(3)).

use std::os::unix::net::UnixDatagram;

use super::world::notify_socket;

/// Sends a message, if systemd waits for one. Nothing depends on its arrival.
pub(crate) fn send(message: &str) {
    let Some(path) = notify_socket() else { return };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    #[cfg(target_os = "linux")]
    if let Some(name) = path.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt as _;
        if let Ok(address) = std::os::unix::net::SocketAddr::from_abstract_name(name) {
            let _ = socket.send_to_addr(message.as_bytes(), &address);
        }
        return;
    }
    let _ = socket.send_to(message.as_bytes(), path);
}
