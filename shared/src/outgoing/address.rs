//! Which addresses a request may go to.
//!
//! Sources: IANA's *IPv4 Special-Purpose Address Registry* and *IPv6 Special-Purpose Address Registry* (RFC 6890 and its
//! updates), its *IPv6 Address Space* (only 2000::/3 is global unicast, RFC 4291 §2.4), and for embedded addresses RFC 4291
//! §2.5.5 and RFC 6052. What the registries call globally reachable inside 192.0.0.0/24 and 2001::/23 (anycast of protocols,
//! AMT, ORCHIDv2) is refused too: no web server lives there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Refusal;

/// IPv4 addresses that are not public: network, length of its prefix, what they are.
const V4: [(Ipv4Addr, u32, &str); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "reserved"),            // RFC 791: this network
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),            // RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared"),          // RFC 6598: carrier NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),          // RFC 1122
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),     // RFC 3927, instance metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),         // RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),         // RFC 6890: protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),    // RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved"),       // RFC 7526: once the 6to4 relay
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),        // RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking"),    // RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"), // RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),  // RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),         // RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),          // RFC 1112, with the broadcast address
];

/// IPv6 networks whose last 32 bits are the IPv4 address that is meant.
const EMBEDDING: [(Ipv6Addr, u32); 2] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96), // RFC 4291 §2.5.5.2: IPv4-mapped
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96), // RFC 6052: NAT64
];

/// All that is global unicast (RFC 4291 §2.4).
const GLOBAL: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// IPv6 addresses that are not public, as in [`V4`]. Those outside [`GLOBAL`] are here for their names only.
const V6: [(Ipv6Addr, u32, &str); 13] = [
    (Ipv6Addr::LOCALHOST, 128, "loopback"),                          // RFC 4291 §2.5.3
    (Ipv6Addr::UNSPECIFIED, 96, "reserved"),                         // RFC 4291: unspecified, IPv4-compatible
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "private"),  // RFC 8215: local-use NAT64
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "discard-only"), // RFC 6666
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved"),    // RFC 2928: Teredo, ORCHID, benchmarking
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "documentation"), // RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "6to4"),        // RFC 3056
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "documentation"), // RFC 9637
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, "segment-routing"), // RFC 9602
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),      // RFC 4193, instance metadata fd00:ec2::254
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),  // RFC 4291 §2.5.6
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "private"),     // RFC 3879: once site-local
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),    // RFC 4291 §2.7
];

/// Which addresses a kind of request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// Public ones.
    Public,
    /// Public ones and this machine.
    PublicOrLoopback,
    /// This machine.
    Loopback,
}

/// How a URL led to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is written in the URL.
    Written,
    /// It is what the name in the URL stands for.
    Resolved,
}

impl Allowed {
    /// Whether a request may go to `address`.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn judge(self, found: Found, address: IpAddr) -> Result<(), Refusal> {
        let verb = match found {
            Found::Written => "points",
            Found::Resolved => "resolves",
        };
        match special(address) {
            _ if self != Self::Public && is_loopback(address) => Ok(()),
            Some(kind) => Err(Refusal::Address { verb, kind, address }),
            None if self == Self::Loopback => Err(Refusal::PlainElsewhere),
            None => Ok(()),
        }
    }
}

/// What an address is that is not public; `None` = it is.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    // Both are the last 32 of 128 bits; the 96 before them are the same.
    let number = |address: Ipv4Addr| u128::from(address.to_bits());
    let mut ranges = V4.iter();
    let range = ranges.find(|&&(network, prefix, _)| within(number(address), number(network), 96 + prefix));
    range.map(|&(_, _, kind)| kind)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let holds = |network: Ipv6Addr, prefix| within(address.to_bits(), network.to_bits(), prefix);
    if EMBEDDING.iter().any(|&(network, prefix)| holds(network, prefix)) {
        return special_v4(last_32_bits(address));
    }
    let named = V6.iter().find(|&&(network, prefix, _)| holds(network, prefix));
    match named {
        Some(&(_, _, kind)) => Some(kind),
        None if holds(GLOBAL.0, GLOBAL.1) => None,
        None => Some("reserved"),
    }
}

