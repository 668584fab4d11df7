//! Where requests may go: hosts by their names, before anything is looked up, and every address that a name turns out to have.
//! Public addresses are open, private and special ones only where the platform lists their network, and a few never are. Looks
//! nothing up.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::target::Target;

/// Hosts to which requests may go: one, or all below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    /// In small letters and without a dot at the end.
    name: String,
    /// Whether it stands for every name below it, and not for itself.
    below: bool,
}

/// What is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no host; write a name such as mail.internal, or *.mail.internal for every name below it, without https:// and without a port"
)]
pub struct NoHost;

/// One spelling of a name or an address.
fn plain(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.to_string();
    }
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

impl FromStr for HostRule {
    type Err = NoHost;

    fn from_str(text: &str) -> Result<HostRule, NoHost> {
        let (below, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
        let name = plain(name);
        let is_address = name.parse::<IpAddr>().is_ok();
        let is_label = |label: &str| {
            let mut characters = label.chars();
            !label.is_empty() && characters.all(|it| it.is_ascii_alphanumeric() || it == '-' || it == '_')
        };
        if is_address == below && is_address || !is_address && !name.split('.').all(is_label) {
            return Err(NoHost);
        }
        Ok(HostRule { name, below })
    }
}

impl HostRule {
    /// Whether a host, in its one spelling, is among them.
    fn has(&self, host: &str) -> bool {
        if !self.below {
            return host == self.name;
        }
        let above = host.strip_suffix(&self.name).and_then(|above| above.strip_suffix('.'));
        above.is_some_and(|above| !above.is_empty())
    }
}

/// A network of private or special addresses to which requests may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedNetwork(IpNet);

/// What is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNetwork {
    /// It is no CIDR.
    #[error("it is no network; write it like 10.96.0.0/12 or fd00:10:96::/112, one address like 10.0.0.7/32")]
    Form,
    /// It has an address where the network's own should be.
    #[error("its address has bits behind its length; for the whole network write {0}, for the one address {1}")]
    Bits(IpNet, IpNet),
}

impl FromStr for ListedNetwork {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<ListedNetwork, NoNetwork> {
        let network = text.parse::<IpNet>().map_err(|_| NoNetwork::Form)?;
        if network.addr() != network.network() {
            return Err(NoNetwork::Bits(network.trunc(), IpNet::from(network.addr())));
        }
        Ok(ListedNetwork(network))
    }
}

/// Why no request goes somewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// Its host is not listed.
    #[error("no request goes to {host}; the platform team can allow it by receivers.hosts of the chart")]
    Host {
        /// The host.
        host: String,
    },
    /// The address is not public, and not in a network that is listed.
    #[error(
        "{address} is {what}, and no request goes there; the platform team can allow it by receivers.networks of the chart, with {listed} or a network around it"
    )]
    Address {
        /// As it was found, and what it stands for.
        address: Found,
        /// What kind of address it is.
        what: &'static str,
        /// The least that would have to be listed.
        listed: IpNet,
    },
    /// Nothing can be received there.
    #[error("{address} is {what}, and no request ever goes there; mend the URL, or what its name resolves to")]
    Never {
        /// As it was found, and what it stands for.
        address: Found,
        /// What kind of address it is.
        what: &'static str,
    },
}

/// An address, and the one it carries inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    outer: IpAddr,
    inner: IpAddr,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.outer == self.inner {
            return write!(f, "{}", self.outer);
        }
        write!(f, "{}, which stands for {},", self.outer, self.inner)
    }
}

/// Where requests may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    hosts: Vec<HostRule>,
    networks: Vec<ListedNetwork>,
}

impl Reach {
    /// To these hosts, of which none means any; and beside public addresses to those in these networks.
    pub fn new(hosts: Vec<HostRule>, networks: Vec<ListedNetwork>) -> Reach {
        Reach { hosts, networks }
    }

    /// Wherever a request can go at all: for whoever sends none, and does not know what the platform has set.
    pub fn everywhere() -> Reach {
        let all = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        Reach { hosts: Vec::new(), networks: all.map(ListedNetwork).to_vec() }
    }

    /// Whether a request may go to a URL, as far as that can be told without looking up a name.
    pub fn target(&self, target: &Target) -> Result<(), Barred> {
        let host = plain(&target.host);
        if !self.hosts.is_empty() && !self.hosts.iter().any(|rule| rule.has(&host)) {
            return Err(Barred::Host { host });
        }
        host.parse::<IpAddr>().map_or(Ok(()), |address| self.address(address))
    }

