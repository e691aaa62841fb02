//! The address of this machine, as its routes tell it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use url::Url;

/// Returns the address from which this machine sends to the host of a URL; `None` if that cannot be told. Nothing is sent:
/// to connect a UDP socket only looks up the route. Behind a NAT, the host sees another address.
pub(crate) fn address_towards(url: &Url) -> Option<IpAddr> {
    let target = *url.socket_addrs(|| None).ok()?.first()?;
    let any: IpAddr =
        if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_from_loopback() {
        let own = address_towards(&Url::parse("http://127.0.0.1:9/").unwrap());
        assert_eq!(own, Some(Ipv4Addr::LOCALHOST.into()));
    }
}
