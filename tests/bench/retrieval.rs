//! nDCG@10 on the Cranfield collection, through the real ingest and search path. Linear gains: gain = 5 − position.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::{Duration, Instant},
};

use futures::StreamExt;
use local::{Options, Stack};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    access::Access,
    ids::{BotId, TenantId},
    keys::Secret,
    limits::RateLimits,
    search::SearchQuery,
    tenants,
};

use crate::Outcome;

#[derive(Deserialize)]
struct Document {
    id: u32,
    title: String,
    body: String,
}

#[derive(Deserialize)]
struct Question {
    query: String,
}

#[derive(Deserialize)]
struct Judgement {
    query_num: String,
    position: i32,
    id: String,
}

/// Questions, and the gain of each judged document by question number from 1.
struct Collection {
    documents: Vec<Document>,
    questions: Vec<Question>,
    gains: HashMap<usize, HashMap<String, f64>>,
}

/// Prints the table.
pub async fn run(data: &Path, opensearch: Option<String>) -> Outcome {
    let collection = Collection::read(data)?;
    println!(
        "| index | BM25 | k-NN (offline hash) | hybrid (weight .1) | ingest | search p50 |\n|---|---|---|---|---|---|"
    );
    for (label, url) in [("embedded", None), ("real OpenSearch", opensearch)] {
        if label == "embedded" || url.is_some() {
            measure(label, url, &collection).await?;
        }
    }
    Ok(())
}

async fn measure(label: &str, url: Option<String>, collection: &Collection) -> Outcome {
    let folder = std::env::temp_dir().join(format!(
        "docent-retrieval-{}-{}",
        label.replace(' ', "-"),
        std::process::id()
    ));
    let mut options = Options::new(&folder);
    options.opensearch_url = url;
    let stack = Stack::start(options).await?;
    let (tenant, secret) = (TenantId::new(), Secret::generate());
    tenants::seed(stack.app(), &tenant, "Bench", &secret, Some(RateLimits::HIGHEST))
        .await
        .map_err(|e| e.to_string())?;
    let start = Instant::now();
    add(&stack, &secret, &collection.documents).await?;
    let ingested = start.elapsed();

    let (mut row, mut times) = (Vec::new(), Vec::new());
    for weight in [0.0, 1.0, 0.1] {
        row.push(format!(
            "{:.3}",
            judge(&stack, &tenant, weight, collection, &mut times).await?
        ));
    }
    times.sort();
    println!(
        "| {label} | {} | {:.0} s | {:.1} ms |",
        row.join(" | "),
        ingested.as_secs_f64(),
        times[times.len() / 2].as_secs_f64() * 1000.0
    );
    stack.shutdown().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Mean nDCG@10 over all questions with this weight of the dense part; adds the time of each search.
async fn judge(
    stack: &Stack,
    tenant: &TenantId,
    weight: f32,
    collection: &Collection,
    times: &mut Vec<Duration>,
) -> Outcome<f64> {
    let search = stack.app().search.weighted(weight);
    let mut total = 0.0;
    for (n, question) in collection.questions.iter().enumerate() {
        let vector = stack
            .app()
            .models
            .embed(&question.query)
            .await
            .map_err(|e| e.to_string())?;
        let query = SearchQuery {
            tenant,
            bot: &BotId::new(),
            text: &question.query,
            context: None,
            vector: &vector,
            access: &Access::default(),
            documents: &[],
            folders: &[],
        };
        let start = Instant::now();
        let hits = search.search(&query).await.map_err(|e| e.to_string())?;
        times.push(start.elapsed());
        let mut seen = HashSet::new();
        let ranked = hits
            .iter()
            .filter(|hit| hit.score > 0.0)
            .map(|hit| hit.chunk.title.as_str());
        let ranked: Vec<&str> = ranked.filter(|title| seen.insert(*title)).take(10).collect();
        total += collection.ndcg(n + 1, &ranked);
    }
    #[expect(clippy::cast_precision_loss, reason = "225 questions")]
    let mean = total / collection.questions.len() as f64;
    Ok(mean)
}

/// Adds all documents through the API and waits until they are ready. A document's title is its number, so that the
/// words of its real title, which its body repeats, are not counted twice.
async fn add(stack: &Stack, secret: &Secret, documents: &[Document]) -> Outcome {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/api/v1/documents", stack.base_url);
    let key = format!("ApiKey {}", secret.reveal());
    let added = documents
        .iter()
        .filter(|document| !document.body.trim().is_empty())
        .map(|document| {
            let text = format!("{}\n\n{}", document.title, document.body);
            let send = client
                .post(&url)
                .header("Authorization", &key)
                .json(&json!({"title": document.id.to_string(), "text": text}))
                .send();
            async move {
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                    send.await?.error_for_status()?.json::<Value>().await?,
                )
            }
        });
    let added: Vec<_> = futures::stream::iter(added).buffer_unordered(8).collect().await;
    for made in added {
        let path = format!("{url}/{}", made?["id"].as_str().unwrap_or_default());
        loop {
            let document: Value = client
                .get(&path)
                .header("Authorization", &key)
                .send()
                .await?
                .json()
                .await?;
            match document["status"].as_str() {
                Some("ready") => break,
                Some("failed") => return Err(document.to_string().into()),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
    Ok(())
}

impl Collection {
    fn read(folder: &Path) -> Outcome<Self> {
        let text = |name: &str| std::fs::read_to_string(folder.join(name));
        let judgements: Vec<Judgement> = serde_json::from_str(&text("cran_qrels.json")?)?;
        let mut gains: HashMap<usize, HashMap<String, f64>> = HashMap::new();
        for judgement in judgements {
            let gain = f64::from(5 - judgement.position);
            gains
                .entry(judgement.query_num.parse()?)
                .or_default()
                .insert(judgement.id, gain);
        }
        Ok(Self {
            documents: serde_json::from_str(&text("cran_docs.json")?)?,
            questions: serde_json::from_str(&text("cran_queries.json")?)?,
            gains,
        })
    }

    fn ndcg(&self, question: usize, ranked: &[&str]) -> f64 {
        let Some(gains) = self.gains.get(&question) else {
            return 0.0;
        };
        #[expect(clippy::cast_precision_loss, reason = "ranks up to 10")]
        let discounted = |gains: &[f64]| {
            gains
                .iter()
                .enumerate()
                .map(|(rank, gain)| gain / (rank as f64 + 2.0).log2())
                .sum::<f64>()
        };
        let got: Vec<f64> = ranked
            .iter()
            .map(|id| gains.get(*id).copied().unwrap_or_default().max(0.0))
            .collect();
        let mut best: Vec<f64> = gains.values().copied().filter(|gain| *gain > 0.0).collect();
        best.sort_by(|a, b| b.total_cmp(a));
        best.truncate(10);
        let best = discounted(&best);
        if best > 0.0 { discounted(&got) / best } else { 0.0 }
    }
}
