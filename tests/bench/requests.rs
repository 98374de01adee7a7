//! Requests per turn, counted on the wire between the real functions and the services.

use std::collections::HashMap;

use axum::{
    Router,
    body::{Body, Bytes},
};
use http::Request;
use http_body_util::BodyExt;
use local::{
    Options, Stack,
    sdk::{Endpoints, Identity},
    server::Layer,
};
use serde_json::{Value, json};
use shared::{app::App, ids::TenantId, keys::Secret, limits::RateLimits, tenants};
use tower::ServiceExt;

use crate::{
    Outcome,
    wire::{self, Counts},
};

/// Prints the table.
pub async fn run() -> Outcome {
    let folder = std::env::temp_dir().join(format!("docent-requests-{}", std::process::id()));
    let mut layer = Layer::default();
    let node = local_opensearch::open(&folder.join("search")).await?;
    let search = local::server::on_loopback(local_opensearch::router(node), &mut layer).await?;
    let mut options = Options::new(folder.join("stack"));
    options.opensearch_url = Some(search.clone());
    let name = options.name.clone();
    let stack = Stack::start(options).await?;

    let counts = Counts::default();
    let mut endpoints = Endpoints::default();
    for (service, label) in [("DYNAMODB", "DynamoDB"), ("BEDROCK_RUNTIME", "Bedrock"), ("S3", "S3")] {
        let to = stack.endpoints.get(service).ok_or("no endpoint")?;
        endpoints.set(service, wire::serve(label, to, &counts).await?);
    }
    let vars = variables(&name, &wire::serve("OpenSearch", &search, &counts).await?);
    let app = App::new(&vars, &Identity::local().config(endpoints))?;
    let secret = Secret::generate();
    let id = TenantId::new();
    tenants::seed(&app, &id, "Bench", &secret, Some(RateLimits::HIGHEST))
        .await
        .map_err(|e| e.to_string())?;
    let tenant: Option<tenants::Tenant> = app
        .table
        .get(&tenants::Tenant::key(&id))
        .await
        .map_err(|e| e.to_string())?;
    let bot = tenant.ok_or("no tenant")?.default_bot;
    let client = reqwest::Client::builder().no_proxy().build()?;
    crate::turn::ready(&client, &stack.base_url, secret.reveal()).await?;
    counts.take();

    let chat = chat::router(app.clone());
    let conversations = conversations::router(app);
    println!("| request | DynamoDB | units read / written | OpenSearch | embedding | model | which |");
    println!("|---|---|---|---|---|---|---|");
    let first = ask(&chat, &secret, json!({"message": "How many days of paid vacation?"})).await?;
    row("first turn of a conversation", &counts);
    ask(
        &chat,
        &secret,
        json!({"message": "How many can be carried over?", "conversationId": first["conversationId"]}),
    )
    .await?;
    row("follow-up turn", &counts);
    call(&conversations, &secret, "GET", "/api/ai/conversations", Value::Null).await?;
    row("list of conversations", &counts);
    let path = format!(
        "/api/ai/conversations/{}",
        first["conversationId"].as_str().unwrap_or_default()
    );
    call(&conversations, &secret, "GET", &path, Value::Null).await?;
    row("one conversation", &counts);
    of_pages(&chat, &secret, &counts, bot.as_str()).await?;
    stack.shutdown().await;
    layer.end().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Turns of the platform and channels dialects.
async fn of_pages(chat: &Router, secret: &Secret, counts: &Counts, bot: &str) -> Outcome {
    let question = json!({"message": "How many days of paid vacation?"});
    call(chat, secret, "POST", "/api/v1/chat/stream", question).await?;
    row("first turn of a platform stream, resumable", counts);
    let widget = format!("/api/channels/widget/{bot}/chat");
    for what in ["first message of a visitor", "the visitor's next message"] {
        let said = json!([{"role": "user", "content": "How many days of paid vacation?"}]);
        let body = json!({"messages": said, "visitor": {"id": "ann"}});
        call(chat, secret, "POST", &widget, body).await?;
        row(what, counts);
    }
    Ok(())
}

/// What template.yaml tells the functions, for services behind the proxies.
pub fn variables(name: &str, opensearch: &str) -> HashMap<String, String> {
    let vars = [
        ("TABLE_NAME", name),
        ("BUCKET_NAME", name),
        ("OPENSEARCH_URL", opensearch),
        ("OPENSEARCH_TARGET", "domain"),
        ("CHAT_MODEL_ID", "offline"),
        ("EMBEDDING_MODEL_ID", "offline-hash"),
        ("EMBEDDING_DIMENSIONS", "1024"),
        ("EMBEDDING_WEIGHT", "0.1"),
    ];
    vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn row(what: &str, counts: &Counts) {
    let passed = counts.take_each();
    let of = |service: &str, kind: &str| {
        let all = passed.iter().filter(|each| each.service == service);
        all.filter(|each| each.kind.starts_with(kind)).count().to_string()
    };
    let units = |written| -> f64 {
        let table = passed
            .iter()
            .filter(|each| each.service == "DynamoDB" && each.writes() == written);
        table.map(|each| each.units).sum()
    };
    let which: Vec<String> = wire::by_kind(&passed)
        .iter()
        .map(|(kind, n)| format!("{kind} {n}"))
        .collect();
    let row = [
        of("DynamoDB", ""),
        format!("{} / {}", units(false), units(true)),
        of("OpenSearch", ""),
        of("Bedrock", "invoke"),
        of("Bedrock", "converse"),
    ];
    println!("| {what} | {} | {} |", row.join(" | "), which.join(", "));
}

async fn ask(chat: &Router, secret: &Secret, body: Value) -> Outcome<Value> {
    call(chat, secret, "POST", "/api/ai/chat", body).await
}

async fn call(router: &Router, secret: &Secret, method: &str, path: &str, body: Value) -> Outcome<Value> {
    let bytes = bytes(router, secret.reveal(), method, path, body).await?;
    // A stream is read to its end, and that is all.
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// The bytes of an answer that a function gives somebody who asks it directly.
pub async fn bytes(router: &Router, key: &str, method: &str, path: &str, body: Value) -> Outcome<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", format!("ApiKey {key}"))
        .header("X-External-Org-Id", "acme")
        .header("X-External-User-Id", "u1")
        .header("X-External-Roles", "[]")
        .body(Body::from(body.to_string()))?;
    let answer = router.clone().oneshot(request).await?;
    Ok(answer.into_body().collect().await?.to_bytes())
}
