//! The worker that tells webhooks: messages that come twice, late or in another order, days of failure, and letters that were
//! dead. Attempts are asked for by messages of the tests, at times of their choice.

use std::sync::Arc;

use aws_lambda_events::{
    dynamodb::Event as StreamEvent,
    sqs::{SqsEvent, SqsMessage},
};
use aws_sdk_sqs::Client as Sqs;
use local::{
    sdk::{Endpoints, Identity},
    stack::Stack,
};
use serde_json::{Value, json};
use shared::{
    app::App,
    clock::{Clock, Time},
    conversations::Conversation,
    deliveries::{Delivery, Status},
    events::{Deliver, Event, EventType, Job, Sender, SigningSecret},
    ids::TenantId,
    members::Member,
    sealing::SealingKey,
    store::{Query, Row, Table, Update},
    webhooks::{DisabledBecause, Slow, Webhook},
};

use tokio::sync::Notify;

use crate::support::{
    Receiver, Tenant, events_in, function,
    people::{Person, parameters},
    rows_here, run, stack, until,
};

/// The sender of the stack's own functions.
async fn sender(stack: &Stack) -> Sender {
    let mut variables = parameters(&format!("docent-it-{}", std::process::id()));
    variables.insert("ALLOW_LOCAL_WEBHOOKS".to_owned(), "yes".to_owned());
    Sender::new(&variables, stack.sdk()).unwrap()
}

/// The engine at a time.
async fn app_at(now: Time) -> App {
    App {
        clock: Clock::fixed(now.timestamp()),
        ..stack().await.app().clone()
    }
}

/// Puts a webhook of the tenant's default bot that listens to new documents.
async fn webhook(tenant: &Tenant, url: &str) -> Webhook {
    let (stack, bot) = (stack().await, tenant.bot().await);
    let key = sender(stack).await.sealing_key().await.unwrap();
    let (secret, events) = (SigningSecret::generate(), vec![EventType::KbUpdated]);
    let now = stack.app().clock.now();
    let webhook = Webhook::new((&bot.tenant, &bot.id), url.to_owned(), events, &secret, &key, now).unwrap();
    stack.app().table.put(&webhook).await.unwrap();
    webhook
}

/// A receiver, and the webhook of a new tenant's default bot that tells it of new documents.
async fn listening() -> (Receiver, Webhook) {
    let receiver = Receiver::new().await;
    let webhook = webhook(&Tenant::new().await, &receiver.url).await;
    (receiver, webhook)
}

/// The event that a document was added to the webhook's bot.
fn added(webhook: &Webhook, now: Time) -> Event {
    let data = json!({"document_id": "d", "action": "added"});
    Event::new(&webhook.tenant, Some(&webhook.bot), EventType::KbUpdated, now, data)
}

/// The message that tells `webhook` of an event for the first time.
fn first(webhook: &Webhook, now: Time) -> Deliver {
    Deliver::first(webhook, added(webhook, now).told().unwrap().remove(0))
}

/// Gives messages to the worker, in one batch; gives how many it gave back.
async fn work(app: &App, messages: &[Deliver]) -> usize {
    let mut batch = SqsEvent::default();
    for (n, deliver) in messages.iter().enumerate() {
        let mut message = SqsMessage::default();
        message.message_id = Some(format!("m{n}"));
        message.body = Some(serde_json::to_string(&Job::Deliver(Box::new(deliver.clone()))).unwrap());
        batch.records.push(message);
    }
    let app = App {
        queue: function("deliver").await.queue,
        ..app.clone()
    };
    let answer = deliver::handle(&app, &sender(stack().await).await, batch)
        .await
        .unwrap();
    answer.batch_item_failures.len()
}

/// The engine whose table does not answer.
async fn without_a_table() -> App {
    let mut endpoints = Endpoints::default();
    endpoints.set("DYNAMODB", "http://127.0.0.1:1");
    let client = aws_sdk_dynamodb::Client::new(&Identity::local().config(endpoints));
    App {
        table: Table::new(client, "docent".to_owned()),
        ..stack().await.app().clone()
    }
}

