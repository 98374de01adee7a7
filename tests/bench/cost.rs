//! What a deployment costs: what turns, ticks and deliveries ask of the services is counted on the wire and multiplied by the
//! prices of `local::cost`. docs/cost.md keeps the result between two marks, and the test below compares.

use std::path::{Path, PathBuf};

use local::{
    Options, Stack,
    cost::{self, Assumed, Counted, Delivered, Turn, Work},
    sdk::{Endpoints, Identity},
};
use serde_json::{Value, json};
use shared::{app::App, clock::Clock};

use crate::{
    Outcome,
    deliveries::Wired,
    requests,
    wire::{self, Counts, Passed},
};

/// Where the generated part of a file begins and ends.
const MARKS: [&str; 2] = ["<!-- generated: begin -->\n", "<!-- generated: end -->\n"];
/// What is asked, in turn, about the demo documents.
const QUESTIONS: [&str; 4] = [
    "What is the vacation policy?",
    "How many vacation days can I carry over?",
    "Who approves a business trip?",
    "Which hotel may I book, and up to which price?",
];

/// Prints the tables, or puts them into a file.
pub async fn run(assumed: &Assumed, turns: u32, into: Option<&Path>) -> Outcome {
    let report = report(assumed, turns).await?;
    let Some(file) = into else {
        println!("{report}");
        return Ok(());
    };
    let text = std::fs::read_to_string(file)?;
    let [before, _, after] = split(&text)?;
    std::fs::write(file, [before, &report, after].concat())?;
    Ok(())
}

async fn report(assumed: &Assumed, turns: u32) -> Outcome<String> {
    let conversation = Conversation::start().await?;
    let turn = conversation.turn(turns).await?;
    let tick = conversation.tick().await?;
    conversation.end().await?;
    let counted = Counted {
        turn,
        tick,
        deliveries: delivered().await?,
    };
    Ok(cost::report(&cost::own()?, &counted, assumed)?)
}

/// A text before, between and after the marks; the marks belong to the outer parts.
fn split(text: &str) -> Outcome<[&str; 3]> {
    let [begin, end] = MARKS.map(|mark| text.find(mark).map(|at| (at, at + mark.len())));
    match (begin, end) {
        (Some((_, begin)), Some((end, _))) if begin <= end => Ok([&text[..begin], &text[begin..end], &text[end..]]),
        _ => Err("the file has no generated part".into()),
    }
}

/// A stack with the demo documents whose sources are silent, and functions that are called by hand.
struct Conversation {
    app: App,
    key: String,
    counts: Counts,
    stack: Stack,
    folder: PathBuf,
}

impl Conversation {
    async fn start() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("docent-cost-{}", std::process::id()));
        let mut options = Options::new(&folder);
        options.demo = true;
        let name = options.name.clone();
        let mut stack = Stack::start(options).await?;
        // Nobody else shall act on the events.
        stack.quiet().await;
        let counts = Counts::default();
        let mut endpoints = Endpoints::default();
        let address = |service| stack.endpoints.get(service).ok_or("no endpoint");
        for (service, label) in [("DYNAMODB", "DynamoDB"), ("BEDROCK_RUNTIME", "Bedrock"), ("SQS", "SQS")] {
            endpoints.set(service, wire::serve(label, address(service)?, &counts).await?);
        }
        let search = wire::serve("OpenSearch", address("OPENSEARCH")?, &counts).await?;
        let mut app = App::new(
            &requests::variables(&name, &search),
            &Identity::local().config(endpoints),
        )?;
        // Once a minute a caller's counter of the minute before is read: here that minute does not end.
        app.clock = Clock::fixed("2026-11-02T09:00:30Z".parse()?);
        let demo = stack.demo.as_ref().ok_or("no demo tenant")?;
        Ok(Self {
            app,
            key: demo.api_key.clone(),
            counts,
            stack,
            folder,
        })
    }

    /// A conversation of so many turns, as the share of one of them.
    async fn turn(&self, turns: u32) -> Outcome<Turn> {
        let chat = chat::router(self.app.clone());
        // The first question of a process asks for what the next ones know.
        self.ask(&chat, QUESTIONS[0], None).await?;
        self.counts.take();
        let (mut by_chat, mut by_relay) = (Work::default(), Work::default());
        let (mut streamed, mut stored, mut conversation) = (0, 0, None);
        for question in QUESTIONS.iter().cycle().take(usize::try_from(turns)?) {
            let answer = self.ask(&chat, question, conversation.take()).await?;
            streamed += answer.len();
            conversation = Some(named(&answer)?);
            let passed = self.counts.take_each();
            by_chat += work(&passed);
            let put = put(&passed);
            stored += put
                .iter()
                .filter(|item| item["expires_at"].is_null())
                .map(bytes)
                .sum::<usize>();
            let events: Vec<&Value> = put.into_iter().filter(|item| item["sk"]["S"] == "EVENT").collect();
            let outcome = relay::handle(&self.app, records(&events)?).await?;
            if events.is_empty() || !outcome.batch_item_failures.is_empty() {
                return Err("no event, or one that was given back".into());
            }
            by_relay += work(&self.counts.take_each());
        }
        let count = f64::from(turns);
        Ok(Turn {
            of: turns,
            chat: by_chat.each(count),
            relay: by_relay.each(count),
            streamed: float(streamed) / count,
            stored: float(stored) / count,
        })
    }

    async fn ask(&self, chat: &axum::Router, question: &str, conversation: Option<String>) -> Outcome<String> {
        let body = json!({"message": question, "conversationId": conversation});
        let answer = requests::bytes(chat, &self.key, "POST", "/api/ai/chat/stream", body).await?;
        Ok(String::from_utf8(answer.to_vec())?)
    }

    async fn tick(&self) -> Outcome<Work> {
        tick::handle(&self.app).await?;
        Ok(work(&self.counts.take_each()))
    }

    async fn end(self) -> Outcome {
        self.stack.shutdown().await;
        std::fs::remove_dir_all(self.folder)?;
        Ok(())
    }
}

