//! Addresses to listen on and networks to trust.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Fault, Kind, Raw, quoted};

/// An address with its port; `localhost` stands for 127.0.0.1.
pub(crate) struct Address;

impl Kind for Address {
    type Value = SocketAddr;

    fn describe(&self) -> String {
        "an address and a port, such as `127.0.0.1:8000` or `[::1]:8000`".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<SocketAddr, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        let local = text
            .strip_prefix("localhost:")
            .and_then(|port| port.parse::<u16>().ok());
        if let Some(port) = local {
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        text.parse().map_err(|_| {
            let fault = self.expected();
            if text.starts_with(':') || text.parse::<u16>().is_ok() {
                return fault.hint("for all networks of this machine write `0.0.0.0:PORT`, for this machine alone `127.0.0.1:PORT`");
            }
            fault
        })
    }

    fn to_toml(&self, value: &SocketAddr) -> String {
        quoted(&value.to_string())
    }
}

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of this address and this many leading bits; `None` where an address has fewer.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= width(address)).then_some(Self { address, prefix })
    }

    /// Any address of the network.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits its addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the address belongs to it. An IPv4 address in IPv6 form counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other) = (self.address.to_canonical(), address.to_canonical());
        width(own) == width(other) && leading(own, self.prefix) == leading(other, self.prefix)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn leading(address: IpAddr, prefix: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    };
    bits.checked_shr(128 - u32::from(prefix)).unwrap_or(0)
}

/// A [`Network`]: one address, or address and prefix length.
pub(crate) struct Networks;

impl Kind for Networks {
    type Value = Network;

    fn describe(&self) -> String {
        "an address or a network, such as `10.0.0.7` or `10.0.0.0/8`".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<Network, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        // The IPv6 form of an IPv4 address is brought to IPv4 only where no prefix counts its bits.
        let address: IpAddr = address.parse().map_err(|_| self.expected())?;
        let Some(prefix) = prefix else {
            let address = address.to_canonical();
            return Network::new(address, width(address)).ok_or_else(|| self.expected());
        };
        if address.to_canonical() != address {
            return Err(self
                .expected()
                .hint("write an IPv4 network in its own form, such as `10.0.0.0/8`"));
        }
        let prefix = prefix.parse().map_err(|_| self.expected())?;
        Network::new(address, prefix).ok_or_else(|| self.expected())
    }

    fn to_toml(&self, value: &Network) -> String {
        quoted(&value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let read = |text: &str| Address.read(&Raw::Text(text.to_owned()));
        for (text, expected) in [
            ("127.0.0.1:8000", Some("127.0.0.1:8000")),
            ("[::1]:80", Some("[::1]:80")),
            ("localhost:0", Some("127.0.0.1:0")),
            (" 0.0.0.0:1 ", Some("0.0.0.0:1")),
            ("127.0.0.1", None),
            ("127.0.0.1:65536", None),
            ("localhost:x", None),
            ("example.org:80", None),
            ("8000", None),
        ] {
            assert_eq!(
                read(text).ok().map(|address| address.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
        assert!(read("8000").unwrap_err().hint.is_some());
        assert!(read(":8000").unwrap_err().hint.is_some());
    }

    #[test]
    fn networks_contain_what_they_should() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("::ffff:127.0.0.1", "127.0.0.1", true),
            ("192.168.1.128/25", "192.168.1.127", false),
        ] {
            let parsed = Networks.read(&Raw::Text(network.to_owned())).unwrap();
            assert_eq!(
                parsed.contains(address.parse().unwrap()),
                expected,
                "{network} {address}"
            );
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0/8",
            "::ffff:10.0.0.0/104",
            "example.org",
        ] {
            assert!(Networks.read(&Raw::Text(bad.to_owned())).is_err(), "{bad}");
        }
    }
}
