//! The client against receivers of every kind, each a real listener on this machine. Nothing here goes anywhere else.

mod receivers;
mod resolvers;
mod tls;

use futures::future::join_all;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::*;
use receivers::{Receiver, Untouched, endless};
use resolvers::{Answers, Silent};

/// Enough for what comes.
const AMPLE: Duration = Duration::from_secs(60);
/// Too short for what never comes.
const BRIEF: Duration = Duration::from_millis(200);

async fn post(outgoing: &Outgoing, url: &str, limit: Duration) -> Result<Answer, Unanswered> {
    let body = Bytes::from_static(b"{}");
    outgoing.post(url, HeaderMap::new(), body, limit).await
}

/// What comes of a post to a local receiver.
async fn outcome(receiver: &Receiver, limit: Duration) -> Result<Answer, Unanswered> {
    post(&Outgoing::new(true), &receiver.url(), limit).await
}

fn refused_address(result: &Result<Answer, Unanswered>) -> bool {
    matches!(result, Err(Unanswered::Refused(Refusal::Address { .. })))
}

#[tokio::test]
async fn a_post_arrives_as_it_was_given_and_its_answer_comes_back() {
    let receiver =
        Receiver::answering("HTTP/1.1 202 Accepted\r\nretry-after: 7\r\ncontent-length: 7\r\n\r\nd\u{e9}j\u{fffd}")
            .await;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
    headers.insert("webhook-id", "msg_1".parse().unwrap());
    headers.insert(AUTHORIZATION, "Bearer x".parse().unwrap());
    let outgoing = Outgoing::new(true);
    let url = format!("http://127.0.0.1:{}/a/b?c=%20d", receiver.port);
    let answer = outgoing.post(&url, headers, "{\"a\":1}".into(), AMPLE).await.unwrap();
    assert_eq!(
        (answer.status, answer.body.as_str(), answer.retry_after(0)),
        (202, "déj\u{fffd}", Some(7))
    );

    let requests = receiver.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    lines[1..].sort_unstable();
    let host = format!("host: 127.0.0.1:{}", receiver.port);
    let expected = [
        "POST /a/b?c=%20d HTTP/1.1",
        "accept: */*",
        "authorization: Bearer x",
        "content-length: 7",
        "content-type: application/json",
        &host,
        "webhook-id: msg_1",
    ];
    assert_eq!((lines.as_slice(), body), (expected.as_slice(), "{\"a\":1}"));
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n").await;
    let outgoing = Outgoing::new(true);
    for _ in 0..2 {
        post(&outgoing, &receiver.url(), AMPLE).await.unwrap();
    }
    assert!(!receiver.requests()[1].contains("cookie"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Untouched::new();
        let location = format!("location: http://127.0.0.1:{}/", elsewhere.port());
        let receiver = Receiver::answering(format!(
            "HTTP/1.1 {status} Moved\r\n{location}\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        assert_eq!(outcome(&receiver, AMPLE).await.unwrap().status, status);
        elsewhere.assert_untouched();
    }
}

#[tokio::test]
async fn any_status_is_an_answer() {
    for status in [200, 204, 304, 400, 401, 410, 413, 429, 500, 503, 599, 999] {
        let receiver = Receiver::answering(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(outcome(&receiver, AMPLE).await.unwrap().status, status);
    }
    let receiver =
        Receiver::answering("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(outcome(&receiver, AMPLE).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let receiver = Receiver::answering(format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: 4\r\n\r\nbomb"
        ))
        .await;
        assert_eq!(outcome(&receiver, AMPLE).await.unwrap().body, "bomb");
        assert!(!receiver.requests()[0].contains("encoding"));
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up() {
    let receivers = [
        Receiver::falling_silent("").await,
        Receiver::falling_silent("HTTP/1.1 200 OK\r\nx: ").await,
        Receiver::falling_silent("HTTP/1.1 100 Continue\r\n\r\n").await,
        Receiver::dripping("HTTP/1.1 200 OK\r\nx: ", "y").await,
        Receiver::dripping("", "HTTP/1.1 103 Early Hints\r\n\r\n").await,
    ];
    for outcome in join_all(receivers.each_ref().map(|receiver| outcome(receiver, BRIEF))).await {
        assert_eq!(outcome, Err(Unanswered::TimedOut(BRIEF)));
    }
}

#[tokio::test]
async fn a_receiver_whose_answer_does_not_end_is_given_up() {
    let receivers = [
        Receiver::falling_silent("HTTP/1.1 200 OK\r\n\r\n").await,
        Receiver::falling_silent("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").await,
        Receiver::dripping("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", "y").await,
        Receiver::dripping("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\ny\r\n").await,
    ];
    let outgoing = Outgoing::new(true);
    for receiver in receivers {
        let (target, way) = outgoing.target(&receiver.url()).unwrap();
        let begun = way.client().unwrap().post(target.url).send().await.unwrap();
        // Only now does the time run: however slow the machine is, the answer has begun.
        let result = finish(begun, Instant::now() + BRIEF, BRIEF).await;
        assert_eq!(
            result,
            Err(Unanswered::Unfinished {
                status: 200,
                within: BRIEF
            })
        );
    }
}

#[tokio::test]
async fn a_receiver_that_sends_headers_only_and_hangs_up_has_answered_unless_it_promised_more() {
    let closed = Receiver::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(outcome(&closed, AMPLE).await.unwrap().status, 200);
    let promised = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab").await;
    assert_eq!(
        outcome(&promised, AMPLE).await,
        Err(Unanswered::BrokenOff { status: 200 })
    );
}

#[tokio::test]
async fn a_receiver_that_hangs_up_is_named() {
    let closing = Receiver::answering("").await;
    assert_eq!(outcome(&closing, AMPLE).await, Err(Unanswered::Closed));
    let half = Receiver::answering("HTTP/1.1 200 OK\r\nx: ").await;
    assert_eq!(outcome(&half, AMPLE).await, Err(Unanswered::Closed));
    let resetting = Receiver::behaving(|stream| async move { stream.set_zero_linger().unwrap() }).await;
    assert_eq!(outcome(&resetting, AMPLE).await, Err(Unanswered::Closed));
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_named() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1_000_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1_000));
    let garbage = [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "\0\u{1}\u{2}garbage\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
    ];
    for text in garbage.into_iter().map(str::to_owned) {
        let receiver = Receiver::answering(text).await;
        assert_eq!(outcome(&receiver, AMPLE).await, Err(Unanswered::Garbled));
    }
    for text in [long, many] {
        let write = move |mut stream: TcpStream| {
            let text = text.clone();
            async move { drop(stream.write_all(text.as_bytes()).await) }
        };
        assert_eq!(
            outcome(&Receiver::behaving(write).await, AMPLE).await,
            Err(Unanswered::Garbled)
        );
    }
    let chunk = Receiver::answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n").await;
    assert_eq!(outcome(&chunk, AMPLE).await, Err(Unanswered::BrokenOff { status: 200 }));
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_cut_and_hung_up_on() {
    let outgoing = Outgoing::new(true);
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n",
    ] {
        let (port, sending) = endless(head).await;
        let answer = post(&outgoing, &format!("http://127.0.0.1:{port}/"), AMPLE)
            .await
            .unwrap();
        assert_eq!(answer.body, "y".repeat(MAX_BODY));
        sending.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_of_ten_megabytes_is_cut() {
    let body = "é".repeat(5_000_000);
    let receiver = Receiver::behaving(move |mut stream| {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        async move { drop(stream.write_all(answer.as_bytes()).await) }
    })
    .await;
    assert_eq!(outcome(&receiver, AMPLE).await.unwrap().body, "é".repeat(MAX_BODY / 2));
}

#[tokio::test]
async fn giving_up_closes_the_connection() {
    let (events, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::behaving(move |mut stream| {
        let events = events.clone();
        async move {
            events.send("a request").unwrap();
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            events.send("the end").unwrap();
        }
    })
    .await;
    // What is over by its limit is dropped like this.
    tokio::select! {
        result = outcome(&receiver, AMPLE) => panic!("{result:?}"),
        event = seen.recv() => assert_eq!(event, Some("a request")),
    }
    assert_eq!(seen.recv().await, Some("the end"));
}

#[tokio::test]
async fn a_closed_port_is_named() {
    // Bound, so that nobody else listens there, but not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let outgoing = Outgoing::new(true);
    let result = post(&outgoing, &format!("http://127.0.0.1:{port}/"), AMPLE).await;
    assert_eq!(result, Err(Unanswered::ConnectionRefused));
}

#[tokio::test]
async fn an_unknown_name_may_be_registered_and_its_posts_say_so() {
    let url = "https://unknown.example/";
    let outgoing = Outgoing::with(Answers::new(&[]), false);
    assert_eq!(outgoing.check(url).await.unwrap().as_str(), url);
    assert_eq!(post(&outgoing, url, AMPLE).await, Err(Unanswered::Unresolved));
    let nowhere = Outgoing::with(Answers::new(&[&[], &[]]), false);
    assert!(nowhere.check(url).await.is_ok());
    assert_eq!(post(&nowhere, url, AMPLE).await, Err(Unanswered::Unresolved));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_takes_too_long_may_be_registered_too() {
    let url = "https://slow.example/";
    let outgoing = Outgoing::with(Arc::new(Silent), false);
    assert!(outgoing.check(url).await.is_ok());
    let result = post(&outgoing, url, Duration::from_secs(5)).await;
    assert_eq!(result, Err(Unanswered::TimedOut(Duration::from_secs(5))));
    let result = post(&outgoing, url, AMPLE).await;
    assert_eq!(result, Err(Unanswered::NotConnected(CONNECT)));
}

#[tokio::test]
async fn a_name_is_refused_for_any_of_its_addresses() {
    let answers: [&[&str]; 6] = [
        &["10.0.0.5"],
        &["93.184.215.14", "10.0.0.5"],
        &["2606:4700::1111", "93.184.215.14", "::ffff:10.0.0.5"],
        &["fd00:ec2::254"],
        &["169.254.169.254"],
        &["127.0.0.1", "93.184.215.14"],
    ];
    for answer in answers {
        let untouched = Untouched::new();
        let outgoing = Outgoing::with(Answers::new(&[answer, answer]), false);
        let url = format!("https://mixed.example:{}/", untouched.port());
        let reason = outgoing.check(&url).await.unwrap_err();
        assert!(reason.starts_with("resolves to a "), "{reason}");
        let result = post(&outgoing, &url, AMPLE).await;
        assert!(refused_address(&result), "{result:?}");
        untouched.assert_untouched();
    }
    let outgoing = Outgoing::with(Answers::new(&[&["10.0.0.5"]]), false);
    let unanswered = post(&outgoing, "https://private.example/", AMPLE).await.unwrap_err();
    assert_eq!(unanswered.to_string(), "refused: the URL resolves to a private address");
    assert_eq!(unanswered.code(), "refused");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_after_the_check_is_refused() {
    let untouched = Untouched::new();
    let url = format!("https://rebinding.example:{}/", untouched.port());
    for behind in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        let answers = Answers::new(&[&["93.184.215.14"], &[behind]]);
        let outgoing = Outgoing::with(Arc::clone(&answers), false);
        assert!(outgoing.check(&url).await.is_ok());
        let result = post(&outgoing, &url, AMPLE).await;
        assert!(refused_address(&result), "{result:?}");
        assert_eq!(answers.left(), 0);
    }
    untouched.assert_untouched();
}

#[tokio::test]
async fn a_connection_goes_to_the_address_that_was_judged_and_is_not_kept_for_the_next_post() {
    let receiver = Receiver::falling_silent("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answers = Answers::new(&[&["127.0.0.1"], &["10.0.0.5"], &["127.0.0.1"]]);
    let outgoing = Outgoing::with(Arc::clone(&answers), true);
    let url = format!("http://rebinding.example:{}/", receiver.port);
    assert_eq!(post(&outgoing, &url, AMPLE).await.unwrap().status, 200);
    assert_eq!(answers.left(), 2, "one look-up");
    let result = post(&outgoing, &url, AMPLE).await;
    assert!(refused_address(&result), "{result:?}");
    assert_eq!(post(&outgoing, &url, AMPLE).await.unwrap().status, 200);
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn the_next_address_of_a_name_is_tried() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let outgoing = Outgoing::with(Answers::new(&[&["127.0.0.2", "127.0.0.1"]]), true);
    let url = format!("http://two.example:{}/", receiver.port);
    assert_eq!(post(&outgoing, &url, AMPLE).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_written_address_is_refused_without_a_packet() {
    let untouched = Untouched::new();
    let outgoing = Outgoing::new(false);
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "a.localhost.",
    ] {
        let secure = format!("https://{host}:{}/", untouched.port());
        assert!(
            outgoing
                .check(&secure)
                .await
                .unwrap_err()
                .starts_with("points to a loopback address")
        );
        let result = post(&outgoing, &secure, AMPLE).await;
        assert_eq!(result.unwrap_err().code(), "refused", "{host}");
        let plain = format!("http://{host}:{}/", untouched.port());
        assert_eq!(outgoing.check(&plain).await, Err("must be https".to_owned()));
        assert_eq!(
            post(&outgoing, &plain, AMPLE).await,
            Err(Unanswered::Refused(Refusal::Scheme))
        );
    }
    untouched.assert_untouched();
}

#[tokio::test]
async fn where_loopback_is_allowed_nothing_else_is() {
    let outgoing = Outgoing::new(true);
    for host in [
        "10.0.0.5",
        "192.168.1.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "[::]",
    ] {
        for scheme in ["http", "https"] {
            let result = post(&outgoing, &format!("{scheme}://{host}/"), AMPLE).await;
            assert!(refused_address(&result), "{scheme}://{host}/: {result:?}");
        }
    }
    let plain = post(&outgoing, "http://93.184.215.14/", AMPLE).await;
    assert_eq!(plain, Err(Unanswered::Refused(Refusal::PlainElsewhere)));
}

#[tokio::test]
async fn plain_http_is_refused_to_a_name_elsewhere() {
    let answers = Answers::new(&[&["93.184.215.14"], &["93.184.215.14"], &["127.0.0.1", "93.184.215.14"]]);
    let outgoing = Outgoing::with(answers, true);
    let reason = outgoing.check("http://public.example/").await;
    assert_eq!(reason, Err("must be https, except to a loopback address".to_owned()));
    for _ in 0..2 {
        let result = post(&outgoing, "http://public.example/", AMPLE).await;
        assert_eq!(result, Err(Unanswered::Refused(Refusal::PlainElsewhere)));
    }
}

#[tokio::test]
async fn this_machines_name_is_allowed_where_loopback_is() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let outgoing = Outgoing::new(true);
    let url = format!("http://localhost:{}/", receiver.port);
    assert!(outgoing.check(&url).await.is_ok());
    assert_eq!(post(&outgoing, &url, AMPLE).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_check_gives_the_url_to_keep() {
    let outgoing = Outgoing::with(Answers::new(&[&["93.184.215.14"]]), false);
    let url = outgoing.check("HTTPS://Receiver.Example:443/x").await.unwrap();
    assert_eq!(url.as_str(), "https://receiver.example/x");
}

#[tokio::test]
async fn a_failure_tells_nothing_of_us_or_of_the_url() {
    let secret = "https://unknown.example/s3cret?key=s3cret";
    let outgoing = Outgoing::with(Answers::new(&[]), false);
    let unanswered = post(&outgoing, secret, AMPLE).await.unwrap_err();
    assert_eq!(unanswered.to_string(), "the name cannot be resolved");
    assert!(!format!("{unanswered:?} {outgoing:?}").contains("s3cret"));
}