async fn delivered() -> Outcome<Vec<Delivered>> {
    let wired = Wired::start().await?;
    let mut all = Vec::new();
    for batch in [1, 10] {
        let [relay, deliver] = wired
            .deliver(usize::try_from(batch)?)
            .await?
            .map(|passed| work(&passed));
        all.push(Delivered {
            batch,
            relay: relay.each(f64::from(batch)),
            deliver: deliver.each(f64::from(batch)),
        });
    }
    wired.end().await?;
    Ok(all)
}

/// The conversation that an answer's last event names.
fn named(answer: &str) -> Outcome<String> {
    let events = answer.lines().rev().filter_map(|line| line.strip_prefix("data: "));
    for event in events {
        let event: Value = serde_json::from_str(event)?;
        if let Some(id) = event["conversationId"].as_str() {
            return Ok(id.to_owned());
        }
    }
    Err(format!("no conversation in {answer}").into())
}

fn work(passed: &[Passed]) -> Work {
    let mut work = Work::default();
    for each in passed {
        match (each.service, each.kind.as_str()) {
            ("DynamoDB", _) => {
                work.table_requests += 1.0;
                *(if each.writes() {
                    &mut work.writes
                } else {
                    &mut work.reads
                }) += each.units;
            }
            ("SQS", _) => work.queue_requests += 1.0,
            ("OpenSearch", _) => work.searches += 1.0,
            ("Bedrock", "invoke") => work.embeddings += 1.0,
            _ => work.answers += 1.0,
        }
    }
    work
}

/// The items that were put, by themselves or in a transaction.
fn put(passed: &[Passed]) -> Vec<&Value> {
    let transacted = passed.iter().filter_map(|each| each.body["TransactItems"].as_array());
    let transacted = transacted.flatten().map(|write| &write["Put"]["Item"]);
    let alone = passed.iter().map(|each| &each.body["Item"]);
    transacted.chain(alone).filter(|item| item.is_object()).collect()
}

/// About what an item takes in the table: names and values without the JSON around them.
fn bytes(item: &&Value) -> usize {
    fn size(value: &Value) -> usize {
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| match name.as_str() {
                    "S" | "N" | "B" | "BOOL" | "NULL" | "L" | "M" | "SS" => size(value),
                    name => name.len() + size(value),
                })
                .sum(),
            Value::Array(items) => items.iter().map(size).sum(),
            Value::String(text) => text.len(),
            _ => 1,
        }
    }
    size(item)
}

/// What the table's stream would bring to `relay`.
fn records(events: &[&Value]) -> Outcome<aws_lambda_events::dynamodb::Event> {
    let sample: Value = serde_json::from_str(include_str!("../../events/relay.json"))?;
    let records = events.iter().enumerate().map(|(n, event)| {
        let mut record = sample["Records"][0].clone();
        record["dynamodb"]["NewImage"] = (*event).clone();
        record["dynamodb"]["SequenceNumber"] = json!(n.to_string());
        record
    });
    Ok(serde_json::from_value(json!({"Records": records.collect::<Vec<_>>()}))?)
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a conversation")]
fn float(bytes: usize) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{Cli, What};

    #[tokio::test]
    async fn the_document_holds_what_the_command_prints() {
        let What::Cost { assumed, turns, .. } = Cli::parse_from(["bench", "cost"]).what else {
            panic!("another command")
        };
        let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cost.md")).unwrap();
        let printed = report(&assumed, turns).await.unwrap();
        let [_, kept, _] = split(&kept).unwrap();
        for (kept, printed) in kept.lines().zip(printed.lines()) {
            assert_eq!(kept, printed, "renew it as it says at its top");
        }
        assert_eq!(
            kept.lines().count(),
            printed.lines().count(),
            "renew it as it says at its top"
        );
    }
}