async fn log(of: &Deliver) -> Option<Delivery> {
    let key = Delivery::key(&of.tenant, &of.bot, &of.delivery);
    stack().await.app().table.get(&key).await.unwrap()
}

async fn current(webhook: &Webhook) -> Webhook {
    let found: Option<Webhook> = stack().await.app().table.get(&Row::key(webhook)).await.unwrap();
    found.unwrap()
}

/// Makes all attempts of a delivery, each when it is due; gives when the last one was.
async fn all_attempts(first: &Deliver, begin: Time) -> Time {
    let (mut next, mut now) = (first.clone(), begin);
    loop {
        assert_eq!(work(&app_at(now).await, std::slice::from_ref(&next)).await, 0);
        let delivery = log(first).await.unwrap();
        let Some(due) = delivery.next_attempt_at else {
            return now;
        };
        assert!(due > now, "{delivery:?}");
        (next, now) = (delivery.next(), due);
    }
}

#[test]
fn a_message_that_comes_often_is_one_delivery_and_each_attempt_is_in_the_log() {
    run(async {
        let (receiver, webhook) = listening().await;
        let app = stack().await.app();
        let first = first(&webhook, app.clock.now());
        assert_eq!(work(app, &vec![first.clone(); 6]).await, 0);
        let delivery = log(&first).await.unwrap();
        assert_eq!((delivery.status, delivery.number), (Status::Succeeded, 1));
        assert_eq!(delivery.attempts.len(), receiver.heard().len());
        assert!(delivery.attempts.is_sorted_by_key(|attempt| attempt.at));
        // Once it is in the log, another message of it sends nothing.
        let before = receiver.heard().len();
        assert_eq!(work(app, &vec![first.clone(); 3]).await, 0);
        assert_eq!(receiver.heard().len(), before);
        let ids: Vec<Value> = receiver
            .heard()
            .iter()
            .map(|heard| heard.json()["id"].clone())
            .collect();
        assert!(ids.iter().all(|id| *id == json!(first.told.as_ref().unwrap().event)));
    });
}

#[test]
fn messages_in_another_order_end_the_same() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::answering(|before, _| {
            Box::pin(async move {
                let status = if before < 2 { 500 } else { 200 };
                axum::response::IntoResponse::into_response(http::StatusCode::from_u16(status).unwrap())
            })
        })
        .await;
        let webhook = webhook(&tenant, &receiver.url).await;
        let begin = Time::parse("2031-02-03T04:05:06Z").unwrap();
        let first = first(&webhook, begin);
        let attempt = |number: u32| Deliver {
            attempt: number,
            told: None,
            ..first.clone()
        };
        let app = app_at(begin).await;
        // What comes too early finds nothing to send.
        assert_eq!(work(&app, &[attempt(3), attempt(2)]).await, 0);
        assert!(receiver.heard().is_empty() && log(&first).await.is_none());
        for late in [
            vec![first.clone()],
            vec![attempt(2)],
            vec![first.clone()],
            vec![attempt(3)],
            vec![attempt(2), first.clone()],
            vec![attempt(3)],
        ] {
            assert_eq!(work(&app, &late).await, 0);
        }
        assert_eq!(receiver.heard().len(), 3);
        let delivery = log(&first).await.unwrap();
        let numbers: Vec<u32> = delivery.attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!((delivery.status, numbers), (Status::Succeeded, vec![1, 2, 3]));
    });
}

