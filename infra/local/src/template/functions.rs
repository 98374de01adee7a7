//! The functions: their variables, routes and event sources.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Template, resolve::plain};
use crate::error::Error;

/// One Lambda function.
#[derive(Debug)]
pub struct Function {
    /// Its name in the template: `ChatFunction`.
    pub logical_id: String,
    /// Crate, folder and binary: `chat` for `ChatFunction`.
    pub name: String,
    /// Its environment variables.
    pub environment: HashMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Its memory, in MB.
    pub memory: u64,
    /// What invokes it.
    pub events: Vec<Event>,
}

/// What invokes a function.
#[derive(Debug, Deserialize)]
#[serde(tag = "Type", content = "Properties")]
pub enum Event {
    /// A path of the API.
    Api(Route),
    /// Messages of a queue.
    #[serde(rename = "SQS")]
    Queue(QueueSource),
    /// Changes of a table.
    #[serde(rename = "DynamoDB")]
    Stream(StreamSource),
    /// The time of day.
    Schedule(ScheduleSource),
}

/// A rule of EventBridge.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScheduleSource {
    /// `rate(…)` or `cron(…)`, in UTC.
    pub schedule: String,
}

/// A resource and method of the API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Route {
    /// The resource, such as `/api/ai/chat/{proxy+}`.
    pub path: String,
    /// An HTTP method, or `ANY`.
    pub method: String,
    /// `RESPONSE_STREAM` passes the answer on piece by piece.
    #[serde(default)]
    pub response_transfer_mode: Option<String>,
    /// How long the integration may take, in ms.
    #[serde(default)]
    pub timeout_in_millis: Option<u64>,
}

impl Route {
    /// Whether the answer is passed on piece by piece.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.response_transfer_mode.as_deref() == Some("RESPONSE_STREAM")
    }
}

/// An event source mapping of a queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueSource {
    /// ARN of the queue.
    pub queue: String,
    /// Messages per invocation, at most.
    #[serde(default = "ten")]
    pub batch_size: usize,
    /// What the function may report.
    #[serde(default)]
    pub function_response_types: Vec<String>,
    /// How many invocations may run at once.
    #[serde(default)]
    pub scaling_config: Scaling,
}

impl QueueSource {
    /// The mapping where no more than so many invocations can run at once.
    #[must_use]
    pub fn with_at_most(&self, most: Option<usize>) -> Self {
        let mut source = self.clone();
        let stated = &mut source.scaling_config.maximum_concurrency;
        *stated = stated.map(|stated| most.map_or(stated, |most| stated.min(most)));
        source
    }
}

/// How far a queue's event source scales.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Scaling {
    /// Invocations at once, at most.
    pub maximum_concurrency: Option<usize>,
}

/// An event source mapping of a table's stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamSource {
    /// ARN of the stream.
    pub stream: String,
    /// Records per invocation, at most.
    #[serde(default = "hundred")]
    pub batch_size: usize,
    /// Which records are of interest; none means all.
    #[serde(default)]
    pub filter_criteria: Filters,
    /// Halve a batch that fails.
    #[serde(default)]
    pub bisect_batch_on_function_error: bool,
    /// What the function may report.
    #[serde(default)]
    pub function_response_types: Vec<String>,
    /// Tries after the first, before a batch is given up.
    #[serde(default)]
    pub maximum_retry_attempts: Option<u32>,
    /// Where word of a given-up batch goes.
    #[serde(default)]
    pub destination_config: Destinations,
}

/// Patterns of which one must match.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Filters {
    /// The patterns.
    pub filters: Vec<Pattern>,
}

/// One pattern, as JSON text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Pattern {
    /// The text.
    pub pattern: String,
}

/// Where results of an event source go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Destinations {
    /// Given-up batches.
    pub on_failure: Option<Destination>,
}

/// A queue by its ARN.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Destination {
    /// The ARN.
    pub destination: String,
}

impl Template {
    /// The names of all functions.
    #[must_use]
    pub fn function_names(&self) -> Vec<String> {
        let functions = self.of_type("AWS::Serverless::Function").into_iter();
        functions.map(|(id, _)| crate_name(id)).collect()
    }

    /// All functions, in the order of their names.
    ///
    /// # Errors
    /// Names the function that cannot be read.
    pub fn functions(&self) -> Result<Vec<Function>, Error> {
        self.of_type("AWS::Serverless::Function")
            .into_iter()
            .map(|(id, properties)| {
                self.function(id, properties)
                    .map_err(|why| Error::Template(format!("function {id}: {why}")))
            })
            .collect()
    }

    fn function(&self, logical_id: &str, properties: &Value) -> Result<Function, Error> {
        let globals = &self.root["Globals"]["Function"];
        let mut environment = HashMap::new();
        for variables in [
            &globals["Environment"]["Variables"],
            &properties["Environment"]["Variables"],
        ] {
            for (name, value) in variables.as_object().into_iter().flatten() {
                environment.insert(name.clone(), plain(&self.resolve(value)?));
            }
        }
        let timeout = properties["Timeout"]
            .as_u64()
            .or(globals["Timeout"].as_u64())
            .unwrap_or(3);
        let memory = properties["MemorySize"]
            .as_u64()
            .or(globals["MemorySize"].as_u64())
            .unwrap_or(128);
        let events = self.resolve(&properties["Events"])?;
        let events: BTreeMap<String, Event> =
            serde_json::from_value(events).map_err(|why| Error::Template(format!("its events: {why}")))?;
        Ok(Function {
            logical_id: logical_id.to_owned(),
            name: crate_name(logical_id),
            environment,
            timeout: Duration::from_secs(timeout),
            memory,
            events: events.into_values().collect(),
        })
    }
}

/// `ChatFunction` → `chat`, `RunRoutineFunction` → `run-routine`.
pub(super) fn crate_name(logical_id: &str) -> String {
    let mut name = String::new();
    for c in logical_id.trim_end_matches("Function").chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(c.to_lowercase());
    }
    name
}

fn ten() -> usize {
    10
}

fn hundred() -> usize {
    100
}
