//! What a deployment decides: read once from the environment variables that `template.yaml` gives every function.

use std::collections::HashMap;

use crate::{deliveries, prices::Prices, queue::Destination};

/// Longest time from the acceptance of a question to its stored answer, in seconds, unless the deployment says otherwise.
const ERASE_SETTLE: u32 = 180;

/// Which kind of OpenSearch answers: their mappings and their refresh differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenSearchTarget {
    /// An OpenSearch Service domain, or any server of one's own.
    Domain,
    /// An OpenSearch Serverless collection (next generation, vector search).
    Serverless,
}

/// The settings of one deployment.
#[derive(Clone, Debug)]
pub struct Config {
    /// The DynamoDB table.
    pub table: String,
    /// The S3 bucket of the documents' files.
    pub bucket: String,
    /// The queues of jobs: `relay` has all, a worker its own.
    pub queue_urls: HashMap<Destination, String>,
    /// Whom mail is from; only those who send it have it.
    pub mail_from: Option<String>,
    /// Where callers reach this API, without a slash at its end; absent = where API Gateway says.
    pub public_url: Option<String>,
    /// Whether anybody may register; only `auth` has it, and without it nobody may.
    pub open_registration: bool,
    /// Seconds after which no answer that was under way when its bot was deleted can still be stored.
    pub erase_settle: u32,
    /// Seconds between a failed attempt to tell a webhook and the next.
    pub delivery_retries: Vec<u32>,
    /// Where OpenSearch answers.
    pub opensearch_url: String,
    /// What kind of OpenSearch it is.
    pub opensearch_target: OpenSearchTarget,
    /// Bedrock model id or inference profile of the answers.
    pub chat_model: String,
    /// All chat models that a bot may choose from, that one included.
    pub chat_models: Vec<String>,
    /// Bedrock model id of the embeddings.
    pub embedding_model: String,
    /// Length of an embedding.
    pub embedding_dimensions: usize,
    /// Weight of the dense part when BM25 and k-NN are fused, 0–1. It belongs to the embedding model:
    /// .4 for a real one, at most .1 for the offline hash (measured on eight judged collections).
    pub embedding_weight: f32,
    /// What models cost.
    pub prices: Prices,
    /// The CloudWatch namespace of the metrics; absent or empty = no metrics.
    pub metrics_namespace: Option<String>,
}

/// A variable that is missing or cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {name}: {reason}")]
pub struct ConfigError {
    name: &'static str,
    reason: String,
}

impl Config {
    /// Reads the settings from the variables of a function.
    ///
    /// # Errors
    /// Names the variable that is missing or malformed.
    pub fn from_vars(vars: &HashMap<String, String>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(vars, "TABLE_NAME")?,
            bucket: required(vars, "BUCKET_NAME")?,
            queue_urls: Destination::ALL
                .into_iter()
                .filter_map(|queue| Some((queue, vars.get(queue.variable())?.clone())))
                .collect(),
            public_url: vars
                .get("PUBLIC_URL")
                .map(|url| url.trim_end_matches('/').to_owned())
                .filter(|url| !url.is_empty()),
            mail_from: vars.get("MAIL_FROM").cloned(),
            open_registration: match vars.get("REGISTRATION").map(String::as_str) {
                Some("open") => true,
                Some("invite") | None => false,
                Some(other) => return Err(bad("REGISTRATION", format!("{other:?} is neither invite nor open"))),
            },
            erase_settle: match vars.get("ERASE_SETTLE_SECONDS") {
                Some(_) => parsed(vars, "ERASE_SETTLE_SECONDS")?,
                None => ERASE_SETTLE,
            },
            delivery_retries: match vars.get("DELIVERY_RETRY_SECONDS").map_or("", String::as_str) {
                "" => deliveries::RETRIES.to_vec(),
                stated => waits(stated).map_err(|why| bad("DELIVERY_RETRY_SECONDS", why))?,
            },
            opensearch_url: required(vars, "OPENSEARCH_URL")?,
            opensearch_target: match required(vars, "OPENSEARCH_TARGET")?.as_str() {
                "domain" => OpenSearchTarget::Domain,
                "serverless" => OpenSearchTarget::Serverless,
                other => {
                    return Err(bad(
                        "OPENSEARCH_TARGET",
                        format!("{other:?} is neither domain nor serverless"),
                    ));
                }
            },
            chat_model: required(vars, "CHAT_MODEL_ID")?,
            chat_models: chat_models(vars),
            embedding_model: required(vars, "EMBEDDING_MODEL_ID")?,
            embedding_dimensions: parsed(vars, "EMBEDDING_DIMENSIONS")?,
            embedding_weight: parsed(vars, "EMBEDDING_WEIGHT")?,
            metrics_namespace: vars.get("METRICS_NAMESPACE").filter(|name| !name.is_empty()).cloned(),
            prices: Prices::parse(vars.get("MODEL_PRICES").map_or("", String::as_str))
                .map_err(|why| bad("MODEL_PRICES", why))?,
        })
    }

    /// The environment of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn environment() -> HashMap<String, String> {
        std::env::vars().collect()
    }
}

impl ConfigError {
    pub(crate) fn new(name: &'static str, reason: String) -> Self {
        Self { name, reason }
    }
}

pub(crate) fn required(vars: &HashMap<String, String>, name: &'static str) -> Result<String, ConfigError> {
    vars.get(name)
        .filter(|value| !value.is_empty())
        .cloned()
        .ok_or_else(|| bad(name, "is not set".to_owned()))
}

fn parsed<T: std::str::FromStr>(vars: &HashMap<String, String>, name: &'static str) -> Result<T, ConfigError>
where
    T::Err: std::fmt::Display,
{
    required(vars, name)?
        .parse()
        .map_err(|why: T::Err| bad(name, why.to_string()))
}

/// The deployment's own model, then those of the comma list.
fn chat_models(vars: &HashMap<String, String>) -> Vec<String> {
    let named = |name: &str| vars.get(name).map_or("", String::as_str);
    let mut models: Vec<String> = Vec::new();
    for model in std::iter::once(named("CHAT_MODEL_ID")).chain(named("CHAT_MODELS").split(',')) {
        let model = model.trim();
        if !model.is_empty() && models.iter().all(|known| known != model) {
            models.push(model.to_owned());
        }
    }
    models
}

/// A comma list of waits in seconds, at most 20 of at most 999,999 (eleven days).
fn waits(stated: &str) -> Result<Vec<u32>, String> {
    let waits: Result<Vec<u32>, _> = stated.split(',').map(|wait| wait.trim().parse()).collect();
    let waits = waits.map_err(|why| format!("{stated:?} is no comma list of seconds: {why}"))?;
    match waits.len() <= 20 && waits.iter().all(|wait| *wait <= 999_999) {
        true => Ok(waits),
        false => Err("has more than 20 waits, or one above 999999".to_owned()),
    }
}

fn bad(name: &'static str, reason: String) -> ConfigError {
    ConfigError::new(name, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_a_comma_list() {
        assert_eq!(waits("5, 300").unwrap(), [5, 300]);
        for bad in ["5;300", "-1", "1000000", &["1"; 21].join(",")] {
            assert!(waits(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_deployments_own_model_is_always_offered() {
        let models = |list: &str| {
            let vars = [("CHAT_MODEL_ID", "a"), ("CHAT_MODELS", list)];
            chat_models(&vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
        };
        assert_eq!(models(""), ["a"]);
        assert_eq!(models("b, a,,c"), ["a", "b", "c"]);
    }
}