#[test]
fn far_attempts_are_sent_by_the_clock_when_they_are_due() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::answering(|before, _| {
            Box::pin(async move {
                let status = if before < 3 { 503 } else { 200 };
                axum::response::IntoResponse::into_response(http::StatusCode::from_u16(status).unwrap())
            })
        })
        .await;
        let webhook = webhook(&tenant, &receiver.url).await;
        let begin = Time::parse("2032-02-03T04:05:06Z").unwrap();
        let first = first(&webhook, begin);
        let mut next = first.clone();
        for _ in 0..3 {
            work(&app_at(begin).await, std::slice::from_ref(&next)).await;
            next = log(&first).await.unwrap().next();
        }
        let waiting = log(&first).await.unwrap();
        let due = waiting.due_at.unwrap();
        let minutes = (due.millisecond() - begin.millisecond()) / 60_000;
        assert!((30..=36).contains(&minutes), "{minutes}");
        let app = &function("tick").await;
        tick::deliveries::run(app, due.plus(-3_600_000)).await.unwrap();
        assert_eq!(log(&first).await.unwrap().due_at, Some(due), "not yet");
        // Two at once, and one that is late: each attempt is made once all the same.
        let (one, two) = futures::join!(tick::deliveries::run(app, due), tick::deliveries::run(app, due));
        assert!(one.unwrap() + two.unwrap() >= 1);
        let done = until("the fourth attempt", async || {
            let delivery = log(&first).await.unwrap();
            (delivery.status == Status::Succeeded).then_some(delivery)
        })
        .await;
        tick::deliveries::run(app, due.plus(600_000)).await.unwrap();
        assert_eq!((done.number, done.due_at), (4, None));
        // Two messages of one attempt may both be at it; whatever was sent is in the log then.
        until("the log to tell of every request", async || {
            let numbers: Vec<u32> = log(&first)
                .await
                .unwrap()
                .attempts
                .iter()
                .map(|attempt| attempt.number)
                .collect();
            assert!(numbers.iter().all(|number| *number <= 4), "{numbers:?}");
            (numbers.len() == receiver.heard().len()).then_some(())
        })
        .await;
    });
}

#[test]
fn a_delivery_that_was_given_up_is_a_dead_letter_and_can_be_moved_back() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::answering(|before, _| {
            Box::pin(async move {
                let status = if before < 8 { 500 } else { 200 };
                axum::response::IntoResponse::into_response(http::StatusCode::from_u16(status).unwrap())
            })
        })
        .await;
        let webhook = webhook(&tenant, &receiver.url).await;
        let begin = Time::parse("2033-02-03T04:05:06Z").unwrap();
        let first = first(&webhook, begin);
        let last = all_attempts(&first, begin).await;
        let hours = (last.millisecond() - begin.millisecond()) / 3_600_000;
        assert!((27..=33).contains(&hours), "{hours}");
        let given_up = log(&first).await.unwrap();
        assert_eq!(
            (given_up.status, given_up.number, given_up.attempts.len()),
            (Status::Failed, 8, 8)
        );
        assert!(current(&webhook).await.enabled, "a day is no reason");

        let stack = stack().await;
        let sqs = Sqs::new(stack.sdk());
        let dead = &stack.queue_urls["DeliverDeadLetters"];
        let attributes = sqs
            .get_queue_attributes()
            .queue_url(dead)
            .attribute_names(aws_sdk_sqs::types::QueueAttributeName::QueueArn)
            .send()
            .await
            .unwrap();
        let arn = attributes.attributes.unwrap()[&aws_sdk_sqs::types::QueueAttributeName::QueueArn].clone();
        let live = &stack.queue_urls["DeliverQueue"];
        let live = sqs
            .get_queue_attributes()
            .queue_url(live)
            .attribute_names(aws_sdk_sqs::types::QueueAttributeName::QueueArn)
            .send()
            .await
            .unwrap();
        let live = live.attributes.unwrap()[&aws_sdk_sqs::types::QueueAttributeName::QueueArn].clone();
        // Where it was never received from a queue, a message has to be told where to go.
        let moved = sqs.start_message_move_task().source_arn(arn).destination_arn(live);
        moved.send().await.unwrap();
        let done = until("the ninth attempt", async || {
            let delivery = log(&first).await.unwrap();
            (delivery.status == Status::Succeeded).then_some(delivery)
        })
        .await;
        assert_eq!((done.number, receiver.heard().len()), (9, 9));
    });
}

