//! Mail sent by the real SDK.

use aws_sdk_sesv2::{
    Client,
    error::SdkError,
    types::{Body, Content, Destination, EmailContent, Message},
};

use super::*;
use crate::sdk::{Endpoints, Identity};
use crate::server::{Layer, on_any_port};

async fn start(mailbox: &Mailbox) -> (Client, String, Layer) {
    let mut layer = Layer::default();
    let url = on_any_port(ses(mailbox.clone()), &mut layer).await.unwrap();
    let mut endpoints = Endpoints::default();
    endpoints.set("SESV2", &url);
    (Client::new(&Identity::local().config(endpoints)), url, layer)
}

fn part(data: &str) -> Content {
    Content::builder().data(data).charset("UTF-8").build().unwrap()
}

fn content() -> EmailContent {
    let body = Body::builder()
        .text(part("Your code: ABCD"))
        .html(part("<p>Your code: ABCD</p>"))
        .build();
    let simple = Message::builder()
        .subject(part("Schön, dass Sie da sind"))
        .body(body)
        .build();
    EmailContent::builder().simple(simple).build()
}

#[tokio::test]
async fn mail_that_the_sdk_sends_is_in_the_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open(&folder.path().join("mailbox.jsonl")).unwrap();
    let (client, _, _layer) = start(&mailbox).await;
    let to = Destination::builder()
        .to_addresses("ann@example.com")
        .bcc_addresses("Bob <bob@example.com>")
        .build();
    let sent = client
        .send_email()
        .from_email_address("docent <docent@localhost>")
        .destination(to)
        .content(content());
    let id = sent.send().await.unwrap().message_id.unwrap();
    let mails = mailbox.list(Some("BOB@example.com"));
    assert_eq!((mails.len(), &mails[0].id), (1, &id));
    assert_eq!(mails[0].to, ["ann@example.com", "Bob <bob@example.com>"]);
    assert_eq!(mails[0].subject, "Schön, dass Sie da sind");
    assert_eq!(mails[0].text.as_deref(), Some("Your code: ABCD"));
    assert_eq!(mails[0].html.as_deref(), Some("<p>Your code: ABCD</p>"));
}

#[tokio::test]
async fn what_ses_refuses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open(&folder.path().join("mailbox.jsonl")).unwrap();
    let (client, url, _layer) = start(&mailbox).await;
    let many: Vec<String> = (0..51).map(|n| format!("a{n}@example.com")).collect();
    for to in [
        vec![],
        vec!["nobody".to_owned()],
        vec!["a@example.com\r\nBcc: b@example.com".to_owned()],
        many,
    ] {
        let to = Destination::builder().set_to_addresses(Some(to)).build();
        let refused = client
            .send_email()
            .from_email_address("docent@localhost")
            .destination(to)
            .content(content());
        let refused = refused.send().await.unwrap_err();
        assert!(
            matches!(&refused, SdkError::ServiceError(why) if why.err().is_bad_request_exception()),
            "{refused:?}"
        );
    }
    for body in [
        "",
        "{",
        "{}",
        r#"{"Content":{"Raw":{"Data":"eA=="}},"FromEmailAddress":"a@b","Destination":{"ToAddresses":["a@b"]}}"#,
    ] {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .post(format!("{url}/v2/email/outbound-emails"))
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(answer.headers()["x-amzn-errortype"], "BadRequestException");
    }
    assert!(mailbox.list(None).is_empty());
}

#[test]
fn addresses_are_told_from_other_text() {
    for good in [
        "a@b",
        "docent@localhost",
        "Ann <ann+x@mail.example.com>",
        "o'neil@example.com",
        "a@büro.example",
    ] {
        assert!(is_address(good), "{good}");
    }
    for bad in [
        "",
        "a",
        "@b",
        "a@",
        "a@b@c",
        "a b@c",
        "ä@b",
        "a@b..c",
        "a@-b",
        "Ann <ann>",
        "a@b\n",
        "a@b, c@d",
    ] {
        assert!(!is_address(bad), "{bad}");
    }
}
