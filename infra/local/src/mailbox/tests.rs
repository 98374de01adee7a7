//! The mailbox: kept over restarts, bounded, and harmless to look at.

use http::Request;
use serde_json::Value;

use super::*;

fn mail(n: usize, to: &str) -> Mail {
    let to = vec!["other@example.com".to_owned(), to.to_owned()];
    Mail::now(
        "docent@localhost".into(),
        to,
        format!("No. {n}"),
        Some("text".into()),
        None,
    )
}

fn get(mailbox: &Mailbox, uri: &str, accept: &str) -> (http::response::Parts, String) {
    let (parts, ()) = Request::get(uri)
        .header("accept", accept)
        .body(())
        .unwrap()
        .into_parts();
    let (parts, body) = mailbox.answer(&parts, "r-1").into_parts();
    (parts, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn mail_outlives_a_restart_and_half_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.jsonl");
    let mailbox = Mailbox::open(&path).unwrap();
    let (first, second) = (mail(1, "ann@example.com"), mail(2, "ann@example.com"));
    mailbox.add(first.clone()).unwrap();
    let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
    torn.write_all(b"{\"id\":\"torn\",\"from\":\"\xc3").unwrap();
    drop(mailbox);
    let mailbox = Mailbox::open(&path).unwrap();
    mailbox.add(second.clone()).unwrap();
    drop(mailbox);
    assert_eq!(Mailbox::open(&path).unwrap().list(None), [second, first]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn only_the_newest_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.jsonl");
    let mailbox = Mailbox::open(&path).unwrap();
    for n in 0..KEPT + SLACK + 2 {
        mailbox.add(mail(n, "ann@example.com")).unwrap();
    }
    let subjects = |mailbox: &Mailbox| {
        mailbox
            .list(None)
            .into_iter()
            .map(|mail| mail.subject)
            .collect::<Vec<_>>()
    };
    let kept = subjects(&mailbox);
    assert_eq!(
        (kept.len(), kept[0].as_str()),
        (KEPT, format!("No. {}", KEPT + SLACK + 1).as_str())
    );
    assert!(fs::read_to_string(&path).unwrap().lines().count() <= KEPT + SLACK);
    assert_eq!(subjects(&Mailbox::open(&path).unwrap()), kept);
    mailbox.clear().unwrap();
    assert!(Mailbox::open(&path).unwrap().list(None).is_empty());
}

#[test]
fn mail_is_found_by_address_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open(&folder.path().join("mailbox.jsonl")).unwrap();
    mailbox.add(mail(1, "Ann <Ann+x@Example.com>")).unwrap();
    mailbox.add(mail(2, "bob@example.com")).unwrap();
    for (query, found) in [
        ("?to=ann%2Bx@example.COM", vec!["No. 1"]),
        ("?to=ann+x@example.com", vec!["No. 1"]),
        ("?to=nn%2Bx@example.com", vec![]),
        ("?to=other@example.com", vec!["No. 2", "No. 1"]),
        ("?to=", vec!["No. 2", "No. 1"]),
    ] {
        let (_, body) = get(&mailbox, &format!("{PATH}{query}"), "*/*");
        let body: Value = serde_json::from_str(&body).unwrap();
        let subjects: Vec<_> = body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mail| &mail["subject"])
            .collect();
        assert_eq!(subjects, found, "{query}");
    }
}

#[test]
fn the_page_shows_mail_and_runs_none_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::open(&folder.path().join("mailbox.jsonl")).unwrap();
    let evil = "<script>alert('\"&')</script>".to_owned();
    let to = vec![evil.clone()];
    mailbox
        .add(Mail::now(
            evil.clone(),
            to,
            evil.clone(),
            Some(evil.clone()),
            Some(evil),
        ))
        .unwrap();
    let (parts, body) = get(&mailbox, PATH, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    assert_eq!(parts.headers["content-type"], "text/html; charset=utf-8");
    assert!(!body.contains("<script"));
    assert_eq!(
        body.matches("&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;")
            .count(),
        5
    );
    let policy = parts.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(parts.headers.get("access-control-allow-origin").is_none());
    let (parts, ()) = Request::post(PATH).body(()).unwrap().into_parts();
    assert_eq!(mailbox.answer(&parts, "r-1").status(), 405);
}
