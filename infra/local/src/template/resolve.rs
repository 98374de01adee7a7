//! The intrinsic functions, worked out against the parameters and the resources of this machine.

use serde_json::Value;

use super::Template;
use crate::error::Error;

/// The account that everything local belongs to.
pub const ACCOUNT: &str = "000000000000";
/// The region that everything local is in.
pub const REGION: &str = "us-east-1";

impl Template {
    /// A copy of `value` without intrinsic functions.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, Error> {
        match value {
            Value::Array(items) => Ok(Value::Array(
                items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?,
            )),
            Value::Object(object) => match object.iter().next() {
                Some((name, argument)) if object.len() == 1 && is_intrinsic(name, argument) => {
                    self.intrinsic(name, argument)
                }
                _ => {
                    let each = object
                        .iter()
                        .map(|(key, value)| Ok((key.clone(), self.resolve(value)?)));
                    Ok(Value::Object(each.collect::<Result<_, Error>>()?))
                }
            },
            plain => Ok(plain.clone()),
        }
    }

    fn intrinsic(&self, name: &str, argument: &Value) -> Result<Value, Error> {
        match name {
            "Ref" => self.reference(text(argument)?),
            "Fn::GetAtt" => self
                .attribute(text(&argument[0])?, text(&argument[1])?)
                .map(Value::String),
            "Fn::Sub" => self.substitute(text(argument)?).map(Value::String),
            "Fn::If" => {
                let branch = if self.condition(text(&argument[0])?)? { 1 } else { 2 };
                self.resolve(&argument[branch])
            }
            // CloudFormation compares text: a parameter's 0 equals "0".
            "Fn::Equals" => Ok(Value::Bool(
                plain(&self.resolve(&argument[0])?) == plain(&self.resolve(&argument[1])?),
            )),
            "Fn::Not" => Ok(Value::Bool(self.resolve(&argument[0])? != Value::Bool(true))),
            "Fn::And" | "Fn::Or" => {
                let parts = self.resolve(argument)?;
                let mut parts = parts
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|part| *part == Value::Bool(true));
                Ok(Value::Bool(match name {
                    "Fn::And" => parts.all(|holds| holds),
                    _ => parts.any(|holds| holds),
                }))
            }
            "Condition" => self.condition(text(argument)?).map(Value::Bool),
            other => Err(Error::Template(format!("{other} is not understood by the local stack"))),
        }
    }

    pub(super) fn condition(&self, name: &str) -> Result<bool, Error> {
        match self.resolve(&self.root["Conditions"][name])? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(Error::Template(format!("there is no condition {name}"))),
        }
    }

    fn reference(&self, name: &str) -> Result<Value, Error> {
        if let Some(value) = self.references.get(name).or_else(|| self.parameters.get(name)) {
            return Ok(Value::String(value.clone()));
        }
        if let Some(value) = self.pseudo_parameter(name) {
            return Ok(Value::String(value.to_owned()));
        }
        if let Some(parameter) = self.root["Parameters"].get(name) {
            return match parameter.get("Default") {
                Some(default) => Ok(default.clone()),
                None => Err(Error::Template(format!("parameter {name} has no value"))),
            };
        }
        match self.root["Resources"].get(name) {
            Some(_) => Ok(Value::String(name.to_owned())),
            None => Err(Error::Template(format!("!Ref {name} refers to nothing"))),
        }
    }

    /// ARNs name resources by their logical id here, so that event sources can be matched with what they listen to.
    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<String, Error> {
        let kind = self.root["Resources"][logical_id]["Type"].as_str();
        let kind =
            kind.ok_or_else(|| Error::Template(format!("!GetAtt {logical_id}.{attribute} refers to nothing")))?;
        let resource = match (kind, attribute) {
            ("AWS::SQS::Queue", "Arn") => format!("sqs:{REGION}:{ACCOUNT}:{}", self.queue_name(logical_id)),
            ("AWS::DynamoDB::Table", "Arn") => {
                let name = self.references.get(logical_id).map_or(logical_id, String::as_str);
                format!("dynamodb:{REGION}:{ACCOUNT}:table/{name}")
            }
            ("AWS::DynamoDB::Table", "StreamArn") => {
                format!("dynamodb:{REGION}:{ACCOUNT}:table/{logical_id}/stream/local")
            }
            ("AWS::S3::Bucket", "Arn") => format!("s3:::{logical_id}"),
            _ => return Ok(logical_id.to_owned()),
        };
        Ok(format!("arn:aws:{resource}"))
    }

    fn substitute(&self, pattern: &str) -> Result<String, Error> {
        let mut out = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| Error::Template(format!("{pattern:?} lacks a `}}`")))?;
            out.push_str(before);
            match name.split_once('.') {
                Some((logical_id, attribute)) => out.push_str(&self.attribute(logical_id, attribute)?),
                None => out.push_str(&plain(&self.reference(name)?)),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn pseudo_parameter(&self, name: &str) -> Option<&str> {
        Some(match name {
            "AWS::AccountId" => ACCOUNT,
            "AWS::Region" => REGION,
            "AWS::Partition" => "aws",
            "AWS::StackName" => &self.stack,
            "AWS::URLSuffix" => "amazonaws.com",
            _ => return None,
        })
    }
}

/// A resolved scalar as text: what an environment variable holds.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_intrinsic(name: &str, argument: &Value) -> bool {
    // `Condition` is a condition's name here, and a map in a policy.
    name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string())
}

fn text(value: &Value) -> Result<&str, Error> {
    value
        .as_str()
        .ok_or_else(|| Error::Template(format!("{value} should be text")))
}