#[test]
fn after_five_days_of_nothing_but_failure_a_webhook_is_disabled_and_its_owners_are_told() {
    run(async {
        let owner = Person::new().await;
        let me = owner.me(200).await;
        let tenant = TenantId::parse(me["organization"]["id"].as_str().unwrap()).unwrap();
        let app = stack().await.app();
        let members = app.table.query::<Member>(Query::newest(
            shared::store::Partition::tenant(&tenant, &[]),
            Member::KIND,
        ));
        let bot = members.await.unwrap().items.remove(0).default_bot;
        let receiver = Receiver::with_status(500).await;
        let key = sender(stack().await).await.sealing_key().await.unwrap();
        let begin = Time::parse("2034-02-03T04:05:06Z").unwrap();
        let (secret, events) = (SigningSecret::generate(), vec![EventType::KbUpdated]);
        let webhook = Webhook::new((&tenant, &bot), receiver.url.clone(), events, &secret, &key, begin).unwrap();
        app.table.put(&webhook).await.unwrap();
        let day = |days: i64| begin.plus(days * 86_400_000);
        for days in 0..4 {
            all_attempts(&first(&webhook, day(days)), day(days)).await;
            assert!(current(&webhook).await.enabled, "day {days}");
        }
        // What waits when it is disabled ends with it.
        let waiting = first(&webhook, day(4));
        work(&app_at(day(4)).await, std::slice::from_ref(&waiting)).await;
        all_attempts(&first(&webhook, day(4)), day(4)).await;
        let disabled = current(&webhook).await;
        assert!(!disabled.enabled);
        let why = disabled.disabled.unwrap();
        assert_eq!(why.reason, DisabledBecause::Failing);
        assert!(why.at >= day(5), "{}", why.at);
        let next = log(&waiting).await.unwrap().next();
        work(&app_at(day(5)).await, &[next]).await;
        let ended = log(&waiting).await.unwrap();
        assert_eq!(
            (ended.status, ended.problem.unwrap().code.as_str()),
            (Status::Failed, "webhook_disabled")
        );
        let mails = until("the owner's mail", async || {
            let all = owner.mails(1).await;
            let mut told = all.into_iter();
            told.find(|mail| mail["subject"] == "A webhook was disabled")
        })
        .await;
        assert!(mails["text"].as_str().unwrap().contains(&receiver.url), "{mails}");
        // Nobody is told twice, when the event comes again.
        until("the note that they were told", async || {
            current(&webhook).await.disabled.unwrap().told.then_some(())
        })
        .await;
        let mut events = events_in(rows_here(&tenant).await);
        events.retain(|event| event.kind == EventType::WebhookDisabled);
        assert_eq!((events.len(), relayed(app, &events).await), (1, 0));
        let mut mails = owner.mails(1).await;
        mails.retain(|mail| mail["subject"] == "A webhook was disabled");
        assert_eq!(mails.len(), 1);
    });
}

#[test]
fn one_success_in_between_and_the_days_count_anew() {
    run(async {
        let tenant = Tenant::new().await;
        // Works at the tenth request only.
        let receiver = Receiver::answering(|before, _| {
            Box::pin(async move {
                let status = if before == 9 { 200 } else { 500 };
                axum::response::IntoResponse::into_response(http::StatusCode::from_u16(status).unwrap())
            })
        })
        .await;
        let webhook = webhook(&tenant, &receiver.url).await;
        let begin = Time::parse("2035-02-03T04:05:06Z").unwrap();
        let day = |days: i64| begin.plus(days * 86_400_000);
        all_attempts(&first(&webhook, day(0)), day(0)).await;
        assert_eq!(current(&webhook).await.failing_since, Some(day(0)));
        let second = first(&webhook, day(3));
        all_attempts(&second, day(3)).await;
        assert_eq!(log(&second).await.unwrap().status, Status::Succeeded);
        assert_eq!(current(&webhook).await.failing_since, None);
        all_attempts(&first(&webhook, day(5)), day(5)).await;
        assert!(current(&webhook).await.enabled, "nothing but failure for two days only");
        assert_eq!(current(&webhook).await.failing_since, Some(day(5)));
    });
}

