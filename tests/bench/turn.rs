//! A chat turn through the whole local stack, against a model that answers at once.

use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::Client;
use serde_json::json;

use crate::{Outcome, mock, serve::Served};

/// Chats at once under load.
const AT_ONCE: usize = 20;
/// Alternating single requests for the time to first token.
const SINGLES: usize = 300;

const TEXT: &str =
    "Full-time employees are entitled to 15 days of paid vacation annually. Up to 5 days can be carried over.";

/// Prints the table.
pub async fn run(chats: usize) -> Outcome {
    let model = mock::serve().await?;
    let folder = std::env::temp_dir().join(format!("docent-bench-{}", std::process::id()));
    let served = Served::start(&folder, &model).await?;
    let client = Client::builder().no_proxy().build()?;
    let at_rest = served.memory()?;
    ready(&client, &served.url, &served.key).await?;

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..SINGLES {
        let direct = json!({"model": "mock", "stream": true, "messages": [{"role": "user", "content": TEXT}]});
        theirs.push(first_word(client.post(format!("{model}/chat/completions")).json(&direct), "Staff").await?);
        ours.push(first_word(stream(&client, &served), "Staff").await?);
    }
    let (before, start) = (served.cpu()?, Instant::now());
    let asked = futures::stream::iter((0..chats).map(|n| chat(&client, &served, n))).buffer_unordered(AT_ONCE);
    let mut times: Vec<Duration> = asked.collect::<Vec<_>>().await.into_iter().collect::<Outcome<_>>()?;
    let (took, cpu) = (start.elapsed(), served.cpu()? - before);

    println!("| figure | value |\n|---|---|");
    println!(
        "| first token, the model alone, p50 / p99 | {} / {} ms |",
        ms(&mut theirs, 50),
        ms(&mut theirs, 99)
    );
    println!(
        "| first token, through docent, p50 / p99 | {} / {} ms |",
        ms(&mut ours, 50),
        ms(&mut ours, 99)
    );
    #[expect(clippy::cast_precision_loss, reason = "counts of chats")]
    let count = chats as f64;
    println!(
        "| chats per second, {AT_ONCE} at once | {:.0} |",
        count / took.as_secs_f64()
    );
    println!(
        "| a chat under that load, p50 / p99 | {} / {} ms |",
        ms(&mut times, 50),
        ms(&mut times, 99)
    );
    println!("| CPU per chat, the whole stack | {:.2} ms |", cpu * 1000.0 / count);
    println!("| memory at rest / after | {at_rest:.0} / {:.0} MB |", served.memory()?);
    drop(served);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Adds a document and waits until answers see it.
pub async fn ready(client: &Client, url: &str, key: &str) -> Outcome {
    let key = format!("ApiKey {key}");
    let documents = format!("{url}/api/v1/documents");
    let made = client
        .post(&documents)
        .header("Authorization", &key)
        .json(&json!({"title": "Handbook", "text": TEXT}))
        .send()
        .await?;
    let made: serde_json::Value = made.error_for_status()?.json().await?;
    let path = format!("{documents}/{}", made["id"].as_str().unwrap_or_default());
    for _ in 0..500 {
        let document: serde_json::Value = client
            .get(&path)
            .header("Authorization", &key)
            .send()
            .await?
            .json()
            .await?;
        if document["status"] == "ready" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("the document did not become ready".into())
}

fn post(client: &Client, served: &Served, path: &str, user: &str) -> reqwest::RequestBuilder {
    client
        .post(format!("{}{path}", served.url))
        .header("Authorization", format!("ApiKey {}", served.key))
        .header("X-External-Org-Id", "acme")
        .header("X-External-User-Id", user)
        .header("X-External-Roles", "[\"employee\"]")
        .json(&json!({"message": "How many days of vacation do employees get?"}))
}

fn stream(client: &Client, served: &Served) -> reqwest::RequestBuilder {
    post(client, served, "/api/ai/chat/stream", "single")
}

/// Until the word arrives; the rest is read, so that the connection can be used again.
async fn first_word(request: reqwest::RequestBuilder, word: &str) -> Outcome<Duration> {
    let start = Instant::now();
    let mut body = request.send().await?.error_for_status()?.bytes_stream();
    let (mut seen, mut first) = (String::new(), None);
    while let Some(piece) = body.next().await {
        seen.push_str(&String::from_utf8_lossy(&piece?));
        if first.is_none() && seen.contains(word) {
            first = Some(start.elapsed());
        }
    }
    first.ok_or_else(|| format!("no {word} in {seen}").into())
}

async fn chat(client: &Client, served: &Served, n: usize) -> Outcome<Duration> {
    let start = Instant::now();
    let user = format!("user-{}", n % 200);
    let answer = post(client, served, "/api/ai/chat", &user)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await?;
    if !answer.contains("\"confidence\"") {
        return Err(format!("no answer: {answer}").into());
    }
    Ok(start.elapsed())
}

fn ms(times: &mut [Duration], percentile: usize) -> String {
    times.sort();
    let at = (times.len() * percentile / 100).min(times.len().saturating_sub(1));
    format!(
        "{:.1}",
        times.get(at).copied().unwrap_or_default().as_secs_f64() * 1000.0
    )
}
