//! Which URLs a caller may choose, as far as can be said without looking a name up.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use reqwest::Url;

use super::{
    Refusal,
    address::{Allowed, Found},
};

/// Most characters of a URL, as it is given and as it is normalised.
pub(super) const MAX_LENGTH: usize = 2_048;

/// A URL that may be asked, provided that the addresses of its name are [`Target::allowed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The URL, normalised as the WHATWG's URL standard says.
    pub url: Url,
    /// Where its requests may go.
    pub allowed: Allowed,
}

impl Target {
    /// Reads a URL and judges all of it but what its name resolves to.
    ///
    /// An address that is written in the URL is judged here and *must* be: the connector does not ask its resolver
    /// about one. It is judged after normalisation, so `2130706433`, `0x7f.1` and `127.0.0.1.` are what they mean.
    ///
    /// # Errors
    /// Why the URL is refused.
    pub fn parse(text: &str, allow_loopback: bool) -> Result<Self, Refusal> {
        if text.chars().nth(MAX_LENGTH).is_some() {
            return Err(Refusal::TooLong);
        }
        // The URL standard drops some of these in silence: what is asked would not be what was written.
        if text.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return Err(Refusal::Spaces);
        }
        let url = Url::parse(text).map_err(|_| Refusal::Malformed)?;
        let allowed = allowed(url.scheme(), allow_loopback)?;
        if url.as_str().len() > MAX_LENGTH {
            return Err(Refusal::TooLong);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        if url.fragment().is_some() {
            return Err(Refusal::Fragment);
        }
        judge_host(&url, allowed)?;
        Ok(Self { url, allowed })
    }

    /// The name to look up; `None` = the host is an address, judged already.
    pub fn name(&self) -> Option<&str> {
        let host = self.url.host_str()?;
        literal(host).is_none().then_some(host)
    }
}

fn allowed(scheme: &str, allow_loopback: bool) -> Result<Allowed, Refusal> {
    match (scheme, allow_loopback) {
        ("https", false) => Ok(Allowed::Public),
        ("https", true) => Ok(Allowed::PublicOrLoopback),
        ("http", true) => Ok(Allowed::Loopback),
        _ => Err(Refusal::Scheme),
    }
}

fn judge_host(url: &Url, allowed: Allowed) -> Result<(), Refusal> {
    // The client reads the URL once more, as a `Uri`: what is judged here has to be what it finds there.
    let uri: Uri = url.as_str().parse().map_err(|_| Refusal::Malformed)?;
    let host = url
        .host_str()
        .filter(|&host| !host.is_empty() && uri.host() == Some(host));
    let host = host.ok_or(Refusal::Malformed)?;
    match literal(host) {
        Some(address) => allowed.judge(Found::Written, address),
        None if allowed == Allowed::Public && is_localhost(host) => Err(Refusal::Localhost),
        None => Ok(()),
    }
}