#[test]
fn a_slow_receiver_gets_few_attempts_at_once_and_the_log_says_what_waits() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::new().await;
        let now = Time::parse("2036-02-03T04:05:06Z").unwrap();
        let app = app_at(now).await;
        for (took_ms, at_once) in [(15_000, 20), (5_000, 60)] {
            let mut webhook = webhook(&tenant, &receiver.url).await;
            let until = now.plus(60_000);
            webhook.slow = Some(Slow { until, took_ms });
            app.table.put(&webhook).await.unwrap();
            let before = receiver.heard().len();
            let messages: Vec<Deliver> = (0..at_once + 5).map(|_| first(&webhook, now)).collect();
            assert_eq!(work(&app, &messages).await, 0);
            assert_eq!(receiver.heard().len() - before, at_once);
            let mut waiting = Vec::new();
            for message in &messages {
                let delivery = log(message).await.unwrap();
                if delivery.status == Status::Pending {
                    assert!(delivery.attempts.is_empty() && delivery.due_at.is_none());
                    waiting.push(delivery.next_attempt_at.unwrap());
                }
            }
            assert_eq!(waiting.len(), 5);
            assert!(
                waiting
                    .iter()
                    .all(|next| *next >= now.plus(7_000) && *next <= now.plus(15_000)),
                "{waiting:?}"
            );
            // Whoever was put off for a day is given up, and the log says why.
            let fresh = Deliver {
                put_off: 400,
                ..first(&webhook, now)
            };
            work(&app, std::slice::from_ref(&fresh)).await;
            let given_up = log(&fresh).await.unwrap();
            assert_eq!(
                (given_up.status, given_up.problem.unwrap().code.as_str()),
                (Status::Failed, "too_slow")
            );
        }
    });
}

#[test]
fn what_the_address_before_said_says_nothing_about_the_one_after() {
    run(async {
        let tenant = Tenant::new().await;
        for status in [410, 500] {
            let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (heard, released) = (Arc::clone(&asked), Arc::clone(&answer));
            let receiver = Receiver::answering(move |_, _| {
                let (heard, released) = (Arc::clone(&heard), Arc::clone(&released));
                Box::pin(async move {
                    heard.notify_one();
                    released.notified().await;
                    axum::response::IntoResponse::into_response(http::StatusCode::from_u16(status).unwrap())
                })
            })
            .await;
            let before = webhook(&tenant, &receiver.url).await;
            let app = stack().await.app();
            let message = first(&before, app.clock.now());
            let moving = async {
                asked.notified().await;
                let after = Webhook {
                    url: "http://127.0.0.1:9/elsewhere".to_owned(),
                    ..before.clone()
                };
                assert!(app.table.update(after.changed(&before).unwrap()).await.unwrap());
                answer.notify_one();
            };
            let (given_back, ()) = futures::join!(work(app, std::slice::from_ref(&message)), moving);
            assert_eq!(given_back, 0);
            let moved = current(&before).await;
            assert!(
                moved.enabled && moved.failing_since.is_none() && moved.slow.is_none(),
                "{moved:?}"
            );
            let waiting = log(&message).await.unwrap();
            assert_eq!(
                (waiting.status, waiting.attempts.len()),
                (Status::Pending, 1),
                "the new address gets it"
            );
        }
    });
}

