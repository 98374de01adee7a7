//! What models cost: the published prices of Amazon Bedrock in us-east-1 on demand, and a deployment's own in their place.

use std::collections::HashMap;

use serde::Deserialize;

use crate::messages::Usage;

/// As of 2025-10-01, from <https://aws.amazon.com/bedrock/pricing/>. Model id (a prefix names the inference profile's region: `us.`, `eu.`, …), USD per million input and output tokens.
const PUBLISHED: [(&str, f64, f64); 6] = [
    ("amazon.nova-micro-v1:0", 0.035, 0.14),
    ("amazon.nova-lite-v1:0", 0.06, 0.24),
    ("amazon.nova-pro-v1:0", 0.80, 3.20),
    ("amazon.nova-premier-v1:0", 2.50, 12.50),
    ("anthropic.claude-haiku-4-5-20251001-v1:0", 1.00, 5.00),
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", 3.00, 15.00),
];

/// The price of a model, in USD per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Of the prompt.
    pub input: f64,
    /// Of the answer.
    pub output: f64,
}

/// The prices of a deployment.
#[derive(Clone, Debug, Default)]
pub struct Prices(HashMap<String, Price>);

impl Prices {
    /// From a deployment's own prices: a JSON object from model id to `{"input", "output"}`, or nothing.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let prices: HashMap<String, Price> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let sane = |price: f64| price.is_finite() && (0.0..1_000_000.0).contains(&price);
        match prices.values().all(|price| sane(price.input) && sane(price.output)) {
            true => Ok(Self(prices)),
            false => Err("a price must be from 0 to 1,000,000 USD per million tokens".to_owned()),
        }
    }

    /// The price of a model; `None` when nobody stated one.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<Price> {
        let published = || {
            let known = PUBLISHED
                .iter()
                .find(|(id, ..)| model == *id || model.split_once('.').is_some_and(|(_, rest)| rest == *id));
            known.map(|(_, input, output)| Price {
                input: *input,
                output: *output,
            })
        };
        self.0.get(model).copied().or_else(published)
    }

    /// What an answer cost, in nano-USD; 0 for a model without a price.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "prices and token counts are far below the limit, and `as` saturates"
    )]
    pub fn nano_usd(&self, model: &str, usage: Usage) -> i64 {
        let Some(price) = self.of(model) else { return 0 };
        // USD per million tokens = 1,000 nano-USD per token.
        let input = f64::from(usage.input_tokens) * price.input;
        let output = f64::from(usage.output_tokens) * price.output;
        ((input + output) * 1_000.0).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployments_own_price_comes_first() {
        let usage = Usage {
            input_tokens: 1_000,
            output_tokens: 100,
        };
        let published = Prices::default();
        assert_eq!(published.nano_usd("amazon.nova-lite-v1:0", usage), 84_000);
        assert_eq!(published.nano_usd("us.amazon.nova-lite-v1:0", usage), 84_000);
        assert_eq!(published.nano_usd("offline", usage), 0);
        let own = Prices::parse(r#"{"offline": {"input": 1, "output": 10}}"#).unwrap();
        assert_eq!(own.nano_usd("offline", usage), 2_000_000);
        assert_eq!(own.nano_usd("amazon.nova-lite-v1:0", usage), 84_000);
        assert!(Prices::parse(r#"{"x": {"input": -1, "output": 1}}"#).is_err());
        assert!(Prices::parse("[]").is_err());
    }
}
