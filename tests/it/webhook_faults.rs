//! The fault suite of webhooks: a stack in a process of its own that is killed without warning, again and again, under load,
//! while records of its table's stream come twice and out of order, days pass in seconds, and most receivers are in trouble.
//! When the dust settles, every committed event was delivered, none was invented, and the log is right.
//!
//! `DOCENT_FAULT_ROUNDS` says how often it is killed (5).

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::response::IntoResponse;
use local::{
    sdk::{Endpoints, Identity},
    stack::Stack,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use shared::{events::Event, ids::TenantId, keys::Secret, limits::RateLimits, tenants};

use crate::support::{Heard, Receiver, events_in, folder, options, rows_of, run};

/// The table of the stack that is killed; it stays the same.
const NAME: &str = "docent-faults";
/// The first waits are a message's delay, the others rows that the clock sends. More than any receiver here needs.
const WAITS: &str = "1,1,2,901,901,901,901,901,901,901,901,901,901,901,901,901";
/// Requests at the same time.
const WORKERS: usize = 3;
/// How long the dust may take to settle: only so that a failure ends. What a killed process had in hand comes back after 15
/// seconds; the rest is as slow as the machine is busy.
const DUST: Duration = Duration::from_secs(600);

#[expect(
    clippy::disallowed_methods,
    reason = "the process that is killed is told by its environment what to do"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The process that is killed: a stack, its clock, and somebody who repeats records of the stream.
#[test]
#[ignore = "it is what the fault suite starts"]
fn the_stack_that_is_killed() {
    let (Some(data), Some(key), Some(tenant)) = (
        told("DOCENT_FAULT_DATA"),
        told("DOCENT_FAULT_KEY"),
        told("DOCENT_FAULT_TENANT"),
    ) else {
        return;
    };
    // Nobody leaves it behind: whoever started it holds the other end.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    run(async {
        let mut options = options("faults");
        options.data = PathBuf::from(data);
        NAME.clone_into(&mut options.name);
        options
            .parameters
            .insert("DeliveryRetrySeconds".to_owned(), WAITS.to_owned());
        let stack = Stack::start(options).await.unwrap();
        let (app, tenant) = (stack.app(), TenantId::parse(tenant).unwrap());
        let known: Option<tenants::Tenant> = app.table.get(&tenants::Tenant::key(&tenant)).await.unwrap();
        if known.is_none() {
            let secret = Secret::parse(&key).unwrap();
            tenants::seed(app, &tenant, "Faults", &secret, Some(RateLimits::HIGHEST))
                .await
                .unwrap();
        }
        let dynamodb = stack.endpoints.get("DYNAMODB").unwrap();
        println!("\nREADY {} {dynamodb}", stack.base_url);
        let mut n = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let tomorrow = app.clock.now().plus(86_400_000);
            if let Err(why) = tick::deliveries::run(app, tomorrow).await {
                eprintln!("a tick failed: {}", shared::error::chain(&why));
            }
            n += 1;
            let events = events_in(rows_of(stack.sdk(), NAME, &tenant).await);
            // Every seventh event again, in the wrong order.
            let again: Vec<Event> = events.into_iter().rev().skip(n % 7).step_by(7).take(10).collect();
            crate::deliveries::relayed(app, &again).await;
        }
    });
}

/// A running stack of the suite.
struct Victim {
    process: Child,
    base: String,
    dynamodb: String,
}

impl Victim {
    /// Starts it on this data and waits until it answers.
    fn start(data: &Path, key: &str, tenant: &TenantId) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "webhook_faults::the_stack_that_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env("DOCENT_FAULT_DATA", data)
            .env("DOCENT_FAULT_KEY", key)
            .env("DOCENT_FAULT_TENANT", tenant.as_str())
            .env("RUST_LOG", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let ready = lines.find_map(|line| line.strip_prefix("READY ").map(str::to_owned));
        let ready = ready.unwrap_or_else(|| panic!("the stack did not start"));
        // What it says later (that it runs for long) is read, too: it would end if nobody listened.
        std::thread::spawn(move || lines.for_each(drop));
        let (base, dynamodb) = ready.split_once(' ').unwrap();
        Self {
            base: base.to_owned(),
            dynamodb: dynamodb.to_owned(),
            process,
        }
    }

    /// Kills it: SIGKILL, without a word.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    documents: Vec<String>,
    sessions: Vec<String>,
    requests: usize,
}

