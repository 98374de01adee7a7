//! What a request to a service asks for, in the words of its policy: actions, and the resources that they are about.
//! Source of the names: AWS' *Service Authorization Reference*.

use http::{HeaderMap, Method, Uri, request::Parts};
use serde_json::Value;

use crate::mailbox::bare;
use crate::template::{ACCOUNT, REGION};

/// A service, each of which speaks in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// DynamoDB.
    DynamoDb,
    /// S3, addressed by path.
    S3,
    /// SQS.
    Sqs,
    /// Systems Manager's parameters.
    Ssm,
    /// SES v2.
    Ses,
    /// The Bedrock runtime.
    Bedrock,
    /// An OpenSearch domain.
    OpenSearch,
}

/// An action on a resource.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// Such as `dynamodb:PutItem`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// What conditions may be about.
    pub context: Vec<(&'static str, String)>,
}

impl Call {
    fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            context: Vec::new(),
        }
    }
}

impl Service {
    /// Whether what a request asks for is in its body.
    #[must_use]
    pub fn asks_in_body(self) -> bool {
        matches!(self, Self::DynamoDb | Self::Sqs | Self::Ssm | Self::Ses)
    }

    /// All that a request asks for. `None` when nobody knows what it does.
    #[must_use]
    pub fn calls(self, head: &Parts, body: &[u8]) -> Option<Vec<Call>> {
        let json = || serde_json::from_slice::<Value>(body).ok();
        match self {
            Self::DynamoDb => dynamodb(operation(&head.headers)?, &json()?),
            Self::S3 => s3(head),
            Self::Sqs => sqs(operation(&head.headers)?, &json()?).map(|call| vec![call]),
            Self::Ssm => {
                let body = json()?;
                let name = body["Name"].as_str()?.trim_start_matches('/');
                let parameter = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{name}");
                Some(vec![Call::new(format!("ssm:{}", operation(&head.headers)?), parameter)])
            }
            Self::Ses => ses(&head.method, &head.uri, &json()?),
            Self::Bedrock => bedrock(&head.uri).map(|call| vec![call]),
            Self::OpenSearch => {
                let method = head.method.as_str().to_ascii_lowercase();
                let method = method.get(..1)?.to_ascii_uppercase() + method.get(1..)?;
                let path = head.uri.path().trim_start_matches('/');
                Some(vec![Call::new(
                    format!("es:ESHttp{method}"),
                    format!("{OPENSEARCH_ARN}/{path}"),
                )])
            }
        }
    }
}

/// The ARN that the local OpenSearch goes by.
pub const OPENSEARCH_ARN: &str = "arn:aws:es:us-east-1:000000000000:domain/local";

/// `GetItem` of `X-Amz-Target: DynamoDB_20120810.GetItem`.
fn operation(headers: &HeaderMap) -> Option<&str> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    target.rsplit_once('.').map(|(_, operation)| operation)
}

fn table(name: &Value) -> Option<String> {
    let name = name.as_str()?;
    Some(format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"))
}

fn dynamodb(operation: &str, body: &Value) -> Option<Vec<Call>> {
    match operation {
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object()?.keys();
            let call = |name: &String| {
                Some(Call::new(
                    format!("dynamodb:{operation}"),
                    table(&Value::from(name.as_str()))?,
                ))
            };
            tables.map(call).collect()
        }
        "TransactWriteItems" | "TransactGetItems" => {
            let items = body["TransactItems"].as_array()?.iter();
            let call = |item: &Value| {
                let (kind, item) = item.as_object()?.iter().next()?;
                let action = match kind.as_str() {
                    "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                    kind => format!("dynamodb:{kind}Item"),
                };
                Some(Call::new(action, table(&item["TableName"])?))
            };
            items.map(call).collect()
        }
        _ => {
            let mut resource = table(&body["TableName"])?;
            if let Some(index) = body["IndexName"].as_str() {
                resource = format!("{resource}/index/{index}");
            }
            Some(vec![Call::new(format!("dynamodb:{operation}"), resource)])
        }
    }
}

fn s3(head: &Parts) -> Option<Vec<Call>> {
    let mut calls = vec![object(&head.method, head.uri.path())?];
    // A copy also reads its source.
    if let Some(source) = head.headers.get("x-amz-copy-source") {
        calls.push(object(&Method::GET, source.to_str().ok()?)?);
    }
    Some(calls)
}

fn object(method: &Method, path: &str) -> Option<Call> {
    let path = urlencoding::decode(path.trim_start_matches('/')).ok()?;
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    let bucket = format!("arn:aws:s3:::{bucket}");
    if key.is_empty() {
        return (method == Method::HEAD || method == Method::GET).then(|| Call::new("s3:ListBucket", bucket));
    }
    let action = match *method {
        Method::GET | Method::HEAD => "s3:GetObject",
        Method::PUT => "s3:PutObject",
        Method::DELETE => "s3:DeleteObject",
        _ => return None,
    };
    Some(Call::new(action, format!("{bucket}/{key}")))
}

