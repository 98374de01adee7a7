//! Routines through the public door: made, changed, run, read, and by whom.

use std::collections::HashMap;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    app::App,
    bots::{Bot, Budget},
    events::Job,
    ids::RoutineId,
    keys::Scope,
    limits::RateLimits,
    routines::{self, Routine, Run, Status},
    store::{Row, Update},
    usage,
};

use crate::support::{Tenant, expect, function, people::fresh_email, run, stack, until};

/// Beyond all clocks of tests.
const NEVER: &str = "cron(0 9 1 1 ? 2199)";
const BRIDGE: &str = "The bridge is four hundred metres long.";

/// Where a bot's routines are.
async fn path(tenant: &Tenant) -> String {
    format!("/api/agents/{}/routines", tenant.bot().await.id)
}

/// Makes a routine; gives where it is.
async fn make(tenant: &Tenant, body: Value) -> String {
    let path = path(tenant).await;
    let made = tenant.send(Method::POST, &path, body, 201).await;
    format!("{path}/{}", made["id"].as_str().unwrap())
}

/// Runs a routine; gives where the run is.
async fn start(tenant: &Tenant, routine: &str, body: Value) -> String {
    let queued = tenant.send(Method::POST, &format!("{routine}/run"), body, 202).await;
    assert_eq!(queued["status"], "queued");
    format!("{routine}/runs/{}", queued["runId"].as_str().unwrap())
}

/// The run once it has ended.
async fn ended(tenant: &Tenant, run: &str) -> Value {
    until("a run to end", async || {
        let run = tenant.get(run).await;
        matches!(run["status"].as_str(), Some("succeeded" | "failed")).then_some(run)
    })
    .await
}

