//! Event filtering: the patterns of a `FilterCriteria`, as Lambda evaluates them.

use serde_json::Value;

use crate::error::Error;

/// Patterns of which one must match; without any, everything matches.
#[derive(Debug, Default)]
pub struct Filter(Vec<Value>);

/// The comparisons that are understood here.
const COMPARISONS: [&str; 6] = [
    "prefix",
    "suffix",
    "exists",
    "anything-but",
    "equals-ignore-case",
    "numeric",
];

impl Filter {
    /// Reads patterns as the template gives them.
    ///
    /// # Errors
    /// When a pattern is no JSON object, or uses a comparison that is not understood here.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let read = |text: &str| {
            let pattern = serde_json::from_str(text)
                .map_err(|why| why.to_string())
                .and_then(|pattern| {
                    check(&pattern)?;
                    Ok(pattern)
                });
            pattern.map_err(|why| Error::Template(format!("filter pattern {text}: {why}")))
        };
        Ok(Self(patterns.into_iter().map(read).collect::<Result<_, _>>()?))
    }

    /// Whether an event passes.
    #[must_use]
    pub fn accepts(&self, event: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| matches(pattern, Some(event)))
    }

    /// Whether a pattern looks into a record's images.
    #[must_use]
    pub fn needs_images(&self) -> bool {
        self.0.iter().any(|pattern| {
            pattern["dynamodb"]
                .get("NewImage")
                .or(pattern["dynamodb"].get("OldImage"))
                .is_some()
        })
    }
}

fn check(pattern: &Value) -> Result<(), String> {
    match pattern {
        Value::Object(fields) => fields.values().try_for_each(check),
        Value::Array(options) => options.iter().try_for_each(|option| match option {
            Value::Object(comparison) => match comparison.keys().find(|name| !COMPARISONS.contains(&name.as_str())) {
                Some(unknown) => Err(format!("the comparison {unknown:?} is not understood")),
                None => Ok(()),
            },
            Value::Array(_) => Err("a list in a list".to_owned()),
            _ => Ok(()),
        }),
        other => Err(format!("{other} should be a list of alternatives")),
    }
}

fn matches(pattern: &Value, event: Option<&Value>) -> bool {
    match pattern {
        Value::Object(fields) => fields
            .iter()
            .all(|(name, inner)| matches(inner, event.and_then(|event| event.get(name)))),
        Value::Array(options) => options.iter().any(|option| match event {
            // A list in the event matches when one of its members does.
            Some(Value::Array(members)) => members.iter().any(|member| is_one(option, Some(member))),
            value => is_one(option, value),
        }),
        _ => false,
    }
}

fn is_one(option: &Value, value: Option<&Value>) -> bool {
    let Value::Object(comparison) = option else {
        return value == Some(option);
    };
    let text = value.and_then(Value::as_str);
    comparison.iter().all(|(name, wanted)| match (name.as_str(), wanted) {
        ("exists", Value::Bool(wanted)) => value.is_some() == *wanted,
        ("prefix", Value::String(prefix)) => text.is_some_and(|text| text.starts_with(prefix)),
        ("suffix", Value::String(suffix)) => text.is_some_and(|text| text.ends_with(suffix)),
        ("equals-ignore-case", Value::String(other)) => text.is_some_and(|text| text.eq_ignore_ascii_case(other)),
        ("anything-but", Value::Array(others)) => value.is_some_and(|value| !others.contains(value)),
        ("anything-but", Value::Object(_)) => value.is_some() && !is_one(wanted, value),
        ("anything-but", other) => value.is_some_and(|value| value != other),
        ("numeric", Value::Array(bounds)) => value
            .and_then(Value::as_f64)
            .is_some_and(|number| within(bounds, number)),
        _ => false,
    })
}

fn within(bounds: &[Value], number: f64) -> bool {
    bounds.chunks(2).all(|bound| {
        let [Value::String(operator), limit] = bound else {
            return false;
        };
        let Some(limit) = limit.as_f64() else { return false };
        match operator.as_str() {
            "=" => (number - limit).abs() < f64::EPSILON,
            "<" => number < limit,
            "<=" => number <= limit,
            ">" => number > limit,
            ">=" => number >= limit,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepts(pattern: &str, event: &Value) -> bool {
        Filter::new([pattern]).unwrap().accepts(event)
    }

    #[test]
    fn the_relays_filter_takes_new_events_only() {
        let pattern = r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":["EVENT"]}}}}"#;
        let record = |name: &str, sk: &str| json!({"eventName": name, "dynamodb": {"Keys": {"pk": {"S": "T#t"}, "sk": {"S": sk}}}});
        assert!(accepts(pattern, &record("INSERT", "EVENT")));
        assert!(!accepts(pattern, &record("MODIFY", "EVENT")));
        assert!(!accepts(pattern, &record("INSERT", "DOC#1")));
        assert!(!accepts(pattern, &json!({"eventName": "INSERT"})));
    }

    #[test]
    fn comparisons_work_as_lambda_says() {
        let event = json!({"a": "EVENT#7", "n": 5, "list": ["x", "y"]});
        assert!(accepts(r#"{"a":[{"prefix":"EVENT#"}]}"#, &event));
        assert!(!accepts(r#"{"a":[{"suffix":"8"}]}"#, &event));
        assert!(accepts(r#"{"b":[{"exists":false}]}"#, &event));
        assert!(!accepts(r#"{"a":[{"anything-but":["EVENT#7"]}]}"#, &event));
        assert!(accepts(r#"{"n":[{"numeric":[">",1,"<=",5]}]}"#, &event));
        assert!(accepts(r#"{"list":["y"]}"#, &event));
        assert!(Filter::default().accepts(&event));
    }

    #[test]
    fn a_comparison_that_is_not_understood_is_refused() {
        assert!(Filter::new([r#"{"a":[{"cidr":"10.0.0.0/8"}]}"#]).is_err());
        assert!(Filter::new([r#"{"a":"INSERT"}"#]).is_err());
    }
}
