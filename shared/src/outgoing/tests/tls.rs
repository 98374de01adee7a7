//! The client against receivers with TLS.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use reqwest::{Client, dns::Resolve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};

use super::{
    super::{Answer, CONNECT, Outgoing, Unanswered, Way, address::Allowed, guard::Guard, settings},
    AMPLE, BRIEF, post,
    resolvers::Answers,
};

/// A receiver with TLS and a certificate of its own making, for a name and up to a year, and a client that trusts it.
async fn secure(certified: &str, until: i32) -> (u16, Outgoing) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new([certified.to_owned()]).unwrap();
    parameters.not_after = date_time_ymd(until, 1, 1);
    let certificate = parameters.self_signed(&key).unwrap().der().clone();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let port = encrypted(TlsAcceptor::from(Arc::new(config))).await;
    let trusted = reqwest::Certificate::from_der(&certificate).unwrap();
    let answers = Answers::new(&[&["127.0.0.1"]]);
    let guard = Arc::new(Guard::new(answers, Allowed::PublicOrLoopback));
    let settings = settings(Arc::clone(&guard) as _, Allowed::PublicOrLoopback);
    let client = settings.tls_certs_only([trusted]).build().unwrap();
    (port, only(client, guard))
}

fn only(client: Client, guard: Arc<dyn Resolve>) -> Outgoing {
    Outgoing {
        secure: Way {
            allowed: Allowed::PublicOrLoopback,
            guard,
            client: Arc::new(client.into()),
        },
        plain: None,
    }
}

/// The port of a receiver that answers one request.
async fn encrypted(acceptor: TlsAcceptor) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure";
            stream.write_all(answer).await.unwrap();
            // A close without waiting could overtake the answer.
            drop(stream.read_to_end(&mut Vec::new()).await);
        }
    });
    port
}

async fn secure_outcome(certified: &str, until: i32) -> Result<Answer, Unanswered> {
    let (port, outgoing) = secure(certified, until).await;
    post(&outgoing, &format!("https://receiver.example:{port}/"), AMPLE).await
}

#[tokio::test]
async fn a_certificate_is_checked() {
    let answer = secure_outcome("receiver.example", 4_000).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "secure"));
    let expired = secure_outcome("receiver.example", 2_001).await.unwrap_err();
    assert_eq!(expired, Unanswered::Tls("the certificate has expired"));
    let other = secure_outcome("other.example", 4_000).await.unwrap_err();
    assert_eq!(other, Unanswered::Tls("the certificate is for another name"));
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer_is_named() {
    let (port, _) = secure("localhost", 4_000).await;
    let outgoing = Outgoing::new(true);
    let result = post(&outgoing, &format!("https://localhost:{port}/"), AMPLE).await;
    let unanswered = result.unwrap_err();
    assert_eq!(unanswered.code(), "tls_failed");
    assert!(
        unanswered
            .to_string()
            .starts_with("TLS failed: the certificate's issuer is unknown"),
        "{unanswered}"
    );
}

#[tokio::test]
async fn a_receiver_without_tls_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let outgoing = Outgoing::new(true);
    for (bytes, reason) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "the receiver does not speak TLS"),
        ("", "the connection was closed during the handshake"),
    ] {
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_ne!(stream.read(&mut [0; 16_384]).await.unwrap(), 0);
            stream.write_all(bytes.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            drop(stream.read_to_end(&mut Vec::new()).await);
        };
        let (result, ()) = tokio::join!(post(&outgoing, &url, AMPLE), answering);
        assert_eq!(result, Err(Unanswered::Tls(reason)));
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://silent.example:{}/", listener.local_addr().unwrap().port());
    let guard = Arc::new(Guard::new(Answers::new(&[&["127.0.0.1"]]), Allowed::PublicOrLoopback));
    let client = settings(Arc::clone(&guard) as _, Allowed::PublicOrLoopback)
        .connect_timeout(BRIEF)
        .build()
        .unwrap();
    let result = post(&only(client, guard), &url, AMPLE).await;
    assert_eq!(result, Err(Unanswered::NotConnected(CONNECT)));
}
