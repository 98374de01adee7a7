//! `/api/v1/usage`: each figure is the sum of what the stored answers say, however often their events are delivered.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    clock::Time,
    conversations::{self, Conversation},
    events::{Event, EventType},
    ids::{BotId, ConversationId, TenantId},
    keys::Scope,
    members::{Member, Role},
    messages::Message,
    store::{Partition, Row, Update},
    usage::{self, Entry, Spent},
};

use crate::deliveries::relayed;
use crate::support::{Tenant, expect, people::Person, run, stack, until};

const PATH: &str = "/api/v1/usage";

/// The answers in conversations of these bots that `picks` accepts.
async fn stored(tenant: &Tenant, bots: &[&BotId], picks: impl Fn(&ConversationId) -> bool) -> Vec<Message> {
    let table = &stack().await.app().table;
    let mut answers = Vec::new();
    for bot in bots {
        let of_bot = conversations::of_bot(&tenant.id, bot);
        let page = table.index2_page::<Conversation>(&of_bot, 100, None);
        for conversation in page.await.unwrap().items {
            if picks(&conversation.id) {
                let recent = conversations::recent(table, &tenant.id, &conversation.id, 100)
                    .await
                    .unwrap();
                answers.extend(recent.messages.into_iter().filter(|message| message.usage.is_some()));
            }
        }
    }
    answers
}

/// Requests, tokens of prompts and answers, and nano-USD.
type Sums = [i64; 4];

fn usd(nano_usd: i64) -> f64 {
    format!("{}.{:09}", nano_usd / 1_000_000_000, nano_usd % 1_000_000_000)
        .parse()
        .unwrap()
}

fn line(name: &str, value: &str, [requests, input, output, nano_usd]: Sums) -> Value {
    json!({name: value, "requests": requests, "input_tokens": input, "output_tokens": output, "cost": usd(nano_usd)})
}

/// What `/usage?group_by=day` must say of what was spent: day, model, tokens of prompt and answer, nano-USD.
fn figures(spent: impl IntoIterator<Item = (String, String, u32, u32, i64)>) -> Value {
    let (mut total, mut models, mut days) = ([0; 4], BTreeMap::new(), BTreeMap::new());
    for (day, model, input, output, nano_usd) in spent {
        for sums in [
            &mut total,
            models.entry(model).or_insert([0; 4]),
            days.entry(day).or_insert([0; 4]),
        ] {
            let one = [1, i64::from(input), i64::from(output), nano_usd];
            sums.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
        }
    }
    let [requests, input, output, nano_usd] = total;
    json!({
        "success": true,
        "usage": {
            "total_requests": requests, "total_input_tokens": input, "total_output_tokens": output,
            "total_tokens": input + output, "total_cost": usd(nano_usd),
        },
        "by_model": models.iter().map(|(model, sums)| line("model", model, *sums)).collect::<Vec<_>>(),
        "by_day": days.iter().map(|(day, sums)| line("date", day, *sums)).collect::<Vec<_>>(),
    })
}

/// [`figures`] of stored answers. The stack's offline model costs 1 and 10 USD per million tokens.
fn figures_of(answers: &[Message]) -> Value {
    figures(answers.iter().map(|answer| {
        let took = answer.usage.unwrap();
        let nano_usd = i64::from(took.input_tokens) * 1_000 + i64::from(took.output_tokens) * 10_000;
        let day = answer.created_at.to_string()[..10].to_owned();
        (
            day,
            answer.model.clone().unwrap(),
            took.input_tokens,
            took.output_tokens,
            nano_usd,
        )
    }))
}

async fn seen(key: &Tenant) -> Value {
    key.get(&format!("{PATH}?group_by=day")).await
}

/// Waits until the key sees so many requests; gives the answer.
async fn counted(key: &Tenant, requests: usize) -> Value {
    until("answers to be counted", async || {
        let seen = seen(key).await;
        (seen["usage"]["total_requests"] == requests).then_some(seen)
    })
    .await
}

