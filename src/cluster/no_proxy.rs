//! `NO_PROXY`, decided as Go decides it.
//!
//! hyper-util's matcher knows neither ports nor `*.domain`, and has other rules for addresses.

use std::net::IpAddr;

use ipnet::IpNet;

/// Which servers are reached without a proxy.
pub(super) struct NoProxy(Vec<Entry>);

enum Entry {
    All,
    Network(IpNet),
    Address(IpAddr, Option<String>),
    /// Names below a domain, which begins with a dot; and the domain itself.
    Domain {
        suffix: String,
        itself: bool,
        port: Option<String>,
    },
}

impl NoProxy {
    /// Reads the entries between commas. What is malformed matches nothing.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.split(',').filter_map(Entry::parse).collect())
    }

    /// Whether this host, without brackets, is reached directly on this port. This machine always is.
    pub(super) fn covers(&self, host: &str, port: u16) -> bool {
        let ip = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
        if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
            return true;
        }
        let (host, port) = (host.trim().to_ascii_lowercase(), port.to_string());
        self.0.iter().any(|entry| entry.matches(&host, &port, ip))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self::All);
        }
        if let Some(network) = network(&text) {
            return Some(Self::Network(network));
        }
        let (host, port) = match split_port(&text) {
            Some((host, port)) => (host, Some(port.to_owned()).filter(|port| !port.is_empty())),
            None => (text.as_str(), None),
        };
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(Self::Address(ip.to_canonical(), port));
        }
        if host.is_empty() {
            return None;
        }
        let host = if host.starts_with("*.") { &host[1..] } else { host };
        let itself = !host.starts_with('.');
        let suffix = if itself { format!(".{host}") } else { host.to_owned() };
        Some(Self::Domain { suffix, itself, port })
    }

    fn matches(&self, host: &str, port: &str, ip: Option<IpAddr>) -> bool {
        let fits = |wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| wanted == port);
        match self {
            Self::All => true,
            Self::Network(network) => ip.is_some_and(|ip| network.contains(&ip)),
            Self::Address(address, wanted) => ip == Some(*address) && fits(wanted),
            Self::Domain { suffix, itself, port: wanted } => {
                ip.is_none()
                    && (host.ends_with(suffix.as_str()) || *itself && *host == suffix[1..])
                    && fits(wanted)
            }
        }
    }
}

/// `address/length`, read as Go's `net.ParseCIDR` does: zeros may stand before the length, and not before parts of the
/// address. Hosts are compared in their IPv4 form if they have one, and so is a network that holds no others.
fn network(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    if !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let network = IpNet::new(address.parse().ok()?, length.parse().ok()?).ok()?.trunc();
    let mapped = match network.network() {
        IpAddr::V6(first) => first.to_ipv4_mapped().zip(network.prefix_len().checked_sub(96)),
        IpAddr::V4(_) => None,
    };
    Some(mapped.and_then(|(first, length)| IpNet::new(first.into(), length).ok()).unwrap_or(network))
}

/// `host:port` or `[host]:port`, taken apart as Go's `net.SplitHostPort` does.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let is_bracket = |c| c == '[' || c == ']';
    (!bare.contains(is_bracket) && !port.contains(is_bracket)).then_some((bare, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(entries: &str, host: &str, port: u16) -> bool {
        NoProxy::parse(entries).covers(host, port)
    }

    #[test]
    fn names_cover_what_is_below_them() {
        for (entry, covered, not_covered) in [
            (
                "example.org",
                &["example.org", "API.example.org", "a.b.example.org"][..],
                &["badexample.org"][..],
            ),
            (".example.org", &["api.example.org"], &["example.org"]),
            ("*.example.org", &["api.example.org"], &["example.org"]),
            ("EXAMPLE.org ", &["example.org"], &["example.com"]),
            ("ex*.org", &[], &["example.org"]),
            ("*", &["anything", "10.0.0.1"], &[]),
        ] {
            for host in covered {
                assert!(covers(entry, host, 443), "{entry} {host}");
            }
            for host in not_covered {
                assert!(!covers(entry, host, 443), "{entry} {host}");
            }
        }
    }

    #[test]
    fn addresses_and_networks_cover_addresses_alone() {
        assert!(covers("10.0.0.0/8", "10.1.2.3", 6443));
        assert!(covers("10.9.9.9/8", "10.1.2.3", 6443));
        assert!(!covers("10.0.0.0/8", "11.1.2.3", 6443));
        assert!(!covers("10.0.0.0/8", "10.example", 6443));
        assert!(covers("10.0.0.0/008", "10.1.2.3", 6443));
        assert!(!covers("010.0.0.0/8", "10.1.2.3", 6443));
        assert!(!covers("10.0.0.0/+8", "10.1.2.3", 6443));
        assert!(covers("fd00::/8", "fd00::1", 6443));
        assert!(covers("::ffff:10.0.0.0/104", "10.1.2.3", 6443));
        assert!(!covers("::ffff:10.0.0.0/104", "11.1.2.3", 6443));
        assert!(!covers("::ffff:10.0.0.0/95", "10.1.2.3", 6443));
        assert!(covers("fd00::1", "fd00::1", 6443));
        assert!(!covers("[fd00::1]", "fd00::1", 6443));
        assert!(covers("::ffff:10.1.2.3", "10.1.2.3", 6443));
        assert!(!covers("1.2.3", "1.2.3.4", 6443));
    }

    #[test]
    fn a_port_must_be_the_servers() {
        for entry in ["api.example:6443", "10.0.0.1:6443", "[fd00::1]:6443"] {
            let host = ["api.example", "10.0.0.1", "fd00::1"];
            assert_eq!(host.iter().filter(|host| covers(entry, host, 6443)).count(), 1, "{entry}");
            assert!(!host.iter().any(|host| covers(entry, host, 443)), "{entry}");
        }
    }

    #[test]
    fn what_is_malformed_covers_nothing() {
        for entry in ["", ",,", ":443", "[", "[]", "]:443", "a:b:c", "http://api.example", "/", "10.0.0.0/33"]
        {
            assert!(!covers(entry, "api.example", 443), "{entry}");
        }
        assert!(covers(",bad:1:2, api.example,", "api.example", 443));
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(covers("", host, 6443), "{host}");
        }
        assert!(!covers("", "LOCALHOST", 6443));
        assert!(!covers("", "localhost.example", 6443));
    }
}
