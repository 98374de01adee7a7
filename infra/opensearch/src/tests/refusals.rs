//! What is outside the subset is refused by name.

use serde_json::{Value, json};

use super::samples::{self, DIMENSION};
use super::{run, send};

#[tokio::test]
async fn a_mapping_that_cannot_be_honoured_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = run(dir.path()).await;
    let with = |path: &str, value: Value| {
        let mut body = samples::index(DIMENSION);
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let bodies = [
        with("/mappings/dynamic", json!(true)),
        with("/mappings/properties/bot", json!({"type": "date"})),
        with(
            "/mappings/properties/bot",
            json!({"type": "keyword", "normalizer": "x"}),
        ),
        with("/mappings/properties/title/analyzer", json!("nobody")),
        with("/mappings/properties/vector/method/engine", json!("faiss")),
        with("/mappings/properties/vector/method/space_type", json!("l2")),
        with("/mappings/properties/vector/dimension", json!(0)),
        with("/settings/analysis/filter/docent_stem/language", json!("french")),
        with("/settings/analysis/analyzer/docent_index/tokenizer", json!("ngram")),
        with(
            "/settings/analysis/analyzer/docent_index/filter",
            json!(["lowercase", "asciifolding"]),
        ),
    ];
    for body in bodies {
        let (status, answer) = send(&server.url, "PUT", "/chunks", body.to_string()).await;
        assert_eq!(status, 400, "{answer}");
        assert_eq!(answer["status"], 400);
        assert!(
            answer["error"]["reason"].is_string()
                && answer["error"]["root_cause"][0]["type"] == answer["error"]["type"]
        );
        assert_eq!(send(&server.url, "HEAD", "/chunks", "").await.0, 404);
    }
}

#[tokio::test]
async fn unknown_requests_and_broken_bodies_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = run(dir.path()).await;
    send(&server.url, "PUT", "/chunks", samples::index(DIMENSION).to_string()).await;
    let requests = [
        ("POST", "/chunks/_doc", "{}"),
        ("PATCH", "/chunks", "{}"),
        ("POST", "/chunks/_search", "{"),
        ("POST", "/chunks/_search", "[]"),
        ("POST", "/chunks/_search", r#"{"query": {}}"#),
        ("POST", "/chunks/_search", r#"{"query": {"term": {"page": 1}}}"#),
        ("POST", "/chunks/_search", r#"{"size": -1}"#),
        ("POST", "/chunks/_search", r#"{"sort": ["n"]}"#),
        ("POST", "/_bulk", "\n"),
        ("POST", "/_bulk", "{\"index\":{\"_index\":\"chunks\"}}\n{}\n"),
        ("POST", "/_bulk", "{\"index\":{\"_index\":\"chunks\",\"_id\":\"1\"}}\n"),
        ("POST", "/_msearch", "{\"index\":\"chunks\"}\n"),
        ("POST", "/_aliases", r#"{"actions":[{"swap":{}}]}"#),
    ];
    for (method, path, body) in requests {
        let (status, answer) = send(&server.url, method, path, body).await;
        assert_eq!(
            (status, &answer["status"]),
            (400, &json!(400)),
            "{method} {path} {body}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_directory_is_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = run(dir.path()).await;
    send(&server.url, "PUT", "/chunks", samples::index(DIMENSION).to_string()).await;
    assert!(crate::open(dir.path()).await.is_err());
}