/// Somebody who works until told to stop; errors are what is to be expected of a stack that dies.
async fn work(http: Client, base: String, key: String, acknowledged: Arc<Mutex<Acknowledged>>, stop: Arc<AtomicBool>) {
    let send = async |method: Method, path: &str, body: Value| -> Option<Value> {
        let request = http.request(method, format!("{base}{path}")).json(&body);
        let answer = request
            .header("Authorization", format!("ApiKey {key}"))
            .send()
            .await
            .ok()?;
        let succeeded = answer.status().is_success();
        let body: Value = answer.json().await.ok()?;
        acknowledged.lock().unwrap().requests += usize::from(succeeded);
        succeeded.then_some(body)
    };
    let id = |made: &Value, field: &str| made[field].as_str().unwrap().to_owned();
    while !stop.load(Ordering::Relaxed) {
        let text = json!({"title": "A", "text": "The bridge is four hundred metres long."});
        if let Some(made) = send(Method::POST, "/api/v1/documents", text).await {
            acknowledged.lock().unwrap().documents.push(id(&made, "id"));
        }
        let bots = send(Method::GET, "/api/v1/bots", json!({})).await;
        let Some(bot) = bots.map(|bots| id(&bots["data"][0], "id")) else {
            continue;
        };
        let question = json!({"bot_id": bot, "message": "How long is the bridge?"});
        let Some(answer) = send(Method::POST, "/api/v1/chat", question).await else {
            continue;
        };
        let session = id(&answer, "session_id");
        acknowledged.lock().unwrap().sessions.push(session.clone());
        let sessions = format!("/api/v1/chat/sessions/{session}");
        send(Method::POST, &format!("{sessions}/handoff"), json!({})).await;
        for n in 1..=4 {
            send(Method::POST, &format!("{sessions}/feedback"), json!({"csat": n})).await;
        }
    }
}

/// A receiver that is in some trouble with the first requests of each event.
async fn troubled(requests: usize, trouble: fn() -> axum::response::Response) -> Receiver {
    let seen: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    Receiver::answering(move |_, heard: Heard| {
        let seen = Arc::clone(&seen);
        Box::pin(async move {
            let id = heard.header("webhook-id").to_owned();
            let count = {
                let mut seen = seen.lock().unwrap();
                let count = seen.entry(id).or_default();
                *count += 1;
                *count
            };
            match count > requests {
                true => http::StatusCode::OK.into_response(),
                false => trouble(),
            }
        })
    })
    .await
}

fn status(status: u16) -> axum::response::Response {
    http::StatusCode::from_u16(status).unwrap().into_response()
}

/// An answer that breaks off.
fn cut() -> axum::response::Response {
    let broken = futures::stream::once(async { Err::<axum::body::Bytes, _>(std::io::Error::other("cut")) });
    axum::body::Body::from_stream(broken).into_response()
}

/// The receivers with what they listen to.
async fn receivers() -> Vec<(&'static str, Receiver, Vec<&'static str>)> {
    let all = vec![
        "new_message",
        "new_session",
        "kb_updated",
        "feedback_received",
        "handoff_requested",
    ];
    let slow = Receiver::answering(|_, _| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(2_300)).await;
            http::StatusCode::OK.into_response()
        })
    });
    vec![
        ("well", Receiver::new().await, all.clone()),
        ("down", troubled(5, || status(503)).await, all.clone()),
        ("failing once", troubled(1, || status(500)).await, all.clone()),
        (
            "redirecting",
            troubled(2, || axum::response::Redirect::temporary("/x").into_response()).await,
            all,
        ),
        ("cutting", troubled(1, cut).await, vec!["feedback_received"]),
        ("slow", slow.await, vec!["handoff_requested"]),
    ]
}

/// A number below `most` that is not the same every time: where it is killed should not be, either.
fn some(most: usize) -> usize {
    let id = shared::ids::fresh();
    id.bytes()
        .fold(0_usize, |n, byte| n.wrapping_mul(31).wrapping_add(usize::from(byte)))
        % most
}

