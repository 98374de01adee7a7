//! The bill of a month without any traffic: each resource of the template, and what goes on by itself.

use std::collections::BTreeMap;

use super::{
    counted::Work,
    kinds::{self, Idle},
    markdown::{number, table, usd},
    prices::{self, HOURS, MINUTES, Price},
};
use crate::{
    error::Error,
    template::{Event, Function, Resource, Template},
};

/// Empty receives that one poller makes in a minute: long polls of 20 seconds.
const POLLS: f64 = 3.0;
/// Pollers of a queue that is limited by `MaximumConcurrency`, and of one that is not, when nothing comes: Lambda goes down
/// from five to two, but not with that limit. <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
const POLLERS: (f64, f64) = (5.0, 2.0);
/// Seconds of a tick that finds nothing to do, assumed.
const TICK: f64 = 0.1;
/// Bytes that Lambda itself writes of an invocation (START, END, REPORT), assumed.
pub(super) const LAMBDA_LINES: f64 = 500.0;

/// A resource with what it costs.
#[derive(Debug)]
pub struct Item<'a> {
    /// The resource.
    pub resource: Resource<'a>,
    /// Its price.
    pub idle: Idle,
}

/// All resources of a template with what they cost when nobody uses them.
///
/// # Errors
/// When nobody has said what a type costs, or the template cannot be read.
pub fn items(template: &Template) -> Result<Vec<Item<'_>>, Error> {
    let priced = |resource| {
        let idle = kinds::idle(template, &resource)?;
        Ok(Item { resource, idle })
    };
    template.resources()?.into_iter().map(priced).collect()
}

/// What is there under the template's parameters and paid for being there, with its price a month.
///
/// # Errors
/// As [`items`].
pub fn always_on(template: &Template) -> Result<Vec<String>, Error> {
    let items = items(template)?;
    let paid = items.iter().filter(|item| item.resource.there && item.idle.always_on);
    Ok(paid
        .map(|item| {
            let Resource { id, kind, .. } = item.resource;
            format!("{id} ({kind}): {} USD a month, {}", monthly(&item.idle), item.idle.why)
        })
        .collect())
}

fn monthly(idle: &Idle) -> String {
    match idle.always_on && idle.parts.is_empty() {
        true => "a size's price in".to_owned(),
        false => usd(idle.usd()),
    }
}

/// One line of the bill.
struct Line {
    what: String,
    ids: String,
    parts: Vec<(f64, &'static Price)>,
    why: String,
}

impl Line {
    fn list(&self) -> f64 {
        self.parts.iter().map(|(units, price)| price.of(*units)).sum()
    }

    fn beyond_free(&self) -> f64 {
        self.parts.iter().map(|(units, price)| price.beyond_free(*units)).sum()
    }
}

/// USD a month at list price, of everything that is there and goes on by itself.
///
/// # Errors
/// As [`items`].
pub fn total(template: &Template, tick: &Work) -> Result<f64, Error> {
    Ok(lines(template, tick)?.iter().map(Line::list).sum())
}

/// The table of what is there, and that of what a parameter switches on.
///
/// # Errors
/// As [`items`].
pub fn tables(template: &Template, tick: &Work) -> Result<String, Error> {
    let lines = lines(template, tick)?;
    let total = lines.iter().map(Line::list).sum();
    let beyond = lines.iter().map(Line::beyond_free).sum();
    let mut rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let sums = [usd(total), usd(beyond)].map(|sum| format!("**{sum}**"));
    rows.push(
        [
            &["**sum**".to_owned(), String::new()],
            sums.as_slice(),
            &[String::new()],
        ]
        .concat(),
    );
    let head = [
        "what",
        "in template.yaml",
        "USD a month",
        "beyond the allowances",
        "why",
    ];
    Ok(format!("{}\n{}", table(&head, rows), optional(template)?))
}

fn row(line: &Line) -> Vec<String> {
    vec![
        line.what.clone(),
        line.ids.clone(),
        usd(line.list()),
        usd(line.beyond_free()),
        line.why.clone(),
    ]
}

fn lines(template: &Template, tick: &Work) -> Result<Vec<Line>, Error> {
    let items = items(template)?;
    let mut groups: BTreeMap<(&str, &str), Vec<&Item<'_>>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.resource.there) {
        groups
            .entry((item.resource.kind, item.idle.why.as_str()))
            .or_default()
            .push(item);
    }
    let mut lines: Vec<Line> = groups.into_iter().map(of_group).collect();
    let functions = template.functions()?;
    lines.push(polling(&functions));
    for function in &functions {
        lines.extend(ticking(template, function, tick)?);
    }
    Ok(lines)
}

