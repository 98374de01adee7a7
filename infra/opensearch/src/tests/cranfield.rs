//! Ranking quality and speed on the Cranfield collection. The environment names its folder in `CRANFIELD`;
//! `OPENSEARCH_URL` adds a real OpenSearch to compare with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::samples::{self, Dice};
use super::{ids, run, send};

const INDEX: &str = "cranfield";
const DIMENSION: usize = 1024;

fn read(file: &str) -> Option<Vec<Value>> {
    let folder = PathBuf::from(std::env::var_os("CRANFIELD")?);
    serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Mean nDCG@10 with linear gains.
fn ndcg(rankings: &[Vec<String>], judged: &HashMap<usize, HashMap<String, f64>>) -> f64 {
    let dcg = |gains: &mut dyn Iterator<Item = f64>| {
        gains
            .take(10)
            .zip(2..)
            .map(|(gain, rank)| gain / f64::from(rank).log2())
            .sum::<f64>()
    };
    let one = |(at, ranking): (usize, &Vec<String>)| {
        let Some(gains) = judged.get(&(at + 1)) else {
            return 0.0;
        };
        let mut best: Vec<f64> = gains.values().copied().collect();
        best.sort_unstable_by(|a, b| b.total_cmp(a));
        dcg(&mut ranking
            .iter()
            .map(|id| gains.get(id).copied().unwrap_or_default()))
            / dcg(&mut best.into_iter())
    };
    rankings.iter().enumerate().map(one).sum::<f64>() / rankings.len() as f64
}

/// Fills the index and ranks every question; prints what it took.
async fn rank(url: &str, documents: &[Value], questions: &[Value]) -> Vec<Vec<String>> {
    send(url, "DELETE", &format!("/{INDEX}"), "").await;
    send(
        url,
        "PUT",
        &format!("/{INDEX}"),
        samples::index(DIMENSION).to_string(),
    )
    .await;
    let mut dice = Dice(1);
    let mut times = Vec::new();
    for hundred in documents.chunks(100) {
        let mut line = |document: &Value| {
            let vector = dice.vector(DIMENSION);
            let body = json!({"tenant": "t1", "doc_roles": ["*"], "title": document["title"], "text": document["body"], "vector": vector});
            format!(
                "{}\n{body}\n",
                json!({"index": {"_index": INDEX, "_id": document["id"].to_string()}})
            )
        };
        let body: String = hundred.iter().map(&mut line).collect();
        let started = Instant::now();
        let (_, done) = send(url, "POST", "/_bulk?refresh=true", body).await;
        times.push(started.elapsed());
        assert_eq!(done["errors"], false);
    }
    println!("{url}: bulk of 100: {:?}", median(times));
    let filter = json!([{"term": {"tenant": "t1"}}, {"terms": {"doc_roles": ["*", "a", "b"]}}]);
    let (mut rankings, mut times) = (Vec::new(), Vec::new());
    for question in questions {
        let question = json!({"query": question["query"], "fields": ["text"]});
        let words = json!({"size": 50, "_source": {"excludes": ["vector"]}, "query": {"bool": {"must": {"multi_match": question}, "filter": filter}}});
        let nearest = json!({"vector": dice.vector(DIMENSION), "k": 50, "filter": {"bool": {"filter": filter}}});
        let near = json!({"size": 50, "_source": {"excludes": ["vector"]}, "query": {"knn": {"vector": nearest}}});
        let header = json!({"index": INDEX});
        let started = Instant::now();
        let (_, answer) = send(
            url,
            "POST",
            "/_msearch",
            format!("{header}\n{words}\n{header}\n{near}\n"),
        )
        .await;
        times.push(started.elapsed());
        assert_eq!(
            answer["responses"][1]["hits"]["hits"]
                .as_array()
                .unwrap()
                .len(),
            50
        );
        rankings.push(
            ids(&answer["responses"][0])
                .iter()
                .map(|id| (*id).to_owned())
                .collect(),
        );
    }
    println!(
        "{url}: msearch of BM25 and k-NN, 50 hits each: {:?}",
        median(times)
    );
    let mut times = Vec::new();
    for n in 0..20 {
        let body = json!({"tenant": "t2", "text": "one more", "vector": dice.vector(DIMENSION)});
        let line = json!({"index": {"_index": INDEX, "_id": format!("one-{n}")}});
        let started = Instant::now();
        send(
            url,
            "POST",
            "/_bulk?refresh=true",
            format!("{line}\n{body}\n"),
        )
        .await;
        times.push(started.elapsed());
    }
    println!("{url}: bulk of 1: {:?}", median(times));
    rankings
}

#[tokio::test]
#[ignore = "needs the collection; run it in a release build for the times"]
async fn cranfield_is_ranked_as_well_as_by_a_real_opensearch() {
    let (Some(documents), Some(questions)) = (read("cran_docs.json"), read("cran_queries.json"))
    else {
        return;
    };
    let mut judged: HashMap<usize, HashMap<String, f64>> = HashMap::new();
    for judgement in read("cran_qrels.json").unwrap() {
        let (question, document) = (
            judgement["query_num"].as_str().unwrap(),
            judgement["id"].as_str().unwrap(),
        );
        let gain = 5.0 - judgement["position"].as_f64().unwrap();
        judged
            .entry(question.parse().unwrap())
            .or_default()
            .insert(document.to_owned(), gain);
    }
    let dir = tempfile::tempdir().unwrap();
    let ours = ndcg(
        &rank(&run(dir.path()).await.url, &documents, &questions).await,
        &judged,
    );
    println!("nDCG@10 here: {ours:.4}");
    assert!(ours > 0.5);
    let Some(real) = std::env::var_os("OPENSEARCH_URL").and_then(|url| url.into_string().ok())
    else {
        return;
    };
    let theirs = ndcg(&rank(&real, &documents, &questions).await, &judged);
    println!("nDCG@10 there: {theirs:.4}");
    assert!((ours - theirs).abs() < 0.02);
}
