//! Deliveries to webhooks through the whole local path: the transaction of a change, the table's stream, `relay`, the queue,
//! `deliver`, a receiver in another process, and the log.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, routing::post};
use local::{
    Options, Stack,
    sdk::{Endpoints, Identity},
};
use reqwest::Client;
use serde_json::{Value, json};
use shared::{
    app::App,
    clock::{Clock, Time},
    events::Sender,
    ids::TenantId,
    keys::Secret,
    limits::RateLimits,
    tenants,
};

use crate::{
    Outcome, mock,
    serve::Served,
    wire::{self, Counts, Passed},
};

/// Webhooks that each event of the second part is told to: as many as a bot may have.
const WEBHOOKS: usize = 20;
/// Requests at once that make events.
const AT_ONCE: usize = 8;

/// When events came, after they were committed, and how many.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Duration>>>);

impl Heard {
    fn count(&self) -> usize {
        self.0.lock().map(|heard| heard.len()).unwrap_or_default()
    }

    fn take(&self) -> Vec<Duration> {
        self.0
            .lock()
            .map(|mut heard| std::mem::take(&mut *heard))
            .unwrap_or_default()
    }
}

/// Serves a receiver; gives its URL.
async fn receiver(heard: &Heard) -> Outcome<String> {
    let router = Router::new().route("/", post(hear)).with_state(heard.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn hear(State(heard): State<Heard>, Json(body): Json<Value>) {
    let now = Clock::default().now();
    let committed = body["timestamp"].as_str().and_then(Time::parse).unwrap_or(now);
    let after = u64::try_from(now.millisecond() - committed.millisecond()).unwrap_or_default();
    if let Ok(mut heard) = heard.0.lock() {
        heard.push(Duration::from_millis(after));
    }
}

/// Prints the tables.
pub async fn run(singles: usize, events: usize) -> Outcome {
    let model = mock::serve().await?;
    let folder = std::env::temp_dir().join(format!("docent-deliveries-{}", std::process::id()));
    let served = Served::start(&folder, &model).await?;
    let heard = Heard::default();
    let url = receiver(&heard).await?;
    let caller = Caller {
        client: Client::builder().no_proxy().build()?,
        base: served.url.clone(),
        key: served.key.clone(),
    };
    let session = caller.session().await?;
    caller.webhook(&url).await?;
    println!("| figure | value |\n|---|---|");
    for n in 1..=singles {
        caller.feedback(&session, n).await?;
        until(&heard, n).await?;
    }
    let mut after = heard.take();
    println!(
        "| from the committed change to the receiver, one by one, p50 / p99 | {} / {} ms |",
        percentile(&mut after, 50),
        percentile(&mut after, 99)
    );
    for _ in 1..WEBHOOKS {
        caller.webhook(&url).await?;
    }
    let (before, start) = (served.cpu()?, Instant::now());
    let made = futures::stream::iter((0..events).map(|n| caller.feedback(&session, n)));
    let made: Vec<Outcome> = futures::StreamExt::collect(futures::StreamExt::buffer_unordered(made, AT_ONCE)).await;
    made.into_iter().collect::<Outcome<Vec<()>>>()?;
    until(&heard, events * WEBHOOKS).await?;
    let (took, cpu) = (start.elapsed().as_secs_f64(), served.cpu()? - before);
    #[expect(clippy::cast_precision_loss, reason = "counts of deliveries")]
    let count = (events * WEBHOOKS) as f64;
    println!(
        "| deliveries per second, {events} events to {WEBHOOKS} webhooks each | {:.0} |",
        count / took
    );
    println!("| CPU per delivery, the whole stack | {:.2} ms |", cpu * 1000.0 / count);
    println!("| deliveries per second and core | {:.0} |", count / cpu);
    drop(served);
    std::fs::remove_dir_all(&folder)?;
    requests().await
}

/// Waits until so much was heard.
async fn until(heard: &Heard, count: usize) -> Outcome {
    let start = Instant::now();
    while heard.count() < count {
        if start.elapsed() > Duration::from_secs(300) {
            return Err(format!("{} of {count} deliveries came", heard.count()).into());
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    Ok(())
}

/// Somebody who makes events.
struct Caller {
    client: Client,
    base: String,
    key: String,
}

impl Caller {
    async fn send(&self, path: &str, body: Value) -> Outcome<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).json(&body);
        let sent = request
            .header("Authorization", format!("ApiKey {}", self.key))
            .send()
            .await?;
        Ok(sent.error_for_status()?.json().await?)
    }

    async fn session(&self) -> Outcome<String> {
        let bots = self.client.get(format!("{}/api/v1/bots", self.base));
        let bots = bots
            .header("Authorization", format!("ApiKey {}", self.key))
            .send()
            .await?;
        let bots: Value = bots.error_for_status()?.json().await?;
        let body = json!({"bot_id": bots["data"][0]["id"], "message": "Hello"});
        let answer = self.send("/api/v1/chat", body).await?;
        Ok(answer["session_id"].as_str().unwrap_or_default().to_owned())
    }

    async fn webhook(&self, url: &str) -> Outcome {
        let body = json!({"url": url, "events": ["feedback_received"]});
        self.send("/api/v1/webhooks", body).await.map(|_| ())
    }

    async fn feedback(&self, session: &str, n: usize) -> Outcome {
        let path = format!("/api/v1/chat/sessions/{session}/feedback");
        self.send(&path, json!({"csat": n % 5 + 1})).await.map(|_| ())
    }
}

fn percentile(times: &mut [Duration], percentile: usize) -> u128 {
    times.sort();
    let at = (times.len() * percentile / 100).min(times.len().saturating_sub(1));
    times.get(at).copied().unwrap_or_default().as_millis()
}

/// Requests of one event to one, and of ten events to one, counted on the wire between the functions and the services.
async fn requests() -> Outcome {
    let wired = Wired::start().await?;
    println!("\n| deliveries | relay | deliver |\n|---|---|---|");
    for deliveries in [1, 10] {
        let [relay, deliver] = wired.deliver(deliveries).await?;
        let (relay, deliver) = (wire::by_kind(&relay), wire::by_kind(&deliver));
        println!("| {deliveries} | {} | {} |", said(&relay), said(&deliver));
    }
    sizes(&wired.app, &wired.tenant).await?;
    wired.end().await
}

/// `relay` and `deliver` on a stack's services, which count what they are asked, with one webhook.
pub struct Wired {
    app: App,
    sender: Sender,
    tenant: TenantId,
    counts: Counts,
    stack: Stack,
    folder: PathBuf,
}

impl Wired {
    /// Starts it.
    pub async fn start() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("docent-deliveries-wire-{}", std::process::id()));
        let mut options = Options::new(&folder);
        options.allow_local_webhooks = true;
        let name = options.name.clone();
        let stack = Stack::start(options).await?;
        let counts = Counts::default();
        let mut endpoints = Endpoints::default();
        for (service, label) in [("DYNAMODB", "DynamoDB"), ("SQS", "SQS")] {
            let to = stack.endpoints.get(service).ok_or("no endpoint")?;
            endpoints.set(service, wire::serve(label, to, &counts).await?);
        }
        endpoints.set("SSM", stack.endpoints.get("SSM").ok_or("no endpoint")?);
        let mut variables = crate::requests::variables(&name, "http://localhost");
        let queue = stack.queue_urls.get("DeliverQueue").ok_or("no queue")?;
        // A queue that nobody else works through.
        variables.insert(
            "DELIVER_QUEUE_URL".to_owned(),
            queue.replace("DeliverQueue", "IngestDeadLetters"),
        );
        variables.insert(
            "SEALING_KEY_PARAMETER".to_owned(),
            format!("/docent/{name}/sealing-key"),
        );
        variables.insert("ALLOW_LOCAL_WEBHOOKS".to_owned(), "yes".to_owned());
        let sdk = Identity::local().config(endpoints);
        let (app, sender) = (App::new(&variables, &sdk)?, Sender::new(&variables, &sdk)?);
        let (secret, tenant) = (Secret::generate(), TenantId::new());
        tenants::seed(stack.app(), &tenant, "Bench", &secret, Some(RateLimits::HIGHEST))
            .await
            .map_err(|error| error.to_string())?;
        let caller = Caller {
            client: Client::builder().no_proxy().build()?,
            base: stack.base_url.clone(),
            key: secret.reveal().to_owned(),
        };
        caller.webhook(&receiver(&Heard::default()).await?).await?;
        Ok(Self {
            app,
            sender,
            tenant,
            counts,
            stack,
            folder,
        })
    }

    /// Has so many events told to the webhook in one batch; gives what `relay` and what `deliver` asked for.
    pub async fn deliver(&self, deliveries: usize) -> Outcome<[Vec<Passed>; 2]> {
        let (records, messages) = batch(&self.app, &self.tenant, deliveries).await?;
        self.counts.take();
        let relayed = relay::handle(&self.app, records).await?;
        let by_relay = self.counts.take_each();
        let delivered = deliver::handle(&self.app, &self.sender, messages).await?;
        let by_deliver = self.counts.take_each();
        if !relayed.batch_item_failures.is_empty() || !delivered.batch_item_failures.is_empty() {
            return Err("something was given back".into());
        }
        Ok([by_relay, by_deliver])
    }

    /// Ends the stack and forgets its data.
    pub async fn end(self) -> Outcome {
        self.stack.shutdown().await;
        std::fs::remove_dir_all(self.folder)?;
        Ok(())
    }
}