/// Whether the first `prefix` of 128 bits are the network's.
fn within(address: u128, network: u128, prefix: u32) -> bool {
    (address ^ network).leading_zeros() >= prefix
}

fn last_32_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

/// This machine: 127.0.0.0/8, ::1 and the former as IPv4-mapped; not by way of a NAT64, which is another machine.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The refused ranges as first and last address, written out independently of the prefixes above.
    const RANGES: [(&str, &str, &str); 30] = [
        ("0.0.0.0", "0.255.255.255", "reserved"),
        ("10.0.0.0", "10.255.255.255", "private"),
        ("100.64.0.0", "100.127.255.255", "shared"),
        ("127.0.0.0", "127.255.255.255", "loopback"),
        ("169.254.0.0", "169.254.255.255", "link-local"),
        ("172.16.0.0", "172.31.255.255", "private"),
        ("192.0.0.0", "192.0.0.255", "reserved"),
        ("192.0.2.0", "192.0.2.255", "documentation"),
        ("192.88.99.0", "192.88.99.255", "reserved"),
        ("192.168.0.0", "192.168.255.255", "private"),
        ("198.18.0.0", "198.19.255.255", "benchmarking"),
        ("198.51.100.0", "198.51.100.255", "documentation"),
        ("203.0.113.0", "203.0.113.255", "documentation"),
        ("224.0.0.0", "239.255.255.255", "multicast"),
        ("240.0.0.0", "255.255.255.255", "reserved"),
        ("::", "::", "reserved"),
        ("::1", "::1", "loopback"),
        ("::2", "::ffff:ffff", "reserved"),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "private"),
        ("100::", "100::ffff:ffff:ffff:ffff", "discard-only"),
        ("100:0:0:1::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment-routing"),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private"),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private"),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
    ];

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The address that is `by` further on; `None` beyond the ends.
    fn step(address: IpAddr, by: i8) -> Option<IpAddr> {
        match address {
            IpAddr::V4(v4) => v4
                .to_bits()
                .checked_add_signed(by.into())
                .map(|bits| Ipv4Addr::from_bits(bits).into()),
            IpAddr::V6(v6) => v6
                .to_bits()
                .checked_add_signed(by.into())
                .map(|bits| Ipv6Addr::from_bits(bits).into()),
        }
    }

    fn same_family(a: IpAddr, b: IpAddr) -> bool {
        a.is_ipv4() == b.is_ipv4()
    }

    /// What [`RANGES`] say of an address; outside of them and of 2000::/3 all IPv6 is reserved.
    fn expected(address: IpAddr) -> Option<&'static str> {
        let holds = |(first, last)| same_family(address, first) && first <= address && address <= last;
        let range = RANGES.iter().find(|(first, last, _)| holds((ip(first), ip(last))));
        let outside = address.is_ipv6() && !holds((ip("2000::"), ip("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
        range.map(|&(_, _, kind)| kind).or(outside.then_some("reserved"))
    }

    #[test]
    fn every_range_is_refused_from_its_first_to_its_last_address_and_no_further() {
        for (first, last, kind) in RANGES {
            assert_eq!(special(ip(first)), Some(kind), "{first}");
            assert_eq!(special(ip(last)), Some(kind), "{last}");
            for neighbour in [step(ip(first), -1), step(ip(last), 1)].into_iter().flatten() {
                assert_eq!(special(neighbour), expected(neighbour), "{neighbour}");
            }
        }
    }

    #[test]
    fn the_neighbours_of_the_ranges_are_public() {
        let public = "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 \
            169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.1.255 192.0.3.0 192.88.98.255 \
            192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 \
            203.0.112.255 203.0.114.0 223.255.255.255 1.1.1.1 192.31.196.1 192.175.48.1 2000:: \
            2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:200:: 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9:: \
            2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2003:: 3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff 3fff:1000:: \
            3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2606:4700:4700::1111 2620:4f:8000::1";
        for address in public.split_whitespace() {
            assert_eq!(special(ip(address)), None, "{address}");
        }
    }

    #[test]
    fn what_is_neither_global_nor_named_is_refused() {
        let refused = "::1:0:0 ::ffff:0:8.8.8.8 ::fffe:8.8.8.8 64:ff9a:ffff:: 64:ff9b::1:0:0 64:ff9b:2:: 1fff:: 4000:: 5eff:: \
            5f01:: 6000:: 8000:: a000:: c000:: e000:: f000:: f800:: fbff:: fe00:: fe7f::";
        for address in refused.split_whitespace() {
            assert_eq!(special(ip(address)), Some("reserved"), "{address}");
        }
    }

    #[test]
    fn metadata_is_refused_in_every_dress() {
        let metadata = "169.254.169.254 169.254.170.2 fd00:ec2::254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe ::169.254.169.254 \
            2002:a9fe:a9fe:: 64:ff9b:1::a9fe:a9fe 100.100.100.200";
        for address in metadata
            .split_whitespace()
            .filter(|&address| address != "168.63.129.16")
        {
            for allowed in [Allowed::Public, Allowed::PublicOrLoopback, Allowed::Loopback] {
                let judged = allowed.judge(Found::Resolved, ip(address));
                assert!(matches!(judged, Err(Refusal::Address { .. })), "{address}");
            }
        }
    }

    #[test]
    fn loopback_is_let_in_only_where_it_is_allowed_and_then_nothing_else_is() {
        for loopback in [
            "127.0.0.1",
            "127.0.0.0",
            "127.255.255.255",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:127.255.255.255",
        ] {
            assert!(
                Allowed::Public.judge(Found::Written, ip(loopback)).is_err(),
                "{loopback}"
            );
            assert_eq!(
                Allowed::PublicOrLoopback.judge(Found::Written, ip(loopback)),
                Ok(()),
                "{loopback}"
            );
            assert_eq!(
                Allowed::Loopback.judge(Found::Written, ip(loopback)),
                Ok(()),
                "{loopback}"
            );
        }
        for other in [
            "64:ff9b::127.0.0.1",
            "::127.0.0.1",
            "2002:7f00:1::",
            "0.0.0.0",
            "::",
            "10.0.0.5",
            "::ffff:10.0.0.5",
        ] {
            assert!(
                Allowed::PublicOrLoopback.judge(Found::Written, ip(other)).is_err(),
                "{other}"
            );
            assert!(Allowed::Loopback.judge(Found::Written, ip(other)).is_err(), "{other}");
        }
        assert_eq!(Allowed::PublicOrLoopback.judge(Found::Written, ip("8.8.8.8")), Ok(()));
        assert_eq!(
            Allowed::Loopback.judge(Found::Written, ip("8.8.8.8")),
            Err(Refusal::PlainElsewhere)
        );
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_judged_alike_however_it_is_embedded(
            bits in any::<u32>(),
            near in 0..V4.len(),
            by in -2..=2i8,
        ) {
            let edge = step(ip(RANGES[near].0), by).unwrap_or(ip(RANGES[near].0));
            for address in [IpAddr::from(Ipv4Addr::from_bits(bits)), edge] {
                let IpAddr::V4(v4) = address else { unreachable!() };
                let [a, b, c, d] = v4.octets().map(u16::from);
                let (high, low) = (a << 8 | b, c << 8 | d);
                let mapped = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low);
                let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
                prop_assert_eq!(special(address), expected(address));
                prop_assert_eq!(special(mapped.into()), expected(address));
                prop_assert_eq!(special(nat64.into()), expected(address));
                for refused in [
                    Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                    Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                    Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 0),
                    Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
                ] {
                    prop_assert!(special(refused.into()).is_some());
                }
            }
        }

        #[test]
        fn any_address_is_judged_as_the_ranges_say(bits in any::<u128>(), global in any::<bool>()) {
            let bits = if global { bits >> 3 | 1 << 125 } else { bits };
            let address = IpAddr::from(Ipv6Addr::from_bits(bits));
            prop_assert_eq!(special(address), expected(address));
        }
    }
}
