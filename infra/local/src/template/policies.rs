//! What each function may do on AWS, as its policy in the template says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Template, functions::crate_name};
use crate::error::Error;

/// A statement of a policy: these actions, on these resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Such as `dynamodb:GetItem`.
    pub actions: Vec<String>,
    /// Patterns of ARNs. One of a list parameter holds several, separated by commas.
    pub resources: Vec<String>,
    /// Values that must be equal, by the condition's key, such as `ses:FromAddress`.
    pub equal: BTreeMap<String, String>,
}

impl Statement {
    /// The position of the first resource pattern that allows `action` on `resource`, unless the statement does not.
    #[must_use]
    pub fn allows(&self, action: &str, resource: &str, context: &[(&str, String)]) -> Option<usize> {
        let met = self.equal.iter().all(|(key, value)| {
            let said = context.iter().find(|(name, _)| name == key);
            said.is_some_and(|(_, said)| said == value)
        });
        if !met || self.actions.iter().all(|pattern| !matches(pattern, action)) {
            return None;
        }
        let covers = |patterns: &String| patterns.split(',').any(|pattern| matches(pattern.trim(), resource));
        self.resources.iter().position(covers)
    }
}

impl Template {
    /// The statements of each function's policies, by the function's name.
    ///
    /// # Errors
    /// Names the function whose policy is none that can be read here.
    pub fn policies(&self) -> Result<BTreeMap<String, Vec<Statement>>, Error> {
        let functions = self.of_type("AWS::Serverless::Function").into_iter();
        let policies = functions.map(|(id, properties)| {
            let statements = self.statements(&properties["Policies"]);
            let statements = statements.map_err(|why| Error::Template(format!("the policy of {id}: {why}")))?;
            Ok((crate_name(id), statements))
        });
        policies.collect()
    }

    fn statements(&self, policies: &Value) -> Result<Vec<Statement>, Error> {
        let documents = policies.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut statements = Vec::new();
        for document in documents {
            let each = document["Statement"].as_array();
            let each = each.ok_or_else(|| Error::Template("it has no list of statements".to_owned()))?;
            for statement in each {
                statements.extend(statement_of(&self.resolve(statement)?)?);
            }
        }
        Ok(statements)
    }
}

/// `None` for what is left of a statement whose condition does not hold.
fn statement_of(resolved: &Value) -> Result<Option<Statement>, Error> {
    if resolved["Ref"] == "AWS::NoValue" || resolved.is_null() {
        return Ok(None);
    }
    let conditions = resolved["Condition"].as_object();
    if resolved["Effect"] != "Allow" || conditions.is_some_and(|all| all.keys().any(|kind| kind != "StringEquals")) {
        let message = format!("{resolved} does not allow, or has a condition other than StringEquals");
        return Err(Error::Template(message));
    }
    let equal = resolved["Condition"]["StringEquals"].as_object().into_iter().flatten();
    Ok(Some(Statement {
        actions: texts(&resolved["Action"]),
        resources: texts(&resolved["Resource"]),
        equal: equal
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    }))
}

/// One text, or each of a list.
fn texts(value: &Value) -> Vec<String> {
    let each = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    each.iter()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

/// Whether `text` is what `pattern` describes, in which `*` is any run of characters and `?` any one.
fn matches(pattern: &str, text: &str) -> bool {
    let (mut wanted, mut left) = (pattern.chars(), text.chars());
    match wanted.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = wanted.as_str();
            matches(rest, text) || left.next().is_some() && matches(pattern, left.as_str())
        }
        Some(wants) => {
            let met = left.next().is_some_and(|found| wants == '?' || wants == found);
            met && matches(wanted.as_str(), left.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_iam_says_it_covers() {
        for (pattern, text) in [
            ("a", "a"),
            ("a*", "a"),
            ("*", ""),
            ("a*c", "abcc"),
            ("a*b*c", "a-b-b-c"),
            ("a?c", "abc"),
            ("arn:aws:s3:::docs/*", "arn:aws:s3:::docs/a/b"),
            ("arn:*:model/x:0", "arn:aws:bedrock:us-east-1::model/x:0"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("a", "ab"),
            ("a*c", "ab"),
            ("a*a", "a"),
            ("a?c", "ac"),
            ("", "a"),
            ("a*b*c", "a-c-b"),
            ("arn:aws:s3:::docs/*", "arn:aws:s3:::docs"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_statement_allows_its_actions_on_its_resources_under_its_condition() {
        let statement = Statement {
            actions: vec!["ses:SendEmail".to_owned()],
            resources: vec!["arn:x".to_owned(), "arn:b,arn:c/*".to_owned()],
            equal: BTreeMap::from([("ses:FromAddress".to_owned(), "a@b".to_owned())]),
        };
        let from = |address: &str| [("ses:FromAddress", address.to_owned())];
        assert_eq!(statement.allows("ses:SendEmail", "arn:c/d", &from("a@b")), Some(1));
        assert_eq!(statement.allows("ses:SendEmail", "arn:c/d", &from("b@b")), None);
        assert_eq!(statement.allows("ses:SendEmail", "arn:c/d", &[]), None);
        assert_eq!(statement.allows("ses:SendRawEmail", "arn:x", &from("a@b")), None);
        assert_eq!(statement.allows("ses:SendEmail", "arn:y", &from("a@b")), None);
    }
}