#[test]
fn a_contact_is_made_also_where_no_title_can_be() {
    run(async {
        let tenant = Tenant::new().await;
        let stack = stack().await;
        let body = json!({"bot_id": tenant.bot().await.id, "message": "Hello"});
        let made = tenant.send(reqwest::Method::POST, "/api/v1/chat", body, 200).await;
        let id = shared::ids::ConversationId::parse(made["session_id"].as_str().unwrap()).unwrap();
        let key = Conversation::key(&tenant.id, &id);
        let person = json!({"email": "ann@example.com", "name": "Ann", "verified": true});
        let update = Update::at(key).set("person", &person).unwrap();
        assert!(stack.app().table.update(update).await.unwrap());
        let mut nowhere = Endpoints::default();
        nowhere.set("BEDROCK_RUNTIME", "http://127.0.0.1:9");
        let app = App {
            models: shared::models::Models::new(&config(), &Identity::local().config(nowhere)).into(),
            ..stack.app().clone()
        };
        let now = app.clock.now();
        let event = Event::new(&tenant.id, None, EventType::NewSession, now, json!({})).with([
            Job::Title {
                conversation: id.clone(),
            },
            Job::Contact { conversation: id },
        ]);
        relayed(&app, &[event]).await;
        assert_eq!(
            tenant.rows_with("ann@example.com").await,
            3,
            "contact, address, conversation"
        );
    });
}

#[test]
fn a_deleted_webhook_is_told_nothing_also_not_what_waits() {
    run(async {
        let tenant = Tenant::new().await;
        let receiver = Receiver::with_status(500).await;
        let webhook = webhook(&tenant, &receiver.url).await;
        let app = stack().await.app();
        let (waiting, late) = (first(&webhook, app.clock.now()), first(&webhook, app.clock.now()));
        work(app, std::slice::from_ref(&waiting)).await;
        app.table.delete(&Row::key(&webhook)).await.unwrap();
        let next = log(&waiting).await.unwrap().next();
        assert_eq!(work(app, &[next, late.clone()]).await, 0);
        assert_eq!(receiver.heard().len(), 1);
        let ended = log(&waiting).await.unwrap();
        assert_eq!(
            (ended.status, ended.problem.unwrap().code.as_str()),
            (Status::Failed, "webhook_deleted")
        );
        assert!(log(&late).await.is_none());
    });
}

#[test]
fn an_event_to_which_nobody_listens_costs_no_message_and_one_that_comes_twice_is_one_delivery() {
    run(async {
        let (quiet, tenant) = (Tenant::new().await, Tenant::new().await);
        let receiver = Receiver::new().await;
        let webhook = webhook(&tenant, &receiver.url).await;
        let stack = stack().await;
        // A relay without that queue: it fails as soon as it has something to send.
        let without = App {
            queue: shared::queue::Queue::new(
                &shared::config::Config {
                    queue_urls: std::collections::HashMap::new(),
                    ..config()
                },
                stack.sdk(),
            )
            .into(),
            ..stack.app().clone()
        };
        let now = stack.app().clock.now();
        let event = |tenant: &Tenant, kind| {
            let data = json!({"document_id": "d", "action": "added"});
            Event::new(&tenant.id, Some(&webhook.bot), kind, now, data)
        };
        let silent = event(&quiet, EventType::KbUpdated);
        assert_eq!(relayed(&without, std::slice::from_ref(&silent)).await, 0);
        assert_eq!(relayed(&without, &[event(&tenant, EventType::NewSession)]).await, 0);
        let heard = event(&tenant, EventType::KbUpdated);
        assert_eq!(
            relayed(&without, std::slice::from_ref(&heard)).await,
            1,
            "this one is for somebody"
        );
        // The same record again and again, among others and in another order.
        let app = stack.app();
        assert_eq!(relayed(app, &[heard.clone(), silent.clone(), heard.clone()]).await, 0);
        assert_eq!(relayed(app, &[silent, heard.clone()]).await, 0);
        receiver.hears(1).await;
        let key = Delivery::partition(&webhook.tenant, &webhook.bot);
        let all = async || {
            app.table
                .query::<Delivery>(Query::newest(key.clone(), Delivery::KIND))
                .await
                .unwrap()
                .items
        };
        let found = until("the delivery", async || {
            let found = all().await;
            found.iter().any(|one| one.status == Status::Succeeded).then_some(found)
        })
        .await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].event, heard.id);
    });
}

