//! Where on the internet an address is: what is sent out may go to the public, elsewhere only where an operator says so, and to
//! some places never. The tables are those of IANA's registries of special-purpose addresses, and the addresses at which
//! clouds tell a machine its credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who can be at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anybody.
    Public,
    /// Somebody on this machine or in its own networks.
    Private,
    /// Nobody that anything is ever to be sent to: metadata services, link-local, multicast, reserved.
    Never,
}

/// First address and length of the prefix. The first that fits says; else it is public.
const V4: &[([u8; 4], u32, Reach)] = &[
    // Azure's wire server, Oracle's and Alibaba's metadata.
    ([168, 63, 129, 16], 32, Reach::Never),
    ([192, 0, 0, 192], 32, Reach::Never),
    ([100, 100, 100, 200], 32, Reach::Never),
    ([10, 0, 0, 0], 8, Reach::Private),
    ([100, 64, 0, 0], 10, Reach::Private),
    ([127, 0, 0, 0], 8, Reach::Private),
    ([172, 16, 0, 0], 12, Reach::Private),
    ([192, 168, 0, 0], 16, Reach::Private),
    ([198, 18, 0, 0], 15, Reach::Private),
    ([0, 0, 0, 0], 8, Reach::Never),
    // Link-local, and in it the metadata of most clouds.
    ([169, 254, 0, 0], 16, Reach::Never),
    ([192, 0, 0, 0], 24, Reach::Never),
    ([192, 0, 2, 0], 24, Reach::Never),
    ([192, 88, 99, 0], 24, Reach::Never),
    ([198, 51, 100, 0], 24, Reach::Never),
    ([203, 0, 113, 0], 24, Reach::Never),
    // Multicast, reserved, broadcast.
    ([224, 0, 0, 0], 3, Reach::Never),
];

/// As [`V4`]; what no line fits is [`Reach::Never`].
const V6: &[([u16; 8], u32, Reach)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Reach::Private),
    // AWS' metadata, which lies among private addresses.
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32, Reach::Never),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Reach::Private),
    // Protocol assignments (Teredo among them), documentation, 6to4.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Reach::Never),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Reach::Never),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, Reach::Never),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Reach::Never),
    ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, Reach::Public),
];

/// Who can be at `address`. An IPv6 address that stands for an IPv4 address (mapped, or through NAT64) is as good as that one.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => embedded(v6).map_or_else(|| reach_v6(v6), reach_v4),
    }
}

fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let nat64 = v6.octets()[..12] == [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
    let [.., a, b, c, d] = v6.octets();
    v6.to_ipv4_mapped().or_else(|| nat64.then(|| Ipv4Addr::new(a, b, c, d)))
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let bits = u32::from(address);
    let fits = |prefix: [u8; 4], length: u32| (bits ^ u32::from(Ipv4Addr::from(prefix))).leading_zeros() >= length;
    let line = V4.iter().find(|(prefix, length, _)| fits(*prefix, *length));
    line.map_or(Reach::Public, |(.., reach)| *reach)
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let bits = u128::from(address);
    let fits = |prefix: [u16; 8], length: u32| (bits ^ u128::from(Ipv6Addr::from(prefix))).leading_zeros() >= length;
    let line = V6.iter().find(|(prefix, length, _)| fits(*prefix, *length));
    line.map_or(Reach::Never, |(.., reach)| *reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(reach: Reach, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(super::reach(address.parse().expect("an address")), reach, "{address}");
        }
    }

    #[test]
    fn the_internet_is_public_to_the_edges_of_what_is_not() {
        let v4 =
            ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"];
        all(Reach::Public, &v4);
        let v4 = ["169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"];
        all(Reach::Public, &v4);
        all(Reach::Public, &["198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.17"]);
        all(Reach::Public, &["2606:4700::1111", "2a00::1", "2001:200::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]);
    }

    #[test]
    fn own_networks_are_private_however_they_are_spelt() {
        let v4 =
            ["10.0.0.1", "127.0.0.1", "127.255.255.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"];
        all(Reach::Private, &v4);
        all(Reach::Private, &["::1", "fc00::1", "fdff::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1"]);
    }

    #[test]
    fn nothing_is_ever_sent_to_metadata_link_local_multicast_or_what_is_reserved() {
        let v4 = ["169.254.169.254", "169.254.0.1", "0.0.0.0", "100.100.100.200", "192.0.0.192", "168.63.129.16"];
        all(Reach::Never, &v4);
        all(Reach::Never, &["224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.1", "198.51.100.1"]);
        all(Reach::Never, &["fe80::1", "fd00:ec2::254", "ff02::1", "::", "fec0::1", "2002:a00:1::", "2001::1"]);
        all(Reach::Never, &["::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "64:ff9b:1::a00:1", "::10.0.0.1"]);
        all(Reach::Never, &["2001:db8::1", "3fff::1", "4000::1"]);
    }
}
