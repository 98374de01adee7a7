//! Why a URL is refused, and why a request got no answer: in words for whoever chose the URL.

use std::{error::Error, io, net::IpAddr, time::Duration};

use rustls::CertificateError;

/// Why a URL is refused; a sentence about it without its subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is too long.
    #[error("must not be longer than 2,048 characters")]
    TooLong,
    /// It contains what no URL does.
    #[error("must not contain spaces or control characters")]
    Spaces,
    /// It is no URL with a host.
    #[error("must be a URL such as https://example.com/hook")]
    Malformed,
    /// Its scheme is another.
    #[error("must be https")]
    Scheme,
    /// It is plain http, which is for this machine.
    #[error("must be https, except to a loopback address")]
    PlainElsewhere,
    /// It contains a secret that would be shown wherever the URL is.
    #[error("must not contain a user name or password")]
    Credentials,
    /// It ends in something that is not for servers.
    #[error("must not contain a fragment (#…), which is never sent")]
    Fragment,
    /// It names this machine.
    #[error("points to a loopback address (localhost)")]
    Localhost,
    /// It leads to an address that is not public. What a name resolves to is not told: whoever asks may not be who runs the
    /// network that we are in.
    #[error("{verb} to a {kind} address{}", stated(verb, *.address))]
    Address {
        /// How it does: `points` or `resolves`.
        verb: &'static str,
        /// What the address is: `private`, `loopback` …
        kind: &'static str,
        /// The address.
        address: IpAddr,
    },
}

/// Why there was no answer; a sentence that helps the receiver's owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Nothing was sent: the URL is not allowed, or its name leads to an address that is not.
    #[error("refused: the URL {0}")]
    Refused(Refusal),
    /// Its name has no address, or the look-up failed.
    #[error("the name cannot be resolved")]
    Unresolved,
    /// There was no connection in time, TLS included.
    #[error("no connection within {}", seconds(*.0))]
    NotConnected(Duration),
    /// Nothing listens there.
    #[error("the connection was refused")]
    ConnectionRefused,
    /// The network does not lead there.
    #[error("the address cannot be reached")]
    Unreachable,
    /// There was no secure connection.
    #[error("TLS failed: {0}")]
    Tls(&'static str),
    /// The time was over before an answer came.
    #[error("no answer within {}", seconds(*.0))]
    TimedOut(Duration),
    /// The receiver hung up instead of answering.
    #[error("the connection was closed before an answer came")]
    Closed,
    /// What came is no HTTP.
    #[error("the answer is not HTTP/1.1, or its headers are too long")]
    Garbled,
    /// The time was over before the answer ended.
    #[error("the answer began (status {status}) but did not end within {}", seconds(*.within))]
    Unfinished {
        /// Its status.
        status: u16,
        /// The time that there was.
        within: Duration,
    },
    /// The connection was closed before the answer ended, or its end is not HTTP.
    #[error("the answer began (status {status}) but broke off before its end")]
    BrokenOff {
        /// Its status.
        status: u16,
    },
    /// Anything else; the log has the cause.
    #[error("the request failed")]
    Failed,
}

/// An address that the caller stated, not one that was looked up.
fn stated(verb: &str, address: IpAddr) -> String {
    match verb {
        "points" => format!(" ({address})"),
        _ => String::new(),
    }
}

impl Unanswered {
    /// The status of an answer that began.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unfinished { status, .. } | Self::BrokenOff { status } => Some(*status),
            _ => None,
        }
    }

    /// A short code for machines. It stays the same when the sentence changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Unresolved => "unresolved",
            Self::NotConnected(_) => "not_connected",
            Self::ConnectionRefused => "connection_refused",
            Self::Unreachable => "unreachable",
            Self::Tls(_) => "tls_failed",
            Self::TimedOut(_) => "timed_out",
            Self::Closed => "closed",
            Self::Garbled => "garbled",
            Self::Unfinished { .. } => "unfinished",
            Self::BrokenOff { .. } => "broken_off",
            Self::Failed => "failed",
        }
    }

    /// What an error of the client means; `connect` is the time that a connection had.
    pub(super) fn of(error: reqwest::Error, connect: Duration) -> Self {
        // The URL may hold a secret of the receiver's.
        let error = error.without_url();
        let found = find::<Self>(&error)
            .cloned()
            .or_else(|| (error.is_connect() && error.is_timeout()).then_some(Self::NotConnected(connect)))
            .or_else(|| find(&error).map(|cause| Self::Tls(tls(cause))))
            .or_else(|| find(&error).and_then(http))
            .or_else(|| find(&error).and_then(|cause| network(cause, error.is_connect())));
        found.unwrap_or_else(|| {
            tracing::warn!(error = ?error, "a request failed in an unforeseen way");
            Self::Failed
        })
    }
}

/// The outermost error of type `E` among an error and its causes.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    // The source of an `io::Error` skips the error that it wraps.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => find(wrapped),
        None => find(error.source()?),
    }
}

fn tls(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(cause) => certificate(cause),
        rustls::Error::InvalidMessage(_) => "the receiver does not speak TLS",
        rustls::Error::AlertReceived(_) => "the receiver ended the handshake",
        rustls::Error::PeerIncompatible(_) => "no version or cipher suite in common",
        _ => "the handshake failed",
    }
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        CertificateError::UnknownIssuer => {
            "the certificate's issuer is unknown (it is self-signed, or intermediate certificates are missing)"
        }
        _ => "the certificate is not acceptable",
    }
}

fn http(error: &hyper::Error) -> Option<Unanswered> {
    if error.is_parse() {
        Some(Unanswered::Garbled)
    } else if error.is_incomplete_message() || error.is_closed() {
        Some(Unanswered::Closed)
    } else {
        None
    }
}

fn network(error: &io::Error, connecting: bool) -> Option<Unanswered> {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Some(Unanswered::ConnectionRefused),
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
            Some(Unanswered::Unreachable)
        }
        Kind::UnexpectedEof if connecting => Some(Unanswered::Tls("the connection was closed during the handshake")),
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::NotConnected
        | Kind::UnexpectedEof => Some(Unanswered::Closed),
        // Causes lie within one another: the system's own error is the innermost.
        _ => error
            .get_ref()
            .and_then(|wrapped| find(wrapped))
            .and_then(|cause| network(cause, connecting)),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_found_however_deep_it_lies() {
        let inner = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        let outer = io::Error::other(io::Error::other(inner));
        assert_eq!(find::<rustls::Error>(&outer), Some(&rustls::Error::DecryptError));
        assert!(find::<hyper::Error>(&outer).is_none());
        let refused = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(network(&refused, true), Some(Unanswered::ConnectionRefused));
    }

    #[test]
    fn a_bad_certificate_is_named() {
        let cases = [
            (CertificateError::Expired, "the certificate has expired"),
            (CertificateError::NotValidYet, "the certificate is not valid yet"),
            (CertificateError::NotValidForName, "the certificate is for another name"),
            (CertificateError::BadSignature, "the certificate is not acceptable"),
        ];
        for (cause, sentence) in cases {
            assert_eq!(tls(&rustls::Error::InvalidCertificate(cause)), sentence);
        }
    }

    #[test]
    fn times_are_in_seconds() {
        assert_eq!(
            Unanswered::TimedOut(Duration::from_secs(15)).to_string(),
            "no answer within 15 s"
        );
        assert_eq!(
            Unanswered::NotConnected(Duration::from_millis(2_500)).to_string(),
            "no connection within 2.5 s"
        );
    }
}
