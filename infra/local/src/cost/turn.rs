//! The bill of a million turns, by component.

use shared::prices::Prices;

use super::{
    counted::{Assumed, Turn},
    idle::gigabytes,
    markdown::{number, table, usd},
    prices::{self, MILLION, Price},
};
use crate::{error::Error, template::Template};

/// The memory at which a function has one whole core, in GB. <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const WHOLE_CORE: f64 = 1_769.0 / 1024.0;
/// Seconds of `relay` or `deliver` besides what they wait for, assumed.
pub(super) const WORKER: f64 = 0.02;
/// Tokens of a title, assumed.
const TITLE: f64 = 10.0;
/// Invocations of a turn: `chat`, and `relay` when it gets one event at a time.
const INVOCATIONS: f64 = 2.0;

/// How a row's quantity is known.
#[derive(Clone, Copy)]
enum Known {
    /// It was counted on the wire.
    Counted,
    Assumed,
    /// The services define it.
    Given,
}

/// One component of a turn.
pub(super) struct Part {
    what: &'static str,
    how: String,
    known: Known,
    /// USD of a million turns.
    pub(super) usd: f64,
    /// Whether a model takes it.
    pub(super) model: bool,
}

fn part(what: &'static str, known: Known, price: &Price, units: f64, how: impl Into<String>) -> Part {
    Part {
        what,
        how: how.into(),
        known,
        usd: price.of(units * MILLION),
        model: false,
    }
}

/// The table of a million turns.
///
/// # Errors
/// When the template lacks a function, or nobody knows the model's price.
pub(super) fn bill(template: &Template, turn: &Turn, assumed: &Assumed) -> Result<String, Error> {
    let parts = parts(template, turn, assumed)?;
    let own = parts.iter().filter(|part| !part.model).map(|part| part.usd).sum();
    let all = parts.iter().map(|part| part.usd).sum();
    let mut rows: Vec<Vec<String>> = parts.iter().map(row).collect();
    for (what, sum) in [("sum without models", own), ("sum", all)] {
        let cells = [format!("**{what}**"), String::new(), String::new()];
        rows.push([cells.as_slice(), &[format!("**{}**", usd(sum))]].concat());
    }
    let head = ["component", "a turn", "how it is known", "USD a million turns"];
    Ok(table(&head, rows))
}

fn row(part: &Part) -> Vec<String> {
    let known = match part.known {
        Known::Counted => "counted",
        Known::Assumed => "assumed",
        Known::Given => "by design",
    };
    vec![part.what.to_owned(), part.how.clone(), known.to_owned(), usd(part.usd)]
}

/// All components of a turn.
///
/// # Errors
/// As [`bill`].
pub(super) fn parts(template: &Template, turn: &Turn, assumed: &Assumed) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::from(in_and_out(turn));
    parts.extend(functions(template, turn, assumed)?);
    parts.extend(written_down(template, assumed));
    parts.extend(of_table(turn));
    parts.extend(models(template, turn, assumed)?);
    Ok(parts)
}

fn in_and_out(turn: &Turn) -> [Part; 2] {
    let (api, data) = (&prices::API_REQUEST, &prices::DATA_OUT);
    let streamed = format!("{} bytes of a streamed answer", number(turn.streamed.round()));
    [
        part(
            "API Gateway",
            Known::Given,
            api,
            1.0,
            "1 request: a stream counts as one up to 10 MB",
        ),
        part(
            "Data to the internet",
            Known::Counted,
            data,
            turn.streamed / 1e9,
            streamed,
        ),
    ]
}

fn functions(template: &Template, turn: &Turn, assumed: &Assumed) -> Result<[Part; 3], Error> {
    let (chat, relay) = (memory(template, "chat")?, memory(template, "relay")?);
    let cpu = assumed.cpu_ms / 1000.0 * (WHOLE_CORE / chat).max(1.0);
    let title = assumed.title_seconds * turn.relay.answers;
    let answering = format!(
        "{chat} GB × ({} s, most of it waiting, + {} ms of CPU, which are {} ms on a whole core)",
        assumed.seconds,
        number(cpu * 1000.0),
        assumed.cpu_ms
    );
    let after = format!("{relay} GB × ({WORKER} s + {title} s for a title in each conversation)");
    let (request, duration) = (&prices::LAMBDA_REQUEST, &prices::LAMBDA_GB_SECOND);
    let invoked = "`chat`, and `relay` for each event by itself; up to 25 events share one";
    Ok([
        part("Lambda, invocations", Known::Given, request, INVOCATIONS, invoked),
        part(
            "Lambda, `chat`",
            Known::Assumed,
            duration,
            chat * (assumed.seconds + cpu),
            answering,
        ),
        part(
            "Lambda, `relay`",
            Known::Assumed,
            duration,
            relay * (WORKER + title),
            after,
        ),
    ])
}

