//! Metrics, as log lines that CloudWatch reads ("embedded metric format": docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
//! CloudWatch_Embedded_Metric_Format_Specification.html, read in November 2026): no call, no agent. Names and attributes of model
//! calls are OpenTelemetry's (semantic conventions for generative AI, as of 1.43). A tenant, a bot and a request are members of the
//! line, never dimensions: every set of dimensions is a metric of its own that is paid for.

use std::sync::Arc;

use serde::Serialize;
use tracing::Level;

use crate::{clock::Clock, config::Config};

/// The target of these lines: `RUST_LOG=warn,metrics=info` writes them without the others.
const TARGET: &str = "metrics";
/// The field of an event that is written as the members of its line, just as it is.
pub(super) const MEMBERS: &str = "members";
/// Values that a metric of one line may have.
const MOST_VALUES: usize = 100;

const PROVIDER: &str = "aws.bedrock";
const DURATION: Metric = Metric::new("gen_ai.client.operation.duration", "Seconds");
const FIRST_CHUNK: Metric = Metric::new("gen_ai.client.operation.time_to_first_chunk", "Seconds");
const TOKENS: Metric = Metric::new("gen_ai.client.token.usage", "Count");
const DELIVERIES: Metric = Metric::new("docent.webhook.deliveries", "Count");
const OF_CALLS: &[&str] = &["gen_ai.operation.name", "gen_ai.request.model"];
const OF_TOKENS: &[&str] = &["gen_ai.operation.name", "gen_ai.request.model", "gen_ai.token.type"];
const OF_DELIVERIES: &[&str] = &["outcome"];

/// The metrics of a deployment; none where its settings name no namespace.
#[derive(Clone, Debug)]
pub struct Metrics {
    namespace: Option<Arc<str>>,
    clock: Clock,
}

/// What came of an attempt to tell a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was told.
    Delivered,
    /// It was not, and will be tried again.
    Failed,
    /// It was not, and will not be.
    GivenUp,
}

/// What a model is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// To answer.
    Chat,
    /// To embed texts.
    Embeddings,
}

/// Calls of one model that went the same way.
#[derive(Debug)]
pub(crate) struct ModelCall {
    pub(crate) operation: Operation,
    /// The model's id.
    pub(crate) model: String,
    /// Seconds from each request to its end.
    pub(crate) durations: Vec<f64>,
    /// Seconds from the request to the first text of a stream.
    pub(crate) first_chunk: Option<f64>,
    /// Tokens of each prompt, where the model said.
    pub(crate) input_tokens: Vec<u32>,
    /// Tokens of the answer, where the model said.
    pub(crate) output_tokens: Option<u32>,
    /// Why the model ended its answer.
    pub(crate) finish_reason: Option<String>,
    /// The kind of error that it ended with.
    pub(crate) error: Option<String>,
}

impl ModelCall {
    pub(crate) fn new(operation: Operation, model: &str) -> Self {
        Self {
            operation,
            model: model.to_owned(),
            durations: Vec::new(),
            first_chunk: None,
            input_tokens: Vec::new(),
            output_tokens: None,
            finish_reason: None,
            error: None,
        }
    }

    /// Whether one more would not fit into the line.
    pub(crate) fn is_full(&self) -> bool {
        self.durations.len() >= MOST_VALUES
    }
}

impl Metrics {
    /// The metrics of a deployment.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            namespace: config.metrics_namespace.as_deref().map(Arc::from),
            clock: Clock::default(),
        }
    }

    /// Counts deliveries to webhooks.
    pub fn deliveries(&self, outcome: Outcome, count: u64) {
        if count > 0 {
            let counted = Counted { outcome, count };
            self.write(&[(OF_DELIVERIES, &[DELIVERIES])], &counted);
        }
    }

    /// Tells of calls of a model.
    pub(crate) fn model_call(&self, call: &ModelCall) {
        let first_chunk = call.first_chunk.map(|_| FIRST_CHUNK);
        let times: Vec<Metric> = [DURATION].into_iter().chain(first_chunk).collect();
        let mut directives: Vec<(&[&str], &[Metric])> = vec![(OF_CALLS, &times)];
        if !call.input_tokens.is_empty() {
            directives.push((OF_TOKENS, &[TOKENS]));
        }
        self.write(&directives, &Called::from(call));
        // A line has one value of a dimension, so the other kind of tokens is another line.
        if let Some(count) = call.output_tokens {
            let written = Called {
                token_type: Some("output"),
                tokens: Some(Values::One(count)),
                ..Called::of(call)
            };
            self.write(&[(OF_TOKENS, &[TOKENS])], &written);
        }
    }

    fn write(&self, directives: &[(&[&str], &[Metric])], members: &impl Serialize) {
        if tracing::enabled!(target: TARGET, Level::INFO)
            && let Some(json) = self.line(directives, members)
            && let Some(members) = json.strip_prefix('{').and_then(|json| json.strip_suffix('}'))
        {
            tracing::info!(target: TARGET, members);
        }
    }

    fn line(&self, directives: &[(&[&str], &[Metric])], members: &impl Serialize) -> Option<String> {
        let namespace = self.namespace.as_deref()?;
        let directives = directives.iter().map(|(dimensions, metrics)| Directive {
            namespace,
            dimensions: [*dimensions],
            metrics,
        });
        let aws = Metadata {
            timestamp: self.clock.now().millisecond(),
            cloud_watch_metrics: directives.collect(),
        };
        serde_json::to_string(&Line { aws, members }).ok()
    }
}

