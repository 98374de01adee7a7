//! Insights: what an archived conversation says, extracted once however often its message comes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::post};
use local::{
    sdk::{Endpoints, Identity},
    stack::Stack,
};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    app::App,
    bots::Bot,
    config::Config,
    conversations::Conversation,
    events::{Event, EventType, Job},
    ids::{BotId, ConversationId, TenantId},
    insights::{Findings, Insight, Sentiment, Status, TOOL, tool},
    messages::Role,
    models::{Models, Prompt, Tool},
    store::{Partition, Transaction, sort},
    usage::Sums,
};

use crate::support::{Tenant, expect, folder, function, options, run, stack, until};

/// Says that the bot's conversations are read when they are archived, and for what.
async fn turn_on(tenant: &Tenant) -> Bot {
    let path = format!("/api/v1/bots/{}", tenant.bot().await.id);
    let body = json!({"insights": {"mode": "archive", "custom": {"order_number": "The number of the order."}}});
    let bot = tenant.send(Method::PUT, &path, body.clone(), 200).await;
    assert_eq!(bot["insights"], body["insights"]);
    tenant.bot().await
}

/// Says something to the bot; gives the session.
async fn say(tenant: &Tenant, bot: &BotId, session: Option<&ConversationId>, message: &str) -> ConversationId {
    let body = json!({"bot_id": bot, "message": message, "session_id": session});
    let answer = tenant.send(Method::POST, "/api/v1/chat", body, 200).await;
    ConversationId::parse(answer["session_id"].as_str().unwrap()).unwrap()
}

/// Insights that are pending, with nobody who was told.
async fn pending(app: &App, tenant: &TenantId, conversation: &ConversationId, bot: &BotId) -> Insight {
    let insight = Insight::pending(tenant, conversation, bot, app.clock.now());
    app.table.put(&insight).await.unwrap();
    insight
}

/// What archiving writes: insights that are pending, and the event whose job they are.
async fn archived(app: &App, tenant: &TenantId, conversation: &ConversationId, bot: &BotId) -> Insight {
    let now = app.clock.now();
    let insight = Insight::pending(tenant, conversation, bot, now);
    let data = json!({"session_id": conversation});
    let event = Event::new(tenant, Some(bot), EventType::SessionArchived, now, data).with([job(&insight)]);
    let mut transaction = Transaction::default();
    transaction.create(&insight).unwrap().create(&event).unwrap();
    app.table.transact(transaction).await.unwrap();
    insight
}

fn job(insight: &Insight) -> Job {
    Job::Insights {
        tenant: insight.tenant.clone(),
        conversation: insight.conversation.clone(),
        insight: insight.id.clone(),
    }
}

/// Delivers the message about the insights for the `tries`th time; whether it is to come again.
async fn deliver(app: &App, insight: &Insight, tries: u32) -> bool {
    let mut message = SqsMessage::default();
    message.message_id = Some("m".to_owned());
    message.body = Some(serde_json::to_string(&job(insight)).unwrap());
    let count = ("ApproximateReceiveCount".to_owned(), tries.to_string());
    message.attributes.extend([count]);
    let mut event = SqsEvent::default();
    event.records.push(message);
    let app = App {
        queue: function("insights").await.queue,
        ..app.clone()
    };
    let answer = insights::handle(&app, event).await.unwrap();
    !answer.batch_item_failures.is_empty()
}

async fn read(app: &App, insight: &Insight) -> Option<Insight> {
    let key = Insight::key(&insight.tenant, &insight.conversation, &insight.id);
    app.table.get(&key).await.unwrap()
}

async fn ready(app: &App, insight: &Insight) -> (Insight, Findings) {
    until("insights", async || {
        let known = read(app, insight).await.unwrap();
        assert_ne!(known.status, Status::Failed);
        let findings = known.findings.clone();
        findings.map(|findings| (known, findings))
    })
    .await
}

/// How many forms were counted for a tenant today: one for each event that was stored.
async fn counted(app: &App, insight: &Insight) -> i64 {
    let day = insight.extracted_at.unwrap().to_string()[..10].to_owned();
    let key = Partition::tenant(&insight.tenant, &["U", &day[..7]]).at(sort("BY", &["insights", &day, "offline"]));
    let sums: Option<Sums> = app.table.get(&key).await.unwrap();
    sums.unwrap_or_default().requests
}