async fn ask(key: &Tenant, body: Value) {
    let request = key.request(Method::POST, "/api/v1/chat").json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap();
}

/// Delivers events to `relay`; gives how many it wants again.
async fn deliver(events: &[Event]) -> usize {
    relayed(stack().await.app(), events).await
}

/// The events that tell of answers.
async fn events(answers: &[Message]) -> Vec<Event> {
    let table = &stack().await.app().table;
    let mut events = Vec::new();
    for answer in answers {
        let key = Partition::tenant(&answer.tenant, &["E", answer.told_by().as_str()]).at("EVENT".to_owned());
        let event: Event = table.get(&key).await.unwrap().unwrap();
        assert!(event.spent.is_some());
        events.push(event);
    }
    events
}

#[test]
fn each_figure_is_the_sum_of_the_stored_answers() {
    run(async {
        let tenant = Tenant::new().await;
        tenant.add("Zoo", "The zoo opens at nine. Lions are fed at noon.").await;
        let first = tenant.bot().await.id;
        let second = tenant
            .send(Method::POST, "/api/v1/bots", json!({"name": "Second"}), 201)
            .await["id"]
            .clone();
        let bound = tenant.key_of("full", &second).await;
        let (one, other) = (
            tenant.key_with(Scope::App, Some(&first)).await,
            tenant.key_of("app", &second).await,
        );
        let second = BotId::parse(second.as_str().unwrap()).unwrap();
        // Every dialect, two bots, four keys; six answers of the first bot, four of the second.
        tenant.user("acme", "ann", &[]).ask("When does the zoo open?").await;
        tenant.user("acme", "ben", &[]).ask("When are lions fed?").await;
        ask(&tenant, json!({"bot_id": first, "message": "Hello"})).await;
        ask(&tenant, json!({"bot_id": second, "message": "When does the zoo open?"})).await;
        ask(&tenant, json!({"message": "Hello", "session_id": "full"})).await;
        ask(&bound, json!({"message": "When are the lions fed?"})).await;
        for message in ["When does the zoo open?", "And the lions?"] {
            ask(&one, json!({"message": message, "session_id": "one"})).await;
            ask(
                &other,
                json!({"message": message, "session_id": "other", "stream": true}),
            )
            .await;
        }
        let (of_one, of_other) = (
            stored(&tenant, &[&first], |id| id.as_str().ends_with("~one")).await,
            stored(&tenant, &[&second], |id| id.as_str().ends_with("~other")).await,
        );
        let of_second = stored(&tenant, &[&second], |_| true).await;
        let all = stored(&tenant, &[&first, &second], |_| true).await;
        assert_eq!(
            [all.len(), of_second.len(), of_one.len(), of_other.len()],
            [10, 4, 2, 2]
        );

        // While the stack's own relay counts, the same events come again, in other orders and at the same time.
        let mut events = events(&all).await;
        let reversed: Vec<Event> = events.iter().rev().cloned().collect();
        events.rotate_left(3);
        let twice: Vec<Event> = events.iter().chain(&reversed).cloned().collect();
        futures::join!(deliver(&events), deliver(&reversed), deliver(&twice));
        let check = async || {
            for (key, answers) in [
                (&tenant, &all),
                (&bound, &of_second),
                (&one, &of_one),
                (&other, &of_other),
            ] {
                assert_eq!(counted(key, answers.len()).await, figures_of(answers));
            }
        };
        check().await;
        for _ in 0..3 {
            events.rotate_left(4);
            assert_eq!([deliver(&events).await, deliver(&twice).await], [0, 0]);
        }
        for (key, answers) in [
            (&tenant, &all),
            (&bound, &of_second),
            (&one, &of_one),
            (&other, &of_other),
        ] {
            assert_eq!(seen(key).await, figures_of(answers), "after the events came again");
        }
        assert_eq!(seen(&Tenant::new().await).await, figures([]), "another tenant");
        let widget = tenant.key_with(Scope::Widget, Some(&first)).await;
        let refused = widget.request(Method::GET, PATH).send().await.unwrap();
        assert_eq!(expect(refused, 403).await["success"], false);
    });
}