/// A line's members.
#[derive(Serialize)]
struct Line<'l, M: Serialize> {
    #[serde(rename = "_aws")]
    aws: Metadata<'l>,
    #[serde(flatten)]
    members: &'l M,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'l> {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive<'l>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'l> {
    namespace: &'l str,
    dimensions: [&'l [&'l str]; 1],
    metrics: &'l [Metric],
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl Metric {
    const fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit }
    }
}

/// One value as it is; several as a list, of which CloudWatch takes each.
#[derive(Serialize)]
#[serde(untagged)]
enum Values<'l, T> {
    One(T),
    Several(&'l [T]),
}

impl<'l, T: Copy> From<&'l [T]> for Values<'l, T> {
    fn from(values: &'l [T]) -> Self {
        match values {
            [one] => Self::One(*one),
            several => Self::Several(several),
        }
    }
}

#[derive(Serialize)]
struct Counted {
    outcome: Outcome,
    #[serde(rename = "docent.webhook.deliveries")]
    count: u64,
}

#[derive(Serialize)]
struct Called<'l> {
    #[serde(rename = "gen_ai.operation.name")]
    operation: Operation,
    #[serde(rename = "gen_ai.request.model")]
    model: &'l str,
    #[serde(rename = "gen_ai.provider.name")]
    provider: &'static str,
    #[serde(rename = "gen_ai.client.operation.duration", skip_serializing_if = "Option::is_none")]
    duration: Option<Values<'l, f64>>,
    #[serde(
        rename = "gen_ai.client.operation.time_to_first_chunk",
        skip_serializing_if = "Option::is_none"
    )]
    first_chunk: Option<f64>,
    #[serde(rename = "gen_ai.token.type", skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(rename = "gen_ai.client.token.usage", skip_serializing_if = "Option::is_none")]
    tokens: Option<Values<'l, u32>>,
    #[serde(rename = "gen_ai.usage.input_tokens", skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(rename = "gen_ai.usage.output_tokens", skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u32>,
    #[serde(rename = "gen_ai.response.finish_reasons", skip_serializing_if = "Option::is_none")]
    finish_reasons: Option<[&'l str; 1]>,
    #[serde(rename = "error.type", skip_serializing_if = "Option::is_none")]
    error: Option<&'l str>,
}

impl<'l> Called<'l> {
    /// Only what every line says of a call.
    fn of(call: &'l ModelCall) -> Self {
        Self {
            operation: call.operation,
            model: &call.model,
            provider: PROVIDER,
            duration: None,
            first_chunk: None,
            token_type: None,
            tokens: None,
            input_tokens: None,
            output_tokens: None,
            finish_reasons: None,
            error: None,
        }
    }
}

impl<'l> From<&'l ModelCall> for Called<'l> {
    fn from(call: &'l ModelCall) -> Self {
        let counts = Some(call.input_tokens.as_slice()).filter(|counts| !counts.is_empty());
        Self {
            duration: Some(call.durations.as_slice().into()),
            first_chunk: call.first_chunk,
            token_type: counts.map(|_| "input"),
            tokens: counts.map(Values::from),
            input_tokens: counts.map(|counts| counts.iter().copied().map(u64::from).sum()),
            output_tokens: call.output_tokens,
            finish_reasons: call.finish_reason.as_deref().map(|reason| [reason]),
            error: call.error.as_deref(),
            ..Self::of(call)
        }
    }
}

#[cfg(test)]
mod tests;
