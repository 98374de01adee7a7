//! What is extracted from a bot's conversations, as it is sent.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::{
    bots::{Insights, InsightsMode},
    error::Error,
};
use utoipa::ToSchema;

const MAX_CUSTOM: usize = 10;
const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 300;

/// What is extracted from a bot's conversations.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InsightsIn {
    /// When.
    pub(crate) mode: Option<InsightsMode>,
    /// What else is to be extracted, in place of what it was: by name (1–64 of `A–Z a–z 0–9 _`), what it is (1–300 characters).
    /// At most 10; `{}` = nothing else.
    custom: Option<BTreeMap<String, String>>,
}

impl InsightsIn {
    /// Checks what else is to be extracted.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refused = |reason: &str| Err(Error::field("insights.custom", reason));
        let Some(custom) = &self.custom else { return Ok(()) };
        if custom.len() > MAX_CUSTOM {
            return refused("must have at most 10 entries");
        }
        if !custom.keys().all(|name| is_name(name)) {
            return refused("must have names of 1 to 64 letters (A to Z), digits and underscores");
        }
        let fits = |what: &String| !what.trim().is_empty() && what.chars().count() <= MAX_DESCRIPTION;
        match custom.values().all(fits) {
            true => Ok(()),
            false => refused("must say of each name what it is, in 1 to 300 characters"),
        }
    }

    /// Changes what is stated.
    pub(crate) fn apply(&self, insights: &mut Insights) {
        if let Some(mode) = self.mode {
            insights.mode = mode;
        }
        if let Some(custom) = &self.custom {
            insights.custom.clone_from(custom);
        }
    }
}

/// It goes into the schema that the model fills in, so nothing else may.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(custom: Value) -> InsightsIn {
        serde_json::from_value(json!({"custom": custom})).unwrap()
    }

    #[test]
    fn names_and_descriptions_have_limits() {
        let many: BTreeMap<String, &str> = (0..11).map(|n| (format!("n{n}"), "x")).collect();
        for bad in [
            json!(many),
            json!({"": "x"}),
            json!({"order number": "x"}),
            json!({"bestellung_für": "x"}),
            json!({"x".repeat(65): "x"}),
            json!({"order": " "}),
            json!({"order": "x".repeat(301)}),
        ] {
            let Err(Error::Invalid { fields, .. }) = read(bad.clone()).check() else {
                panic!("{bad} is accepted")
            };
            assert!(fields.contains_key("insights.custom"));
        }
        for good in [
            json!(null),
            json!({}),
            json!({"x".repeat(64): "ä".repeat(300), "Order_2": "The order."}),
        ] {
            read(good).check().unwrap();
        }
    }

    #[test]
    fn what_else_is_extracted_is_replaced_as_a_whole() {
        let mut insights = Insights::default();
        read(json!({"a": "A.", "b": "B."})).apply(&mut insights);
        read(json!(null)).apply(&mut insights);
        assert_eq!(insights.custom.len(), 2);
        read(json!({"c": "C."})).apply(&mut insights);
        assert_eq!(insights.custom.keys().collect::<Vec<_>>(), ["c"]);
        read(json!({})).apply(&mut insights);
        assert!(insights.custom.is_empty());
    }
}
