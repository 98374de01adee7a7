//! The attributes of a queue that its owner sets: their ranges, their defaults, and which ones have an effect here.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::fault::{Code, Fault};
use crate::queue;

/// The most a message may weigh with its attributes: 1 MiB, the limit of the service since August 2025.
pub(crate) const LARGEST_MESSAGE: i64 = 1_048_576;

/// The longest visibility timeout: 12 hours, in seconds.
pub(crate) const LONGEST_TIMEOUT: i64 = 43_200;

/// The longest delay of a message: 15 minutes, in seconds.
pub(crate) const LONGEST_DELAY: i64 = 900;

/// The longest long poll, in seconds.
pub(crate) const LONGEST_WAIT: i64 = 20;

/// Kept and told back, without effect on this server.
const INERT: [&str; 5] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

const NUMBERS: [&str; 5] = [
    "VisibilityTimeout",
    "DelaySeconds",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "MaximumMessageSize",
];

const REDRIVE: &str = "RedrivePolicy";

/// What a queue is set to; times in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub visibility_timeout: i64,
    pub delay: i64,
    pub retention: i64,
    pub wait: i64,
    pub largest: i64,
    pub redrive: Option<Redrive>,
    pub inert: BTreeMap<String, String>,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub target: String,
    pub most_receives: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            visibility_timeout: 30,
            delay: 0,
            retention: 345_600,
            wait: 0,
            largest: LARGEST_MESSAGE,
            redrive: None,
            inert: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Sets what is named and leaves the rest; an empty redrive policy takes it away.
    pub(crate) fn apply(&mut self, attributes: &BTreeMap<String, String>) -> Result<(), Fault> {
        for (name, value) in attributes {
            if let Some((field, range)) = self.number(name) {
                let number = value.parse().ok().filter(|number| range.contains(number));
                *field = number.ok_or_else(|| invalid(name, value))?;
            } else if name == REDRIVE {
                self.redrive = Redrive::parse(value)?;
            } else if INERT.contains(&name.as_str()) {
                self.inert.insert(name.clone(), value.clone());
            } else {
                return Err(unknown(name));
            }
        }
        Ok(())
    }

    /// Every attribute with its present value, in the form of the API.
    pub(crate) fn describe(&self) -> BTreeMap<String, String> {
        let mut out = self.inert.clone();
        let mut copy = self.clone();
        for name in NUMBERS {
            if let Some((value, _)) = copy.number(name) {
                out.insert(name.to_owned(), value.to_string());
            }
        }
        if let Some(redrive) = &self.redrive {
            out.insert(REDRIVE.to_owned(), redrive.to_string());
        }
        out
    }

    /// The first attribute in which the two differ.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let (ours, theirs) = (self.describe(), other.describe());
        let names = ours.keys().chain(theirs.keys());
        names.filter(|name| ours.get(*name) != theirs.get(*name)).min().cloned()
    }

    fn number(&mut self, name: &str) -> Option<(&mut i64, RangeInclusive<i64>)> {
        Some(match name {
            "VisibilityTimeout" => (&mut self.visibility_timeout, 0..=LONGEST_TIMEOUT),
            "DelaySeconds" => (&mut self.delay, 0..=LONGEST_DELAY),
            "MessageRetentionPeriod" => (&mut self.retention, 60..=1_209_600),
            "ReceiveMessageWaitTimeSeconds" => (&mut self.wait, 0..=LONGEST_WAIT),
            "MaximumMessageSize" => (&mut self.largest, 1_024..=LARGEST_MESSAGE),
            _ => return None,
        })
    }
}

/// Whether this is the name of an attribute that can be set.
pub(crate) fn known(name: &str) -> bool {
    NUMBERS.contains(&name) || INERT.contains(&name) || name == REDRIVE
}

/// The refusal of an attribute that standard queues do not have.
pub(crate) fn unknown(name: &str) -> Fault {
    Fault::new(Code::InvalidAttributeName, format!("Unknown Attribute {name}."))
}

fn invalid(name: &str, value: &str) -> Fault {
    let message = format!("Invalid value for the parameter {name}: {value}.");
    Fault::new(Code::InvalidAttributeValue, message)
}

impl Redrive {
    fn parse(text: &str) -> Result<Option<Self>, Fault> {
        /// The count comes as a number from some tools and as text from others.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Count {
            Number(i64),
            Text(String),
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Policy {
            dead_letter_target_arn: String,
            max_receive_count: Count,
        }
        if text.is_empty() {
            return Ok(None);
        }
        let refuse = |reason: &str| Fault::parameter(REDRIVE, text, reason);
        let policy: Policy = serde_json::from_str(text)
            .map_err(|_| refuse("It must be a JSON object with deadLetterTargetArn and maxReceiveCount."))?;
        let most_receives = match policy.max_receive_count {
            Count::Number(number) => Some(number),
            Count::Text(text) => text.parse().ok(),
        };
        let most_receives = most_receives
            .filter(|number| (1..=1_000).contains(number))
            .ok_or_else(|| refuse("Invalid value for maxReceiveCount: it must be between 1 and 1000."))?;
        Ok(Some(Self {
            target: policy.dead_letter_target_arn,
            most_receives,
        }))
    }

    /// The name of the dead-letter queue.
    pub(crate) fn target_name(&self) -> &str {
        queue::name_in_arn(&self.target)
    }
}

impl std::fmt::Display for Redrive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let policy = serde_json::json!({"deadLetterTargetArn": self.target, "maxReceiveCount": self.most_receives});
        write!(f, "{policy}")
    }
}