#[test]
fn a_routine_is_made_read_changed_and_deleted() {
    run(async {
        let tenant = Tenant::new().await;
        let body = json!({"name": "Daily", "prompt": "What is new?", "schedule": NEVER, "timezone": "Europe/Berlin",
            "deliver": {"webhook": true, "email": ["Ann@example.com"]}});
        let path = path(&tenant).await;
        let made = tenant.send(Method::POST, &path, body, 201).await;
        assert_eq!(made["nextRunAt"], "2199-01-01T08:00:00.000Z");
        assert_eq!(made["deliver"], json!({"webhook": true, "email": ["ann@example.com"]}));
        assert_eq!(
            (&made["enabled"], &made["agentId"]),
            (&json!(true), &json!(tenant.bot().await.id))
        );
        let routine = format!("{path}/{}", made["id"].as_str().unwrap());
        assert_eq!(tenant.get(&routine).await, made);

        let change = json!({"enabled": false, "name": null, "deliver": {"email": []}});
        let changed = tenant.send(Method::PUT, &routine, change, 200).await;
        assert_eq!(
            (&changed["enabled"], &changed["nextRunAt"]),
            (&json!(false), &Value::Null)
        );
        assert_eq!(
            (&changed["name"], &changed["schedule"]),
            (&made["name"], &made["schedule"])
        );
        assert_eq!(changed["deliver"], json!({"webhook": true, "email": []}));
        let changed = tenant.send(Method::PUT, &routine, json!({"enabled": true}), 200).await;
        assert_eq!(changed["nextRunAt"], made["nextRunAt"]);

        make(&tenant, json!({"name": "Second", "prompt": "P"})).await;
        let page = tenant.get(&format!("{path}?limit=1")).await;
        assert_eq!(page["routines"][0]["name"], "Second");
        let cursor = page["nextCursor"].as_str().unwrap();
        let rest = tenant.get(&format!("{path}?limit=10&cursor={cursor}")).await;
        assert_eq!(
            (&rest["routines"], &rest["nextCursor"]),
            (&json!([changed]), &Value::Null)
        );
        tenant
            .send(Method::GET, &format!("{path}?cursor=x{cursor}"), json!({}), 400)
            .await;

        tenant.send(Method::DELETE, &routine, json!({}), 204).await;
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let error = tenant.send(method, &routine, json!({}), 404).await;
            assert_eq!(error["error"], "Routine not found");
        }
        assert_eq!(tenant.get(&path).await["routines"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn bad_fields_are_named_and_a_hundred_routines_are_enough() {
    run(async {
        let tenant = Tenant::new().await;
        let path = path(&tenant).await;
        for (field, value) in [
            ("name", json!(5)),
            ("prompt", json!("")),
            ("schedule", json!("cron(0 0 30 2 ? *)")),
            ("schedule", json!("rate(10 seconds)")),
            ("timezone", json!("Europe/Atlantis")),
            ("enabled", json!("yes")),
            ("deliver.email[0]", json!({"email": ["nobody"]})),
            ("deliver.webhook", json!({"webhook": "https://example.com"})),
        ] {
            let mut body = json!({"name": "N", "prompt": "P"});
            body[field.split('.').next().unwrap()] = value;
            let error = tenant.send(Method::POST, &path, body.clone(), 400).await;
            assert!(error["fields"].get(field).is_some(), "{body}: {error}");
        }
        let routine = make(&tenant, json!({"name": "N", "prompt": "P"})).await;
        let error = tenant
            .send(Method::PUT, &routine, json!({"schedule": "daily"}), 400)
            .await;
        assert!(error["fields"]["schedule"].is_string());
        let long = json!({"input": "x".repeat(16_001)});
        let error = tenant.send(Method::POST, &format!("{routine}/run"), long, 400).await;
        assert!(error["fields"]["input"].is_string());
    });
}

#[test]
fn of_routines_made_at_once_a_bot_keeps_no_more_than_it_may_have() {
    run(async {
        let tenant = Tenant::new().await;
        let (bot, app) = (tenant.bot().await, stack().await.app());
        let count = routines::count_key(&tenant.id, &bot.id);
        let most = i64::try_from(Routine::MOST).unwrap();
        app.table
            .update(Update::at(count).add("routines", most - 2))
            .await
            .unwrap();
        let (path, body) = (path(&tenant).await, json!({"name": "N", "prompt": "P"}));
        let asked = (0..6).map(|_| tenant.request(Method::POST, &path).json(&body).send());
        let (mut made, mut refused) = (Vec::new(), 0);
        for answer in join_all(asked).await {
            let answer = answer.unwrap();
            if answer.status() == 201 {
                made.push(expect(answer, 201).await);
            } else {
                assert_eq!(expect(answer, 409).await["code"], "too_many_routines");
                refused += 1;
            }
        }
        assert_eq!((made.len(), refused), (2, 4));
        // Once deleted, deleted: the second time makes no room.
        let routine = format!("{path}/{}", made[0]["id"].as_str().unwrap());
        tenant.send(Method::DELETE, &routine, Value::Null, 204).await;
        tenant.send(Method::DELETE, &routine, Value::Null, 404).await;
        tenant.send(Method::POST, &path, body.clone(), 201).await;
        tenant.send(Method::POST, &path, body, 409).await;
    });
}

#[test]
fn a_run_quotes_documents_and_is_mailed_and_counted_once() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Bridge", BRIDGE).await;
        let (ann, ben) = (fresh_email(), fresh_email());
        let body = json!({"name": "Bridges", "prompt": "How long is the bridge?", "deliver": {"email": [ann, ben]}});
        let routine = make(&tenant, body).await;
        let path = start(&tenant, &routine, json!({"input": "In metres."})).await;
        let ran = ended(&tenant, &path).await;
        assert_eq!(
            (&ran["status"], &ran["trigger"]),
            (&json!("succeeded"), &json!("manual")),
            "{ran}"
        );
        let output = ran["output"].as_str().unwrap();
        assert!(
            output.contains("four hundred metres") && output.contains("[1]"),
            "{output}"
        );
        assert_eq!(ran["citations"][0]["documentTitle"], "Bridge");
        assert_eq!(
            (&ran["input"], &ran["error"], &ran["scheduledFor"]),
            (&json!("In metres."), &Value::Null, &Value::Null)
        );
        assert!(ran["startedAt"].is_string() && ran["finishedAt"].as_str() >= ran["startedAt"].as_str());

        for address in [&ann, &ben] {
            let mail = until("the mail", async || {
                let page = tenant.get(&format!("/_local/mail?to={address}")).await;
                page["data"].as_array().unwrap().first().cloned()
            })
            .await;
            assert_eq!(mail["subject"], "Bridges");
            let text = mail["text"].as_str().unwrap();
            assert!(
                text.contains("four hundred metres") && text.contains("[1] Bridge"),
                "{text}"
            );
        }
        // The same message once more.
        let app = stack().await.app();
        let known = stored(&tenant, &path).await;
        let job = Job::MailRun {
            tenant: known.tenant.clone(),
            routine: known.routine.clone(),
            run: known.id.clone(),
        };
        until("both to be noted", async || {
            (stored(&tenant, &path).await.mailed.len() == 2).then_some(())
        })
        .await;
        assert_eq!(deliver(app, &[&job], 1).await, 0);
        let page = tenant.get(&format!("/_local/mail?to={ann}")).await;
        assert_eq!(page["data"].as_array().unwrap().len(), 1);

        let bot = tenant.bot().await;
        let cost = until("its cost to be counted", async || {
            let cost = usage::cost_this_month(&app.table, &tenant.id, &bot.id, app.clock.now()).await;
            Some(cost.unwrap()).filter(|cost| *cost > 0)
        })
        .await;
        assert!(cost > 0);
        let list = tenant.get(&format!("{routine}/runs")).await;
        assert_eq!((&list["runs"], &list["nextCursor"]), (&json!([ran]), &Value::Null));
    });
}

#[test]
fn a_run_may_come_without_a_body_and_runs_are_listed_newest_first() {
    run(async {
        let tenant = Tenant::new().await;
        let routine = make(&tenant, json!({"name": "N", "prompt": "Hello"})).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            let request = tenant.request(Method::POST, &format!("{routine}/run"));
            let queued = expect(request.send().await.unwrap(), 202).await;
            ids.insert(0, queued["runId"].clone());
        }
        let page = tenant.get(&format!("{routine}/runs?limit=2")).await;
        let next = format!("{routine}/runs?limit=2&cursor={}", page["nextCursor"].as_str().unwrap());
        let rest = tenant.get(&next).await;
        let of = |page: &Value| {
            page["runs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|run| run["id"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!([of(&page), of(&rest)].concat(), ids);
        tenant
            .send(Method::GET, &format!("{routine}/runs?limit=0"), json!({}), 400)
            .await;
    });
}

#[test]
fn a_routine_key_runs_its_bots_routines_and_nothing_else() {
    run(async {
        let tenant = Tenant::new().await;
        let bot = tenant.bot().await;
        let routine = make(&tenant, json!({"name": "N", "prompt": "Hello"})).await;
        let key = tenant.key_with(Scope::Routine, Some(&bot.id)).await;
        let run = start(&key, &routine, json!({})).await;
        assert_eq!(ended(&key, &run).await["status"], "succeeded");
        assert_eq!(
            key.get(&format!("{routine}/runs")).await["runs"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        for (method, path) in [
            (Method::GET, path(&tenant).await),
            (Method::POST, path(&tenant).await),
            (Method::GET, routine.clone()),
            (Method::PUT, routine.clone()),
            (Method::DELETE, routine.clone()),
            (Method::GET, "/api/v1/documents".to_owned()),
        ] {
            key.send(method, &path, json!({"name": "N", "prompt": "P"}), 403).await;
        }
        // The routines of another bot look as if they had never been, to it and to whoever mixes them up.
        let other = tenant
            .send(Method::POST, "/api/v1/bots", json!({"name": "Other"}), 201)
            .await;
        let other = other["id"].as_str().unwrap();
        let stranger = tenant
            .key_with(Scope::Routine, Some(&shared::ids::BotId::parse(other).unwrap()))
            .await;
        let mixed = routine.replace(bot.id.as_str(), other);
        let outsider = Tenant::new().await;
        for (who, routine) in [
            (&stranger, &routine),
            (&stranger, &mixed),
            (&tenant, &mixed),
            (&outsider, &routine),
        ] {
            let error = who.send(Method::POST, &format!("{routine}/run"), json!({}), 404).await;
            assert_eq!(error["error"], "Routine not found");
            who.send(Method::GET, &format!("{routine}/runs"), json!({}), 404).await;
            let run = run.replace(&run[..run.find("/runs/").unwrap()], routine);
            let error = who.send(Method::GET, &run, json!({}), 404).await;
            assert_eq!(error["error"], "Run not found");
        }
        for strange in ["%FF", "%2F", "x"] {
            tenant
                .send(
                    Method::GET,
                    &format!("{}/{strange}", path(&tenant).await),
                    json!({}),
                    404,
                )
                .await;
        }
    });
}

#[test]
fn running_counts_as_a_question() {
    run(async {
        let limits = RateLimits {
            chat: Some(2),
            ..RateLimits::HIGHEST
        };
        let tenant = Tenant::with_limits(Some(limits)).await;
        let routine = make(&tenant, json!({"name": "N", "prompt": "Hello"})).await;
        for status in [202, 202, 429] {
            tenant
                .send(Method::POST, &format!("{routine}/run"), json!({}), status)
                .await;
        }
        tenant.get(&routine).await;
    });
}

/// A run as the table has it.
async fn stored(tenant: &Tenant, path: &str) -> Run {
    let parts: Vec<&str> = path.split('/').collect();
    let [.., routine, _, run] = parts.as_slice() else {
        panic!("{path} is no run")
    };
    let (routine, run) = (
        RoutineId::parse(*routine).unwrap(),
        shared::ids::RunId::parse(*run).unwrap(),
    );
    let table = &stack().await.app().table;
    table.get(&Run::key(&tenant.id, &routine, &run)).await.unwrap().unwrap()
}

/// Delivers messages at once, each for the `n`th time; gives how many are given back.
async fn deliver(app: &App, jobs: &[&Job], n: u32) -> usize {
    let app = &App {
        queue: function("run-routine").await.queue,
        ..app.clone()
    };
    let batches = jobs.iter().map(|job| {
        let mut message = SqsMessage::default();
        message.message_id = Some("m".to_owned());
        message.body = serde_json::to_string(job).ok();
        message.attributes = HashMap::from([("ApproximateReceiveCount".to_owned(), n.to_string())]);
        let mut event = SqsEvent::default();
        event.records.push(message);
        run_routine::handle(app, event)
    });
    let answers = futures::future::join_all(batches).await;
    answers
        .into_iter()
        .map(|answer| answer.unwrap().batch_item_failures.len())
        .sum()
}

/// A routine of a bot, and a run of it that no message tells of.
async fn waiting(tenant: &Tenant, bot: &Bot) -> (Routine, Run, Job, String) {
    let app = stack().await.app();
    let routine = Routine::new(&tenant.id, &bot.id, "N", "How long is the bridge?", app.clock.now());
    app.table.put(&routine).await.unwrap();
    let run = Run::manual(&routine, None, app.clock.now());
    app.table.put(&run).await.unwrap();
    let job = Job::Run {
        tenant: tenant.id.clone(),
        routine: routine.id.clone(),
        run: run.id.clone(),
    };
    let path = format!("/api/agents/{}/routines/{}/runs/{}", bot.id, routine.id, run.id);
    (routine, run, job, path)
}

#[test]
fn what_is_disabled_deleted_or_inactive_does_not_run() {
    run(async {
        let tenant = Tenant::new().await;
        let (app, bot) = (stack().await.app(), tenant.bot().await);
        let routine = make(&tenant, json!({"name": "N", "prompt": "P", "enabled": false})).await;
        let error = tenant
            .send(Method::POST, &format!("{routine}/run"), json!({}), 409)
            .await;
        assert_eq!(error["code"], "routine_disabled");

        let (routine, _, job, path) = waiting(&tenant, &bot).await;
        let at = path.split("/runs/").next().unwrap();
        tenant.send(Method::PUT, at, json!({"enabled": false}), 200).await;
        assert_eq!(deliver(app, &[&job], 1).await, 0);
        let failed = tenant.get(&path).await;
        assert_eq!(
            (&failed["status"], &failed["errorCode"]),
            (&json!("failed"), &json!("routine_disabled"))
        );
        assert!(failed["error"].as_str().unwrap().contains("disabled") && failed["output"].is_null());
        // It has ended: enabling the routine again does not change that.
        tenant.send(Method::PUT, at, json!({"enabled": true}), 200).await;
        assert_eq!(deliver(app, &[&job], 2).await, 0);
        assert_eq!(tenant.get(&path).await, failed);
        assert_eq!(routine.id.as_str(), failed["routineId"]);

        let (_, _, job, path) = waiting(&tenant, &bot).await;
        tenant
            .send(Method::DELETE, path.split("/runs/").next().unwrap(), json!({}), 204)
            .await;
        assert_eq!(deliver(app, &[&job], 1).await, 0);
        let failed = tenant.get(&path).await;
        assert_eq!(
            (&failed["status"], &failed["errorCode"]),
            (&json!("failed"), &json!("routine_deleted"))
        );

        let (_, _, job, path) = waiting(&tenant, &bot).await;
        tenant
            .send(
                Method::POST,
                &format!("/api/v1/bots/{}/deactivate", bot.id),
                json!({}),
                200,
            )
            .await;
        assert_eq!(deliver(app, &[&job], 1).await, 0);
        assert_eq!(tenant.get(&path).await["errorCode"], "bot_inactive");
        let error = tenant
            .send(
                Method::POST,
                &path.replace(&path[path.find("/runs/").unwrap()..], "/run"),
                json!({}),
                409,
            )
            .await;
        assert_eq!(error["code"], "bot_inactive");
    });
}

#[test]
fn a_run_that_is_delivered_twice_runs_once() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Bridge", BRIDGE).await;
        let (app, bot) = (stack().await.app(), tenant.bot().await);
        let (_, run, job, path) = waiting(&tenant, &bot).await;
        // Whoever comes second looks again later, when the first must have ended.
        assert!(deliver(app, &[&job, &job, &job], 1).await <= 2);
        let known: Run = app.table.get(&Row::key(&run)).await.unwrap().unwrap();
        assert_eq!((known.status, known.attempt), (Status::Succeeded, 1));
        let before = tenant.get(&path).await;
        assert_eq!(deliver(app, &[&job, &job], 5).await, 0);
        assert_eq!(tenant.get(&path).await, before);

        // A worker died: its run is held for a while, and goes on after that.
        let (_, run, job, path) = waiting(&tenant, &bot).await;
        let held = Update::at(Row::key(&run))
            .set("status", &Status::Running)
            .and_then(|update| update.set("attempt", &1))
            .and_then(|update| update.set("held_until", &app.clock.now().plus(3_000)))
            .unwrap();
        app.table.update(held).await.unwrap();
        // However often the message comes meanwhile, it is not given up.
        for n in 2..8 {
            assert_eq!(deliver(app, &[&job], n).await, 0);
        }
        until("the run to go on by itself", async || {
            (tenant.get(&path).await["status"] == "succeeded").then_some(())
        })
        .await;

        // One that never comes to an end is given up.
        let (_, run, job, path) = waiting(&tenant, &bot).await;
        let died = Update::at(Row::key(&run)).set("status", &Status::Running).unwrap();
        app.table.update(died).await.unwrap();
        assert_eq!(deliver(app, &[&job], 5).await, 0);
        let failed = tenant.get(&path).await;
        assert_eq!(
            (&failed["status"], &failed["errorCode"]),
            (&json!("failed"), &json!("internal"))
        );
    });
}

#[test]
fn a_run_without_back_ends_is_tried_again_and_then_given_up() {
    run(async {
        let tenant = Tenant::new().await;
        let (app, bot) = (stack().await.app(), tenant.bot().await);
        let vars = [
            ("TABLE_NAME", "t"),
            ("BUCKET_NAME", "b"),
            ("OPENSEARCH_URL", "http://127.0.0.1:9"),
            ("OPENSEARCH_TARGET", "domain"),
            ("CHAT_MODEL_ID", "m"),
            ("EMBEDDING_MODEL_ID", "m"),
            ("EMBEDDING_DIMENSIONS", "8"),
            ("EMBEDDING_WEIGHT", "0.4"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let nowhere = App {
            search: App::new(&vars, stack().await.sdk()).unwrap().search,
            ..app.clone()
        };
        let (_, _, job, path) = waiting(&tenant, &bot).await;
        for n in 1..5 {
            assert_eq!(deliver(&nowhere, &[&job], n).await, 1);
            assert_eq!(tenant.get(&path).await["status"], "queued");
        }
        assert_eq!(deliver(&nowhere, &[&job], 5).await, 0);
        let failed = tenant.get(&path).await;
        assert_eq!(
            (&failed["status"], &failed["errorCode"]),
            (&json!("failed"), &json!("unavailable")),
            "{failed}"
        );
        assert!(failed["error"].as_str().unwrap().contains("several tries"), "{failed}");
        assert_eq!(stored(&tenant, &path).await.attempt, 5);

        // One that finds them again succeeds.
        let (_, _, job, path) = waiting(&tenant, &bot).await;
        assert_eq!(deliver(&nowhere, &[&job], 1).await, 1);
        assert_eq!(deliver(app, &[&job], 2).await, 0);
        assert_eq!(tenant.get(&path).await["status"], "succeeded");
    });
}

#[test]
fn a_used_up_budget_stops_runs() {
    run(async {
        let tenant = Tenant::new().await;
        let (app, bot) = (stack().await.app(), tenant.bot().await);
        let budget = Budget {
            monthly_usd: 0.000_000_001,
        };
        let update = Update::at(Row::key(&bot)).set("budget", &budget).unwrap();
        app.table.update(update).await.unwrap();
        let routine = make(&tenant, json!({"name": "N", "prompt": "Hello"})).await;
        let first = start(&tenant, &routine, json!({})).await;
        assert_eq!(ended(&tenant, &first).await["status"], "succeeded");
        until("the budget to be used up", async || {
            let run = start(&tenant, &routine, json!({})).await;
            (ended(&tenant, &run).await["errorCode"] == "budget_exceeded").then_some(())
        })
        .await;
    });
}
