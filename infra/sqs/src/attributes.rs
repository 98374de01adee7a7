//! Message attributes: the typed values that travel beside a body.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// The most attributes a message may have.
const MOST: usize = 10;
const LONGEST_NAME: usize = 256;
const TEXT: u8 = 1;
const BYTES: u8 = 2;

/// One typed value, as it is on the wire and in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attribute {
    pub data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

impl Attribute {
    /// The value with its kind: 1 for text, 2 for bytes.
    pub(crate) fn bytes(&self) -> (u8, Cow<'_, [u8]>) {
        match (&self.string_value, &self.binary_value) {
            (Some(text), _) => (TEXT, Cow::Borrowed(text.as_bytes())),
            (None, Some(encoded)) => (BYTES, Cow::Owned(BASE64_STANDARD.decode(encoded).unwrap_or_default())),
            (None, None) => (TEXT, Cow::Borrowed(&[])),
        }
    }

    fn check(&self, name: &str) -> Result<(), Fault> {
        let base = self.data_type.split('.').next().unwrap_or_default();
        let present = match base {
            "String" | "Number" => self.string_value.as_deref().is_some_and(|text| !text.is_empty()),
            "Binary" => self
                .binary_value
                .as_deref()
                .is_some_and(|encoded| !encoded.is_empty() && BASE64_STANDARD.decode(encoded).is_ok()),
            _ => {
                let reason = "The type of a message attribute must begin with String, Number or Binary.";
                return Err(Fault::parameter(name, &self.data_type, reason));
            }
        };
        if present {
            return Ok(());
        }
        let reason = "The message attribute must contain a non-empty value of its type.";
        Err(Fault::parameter(name, &self.data_type, reason))
    }
}

/// Checks names, types and number of a message's attributes.
pub(crate) fn check(attributes: &BTreeMap<String, Attribute>) -> Result<(), Fault> {
    if attributes.len() > MOST {
        let reason = format!("Number of message attributes exceeds the allowed maximum [{MOST}].");
        return Err(Fault::parameter("MessageAttributes", attributes.len(), &reason));
    }
    for (name, attribute) in attributes {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(legal) {
            let reason = "A name has 1 to 256 letters, digits, hyphens, underscores or dots.";
            return Err(Fault::parameter("MessageAttributes", name, reason));
        }
        attribute.check(name)?;
    }
    Ok(())
}

/// What the attributes add to the size of a message, in bytes.
pub(crate) fn size(attributes: &BTreeMap<String, Attribute>) -> usize {
    attributes
        .iter()
        .map(|(name, attribute)| name.len() + attribute.data_type.len() + attribute.bytes().1.len())
        .sum()
}

/// The attributes that a receive asked for: by name, by prefix (`name.*`) or all of them (`All`, `.*`).
pub(crate) fn select(attributes: BTreeMap<String, Attribute>, asked: &[String]) -> BTreeMap<String, Attribute> {
    let wanted = |name: &str| {
        asked.iter().any(|pattern| match pattern.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == "All" || pattern == name,
        })
    };
    attributes.into_iter().filter(|(name, _)| wanted(name)).collect()
}
