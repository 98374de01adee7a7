//! Origins of pages: how lists of them are written and matched.

use crate::error::Error;

/// Most origins in a list.
const MAX_ORIGINS: usize = 50;
/// Most characters of one.
const MAX_CHARS: usize = 255;

/// Checks a list: `https://app.example.com`, `https://*.example.com`, a port where it is not the usual one. Plain http is
/// for pages on one's own machine.
///
/// # Errors
/// 400 naming `allowed_origins`.
pub fn check(origins: &[String]) -> Result<(), Error> {
    if origins.len() > MAX_ORIGINS {
        return Err(Error::field(
            "allowed_origins",
            format!("must list at most {MAX_ORIGINS} origins"),
        ));
    }
    match origins.iter().find(|origin| !is_pattern(origin)) {
        None => Ok(()),
        Some(_) => Err(Error::field(
            "allowed_origins",
            "must list origins like https://app.example.com or https://*.example.com, without a path or the usual port",
        )),
    }
}

fn is_pattern(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let (host, port) = split_port(rest);
    let name = host.strip_prefix("*.").unwrap_or(host);
    let named = !name.is_empty()
        && name
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    // `https://*.com` would let in half of the web.
    let narrow = !host.starts_with("*.") || name.contains('.');
    text.len() <= MAX_CHARS
        && matches!(scheme, "https" | "http")
        && named
        && narrow
        && port.is_none_or(|port| is_port(scheme, port))
}

/// Whether browsers write it: they leave the usual one out.
fn is_port(scheme: &str, port: &str) -> bool {
    let usual = if scheme == "https" { "443" } else { "80" };
    port != usual && port.parse::<u16>().is_ok()
}

fn split_port(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    }
}

/// Whether `origin`, as a browser sends it, is one of those listed. A star stands for one or more labels.
#[must_use]
pub fn is_listed(origin: &str, listed: &[String]) -> bool {
    listed.iter().any(|pattern| matches(origin, pattern))
}

fn matches(origin: &str, pattern: &str) -> bool {
    if origin.eq_ignore_ascii_case(pattern) {
        return true;
    }
    let Some((scheme, tail)) = pattern.split_once("://*.") else {
        return false;
    };
    let (Some((stated, host)), suffix) = (origin.split_once("://"), format!(".{}", tail.to_ascii_lowercase())) else {
        return false;
    };
    let host = host.to_ascii_lowercase();
    let below = host.strip_suffix(&suffix).is_some_and(|labels| {
        !labels.is_empty()
            && labels
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    });
    stated.eq_ignore_ascii_case(scheme) && below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(origin: &str) -> bool {
        is_listed(
            origin,
            &[
                "https://app.example.com".to_owned(),
                "https://*.example.org".to_owned(),
                "http://localhost:3000".to_owned(),
            ],
        )
    }

    #[test]
    fn an_origin_is_listed_as_it_is_or_below_a_star() {
        assert!(listed("https://app.example.com"));
        assert!(listed("https://APP.example.com"));
        assert!(listed("https://a.example.org") && listed("https://a.b.example.org"));
        assert!(listed("http://localhost:3000"));
        for other in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.test",
            "https://example.org",
            "https://evilexample.org",
            "https://evil.test/.example.org",
            "https://evil.test#.example.org",
            "https://x@evil.test?.example.org",
            "https://a.example.org:8443",
            "null",
            "",
        ] {
            assert!(!listed(other), "{other}");
        }
    }

    #[test]
    fn a_list_that_can_match_nothing_or_too_much_is_refused() {
        let ok = |text: &str| check(&[text.to_owned()]).is_ok();
        assert!(ok("https://app.example.com") && ok("https://*.example.com") && ok("http://localhost:3000"));
        for bad in [
            "app.example.com",
            "https://",
            "https://*",
            "https://*.com",
            "https://app.example.com/",
            "https://a.*.example.com",
            "ftp://example.com",
            "https://example.com:99999",
            "https://example.com:443",
            "*",
        ] {
            assert!(!ok(bad), "{bad}");
        }
    }
}