/// How large the rows are, about: their JSON, and 150 bytes of keys.
async fn sizes(app: &App, tenant: &TenantId) -> Outcome {
    use shared::{
        deliveries::Delivery,
        store::Query,
        webhooks::{self, Webhook},
    };
    let listed = webhooks::of_bot(&app.table, tenant, None).await;
    let webhooks: Vec<Webhook> = listed.map_err(|error| error.to_string())?;
    let webhook = webhooks.first().ok_or("no webhook")?;
    let log = Query::newest(Delivery::partition(tenant, &webhook.bot), Delivery::KIND);
    let log = app
        .table
        .query::<Delivery>(log)
        .await
        .map_err(|error| error.to_string())?;
    let delivery = log.items.first().ok_or("no delivery")?;
    let bytes = |json: String| json.len() + 150;
    println!("\n| row | bytes, about |\n|---|---|");
    println!("| a webhook | {} |", bytes(serde_json::to_string(webhook)?));
    println!(
        "| a delivery with one attempt | {} |",
        bytes(serde_json::to_string(delivery)?)
    );
    Ok(())
}

fn said(counts: &BTreeMap<String, usize>) -> String {
    let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    counts.join(", ")
}

/// So many events as the table's stream brings them to `relay`, and as the queue brings them to `deliver`.
async fn batch(
    app: &App,
    tenant: &TenantId,
    count: usize,
) -> Outcome<(aws_lambda_events::dynamodb::Event, aws_lambda_events::sqs::SqsEvent)> {
    use shared::{
        events::{Deliver, Event, EventType, Job},
        webhooks,
    };
    let known = webhooks::of_bot(&app.table, tenant, None)
        .await
        .map_err(|error| error.to_string())?;
    let webhook = known.first().ok_or("no webhook")?;
    let sample: Value = serde_json::from_str(include_str!("../../events/relay.json"))?;
    let (mut records, mut messages) = (Vec::new(), Vec::new());
    for n in 0..count {
        let data = json!({"session_id": "019a0000-0000-7000-8000-000000000001", "message_id": null, "rating": null, "csat": 5});
        let now = app.clock.now();
        let event = Event::new(tenant, Some(&webhook.bot), EventType::FeedbackReceived, now, data);
        let mut record = sample["Records"][0].clone();
        let item: serde_dynamo::Item = serde_dynamo::to_item(&event)?;
        record["dynamodb"]["NewImage"] = serde_json::to_value(item)?;
        record["dynamodb"]["SequenceNumber"] = json!(n.to_string());
        records.push(record);
        let told = event.told().map_err(|error| error.to_string())?.pop();
        let told = told.ok_or("nothing to tell")?;
        let job = Job::Deliver(Box::new(Deliver::first(webhook, told)));
        messages.push(json!({"messageId": n.to_string(), "body": serde_json::to_string(&job)?, "attributes": {}}));
    }
    Ok((
        serde_json::from_value(json!({ "Records": records }))?,
        serde_json::from_value(json!({ "Records": messages }))?,
    ))
}
