//! Ranking quality and speed on the Cranfield collection. The environment names its folder in `CRANFIELD`;
//! `OPENSEARCH_URL` adds a real OpenSearch to compare with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::samples::{self, Dice};
use super::{Running, ids, run, send};

const INDEX: &str = "cranfield";
const DIMENSION: usize = 1024;

/// A file of the collection; none when the environment names no folder.
pub(super) fn read(file: &str) -> Option<Vec<Value>> {
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
        dcg(&mut ranking.iter().map(|id| gains.get(id).copied().unwrap_or_default())) / dcg(&mut best.into_iter())
    };
    rankings.iter().enumerate().map(one).sum::<f64>() / rankings.len() as f64
}

/// Fills the index, with random vectors; prints what it took.
async fn fill(url: &str, documents: &[Value]) {
    send(url, "DELETE", &format!("/{INDEX}"), "").await;
    send(url, "PUT", &format!("/{INDEX}"), samples::index(DIMENSION).to_string()).await;
    let mut dice = Dice(1);
    let mut times = Vec::new();
    for hundred in documents.chunks(100) {
        let mut lines = String::new();
        for document in hundred {
            let id = document["id"].to_string();
            let mut body = json!({"tenant": "t1", "doc_roles": ["*"], "text": document["body"]});
            body["title"] = document["title"].clone();
            lines += &line(&id, body, &mut dice);
        }
        let started = Instant::now();
        let (_, done) = send(url, "POST", "/_bulk?refresh=true", lines).await;
        times.push(started.elapsed());
        assert_eq!(done["errors"], false);
    }
    println!("{url}: bulk of 100: {:?}", median(times));
    let mut times = Vec::new();
    for n in 0..20 {
        let one = line(
            &format!("one-{n}"),
            json!({"tenant": "t2", "text": "one more"}),
            &mut dice,
        );
        let started = Instant::now();
        send(url, "POST", "/_bulk?refresh=true", one).await;
        times.push(started.elapsed());
        send(url, "POST", "/_bulk", delete(&format!("one-{n}"))).await;
    }
    println!("{url}: bulk of 1: {:?}", median(times));
}

fn line(id: &str, mut body: Value, dice: &mut Dice) -> String {
    body["vector"] = json!(dice.vector(DIMENSION));
    format!("{}\n{body}\n", json!({"index": {"_index": INDEX, "_id": id}}))
}

fn delete(id: &str) -> String {
    format!("{}\n", json!({"delete": {"_index": INDEX, "_id": id}}))
}

/// The two searches of one question, as one `_msearch`.
fn both(question: &Value, dice: &mut Dice) -> String {
    let filter = json!([{"term": {"tenant": "t1"}}, {"terms": {"doc_roles": ["*", "a", "b"]}}]);
    let source = json!({"excludes": ["vector"]});
    let words = json!({"multi_match": {"query": question["query"], "fields": ["text"]}});
    let words = json!({"bool": {"must": words, "filter": filter}});
    let words = json!({"size": 50, "_source": source, "query": words});
    let filter = json!({"bool": {"filter": filter}});
    let near = json!({"vector": dice.vector(DIMENSION), "k": 50, "filter": filter});
    let near = json!({"size": 50, "_source": source, "query": {"knn": {"vector": near}}});
    let header = json!({"index": INDEX});
    format!("{header}\n{words}\n{header}\n{near}\n")
}

/// Ranks every question; prints what it took.
async fn rank(url: &str, questions: &[Value]) -> Vec<Vec<String>> {
    let mut dice = Dice(2);
    let (mut rankings, mut times) = (Vec::new(), Vec::new());
    for question in questions {
        let both = both(question, &mut dice);
        let started = Instant::now();
        let (_, answer) = send(url, "POST", "/_msearch", both).await;
        times.push(started.elapsed());
        assert_eq!(ids(&answer["responses"][1]).len(), 50);
        let ranking = ids(&answer["responses"][0]).into_iter().map(str::to_owned);
        rankings.push(ranking.collect());
    }
    println!("{url}: msearch of BM25 and k-NN, 50 hits each: {:?}", median(times));
    rankings
}

/// Processor time of this process in ticks of 10 ms, where the system tells it.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum()
}

/// Prints the processor time of a search without HTTP, which a busy machine does not blur.
fn cost(server: &Running, questions: &[Value]) {
    let mut dice = Dice(2);
    let bodies: Vec<String> = questions.iter().map(|question| both(question, &mut dice)).collect();
    let before = ticks();
    for body in &bodies {
        crate::search::msearch(&server.node, body.as_bytes()).unwrap();
    }
    let each = (ticks() - before) as f64 * 10.0 / bodies.len() as f64;
    println!("processor time of an msearch: {each:.2} ms");
}

#[tokio::test]
#[ignore = "needs the collection; run it in a release build for the times"]
async fn cranfield_is_ranked_as_well_as_by_a_real_opensearch() {
    let (Some(documents), Some(questions)) = (read("cran_docs.json"), read("cran_queries.json")) else {
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
    let server = run(dir.path()).await;
    fill(&server.url, &documents).await;
    let ours = ndcg(&rank(&server.url, &questions).await, &judged);
    cost(&server, &questions);
    println!("nDCG@10 here: {ours:.4}");
    assert!(ours > 0.5);
    let Some(real) = std::env::var_os("OPENSEARCH_URL").and_then(|url| url.into_string().ok()) else {
        return;
    };
    fill(&real, &documents).await;
    let theirs = ndcg(&rank(&real, &questions).await, &judged);
    println!("nDCG@10 there: {theirs:.4}");
    assert!((ours - theirs).abs() < 0.02);
}