#[test]
fn every_committed_event_arrives_whatever_dies_on_the_way() {
    let data = folder("faults");
    let (secret, tenant) = (Secret::generate(), TenantId::new());
    let key = secret.reveal().to_owned();
    let rounds = told("DOCENT_FAULT_ROUNDS")
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5);
    let http = Client::builder().no_proxy().build().unwrap();
    let acknowledged: Arc<Mutex<Acknowledged>> = Arc::default();
    let receivers = run(receivers());
    let mut victim = Victim::start(&data, &key, &tenant);
    let get = |base: &str, path: &str| {
        let request = http
            .get(format!("{base}{path}"))
            .header("Authorization", format!("ApiKey {key}"));
        run(async { request.send().await.unwrap().json::<Value>().await.unwrap() })
    };
    let bot = get(&victim.base, "/api/v1/bots")["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (name, receiver, events) in &receivers {
        let body = json!({"bot_id": bot, "url": receiver.url, "events": events, "description": name});
        let request = http.post(format!("{}/api/v1/webhooks", victim.base)).json(&body);
        let request = request.header("Authorization", format!("ApiKey {key}"));
        assert_eq!(run(request.send()).unwrap().status(), 201);
    }
    for _ in 0..rounds {
        let stop = Arc::new(AtomicBool::new(false));
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let work = work(
                    http.clone(),
                    victim.base.clone(),
                    key.clone(),
                    Arc::clone(&acknowledged),
                    Arc::clone(&stop),
                );
                crate::support::spawn(work)
            })
            .collect();
        let enough = acknowledged.lock().unwrap().requests + 12 + some(30);
        while acknowledged.lock().unwrap().requests < enough {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(some(100) as u64));
        victim.kill();
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            run(worker).unwrap();
        }
        victim = Victim::start(&data, &key, &tenant);
    }

    // What is in the outbox was committed.
    let sdk = {
        let mut endpoints = Endpoints::default();
        endpoints.set("DYNAMODB", victim.dynamodb.clone());
        Identity::local().config(endpoints)
    };
    let committed = || {
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for event in events_in(run(rows_of(&sdk, NAME, &tenant))) {
            for told in event.told().unwrap() {
                ids.entry(told.kind.name()).or_default().insert(told.event.to_string());
            }
        }
        ids
    };
    let deadline = std::time::Instant::now() + DUST;
    for (name, receiver, events) in &receivers {
        loop {
            let all = committed();
            let expected: BTreeSet<&String> = events.iter().filter_map(|event| all.get(*event)).flatten().collect();
            let heard = receiver.heard();
            let ids: BTreeSet<String> = heard.iter().map(|one| one.header("webhook-id").to_owned()).collect();
            let missing = expected.iter().filter(|id| !ids.contains(**id)).count();
            let pending = pending(&get, &victim.base, &bot);
            if missing == 0 && pending.is_empty() {
                let invented = ids.iter().filter(|id| !expected.contains(id)).count();
                assert_eq!(invented, 0, "{name} heard of what never happened");
                assert!(!expected.is_empty(), "there was nothing that {name} could miss");
                break;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "{name} waits for {missing} of {}; pending are {pending:#?}",
                expected.len()
            );
            std::thread::sleep(Duration::from_secs(1));
        }
        // The same event is the same, however often it came.
        let mut bodies: BTreeMap<String, String> = BTreeMap::new();
        for one in receiver.heard() {
            let id = one.json()["id"].as_str().unwrap().to_owned();
            assert_eq!(one.header("webhook-id"), id);
            let first = bodies.entry(id).or_insert_with(|| one.body.clone());
            assert_eq!(*first, one.body, "{name}");
        }
    }
    check_log(&get, &victim.base, &bot);
    check_acknowledged(&get, &victim.base, &acknowledged.lock().unwrap());
    let (documents, sessions) = {
        let acknowledged = acknowledged.lock().unwrap();
        (acknowledged.documents.len(), acknowledged.sessions.len())
    };
    assert!(documents > 0 && sessions > 0);
    let requests: Vec<usize> = receivers
        .iter()
        .map(|(_, receiver, _)| receiver.heard().len())
        .collect();
    println!("{documents} documents and {sessions} sessions acknowledged, {requests:?} requests heard");
    victim.kill();
}

/// The deliveries that wait for an attempt.
fn pending(get: &dyn Fn(&str, &str) -> Value, base: &str, bot: &str) -> Vec<Value> {
    let mut all = log(get, base, bot);
    all.retain(|delivery| delivery["status"] == "pending");
    all
}

/// The whole log.
fn log(get: &dyn Fn(&str, &str) -> Value, base: &str, bot: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(
            base,
            &format!("/api/v1/webhooks/{bot}/deliveries?limit=100&cursor={cursor}"),
        );
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

/// Every delivery succeeded; its attempts are in order, and none is missing.
fn check_log(get: &dyn Fn(&str, &str) -> Value, base: &str, bot: &str) {
    let all = log(get, base, bot);
    let mut known = BTreeSet::new();
    for delivery in &all {
        assert_eq!(delivery["status"], "succeeded", "{delivery}");
        let key = (delivery["webhook_id"].to_string(), delivery["event_id"].to_string());
        assert!(known.insert(key), "one delivery for each event and webhook: {delivery}");
        let attempts = delivery["attempts"].as_array().unwrap();
        let times: Vec<&str> = attempts.iter().map(|attempt| attempt["at"].as_str().unwrap()).collect();
        assert!(times.is_sorted(), "{delivery}");
        let numbers: BTreeSet<u64> = attempts
            .iter()
            .map(|attempt| attempt["number"].as_u64().unwrap())
            .collect();
        let most = *numbers.last().unwrap();
        assert_eq!(numbers, (1..=most).collect(), "no attempt is missing: {delivery}");
        assert!(attempts.iter().any(|attempt| attempt["error"].is_null()), "{delivery}");
    }
}

/// What was acknowledged is there, and no conversation is half-written.
fn check_acknowledged(get: &dyn Fn(&str, &str) -> Value, base: &str, acknowledged: &Acknowledged) {
    for id in &acknowledged.documents {
        assert_eq!(get(base, &format!("/api/v1/documents/{id}"))["id"], *id);
    }
    for id in &acknowledged.sessions {
        let history = get(base, &format!("/api/v1/chat/history/{id}"));
        let roles = history["messages"].as_array().unwrap().iter();
        let roles: Vec<&str> = roles.map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["user", "assistant"], "{history}");
    }
}