    /// Whether a request may go to an address.
    pub fn address(&self, address: IpAddr) -> Result<(), Barred> {
        let carried = carried(address);
        let own = [address];
        let inner = if carried.is_empty() { &own[..] } else { &carried[..] };
        let found = |inner: IpAddr| Found { outer: address, inner };
        for (inner, kind) in inner.iter().map(|inner| (*inner, Kind::of(*inner))) {
            match kind {
                Kind::Never(what) => return Err(Barred::Never { address: found(inner), what }),
                Kind::Special(what) if !self.lists(inner) && !self.lists(address) => {
                    return Err(Barred::Address { address: found(inner), what, listed: IpNet::from(inner) });
                }
                Kind::Special(_) | Kind::Public => {}
            }
        }
        Ok(())
    }

    fn lists(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.0.contains(&address))
    }
}

/// What an address is for.
enum Kind {
    /// Anybody.
    Public,
    /// Some network's own.
    Special(&'static str),
    /// None that a request can be sent to.
    Never(&'static str),
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// The registries of special addresses of IANA, as far as they are not public; and one that a cloud has taken for itself.
const SPECIAL_V4: [(Ipv4Net, &str); 16] = [
    (v4(0, 0, 0, 0, 8), "an address of this host"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a shared address"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(168, 63, 129, 16, 32), "Azure's own address"),
    (v4(169, 254, 0, 0, 16), "a link-local address, as those of metadata servers are"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "an address for protocols"),
    (v4(192, 0, 2, 0, 24), "an address for documentation"),
    (v4(192, 88, 99, 0, 24), "an address of relays for 6to4"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (v4(198, 51, 100, 0, 24), "an address for documentation"),
    (v4(203, 0, 113, 0, 24), "an address for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];
const SPECIAL_V6: [(Ipv6Net, &str); 7] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address"),
    (v6(0xfc00, 0, 0, 7), "a private address"),
    (v6(0xfe80, 0, 0, 10), "a link-local address"),
    (v6(0xfec0, 0, 0, 10), "a site-local address"),
    (v6(0x2001, 0, 0, 23), "an address for protocols"),
    (v6(0x2001, 0xdb8, 0, 32), "an address for documentation"),
    (v6(0x3fff, 0, 0, 20), "an address for documentation"),
];
/// All that was ever given out to the public lies in here.
const GIVEN_OUT: Ipv6Net = v6(0x2000, 0, 0, 3);

const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);
const TEREDO: Ipv6Net = v6(0x2001, 0, 0, 32);

/// The IPv4 addresses where what is sent to an IPv6 address ends up. That of a translator of one's own (`64:ff9b:1::/48`) lies where
/// its owner has chosen: nobody else can tell.
fn carried(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(address) = address else { return Vec::new() };
    let octets = address.octets();
    let from = |first: usize| octets.get(first..).and_then(|rest| rest.first_chunk::<4>().copied()).unwrap_or_default();
    let last = from(12);
    let inner = if MAPPED.contains(&address) || NAT64.contains(&address) {
        vec![last]
    } else if SIX_TO_FOUR.contains(&address) {
        vec![from(2)]
    } else if TEREDO.contains(&address) {
        // The server's, and the client's with each bit turned.
        vec![from(4), last.map(|octet| !octet)]
    } else {
        Vec::new()
    };
    inner.into_iter().map(|octets| IpAddr::V4(Ipv4Addr::from(octets))).collect()
}

impl Kind {
    fn of(address: IpAddr) -> Kind {
        let named = |found: Option<&'static str>| found.map_or(Kind::Public, Kind::Special);
        match address {
            _ if address.is_unspecified() => Kind::Never("no address at all"),
            _ if address.is_multicast() => Kind::Never("a multicast address"),
            IpAddr::V4(Ipv4Addr::BROADCAST) => Kind::Never("the broadcast address"),
            IpAddr::V4(address) => {
                named(SPECIAL_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what))
            }
            IpAddr::V6(address) => {
                let known = SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what);
                let other = (!GIVEN_OUT.contains(&address)).then_some("no public address");
                named(known.or(other))
            }
        }
    }
}

#[cfg(test)]
mod tests;