/// An answer of a day, to be counted.
async fn entry(tenant: &TenantId, day: &str, model: &str, n: u32) -> Entry {
    let app = stack().await.app();
    let event = Event::new(tenant, None, EventType::NewMessage, app.clock.now(), json!({}));
    app.table.put(&event).await.unwrap();
    Entry {
        event: Row::key(&event),
        tenant: tenant.clone(),
        at: Time::parse(&format!("{day}T23:59:59.999Z")).unwrap(),
        spent: Spent {
            credential: "key:somebody".to_owned(),
            bot: BotId::parse(format!("bot-{}", n % 3)).unwrap(),
            model: model.to_owned(),
            input_tokens: 1_000 + n,
            output_tokens: n,
            nano_usd: i64::from(n) * 123_456_789,
        },
    }
}

#[test]
fn a_range_of_days_counts_its_first_and_its_last_day_and_nothing_beside() {
    run(async {
        let tenant = Tenant::new().await;
        let days = [
            "2019-02-28",
            "2023-12-31",
            "2024-01-01",
            "2024-01-31",
            "2024-02-01",
            "2024-02-29",
            "2024-03-01",
            "2025-07-15",
        ];
        let mut entries = Vec::new();
        for (n, day) in (1..).zip(days.iter().cycle().take(100)) {
            let model = if n % 2 == 0 {
                "amazon.nova-lite-v1:0"
            } else {
                "a#strange~modél"
            };
            entries.push(entry(&tenant.id, day, model, n).await);
        }
        let table = &stack().await.app().table;
        usage::fold(table, entries.clone()).await.unwrap();
        entries.reverse();
        usage::fold(table, entries.clone()).await.unwrap();
        let within = |first: &str, last: &str| {
            figures(entries.iter().filter_map(|entry| {
                let day = entry.at.to_string()[..10].to_owned();
                let Spent {
                    model,
                    input_tokens,
                    output_tokens,
                    nano_usd,
                    ..
                } = entry.spent.clone();
                let inside = first <= day.as_str() && day.as_str() <= last;
                inside.then_some((day, model, input_tokens, output_tokens, nano_usd))
            }))
        };
        for (first, last) in [
            ("2024-01-01", "2024-02-29"),
            ("2024-01-02", "2024-02-28"),
            ("2023-12-31", "2024-01-01"),
            ("2024-02-29", "2024-02-29"),
            ("2019-02-28", "2028-01-01"),
            ("2019-03-01", "2023-12-30"),
        ] {
            let path = format!("{PATH}?group_by=day&start_date={first}&end_date={last}");
            assert_eq!(tenant.get(&path).await, within(first, last), "{first} {last}");
        }
        let since = tenant.get(&format!("{PATH}?group_by=day&start_date=2024-01-01")).await;
        assert_eq!(since, within("2024-01-01", "9999-12-31"));
        let thirty = tenant.get(&format!("{PATH}?group_by=day&end_date=2024-03-01")).await;
        assert_eq!(thirty, within("2024-02-01", "2024-03-01"));
        // A bot's budget is about its own answers of this month.
        let bot = BotId::parse("bot-1").unwrap();
        let of_bot = |month: &str| -> i64 {
            let mine = entries
                .iter()
                .filter(|entry| entry.spent.bot == bot && entry.at.to_string().starts_with(month));
            mine.map(|entry| entry.spent.nano_usd).sum()
        };
        assert!(of_bot("2024-02") > 0);
        let now = Time::parse("2024-02-10T00:00:00Z").unwrap();
        let cost = usage::cost_this_month(table, &tenant.id, &bot, now).await.unwrap();
        assert_eq!(cost, of_bot("2024-02"));
    });
}