fn of_group(((kind, why), items): ((&str, &str), Vec<&Item<'_>>)) -> Line {
    let mut parts: Vec<(f64, &'static Price)> = Vec::new();
    for (units, price) in items.iter().flat_map(|item| &item.idle.parts) {
        match parts.iter_mut().find(|(_, known)| known.what == price.what) {
            Some((sum, _)) => *sum += units,
            None => parts.push((*units, price)),
        }
    }
    let ids: Vec<&str> = items.iter().map(|item| item.resource.id).collect();
    Line {
        what: format!("{} × `{kind}`", items.len()),
        ids: ids.join(", "),
        parts,
        why: why.to_owned(),
    }
}

/// Lambda asks the queues whether there is anything, all the time.
fn polling(functions: &[Function]) -> Line {
    let (mut ids, mut pollers) = (Vec::new(), 0.0);
    for function in functions {
        for event in &function.events {
            if let Event::Queue(source) = event {
                let limited = source.scaling_config.maximum_concurrency.is_some();
                pollers += if limited { POLLERS.0 } else { POLLERS.1 };
                ids.push(function.name.as_str());
            }
        }
    }
    let polls = pollers * POLLS * MINUTES;
    Line {
        what: "Lambda's polling of queues".to_owned(),
        ids: ids.join(", "),
        parts: vec![(polls, &prices::SQS_REQUEST)],
        why: format!(
            "{} queues, {pollers} pollers in all × {POLLS} long polls a minute × {} minutes = {:.2} million receives",
            ids.len(),
            number(MINUTES),
            polls / 1e6
        ),
    }
}

/// What a function costs that the time of day calls.
fn ticking(template: &Template, function: &Function, tick: &Work) -> Result<Option<Line>, Error> {
    let schedules = function.events.iter().filter_map(|event| match event {
        Event::Schedule(source) => Some(source.schedule.as_str()),
        _ => None,
    });
    let mut calls = 0.0;
    for schedule in schedules {
        calls += a_month(schedule)?;
    }
    if calls == 0.0 {
        return Ok(None);
    }
    let mut parts = vec![
        (calls, &prices::LAMBDA_REQUEST),
        (calls * TICK * gigabytes(function), &prices::LAMBDA_GB_SECOND),
        (calls * tick.reads, &prices::DYNAMODB_READ),
        (calls * LAMBDA_LINES / 1e9, &prices::LOGS_IN),
    ];
    if template.traces() {
        parts.push((calls, &prices::TRACE));
    }
    let each: Vec<String> = parts
        .iter()
        .map(|(units, price)| format!("{} {}", usd(price.of(*units)), short(price)))
        .collect();
    Ok(Some(Line {
        what: format!("`{}` by the clock", function.name),
        ids: String::new(),
        parts,
        why: format!(
            "{} calls, each {} queries of {} read units: {}",
            number(calls),
            tick.table_requests,
            tick.reads,
            each.join(", ")
        ),
    }))
}

/// The memory of a function in GB.
#[expect(clippy::cast_precision_loss, reason = "at most 10,240 MB")]
pub(super) fn gigabytes(function: &Function) -> f64 {
    function.memory as f64 / 1024.0
}

fn short(price: &Price) -> &str {
    price.what.split(" (").next().unwrap_or(price.what)
}

/// Calls a month of `rate(n unit)`.
fn a_month(schedule: &str) -> Result<f64, Error> {
    let wrong = || {
        Error::Template(format!(
            "how often {schedule} calls in a month is not known to infra/local/src/cost"
        ))
    };
    let inside = schedule.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let (number, unit) = inside.and_then(|inside| inside.split_once(' ')).ok_or_else(wrong)?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Ok(match unit.trim_end_matches('s') {
        "minute" => MINUTES / number,
        "hour" => HOURS / number,
        "day" => HOURS / 24.0 / number,
        _ => return Err(wrong()),
    })
}

fn optional(template: &Template) -> Result<String, Error> {
    let items = items(template)?;
    let off = items.iter().filter(|item| !item.resource.there);
    let rows: Vec<Vec<String>> = off
        .map(|item| {
            vec![
                format!("{} (`{}`)", item.resource.id, item.resource.kind),
                item.resource.condition.unwrap_or_default().to_owned(),
                monthly(&item.idle),
                item.idle.why.clone(),
            ]
        })
        .collect();
    Ok(match rows.is_empty() {
        true => "Nothing else is in the template that a parameter switches on.\n".to_owned(),
        false => table(
            &[
                "switched off unless a parameter says so",
                "condition",
                "USD a month",
                "why",
            ],
            rows,
        ),
    })
}