/// The engine on the shared stack with a Bedrock that answers like `says`, which is given each request.
async fn with_model(says: impl Fn(Value) -> (StatusCode, Value) + Clone + Send + Sync + 'static) -> App {
    let answer = move |Json(body): Json<Value>| {
        let (status, body) = says(body);
        async move { (status, Json(body)).into_response() }
    };
    let router = Router::new().route("/model/{id}/converse", post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut endpoints = Endpoints::default();
    endpoints.set("BEDROCK_RUNTIME", format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let variables = [
        ("TABLE_NAME", "t"),
        ("BUCKET_NAME", "b"),
        ("OPENSEARCH_URL", "http://localhost"),
        ("OPENSEARCH_TARGET", "domain"),
        ("CHAT_MODEL_ID", "offline"),
        ("EMBEDDING_MODEL_ID", "e"),
        ("EMBEDDING_DIMENSIONS", "8"),
        ("EMBEDDING_WEIGHT", "0.1"),
    ];
    let variables: HashMap<String, String> = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let config = Config::from_vars(&variables).unwrap();
    App {
        models: Models::new(&config, &Identity::local().config(endpoints)).into(),
        ..stack().await.app().clone()
    }
}

/// Bedrock's answer with a form.
fn filled_in(form: &Value) -> (StatusCode, Value) {
    let used = json!({"toolUseId": "tooluse_1", "name": TOOL, "input": form});
    let body = json!({
        "output": {"message": {"role": "assistant", "content": [{"toolUse": used}]}},
        "stopReason": "tool_use", "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
        "metrics": {"latencyMs": 1},
    });
    (StatusCode::OK, body)
}

fn good() -> Value {
    json!({"summary": "All went well.", "topics": ["zoo"], "sentiment": "neutral", "resolved": true,
        "unansweredQuestions": [], "actionItems": [], "custom": {"order_number": null}})
}

/// A conversation of a bot whose conversations are read.
async fn conversation(tenant: &Tenant) -> (Bot, ConversationId) {
    let bot = turn_on(tenant).await;
    let session = say(tenant, &bot.id, None, "When does the zoo open?").await;
    (bot, session)
}

#[test]
fn an_archived_conversation_becomes_insights() {
    run(async {
        let (tenant, app) = (Tenant::new().await, stack().await.app());
        tenant.add("Zoo", "The zoo opens at nine in summer.").await;
        let (bot, session) = conversation(&tenant).await;
        let more = "My order number is 4711. What do penguins cost? Please call me tomorrow.";
        say(&tenant, &bot.id, Some(&session), more).await;
        say(&tenant, &bot.id, Some(&session), "Thanks!").await;
        let insight = archived(app, &tenant.id, &session, &bot.id).await;
        let (known, findings) = ready(app, &insight).await;
        assert_eq!(known.status, Status::Ready);
        assert!(known.extracted_at.unwrap() >= known.requested_at);
        assert!(
            findings.summary.contains("“The zoo opens at nine in summer.”"),
            "{findings:?}"
        );
        assert!(!findings.summary.contains("[1]"), "{findings:?}");
        assert_eq!(findings.unanswered_questions, ["What do penguins cost?"]);
        assert_eq!(findings.action_items, ["Please call me tomorrow."]);
        assert_eq!((findings.sentiment, findings.resolved), (Sentiment::Positive, false));
        let order = findings.custom["order_number"].as_deref();
        assert_eq!(order, Some("My order number is 4711."));
        until("what it took to be counted", async || {
            (counted(app, &known).await == 1).then_some(())
        })
        .await;
    });
}

#[test]
fn deliveries_at_the_same_time_store_one_result_and_one_event() {
    run(async {
        let (tenant, app) = (Tenant::new().await, stack().await.app());
        let (bot, session) = conversation(&tenant).await;
        let insight = pending(app, &tenant.id, &session, &bot.id).await;
        let again = futures::future::join_all((0..20).map(|_| deliver(app, &insight, 1))).await;
        assert!(!again.contains(&true), "{again:?}");
        let first = read(app, &insight).await.unwrap();
        assert_eq!(first.status, Status::Ready);
        assert!(!deliver(app, &insight, 5).await);
        let later = read(app, &insight).await.unwrap();
        assert_eq!(
            (later.extracted_at, &later.findings),
            (first.extracted_at, &first.findings)
        );
        // Events are counted in their order, so none of the first can come behind this one.
        let another = pending(app, &tenant.id, &session, &bot.id).await;
        assert!(!deliver(app, &another, 1).await);
        let sum = until("both to be counted", async || {
            let sum = counted(app, &later).await;
            (sum >= 2).then_some(sum)
        })
        .await;
        assert_eq!(sum, 2);
    });
}

#[test]
fn what_was_said_after_the_archive_is_left_to_the_next_one() {
    run(async {
        let (tenant, app) = (Tenant::new().await, stack().await.app());
        let (bot, session) = conversation(&tenant).await;
        let insight = pending(app, &tenant.id, &session, &bot.id).await;
        say(&tenant, &bot.id, Some(&session), "What do penguins cost?").await;
        let next = pending(app, &tenant.id, &session, &bot.id).await;
        assert!(!deliver(app, &insight, 1).await && !deliver(app, &next, 1).await);
        let (_, first) = ready(app, &insight).await;
        assert!(
            first.summary.contains("zoo") && !first.summary.contains("penguins"),
            "{first:?}"
        );
        let (_, second) = ready(app, &next).await;
        assert!(
            second.summary.contains("zoo") && second.summary.contains("penguins"),
            "{second:?}"
        );
    });
}

#[test]
fn a_form_that_cannot_be_used_is_asked_for_once_more_and_then_given_up() {
    run(async {
        let tenant = Tenant::new().await;
        let (bot, session) = conversation(&tenant).await;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let app = with_model(move |body| {
            seen.lock().unwrap().push(body);
            filled_in(&json!({"summary": "Secret."}))
        })
        .await;
        let insight = pending(&app, &tenant.id, &session, &bot.id).await;
        assert!(!deliver(&app, &insight, 1).await, "it is done");
        let failed = read(&app, &insight).await.unwrap();
        assert_eq!((failed.status, failed.findings), (Status::Failed, None));
        let asked = asked.lock().unwrap().clone();
        let system = |n: usize| asked[n]["system"][0]["text"].as_str().unwrap();
        assert_eq!(asked.len(), 2);
        assert!(
            !system(0).contains("could not be used") && system(1).contains("sentiment must be"),
            "{}",
            system(1)
        );
        let fenced = asked[0]["messages"][0]["content"][0]["text"].as_str().unwrap();
        assert!(
            fenced.starts_with("<conversation>\n<message from=\"user\">\nWhen does the zoo open?"),
            "{fenced}"
        );
        assert_eq!(asked[0]["toolConfig"]["toolChoice"]["tool"]["name"], TOOL);

        // Bad at first, good at the second time; sent again by hand after it had failed.
        let times = Arc::new(Mutex::new(0));
        let app = with_model(move |_| {
            let mut times = times.lock().unwrap();
            *times += 1;
            if *times == 1 {
                filled_in(&json!([]))
            } else {
                filled_in(&good())
            }
        })
        .await;
        assert!(!deliver(&app, &insight, 6).await);
        let ready = read(&app, &insight).await.unwrap();
        assert_eq!(
            (ready.status, ready.findings.unwrap().summary.as_str()),
            (Status::Ready, "All went well.")
        );
    });
}

#[test]
fn while_the_model_is_away_the_message_comes_again_and_fails_at_the_last() {
    run(async {
        let tenant = Tenant::new().await;
        let (bot, session) = conversation(&tenant).await;
        let away = with_model(|_| (StatusCode::BAD_REQUEST, json!({"message": "no such model"}))).await;
        let insight = pending(&away, &tenant.id, &session, &bot.id).await;
        assert!(deliver(&away, &insight, 1).await);
        assert_eq!(read(&away, &insight).await.unwrap().status, Status::Pending);
        assert!(deliver(&away, &insight, 5).await, "it goes to the dead letters");
        assert_eq!(read(&away, &insight).await.unwrap().status, Status::Failed);
        // Back again, and the message is sent again.
        let app = stack().await.app();
        assert!(!deliver(app, &insight, 1).await);
        assert_eq!(read(app, &insight).await.unwrap().status, Status::Ready);
        // What is ready stays so.
        assert!(!deliver(&away, &insight, 5).await);
        assert_eq!(read(app, &insight).await.unwrap().status, Status::Ready);
    });
}

#[test]
fn nothing_is_written_back_to_what_is_gone() {
    run(async {
        let (tenant, app) = (Tenant::new().await, stack().await.app());
        let (bot, session) = conversation(&tenant).await;
        let never = Insight::pending(&tenant.id, &session, &bot.id, app.clock.now());
        assert!(!deliver(app, &never, 1).await);
        assert!(read(app, &never).await.is_none());

        // Deleted while the model reads.
        for form in [good(), json!({})] {
            let insight = pending(app, &tenant.id, &session, &bot.id).await;
            let key = Insight::key(&tenant.id, &session, &insight.id);
            let table = app.table.clone();
            let slow = with_model(move |_| {
                let (table, key) = (table.clone(), key.clone());
                let deleting = async move { table.delete(&key).await.unwrap() };
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(deleting));
                filled_in(&form)
            })
            .await;
            assert!(!deliver(&slow, &insight, 5).await);
            assert!(read(app, &insight).await.is_none());
        }

        // Of a bot that is gone.
        let insight = pending(app, &tenant.id, &session, &BotId::new()).await;
        assert!(!deliver(app, &insight, 1).await);
        assert_eq!(read(app, &insight).await.unwrap().status, Status::Pending);
    });
}

#[test]
fn no_model_is_asked_about_nothing_or_beyond_the_budget() {
    run(async {
        let tenant = Tenant::new().await;
        let (bot, session) = conversation(&tenant).await;
        let asked = Arc::new(Mutex::new(0));
        let count = Arc::clone(&asked);
        let app = with_model(move |_| {
            *count.lock().unwrap() += 1;
            filled_in(&good())
        })
        .await;
        let empty = pending(&app, &tenant.id, &ConversationId::new(), &bot.id).await;
        assert!(!deliver(&app, &empty, 1).await);
        let found = read(&app, &empty).await.unwrap().findings.unwrap();
        assert_eq!(found, Findings::of_nothing(&bot.insights.custom));

        let path = format!("/api/v1/bots/{}", bot.id);
        let budget = json!({"budget": {"monthly_usd": 0.000_001}});
        tenant.send(Method::PUT, &path, budget, 200).await;
        until("the budget to be used up", async || {
            let body = json!({"bot_id": bot.id, "message": "When does the zoo open?"});
            let sent = tenant.request(Method::POST, "/api/v1/chat").json(&body).send().await;
            (sent.unwrap().status() == 403).then_some(())
        })
        .await;
        let insight = pending(&app, &tenant.id, &session, &bot.id).await;
        assert!(!deliver(&app, &insight, 1).await);
        assert_eq!(read(&app, &insight).await.unwrap().status, Status::Failed);
        assert_eq!(*asked.lock().unwrap(), 0);
    });
}

#[test]
fn a_model_fills_in_a_form_over_bedrocks_wire() {
    run(async {
        let models = &stack().await.app().models;
        let text = "<conversation>\n<message from=\"user\">\nHello!\n</message>\n</conversation>";
        let prompt = Prompt {
            model: None,
            system: "Fill it in.".to_owned(),
            messages: vec![(Role::User, text.to_owned())],
            max_tokens: 100,
        };
        let form = tool(&BTreeMap::new());
        let filled_in = models.extract(prompt.clone(), form.clone()).await.unwrap();
        assert!(filled_in.usage.input_tokens > 0 && filled_in.usage.output_tokens > 0);
        let found = Findings::read(&filled_in.input.unwrap(), &BTreeMap::new()).unwrap();
        assert!(found.summary.contains("“Hello!”"));
        let unknown = Tool {
            name: "weather",
            ..form
        };
        assert!(models.extract(prompt, unknown).await.is_err());
    });
}

#[test]
fn insights_that_were_due_when_everything_ended_are_extracted_afterwards() {
    run(async {
        let data = folder("insights");
        let start = async || {
            let mut options = options("extracted");
            options.data.clone_from(&data);
            options.demo = true;
            Stack::start(options).await.unwrap()
        };
        let first = start().await;
        let demo = first.demo.as_ref().unwrap();
        let tenant = TenantId::parse(demo.tenant.clone()).unwrap();
        let asked = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = asked
            .post(format!("{}/api/v1/chat", first.base_url))
            .header("Authorization", format!("ApiKey {}", demo.api_key))
            .json(&json!({"bot_id": demo.bot_id, "message": "What is the vacation policy?"}));
        let answer = expect(asked.send().await.unwrap(), 200).await;
        let session = ConversationId::parse(answer["session_id"].as_str().unwrap()).unwrap();
        let known: Option<Conversation> = first
            .app()
            .table
            .get(&Conversation::key(&tenant, &session))
            .await
            .unwrap();
        let insight = archived(first.app(), &tenant, &session, &known.unwrap().owner.bot).await;
        drop(first);

        let second = start().await;
        let (_, findings) = ready(second.app(), &insight).await;
        assert!(
            findings.summary.contains("What is the vacation policy?") && findings.resolved,
            "{findings:?}"
        );
        second.shutdown().await;
    });
}
