#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Each range at its first and last address, and the addresses next to it.

use super::*;

fn reach(hosts: &[&str], networks: &[&str]) -> Reach {
    let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    Reach::new(hosts, networks.iter().map(|network| network.parse().unwrap()).collect())
}

fn told(reach: &Reach, address: &str) -> String {
    reach.address(address.parse().unwrap()).err().map(|barred| barred.to_string()).unwrap_or_default()
}

/// First and last of a range, those before and behind it if they are public, and what it is.
const RANGES: [(&str, &str, &[&str], &str); 30] = [
    ("0.0.0.1", "0.255.255.255", &["1.0.0.0"], "an address of this host"),
    ("10.0.0.0", "10.255.255.255", &["9.255.255.255", "11.0.0.0"], "a private address"),
    ("100.64.0.0", "100.127.255.255", &["100.63.255.255", "100.128.0.0"], "a shared address"),
    ("127.0.0.0", "127.255.255.255", &["126.255.255.255", "128.0.0.0"], "a loopback address"),
    ("168.63.129.16", "168.63.129.16", &["168.63.129.15", "168.63.129.17"], "Azure's own address"),
    ("169.254.0.0", "169.254.255.255", &["169.253.255.255", "169.255.0.0"], "a link-local address"),
    ("169.254.169.254", "169.254.169.254", &[], "metadata servers"),
    ("172.16.0.0", "172.31.255.255", &["172.15.255.255", "172.32.0.0"], "a private address"),
    ("192.0.0.0", "192.0.0.255", &["191.255.255.255", "192.0.1.0"], "an address for protocols"),
    ("192.0.2.0", "192.0.2.255", &["192.0.1.255", "192.0.3.0"], "an address for documentation"),
    ("192.88.99.0", "192.88.99.255", &["192.88.98.255", "192.88.100.0"], "an address of relays"),
    ("192.168.0.0", "192.168.255.255", &["192.167.255.255", "192.169.0.0"], "a private address"),
    ("198.18.0.0", "198.19.255.255", &["198.17.255.255", "198.20.0.0"], "an address for benchmarks"),
    ("198.51.100.0", "198.51.100.255", &["198.51.99.255", "198.51.101.0"], "an address for documentation"),
    ("203.0.113.0", "203.0.113.255", &["203.0.112.255", "203.0.114.0"], "an address for documentation"),
    ("240.0.0.0", "255.255.255.254", &[], "a reserved address"),
    ("::1", "::1", &[], "a loopback address"),
    ("::2", "::fffe:ffff:ffff", &[], "no public address"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &[], "a private address"),
    ("fd00:ec2::254", "fd00:ec2::254", &[], "a private address"),
    ("fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &[], "no public address"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &[], "a link-local address"),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &[], "a site-local address"),
    ("2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", &["2001:200::"], "an address for protocols"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", &["2001:db7:ffff::1", "2001:db9::"], "documentation"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", &["3ffe:ffff::1", "3fff:1000::"], "documentation"),
    ("4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["3fff:ffff::1"], "no public address"),
    ("100::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &["2000::"], "no public address"),
    // The translator of one's own: what lies behind it cannot be told.
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", &[], "no public address"),
    ("64:ff9b:1::808:808", "64:ff9b:2::", &[], "no public address"),
];

#[test]
fn private_and_special_addresses_are_open_only_where_they_are_listed() {
    let usual = Reach::default();
    for (first, last, public, what) in RANGES {
        for address in [first, last] {
            let why = told(&usual, address);
            assert!(why.starts_with(&format!("{address} is ")) && why.contains(what), "{address}: {why}");
            let length = if address.contains(':') { 128 } else { 32 };
            let listed = format!("{address}/{length}");
            assert!(why.contains(&format!("receivers.networks of the chart, with {listed} ")), "{why}");
            assert_eq!(told(&reach(&[], &[&listed]), address), "", "{address}");
        }
        for address in public {
            assert_eq!(told(&usual, address), "", "{address}");
        }
    }
    for address in ["8.8.8.8", "1.1.1.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::200e"] {
        assert_eq!(told(&usual, address), "");
    }
    let some = reach(&[], &["10.96.0.0/12", "fd00:10:96::/112"]);
    for address in ["10.96.0.0", "10.111.255.255", "fd00:10:96::", "fd00:10:96::ffff", "8.8.8.8"] {
        assert_eq!(told(&some, address), "", "{address}");
    }
    for address in ["10.95.255.255", "10.112.0.0", "fd00:10:96::1:0", "127.0.0.1"] {
        assert_ne!(told(&some, address), "", "{address}");
    }
}

#[test]
fn some_addresses_are_never_open() {
    for address in [
        "0.0.0.0",
        "224.0.0.0",
        "239.255.255.255",
        "255.255.255.255",
        "::",
        "ff00::",
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "64:ff9b::255.255.255.255",
        "2002:e000:1::",
    ] {
        let why = told(&Reach::everywhere(), address);
        assert!(why.contains("no request ever goes there"), "{address}: {why}");
    }
    for address in ["127.0.0.1", "169.254.169.254", "::1", "fe80::1", "64:ff9b:1::1"] {
        assert_eq!(told(&Reach::everywhere(), address), "", "{address}");
    }
}

#[test]
fn an_address_that_carries_another_is_judged_by_that() {
    // Client 10.0.0.1 is ~f5ff:fffe; server and client of the last one are public.
    let inside = [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("64:ff9b::10.0.0.1", "10.0.0.1"),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
        ("2002:a00:1::5", "10.0.0.1"),
        ("2002:7f00:1::", "127.0.0.1"),
        ("2001:0:808:808::f5ff:fffe", "10.0.0.1"),
        ("2001:0:a00:1::f7f7:f7f7", "10.0.0.1"),
    ];
    for (address, inner) in inside {
        let why = told(&Reach::default(), address);
        assert!(why.contains(&format!(", which stands for {inner}, is ")), "{address}: {why}");
        assert!(why.contains(&format!("with {inner}/32 ")), "{address}: {why}");
        assert_eq!(told(&reach(&[], &[&format!("{inner}/32")]), address), "", "{address}");
        assert_eq!(told(&reach(&[], &[&format!("{address}/128")]), address), "", "{address}");
        assert_ne!(told(&reach(&[], &["192.168.0.0/16"]), address), "", "{address}");
    }
    for address in ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7"] {
        assert_eq!(told(&Reach::default(), address), "", "{address}");
    }
    // What lies before and behind the ranges in which addresses are carried carries none.
    for address in ["::fffe:8.8.8.8", "64:ff9b:0:0:0:1:808:808", "64:ff9a::808:808"] {
        assert!(told(&Reach::default(), address).contains("no public address"), "{address}");
    }
}

#[test]
fn hosts_are_open_by_name_and_all_of_them_where_none_is_listed() {
    let may = |rules: &[&str], url: &str| reach(rules, &["10.0.0.0/8"]).target(&Target::parse(url).unwrap()).is_ok();
    for (rules, url, open) in [
        (&[][..], "https://anything.example/", true),
        (&["mail.internal"], "https://mail.internal/send", true),
        (&["mail.internal"], "https://mail.internal:8443/send", true),
        (&["mail.internal"], "https://MAIL.internal./send", true),
        (&["Mail.Internal."], "https://mail.internal/send", true),
        (&["mail.internal"], "https://a.mail.internal/send", false),
        (&["mail.internal"], "https://xmail.internal/send", false),
        (&["mail.internal"], "https://mail.internal.example/send", false),
        (&["mail.internal"], "https://mail/send", false),
        (&["*.mail.internal"], "https://a.mail.internal/send", true),
        (&["*.mail.internal"], "https://a.b.mail.internal/send", true),
        (&["*.mail.internal"], "https://mail.internal/send", false),
        (&["*.mail.internal"], "https://xmail.internal/send", false),
        (&["*.mail.internal"], "https://.mail.internal/send", false),
        (&["*.a", "b"], "https://b/send", true),
        (&["10.0.0.7"], "https://10.0.0.7/send", true),
        (&["10.0.0.7"], "https://10.0.0.8/send", false),
        (&["[2606:4700:0::1111]"], "https://[2606:4700::1111]/send", true),
    ] {
        assert_eq!(may(rules, url), open, "{rules:?} {url}");
    }
    let listed = reach(&["mail.internal"], &[]);
    let why = listed.target(&Target::parse("https://elsewhere/").unwrap()).unwrap_err().to_string();
    assert_eq!(why, "no request goes to elsewhere; the platform team can allow it by receivers.hosts of the chart");
    // An address in the URL is judged at once, a name when it is looked up.
    for (url, open) in [
        ("http://169.254.169.254/latest", false),
        ("http://[::1]/", false),
        ("http://[::ffff:10.0.0.1]/", false),
        ("http://8.8.8.8/", true),
        ("http://localhost/", true),
    ] {
        assert_eq!(Reach::default().target(&Target::parse(url).unwrap()).is_ok(), open, "{url}");
    }
}

#[test]
fn what_is_no_host_and_what_is_no_network_is_told_with_how_to_write_it() {
    for text in ["", "*", "*.", "*.*.a", "a.*", "a..b", ".a", "https://a", "a:443", "a/b", "a b", "*.10.0.0.1", "a,b"] {
        assert_eq!(text.parse::<HostRule>(), Err(NoHost), "{text}");
    }
    for text in ["a", "a-1.b_c", "*.a", "10.0.0.1", "::1", "A."] {
        assert!(text.parse::<HostRule>().is_ok(), "{text}");
    }
    for text in
        ["", "10.0.0.1", "10.0.0.0/33", "10.0.0/8", "10.0.0.256/32", "fd00::/129", "mail.internal", "10.0.0.0/8 "]
    {
        assert_eq!(text.parse::<ListedNetwork>(), Err(NoNetwork::Form), "{text}");
    }
    for text in ["0.0.0.0/0", "10.0.0.7/32", "fd00::/8", "::/0"] {
        assert!(text.parse::<ListedNetwork>().is_ok(), "{text}");
    }
    let why = "10.0.0.7/8".parse::<ListedNetwork>().unwrap_err().to_string();
    assert!(why.ends_with("for the whole network write 10.0.0.0/8, for the one address 10.0.0.7/32"), "{why}");
}