/// The address that a host is, found the way the connector finds it (hyper-util, `SocketAddrs::try_parse`).
fn literal(host: &str) -> Option<IpAddr> {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bracketed {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

/// Names that mean this machine even where they do not resolve (RFC 6761 §6.3).
fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOOPBACK: [&str; 22] = [
        "127.0.0.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0X7F.0x0.0x0.0x1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "0x7f.1.",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "%31%32%37.0.0.1",
        "127.0.0%2e1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0000:0000:0000:0000:0000:FFFF:7F00:0001]",
    ];

    fn refusal(text: &str) -> String {
        Target::parse(text, false).unwrap_err().to_string()
    }

    #[test]
    fn loopback_is_recognised_in_every_spelling() {
        for host in LOOPBACK {
            for url in [
                format!("https://{host}/hook"),
                format!("https://{host}:8443"),
                format!("https:{host}"),
            ] {
                let reason = refusal(&url);
                assert!(reason.starts_with("points to a loopback address ("), "{url}: {reason}");
                assert_eq!(Target::parse(&url, true).unwrap().name(), None, "{url}");
            }
            assert_eq!(refusal(&format!("http://{host}/")), "must be https");
            assert!(Target::parse(&format!("http://{host}/"), true).is_ok(), "{host}");
        }
    }

    #[test]
    fn other_addresses_are_refused_in_every_spelling_too() {
        let refused = "10.0.0.5 167772165 0xa.5 012.0.0.5 [::ffff:a00:5] [64:ff9b::a00:5] 169.254.169.254 2852039166 0xa9fea9fe \
            0251.0376.0251.0376 [::ffff:169.254.169.254] [fd00:ec2::254] 0 0.0.0.0 [::] [fe80::1] 192.168.1 \
            172.31.255.255 255.255.255.255";
        for host in refused.split_whitespace() {
            let reason = refusal(&format!("https://{host}/"));
            assert!(reason.starts_with("points to a "), "{host}: {reason}");
            assert_eq!(
                Target::parse(&format!("https://{host}/"), true)
                    .unwrap_err()
                    .to_string(),
                reason
            );
            assert!(Target::parse(&format!("http://{host}/"), true).is_err(), "{host}");
        }
        assert_eq!(refusal("https://0xa.5/"), "points to a private address (10.0.0.5)");
    }

    #[test]
    fn this_machines_name_is_refused_whatever_it_resolves_to() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "a.b.localhost.",
            "ｌocalhost",
            "%6cocalhost",
        ] {
            let reason = refusal(&format!("https://{host}/"));
            assert_eq!(reason, "points to a loopback address (localhost)", "{host}");
            assert!(
                Target::parse(&format!("https://{host}/"), true)
                    .unwrap()
                    .name()
                    .is_some()
            );
        }
        assert!(Target::parse("https://notlocalhost/", false).is_ok());
        assert!(Target::parse("https://localhost.example.com/", false).is_ok());
    }

    #[test]
    fn a_refusal_says_what_to_change() {
        let long = format!("https://example.com/{}", "a".repeat(MAX_LENGTH));
        let grows = format!("https://example.com/{}", "é".repeat(MAX_LENGTH / 3));
        let cases = [
            ("http://example.com/", "must be https"),
            ("ftp://example.com/", "must be https"),
            ("file:///etc/passwd", "must be https"),
            ("unix:/run/docker.sock", "must be https"),
            ("javascript:alert(1)", "must be https"),
            ("gopher://127.0.0.1:6379/_x", "must be https"),
            ("https://user@example.com/", "must not contain a user name or password"),
            (
                "https://:secret@example.com/",
                "must not contain a user name or password",
            ),
            (
                "https://example.com@10.0.0.5/",
                "must not contain a user name or password",
            ),
            (
                "https://example.com/#part",
                "must not contain a fragment (#…), which is never sent",
            ),
            (
                "https://example.com/#",
                "must not contain a fragment (#…), which is never sent",
            ),
            (
                "https://exa\nmple.com/",
                "must not contain spaces or control characters",
            ),
            (
                "https://example.com/a\tb",
                "must not contain spaces or control characters",
            ),
            (
                "https://example.com/\0",
                "must not contain spaces or control characters",
            ),
            (
                "https://example.com/\u{85}",
                "must not contain spaces or control characters",
            ),
            (" https://example.com/", "must not contain spaces or control characters"),
            (&long, "must not be longer than 2,048 characters"),
            (&grows, "must not be longer than 2,048 characters"),
        ];
        for (url, reason) in cases {
            assert_eq!(refusal(url), reason, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_with_a_host_is_refused() {
        let broken = "https:// https:/// https://? https://:443 example.com //example.com /hook https https://[::1 \
            https://[fe80::1%25eth0]/ https://[v1.x]/ https://256.256.256.256/ https://1.2.3.4.5/ \
            https://0x100000000/ https://127.0.0.08/ https://1.2.3.300/ https://a:99999/ https://exa%00mple.com/ \
            https://a%2Fb/ https://xn--/ https://a<b/ https://%/";
        for url in broken.split_whitespace().chain([""]) {
            assert_eq!(Target::parse(url, false), Err(Refusal::Malformed), "{url}");
            assert!(Target::parse(url, true).is_err(), "{url}");
        }
    }

    #[test]
    fn an_ordinary_url_is_taken_and_normalised() {
        let cases = [
            (
                "https://example.com/hook?key=1",
                "https://example.com/hook?key=1",
                Some("example.com"),
            ),
            ("HTTPS://Example.COM:443", "https://example.com/", Some("example.com")),
            (
                "https://bücher.example/ä",
                "https://xn--bcher-kva.example/%C3%A4",
                Some("xn--bcher-kva.example"),
            ),
            (
                "https://example.com:8443/a/../b",
                "https://example.com:8443/b",
                Some("example.com"),
            ),
            ("https://8.8.8.8/", "https://8.8.8.8/", None),
            ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/", None),
        ];
        for (given, taken, name) in cases {
            let target = Target::parse(given, false).unwrap();
            assert_eq!(
                (target.url.as_str(), target.name(), target.allowed),
                (taken, name, Allowed::Public)
            );
        }
        let longest = format!("https://example.com/{}", "a".repeat(MAX_LENGTH - 20));
        assert_eq!(Target::parse(&longest, false).unwrap().url.as_str(), longest);
    }

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        let refused = Target::parse("http://8.8.8.8/", true).unwrap_err().to_string();
        assert_eq!(refused, "must be https, except to a loopback address");
        assert_eq!(
            Target::parse("http://127.0.0.1:3000/", true).unwrap().allowed,
            Allowed::Loopback
        );
        assert_eq!(
            Target::parse("http://example.com/", true).unwrap().allowed,
            Allowed::Loopback
        );
        assert_eq!(
            Target::parse("https://example.com/", true).unwrap().allowed,
            Allowed::PublicOrLoopback
        );
    }

    proptest! {
        /// The guard reads the `Url`, the connector the `Uri` made of it: they must never disagree about the host.
        #[test]
        fn what_is_judged_is_what_is_connected_to(
            host in "[a-zA-Z0-9.@:%\\[\\]_~!$&'()*+,;=\\\\/?^|`{}<>\"-]{1,24}|[0-9a-fx.]{1,16}|\\PC{1,12}",
            rest in "(:[0-9]{1,5})?[/\\\\?#]?[a-z0-9@:/%{}|^\\\\]{0,12}",
        ) {
            let Ok(target) = Target::parse(&format!("https://{host}{rest}"), true) else { return Ok(()) };
            let uri: Uri = target.url.as_str().parse().unwrap();
            prop_assert_eq!(uri.host(), target.url.host_str());
            prop_assert_eq!(uri.port_u16(), target.url.port());
            let bare = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            prop_assert_eq!(target.name().is_none(), bare.parse::<IpAddr>().is_ok());
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}|(http|https)://.{0,60}") {
            let _ = Target::parse(&text, false);
            let _ = Target::parse(&text, true);
        }
    }
}