/// What an object that is not there needs beside its own action: without it, it looks forbidden.
pub fn listing(call: &Call) -> Option<Call> {
    let (bucket, _) = call.resource.split_once('/')?;
    (call.action == "s3:GetObject").then(|| Call::new("s3:ListBucket", bucket))
}

/// A batch of an action is the action.
fn sqs(operation: &str, body: &Value) -> Option<Call> {
    let action = operation.trim_end_matches("Batch");
    let name = body["QueueUrl"].as_str()?.rsplit('/').next()?;
    Some(Call::new(
        format!("sqs:{action}"),
        format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
    ))
}

fn ses(method: &Method, uri: &Uri, body: &Value) -> Option<Vec<Call>> {
    if method != Method::POST || uri.path() != "/v2/email/outbound-emails" {
        return None;
    }
    let from = bare(body["FromEmailAddress"].as_str()?);
    let mut resources = vec![format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/{from}")];
    if let Some(set) = body["ConfigurationSetName"].as_str() {
        resources.push(format!("arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/{set}"));
    }
    let call = |resource| Call {
        context: vec![("ses:FromAddress", from.to_owned())],
        ..Call::new("ses:SendEmail", resource)
    };
    Some(resources.into_iter().map(call).collect())
}

fn bedrock(uri: &Uri) -> Option<Call> {
    let (model, operation) = uri.path().strip_prefix("/model/")?.split_once('/')?;
    let action = match operation {
        "converse" | "invoke" => "bedrock:InvokeModel",
        "converse-stream" | "invoke-with-response-stream" => "bedrock:InvokeModelWithResponseStream",
        _ => return None,
    };
    let model = urlencoding::decode(model).ok()?;
    Some(Call::new(
        action,
        format!("arn:aws:bedrock:{REGION}::foundation-model/{model}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(service: Service, request: http::request::Builder, body: &str) -> Vec<(String, String)> {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let calls = service.calls(&head, body.as_bytes()).unwrap();
        calls.into_iter().map(|call| (call.action, call.resource)).collect()
    }

    fn target(name: &str) -> http::request::Builder {
        http::Request::post("/").header("x-amz-target", name)
    }

    #[test]
    fn a_transaction_asks_for_each_of_its_items() {
        let body = r#"{"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "u"}}]}"#;
        let asked = calls(Service::DynamoDb, target("DynamoDB_20120810.TransactWriteItems"), body);
        let arn = |name: &str| format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}");
        assert_eq!(asked[0], ("dynamodb:PutItem".to_owned(), arn("t")));
        assert_eq!(asked[1], ("dynamodb:ConditionCheckItem".to_owned(), arn("u")));
        let body = r#"{"TableName": "t", "IndexName": "gsi1"}"#;
        let asked = calls(Service::DynamoDb, target("DynamoDB_20120810.Query"), body);
        assert_eq!(asked, [("dynamodb:Query".to_owned(), arn("t/index/gsi1"))]);
    }

    #[test]
    fn files_queues_and_models_are_named_as_their_policies_name_them() {
        let object = calls(
            Service::S3,
            http::Request::put("/bucket/documents/a%20b?x-id=PutObject"),
            "",
        );
        assert_eq!(
            object,
            [(
                "s3:PutObject".to_owned(),
                "arn:aws:s3:::bucket/documents/a b".to_owned()
            )]
        );
        let sent = calls(
            Service::Sqs,
            target("AmazonSQS.SendMessageBatch"),
            r#"{"QueueUrl": "http://h/000000000000/docent-Q"}"#,
        );
        assert_eq!(sent[0].0, "sqs:SendMessage");
        assert!(sent[0].1.ends_with(":docent-Q"));
        let asked = calls(
            Service::Bedrock,
            http::Request::post("/model/a.b-v1%3A0/converse-stream"),
            "",
        );
        assert_eq!(asked[0].0, "bedrock:InvokeModelWithResponseStream");
        assert!(asked[0].1.ends_with("foundation-model/a.b-v1:0"));
        let asked = calls(Service::OpenSearch, http::Request::put("/docs/_mapping"), "");
        assert_eq!(
            asked,
            [("es:ESHttpPut".to_owned(), format!("{OPENSEARCH_ARN}/docs/_mapping"))]
        );
    }

    #[test]
    fn what_nobody_knows_is_nothing_that_can_be_allowed() {
        let (head, ()) = http::Request::post("/bucket/key?uploads")
            .body(())
            .unwrap()
            .into_parts();
        assert_eq!(Service::S3.calls(&head, b""), None);
    }
}
