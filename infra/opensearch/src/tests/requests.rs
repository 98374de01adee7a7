//! Requests and answers of the embedded server alone.

use serde_json::json;

use super::samples::{self, DIMENSION};
use super::{ids, run, send};

#[tokio::test]
async fn the_node_tells_its_version_and_health() {
    let dir = tempfile::tempdir().unwrap();
    let server = run(dir.path()).await;
    let (_, information) = send(&server.url, "GET", "/", "").await;
    assert_eq!(information["version"]["distribution"], "opensearch");
    assert_eq!(
        send(&server.url, "GET", "/_cluster/health", "").await.1["status"],
        "green"
    );
}

#[tokio::test]
async fn a_restart_keeps_documents_vectors_and_aliases() {
    let dir = tempfile::tempdir().unwrap();
    let server = run(dir.path()).await;
    let mut body = samples::index(DIMENSION);
    body["aliases"] = json!({"chunks": {}});
    assert_eq!(send(&server.url, "PUT", "/chunks-1", body.to_string()).await.0, 200);
    send(&server.url, "POST", "/_bulk", samples::bulk("chunks", 0..40)).await;
    send(
        &server.url,
        "POST",
        "/_bulk",
        "{\"delete\":{\"_index\":\"chunks\",\"_id\":\"0\"}}\n",
    )
    .await;
    let vector = &samples::document(7)["vector"];
    let nearest = json!({"query": {"knn": {"vector": {"vector": vector, "k": 3}}}}).to_string();
    let before = send(&server.url, "POST", "/chunks/_search", nearest.clone()).await.1;
    assert_eq!(ids(&before)[0], "7");
    assert_eq!(&before["hits"]["hits"][0]["_source"]["vector"], vector);
    server.node.close().await.unwrap();
    let (status, refused) = send(&server.url, "POST", "/_bulk", samples::bulk("chunks", 0..1)).await;
    assert_eq!((status, &refused["items"][0]["index"]["status"]), (200, &json!(503)));

    let server = run(dir.path()).await;
    let after = send(&server.url, "POST", "/chunks/_search", nearest).await.1;
    assert_eq!(after["hits"], before["hits"]);
    // The row of the deleted document is free again, and all others are where they were.
    send(&server.url, "POST", "/_bulk", samples::bulk("chunks", 40..42)).await;
    for n in [1, 7, 39, 40, 41] {
        let search =
            json!({"query": {"knn": {"vector": {"vector": samples::document(n)["vector"], "k": 1}}}, "_source": false});
        let found = send(&server.url, "POST", "/chunks/_search", search.to_string()).await.1;
        assert_eq!(ids(&found), [n.to_string()]);
    }
}

#[tokio::test]
async fn an_alias_moves_to_another_index_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let server = run(dir.path()).await;
    for name in ["old", "new"] {
        send(
            &server.url,
            "PUT",
            &format!("/{name}"),
            samples::index(DIMENSION).to_string(),
        )
        .await;
    }
    send(
        &server.url,
        "POST",
        "/_bulk",
        samples::bulk("old", 0..3) + &samples::bulk("new", 2..5),
    )
    .await;
    let actions =
        json!({"actions": [{"add": {"index": "old", "alias": "now"}}, {"add": {"index": "new", "alias": "now"}}]});
    send(&server.url, "POST", "/_aliases", actions.to_string()).await;
    let both = json!({"sort": [{"_id": "asc"}], "_source": false, "from": 1, "size": 4}).to_string();
    let found = send(&server.url, "POST", "/now/_search", both.clone()).await.1;
    assert_eq!(ids(&found), ["1", "2", "2", "3"]);
    assert_eq!(found["hits"]["total"]["value"], 6);
    let (_, refused) = send(&server.url, "POST", "/_bulk", samples::bulk("now", 9..10)).await;
    assert_eq!(refused["items"][0]["index"]["status"], 400);
    let actions = json!({"actions": [{"remove": {"index": "old", "alias": "now"}}]});
    send(&server.url, "POST", "/_aliases", actions.to_string()).await;
    assert_eq!(
        ids(&send(&server.url, "POST", "/now/_search", both).await.1),
        ["3", "4"]
    );
    assert_eq!(send(&server.url, "DELETE", "/new", "").await.0, 200);
    assert_eq!(send(&server.url, "HEAD", "/now", "").await.0, 404);
    // A name used again starts empty.
    send(&server.url, "PUT", "/new", samples::index(DIMENSION).to_string()).await;
    assert_eq!(send(&server.url, "POST", "/new/_count", "").await.1["count"], 0);
}

#[tokio::test]
async fn later_lines_of_a_bulk_see_earlier_ones() {
    let dir = tempfile::tempdir().unwrap();
    let server = run(dir.path()).await;
    send(&server.url, "PUT", "/chunks", samples::index(DIMENSION).to_string()).await;
    let at = |verb: &str| json!({verb: {"_index": "chunks", "_id": "1"}});
    let lines = [
        at("index"),
        samples::document(1),
        at("update"),
        json!({"doc": {"n": 5}}),
        at("delete"),
        at("update"),
        json!({"doc": {"n": 6}}),
        at("index"),
        samples::document(2),
        at("update"),
        json!({"doc": {"n": 7}}),
        at("update"),
        json!({"doc": {"n": 7}}),
    ];
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let done = send(&server.url, "POST", "/_bulk", body).await.1;
    let results: Vec<_> = done["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            item.as_object().unwrap().values().next().unwrap()["status"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(results, [201, 200, 200, 404, 201, 200, 200]);
    let found = send(&server.url, "POST", "/chunks/_search", "").await.1;
    let source = &found["hits"]["hits"][0]["_source"];
    assert_eq!(
        (&source["n"], &source["vector"]),
        (&json!(7), &samples::document(2)["vector"])
    );
}