#[test]
fn an_event_that_this_version_cannot_read_comes_again_and_does_not_hold_up_the_others() {
    run(async {
        let (receiver, webhook) = listening().await;
        let app = stack().await.app();
        let event = added(&webhook, app.clock.now());
        let mut newer = record(0, &event);
        newer["dynamodb"]["NewImage"]["type"] = json!({"S": "something_of_tomorrow"});
        let given = relay_records(app, vec![newer, record(1, &event)]).await;
        assert_eq!(given, ["0"]);
        receiver.hears(1).await;
    });
}

#[test]
fn an_attempt_that_cannot_be_signed_is_in_the_log_comes_again_and_says_nothing_about_the_receiver() {
    run(async {
        let (receiver, sealed) = listening().await;
        let app = stack().await.app();
        let foreign = SealingKey::parse(&SealingKey::generate()).unwrap();
        let secret = foreign
            .seal(sealed.id.as_str(), SigningSecret::generate().bytes())
            .unwrap();
        let lost = Webhook {
            secret,
            ..sealed.clone()
        };
        app.table.put(&lost).await.unwrap();
        let first = first(&lost, app.clock.now());
        assert_eq!(work(app, std::slice::from_ref(&first)).await, 0);
        let waiting = log(&first).await.unwrap();
        let problem = waiting.attempts[0].problem.as_ref().unwrap();
        assert_eq!((problem.code.as_str(), waiting.status), ("not_signed", Status::Pending));
        assert!(receiver.heard().is_empty() && current(&lost).await.failing_since.is_none());
        // Its owner rotates the secret, and the next attempt arrives.
        app.table.put(&sealed).await.unwrap();
        let due = app_at(waiting.next_attempt_at.unwrap()).await;
        assert_eq!(work(&due, &[waiting.next()]).await, 0);
        assert_eq!(log(&first).await.unwrap().status, Status::Succeeded);
    });
}

/// The record of the table's stream that tells of an event.
fn record(number: usize, event: &Event) -> Value {
    let sample: Value = serde_json::from_str(include_str!("../../events/relay.json")).unwrap();
    let mut record = sample["Records"][0].clone();
    let item: serde_dynamo::Item = serde_dynamo::to_item(event).unwrap();
    record["dynamodb"]["NewImage"] = serde_json::to_value(item).unwrap();
    record["dynamodb"]["SequenceNumber"] = json!(number.to_string());
    record
}

/// Gives records to `relay`; gives the numbers of those that come back.
async fn relay_records(app: &App, records: Vec<Value>) -> Vec<String> {
    let count = records.len();
    let batch: StreamEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
    assert_eq!(batch.records.len(), count);
    let answer = relay::handle(app, batch).await.unwrap();
    let failures = answer.batch_item_failures.into_iter();
    failures.filter_map(|failure| failure.item_identifier).collect()
}

/// Gives events to `relay` as the table's stream does; gives how many records come back.
pub async fn relayed(app: &App, events: &[Event]) -> usize {
    let records = events.iter().enumerate().map(|(n, event)| record(n, event));
    relay_records(app, records.collect()).await.len()
}

/// Settings of which only the queues matter.
fn config() -> shared::config::Config {
    let variables = [
        ("TABLE_NAME", "t"),
        ("BUCKET_NAME", "b"),
        ("OPENSEARCH_URL", "http://localhost"),
        ("OPENSEARCH_TARGET", "domain"),
        ("CHAT_MODEL_ID", "m"),
        ("EMBEDDING_MODEL_ID", "e"),
        ("EMBEDDING_DIMENSIONS", "8"),
        ("EMBEDDING_WEIGHT", "0.1"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    shared::config::Config::from_vars(&variables.into()).unwrap()
}

#[test]
fn an_attempt_that_cannot_be_noted_comes_again() {
    run(async {
        let (_receiver, webhook) = listening().await;
        let first = first(&webhook, stack().await.app().clock.now());
        let messages = std::slice::from_ref(&first);
        assert_eq!(work(&without_a_table().await, messages).await, 1);
        assert_eq!(work(stack().await.app(), messages).await, 0);
        assert_eq!(log(&first).await.unwrap().status, Status::Succeeded);
    });
}