fn written_down(template: &Template, assumed: &Assumed) -> Vec<Part> {
    let bytes = format!("{} bytes of each invocation", number(assumed.log_bytes));
    let logged = INVOCATIONS * assumed.log_bytes / 1e9;
    let mut parts = vec![part("CloudWatch Logs", Known::Assumed, &prices::LOGS_IN, logged, bytes)];
    if template.traces() {
        let kept = "both invocations: one a second is kept, and 5 % of the rest";
        parts.push(part("X-Ray", Known::Assumed, &prices::TRACE, INVOCATIONS, kept));
    }
    parts
}

fn of_table(turn: &Turn) -> [Part; 3] {
    let (chat, relay) = (&turn.chat, &turn.relay);
    let each = |chat, relay| format!("{} by `chat` + {} by `relay`", number(chat), number(relay));
    let written = format!("{} units", each(chat.writes, relay.writes));
    let requests = each(chat.table_requests, relay.table_requests);
    let read = format!("{} units; all requests: {requests}", each(chat.reads, relay.reads));
    let kept = Price {
        usd: prices::DYNAMODB_STORAGE.usd + prices::DYNAMODB_PITR.usd,
        ..prices::DYNAMODB_STORAGE
    };
    let bytes = format!("{} bytes that stay, and their backup", number(turn.stored.round()));
    let (write, reading) = (&prices::DYNAMODB_WRITE, &prices::DYNAMODB_READ);
    [
        part(
            "DynamoDB, written",
            Known::Counted,
            write,
            chat.writes + relay.writes,
            written,
        ),
        part(
            "DynamoDB, read",
            Known::Counted,
            reading,
            chat.reads + relay.reads,
            read,
        ),
        part(
            "DynamoDB, kept a month",
            Known::Counted,
            &kept,
            turn.stored / 1e9,
            bytes,
        ),
    ]
}

fn models(template: &Template, turn: &Turn, assumed: &Assumed) -> Result<[Part; 4], Error> {
    let chat = template.parameter("ChatModelId");
    let price = Prices::default().of(&chat);
    let price = price.ok_or_else(|| Error::Template(format!("shared/src/prices.rs has no price of {chat}")))?;
    let model = |what, calls: f64, usd: f64, tokens: String| Part {
        what,
        how: format!("{} (counted) × {tokens}", number(calls)),
        known: Known::Assumed,
        usd: calls * usd,
        model: true,
    };
    let tokens = |tokens: f64, usd: f64| format!("{} tokens at {usd} USD a million", number(tokens));
    let (calls, titles) = (turn.chat.answers, turn.relay.answers);
    let (question, prompt, answer) = (assumed.question_tokens, assumed.input_tokens, assumed.output_tokens);
    let embedding = prices::EMBEDDING.usd;
    let title = assumed.title_tokens * price.input + TITLE * price.output;
    let both = format!(
        "({} + {})",
        tokens(assumed.title_tokens, price.input),
        tokens(TITLE, price.output)
    );
    Ok([
        model(
            "Bedrock, embedding",
            turn.chat.embeddings,
            question * embedding,
            tokens(question, embedding),
        ),
        model(
            "Bedrock, prompts",
            calls,
            prompt * price.input,
            tokens(prompt, price.input),
        ),
        model(
            "Bedrock, answers",
            calls,
            answer * price.output,
            tokens(answer, price.output),
        ),
        model("Bedrock, titles", titles, title, both),
    ])
}

/// The memory of a function in GB.
///
/// # Errors
/// When there is no such function.
pub(super) fn memory(template: &Template, name: &str) -> Result<f64, Error> {
    let all = template.functions()?;
    let found = all.iter().find(|function| function.name == name);
    let found = found.ok_or_else(|| Error::Template(format!("there is no function {name}")))?;
    Ok(gigabytes(found))
}
