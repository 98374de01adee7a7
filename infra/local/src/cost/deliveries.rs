//! The bill of a million deliveries to webhooks.

use super::{
    counted::{Assumed, Delivered},
    markdown::{table, usd},
    prices::{self, MILLION},
    turn::{WORKER, memory},
};
use crate::{error::Error, template::Template};

const COMPONENTS: [&str; 4] = [
    "SQS: send, receive and delete, with the fair queue's surcharge",
    "DynamoDB, written",
    "DynamoDB, read",
    "Lambda: `relay` and `deliver`, durations assumed",
];

/// The table, a column for each size of batch that was counted.
///
/// # Errors
/// When the template lacks a function.
pub(super) fn bill(template: &Template, counted: &[Delivered], assumed: &Assumed) -> Result<String, Error> {
    let memory = [memory(template, "relay")?, memory(template, "deliver")?];
    let columns: Vec<[f64; 4]> = counted.iter().map(|each| components(each, memory, assumed)).collect();
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

/// USD of a million: in the order of [`COMPONENTS`].
fn components(counted: &Delivered, memory: [f64; 2], assumed: &Assumed) -> [f64; 4] {
    let batch = f64::from(counted.batch);
    let (relay, deliver) = (&counted.relay, &counted.deliver);
    // Lambda receives a batch, and deletes it, with one request each.
    let queue = (relay.queue_requests + deliver.queue_requests + 2.0 / batch) * MILLION;
    let waiting = memory[1] * (WORKER + assumed.receiver_ms / 1000.0);
    let seconds = (memory[0] * WORKER + waiting) / batch * MILLION;
    [
        prices::SQS_REQUEST.of(queue) + prices::SQS_FAIR.of(queue),
        prices::DYNAMODB_WRITE.of((relay.writes + deliver.writes) * MILLION),
        prices::DYNAMODB_READ.of((relay.reads + deliver.reads) * MILLION),
        prices::LAMBDA_REQUEST.of(2.0 / batch * MILLION) + prices::LAMBDA_GB_SECOND.of(seconds),
    ]
}
