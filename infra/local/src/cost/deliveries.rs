//! The bill of a million deliveries to webhooks.

use super::{
    counted::{Assumed, Delivered},
    idle::LAMBDA_LINES,
    markdown::{table, usd},
    prices::{self, MILLION},
    turn::{WORKER, memory},
};
use crate::{error::Error, template::Template};

/// Bytes of the log lines of a delivery (`relay`'s of the event, `deliver`'s of the job, its share of the metrics), assumed.
const LINES: f64 = 1_000.0;

const COMPONENTS: [&str; 5] = [
    "SQS: send, receive and delete, with the fair queue's surcharge",
    "DynamoDB, written",
    "DynamoDB, read",
    "Lambda: `relay` and `deliver`, durations assumed",
    "CloudWatch Logs and X-Ray, assumed",
];

/// The table, a column for each size of batch that was counted.
///
/// # Errors
/// When the template lacks a function.
pub(super) fn bill(template: &Template, counted: &[Delivered], assumed: &Assumed) -> Result<String, Error> {
    let memory = [memory(template, "relay")?, memory(template, "deliver")?];
    let traces = if template.traces() {
        prices::TRACE.of(MILLION)
    } else {
        0.0
    };
    let columns: Vec<[f64; 5]> = counted
        .iter()
        .map(|each| components(each, memory, assumed, traces))
        .collect();
    let line = |name: &str, cells: &mut dyn Iterator<Item = String>| {
        std::iter::once(name.to_owned()).chain(cells).collect::<Vec<_>>()
    };
    let each = COMPONENTS.iter().enumerate();
    let mut rows: Vec<Vec<String>> = each
        .map(|(at, name)| line(name, &mut columns.iter().map(|column| usd(column[at]))))
        .collect();
    let mut sums = columns.iter().map(|column| format!("**{}**", usd(column.iter().sum())));
    rows.push(line("**sum**", &mut sums));
    let sizes: Vec<String> = counted
        .iter()
        .map(|each| format!("{} in a batch", each.batch))
        .collect();
    let head = [
        &["USD a million deliveries"],
        sizes.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
    ]
    .concat();
    Ok(table(&head, rows))
}

/// USD of a million, in the order of [`COMPONENTS`], where a million traces cost `traces`.
fn components(counted: &Delivered, memory: [f64; 2], assumed: &Assumed, traces: f64) -> [f64; 5] {
    let batch = f64::from(counted.batch);
    let (relay, deliver) = (&counted.relay, &counted.deliver);
    // Lambda receives a batch, and deletes it, with one request each.
    let queue = (relay.queue_requests + deliver.queue_requests + 2.0 / batch) * MILLION;
    let waiting = memory[1] * (WORKER + assumed.receiver_ms / 1000.0);
    let seconds = (memory[0] * WORKER + waiting) / batch * MILLION;
    let invocations = 2.0 / batch;
    let logged = (LINES + invocations * LAMBDA_LINES) * MILLION / 1e9;
    [
        prices::SQS_REQUEST.of(queue) + prices::SQS_FAIR.of(queue),
        prices::DYNAMODB_WRITE.of((relay.writes + deliver.writes) * MILLION),
        prices::DYNAMODB_READ.of((relay.reads + deliver.reads) * MILLION),
        prices::LAMBDA_REQUEST.of(invocations * MILLION) + prices::LAMBDA_GB_SECOND.of(seconds),
        prices::LOGS_IN.of(logged) + invocations * traces,
    ]
}
