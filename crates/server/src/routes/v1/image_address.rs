//! Addresses of images that a caller names. A model's provider fetches them, and one that runs in the same network (Ollama,
//! vLLM) would fetch from inside of it: so an address has to lead out.
//!
//! What stands in the address is judged, and no name is looked up here: it is the provider that looks it up, and it may
//! find another answer than this program would. A public name that leads inside is for the provider's own rules.

use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Names that lead nowhere but inside: of this machine, of local networks, of clouds' own services.
const INSIDE: [&str; 9] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "lan",
    "home.arpa",
    "corp",
    "home",
];

/// The address in the one form that every reader understands alike; `None` for one that is no web address, or leads inside.
pub(super) fn outside(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let leads_out = match url.host()? {
        Host::Ipv4(address) => is_public(address),
        Host::Ipv6(address) => is_public_v6(address),
        Host::Domain(name) => is_public_name(name),
    };
    leads_out.then(|| url.into())
}

fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    // A name of one word is one of the provider's network.
    name.contains('.')
        && !INSIDE.iter().any(|inside| {
            let before = name.strip_suffix(inside);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
}

/// Whether anybody may have this address: <https://www.iana.org/assignments/iana-ipv4-special-registry>.
fn is_public(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network, loopback, multicast, and what is kept for later.
        (0 | 127 | 224.., ..) => true,
        // Private, shared by a carrier's customers, and of the link, where clouds tell of their secrets.
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (169, 254, _) => true,
        // Protocols, examples, and measurements.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !is_special
}

/// The same: <https://www.iana.org/assignments/iana-ipv6-special-registry>. An address that holds one of the older kind is
/// judged by that.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Translated to the older kind (NAT64).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // Carried inside of the older kind (6to4).
        [0x2002, high, low, ..] => v4(high, low),
        // Tunnels (Teredo), benchmarks, and examples.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All that is given out.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_in_one_form() {
        for (address, told) in [
            ("https://example.com/a.png", "https://example.com/a.png"),
            (
                "HTTP://Example.COM:8080/a.png?b=c%20d",
                "http://example.com:8080/a.png?b=c%20d",
            ),
            ("https://example.com./a.png", "https://example.com./a.png"),
            ("https://93.184.215.14/a.png", "https://93.184.215.14/a.png"),
            (
                "https://[2606:4700::1111]/a.png",
                "https://[2606:4700::1111]/a.png",
            ),
            (
                "https://[64:ff9b::5db8:d70e]/a.png",
                "https://[64:ff9b::5db8:d70e]/a.png",
            ),
            (
                "https://localhost.example.com/a.png",
                "https://localhost.example.com/a.png",
            ),
            ("https://mylocal.com/", "https://mylocal.com/"),
            // Whoever reads it otherwise would fetch from elsewhere.
            (
                "https://example.com\\@127.0.0.1/a.png",
                "https://example.com/@127.0.0.1/a.png",
            ),
        ] {
            assert_eq!(outside(address).as_deref(), Some(told), "{address}");
        }
    }

    #[test]
    fn addresses_that_lead_inside() {
        for address in [
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://0/",
            "http://10.0.0.1/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://192.168.1.1/",
            "http://100.64.0.1/",
            "http://100.100.100.200/",
            "http://192.0.0.192/",
            "http://198.18.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[fe80::1]/",
            "http://[fc00::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fec0::1]/",
            "http://[ff02::1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:7f00:1::]/",
            "http://[2001:db8::1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://printer.local/",
            "http://metadata.google.internal/",
            "http://metadata/",
            "http://ollama:11434/",
            "http://host.docker.internal/",
            "http://127。0。0。1/",
            "http://%31%32%37.0.0.1/",
            "http://example.com@127.0.0.1/",
            "http:127.0.0.1/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "https://",
            "//example.com/a.png",
            "",
        ] {
            assert_eq!(outside(address), None, "{address}");
        }
    }
}