#[test]
fn the_pages_call_with_the_key_in_the_query_has_the_pages_answer() {
    run(async {
        let tenant = Tenant::new().await;
        let app = tenant.key_with(Scope::App, Some(&tenant.bot().await.id)).await;
        ask(&app, json!({"message": "Hello"})).await;
        counted(&app, 1).await;
        let path = format!("{PATH}?api_key={}&start_date=2024-01-01", app.key);
        let answer = expect(tenant.bare(Method::GET, &path).send().await.unwrap(), 200).await;
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&answer), ["by_model", "success", "usage"]);
        assert_eq!(
            names(&answer["usage"]),
            [
                "total_cost",
                "total_input_tokens",
                "total_output_tokens",
                "total_requests",
                "total_tokens"
            ]
        );
        assert_eq!(
            names(&answer["by_model"][0]),
            ["cost", "input_tokens", "model", "output_tokens", "requests"]
        );
        let bearer = tenant
            .bare(Method::GET, &format!("{PATH}?start_date=2024-01-01"))
            .bearer_auth(&app.key);
        assert_eq!(expect(bearer.send().await.unwrap(), 200).await, answer);
    });
}

#[test]
fn bad_input_is_refused_by_name() {
    run(async {
        let tenant = Tenant::new().await;
        for (query, field) in [
            ("start_date=yesterday", "start_date"),
            ("start_date=2024-02-30", "start_date"),
            ("start_date=2024-1-1", "start_date"),
            ("start_date=", "start_date"),
            ("end_date=2024-01-01T00:00:00Z", "end_date"),
            ("start_date=2024-01-02&end_date=2024-01-01", "end_date"),
            ("start_date=9999-01-01", "start_date"),
            ("start_date=2010-01-01&end_date=2020-01-02", "start_date"),
            ("group_by=model", "group_by"),
            ("group_by=", "group_by"),
        ] {
            let refused = tenant
                .request(Method::GET, &format!("{PATH}?{query}"))
                .send()
                .await
                .unwrap();
            let error = expect(refused, 400).await;
            assert!(error["fields"].get(field).is_some(), "{query}: {error}");
            assert_eq!(error["success"], false, "{query}");
        }
        let nobody = tenant.bare(Method::GET, PATH).send().await.unwrap();
        assert_eq!(expect(nobody, 401).await["success"], false);
    });
}

#[test]
fn members_see_what_the_bots_took_that_they_see() {
    run(async {
        let tenant = Tenant::new().await;
        let person = Person::new().await;
        let request = |method: Method, path: &str| tenant.bare(method, path).bearer_auth(&person.token);
        let ask = async |body: Value| {
            let answer = request(Method::POST, "/api/v1/chat").json(&body).send().await.unwrap();
            expect(answer, 200).await
        };
        let requests = async || {
            let usage = expect(request(Method::GET, PATH).send().await.unwrap(), 200).await;
            usage["usage"]["total_requests"].as_i64().unwrap()
        };
        let bot = request(Method::POST, "/api/v1/bots").json(&json!({"name": "Shared"}));
        let bot = expect(bot.send().await.unwrap(), 201).await["id"].clone();
        ask(json!({"message": "Hello"})).await;
        ask(json!({"message": "Hello again"})).await;
        ask(json!({"message": "Hello", "bot_id": bot})).await;
        until("three answers to be counted", async || {
            (requests().await == 3).then_some(())
        })
        .await;
        person.becomes(Role::Viewer).await;
        assert_eq!(requests().await, 0, "no bot is shared with them");
        let me = person.me(200).await;
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        let key = Member::key(
            &TenantId::parse(id(&me["organization"]["id"])).unwrap(),
            &shared::ids::MemberId::parse(id(&me["id"])).unwrap(),
        );
        let share = Update::at(key).set("bots", &[BotId::parse(id(&bot)).unwrap()]).unwrap();
        assert!(stack().await.app().table.update(share).await.unwrap());
        assert_eq!(requests().await, 1);
    });
}
