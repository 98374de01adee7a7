//! The REST proxy event (version 1.0) that API Gateway hands to a function, as JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::request::Parts;
use serde::Serialize;

use super::fields::{Headers, MultiHeaders, Query, decoded};
use super::routes::PathParameters;
use crate::template::{ACCOUNT, REGION};

/// What the event tells beside the request itself.
pub struct Circumstances<'a> {
    /// The resource that matched, as the template spells it.
    pub resource: &'a str,
    /// The variable parts of the path.
    pub path_parameters: PathParameters<'a>,
    /// The TCP peer.
    pub peer: IpAddr,
    /// The request's id.
    pub request_id: &'a str,
    /// When it came, in ms since 1970.
    pub at: i64,
    /// Whether the body's media type is one of the binary ones.
    pub binary: bool,
}

/// Writes the event.
///
/// # Errors
/// Never in practice: all of it can be written as JSON.
pub fn encode(parts: &Parts, body: &[u8], about: Circumstances<'_>) -> serde_json::Result<Vec<u8>> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let method = parts.method.as_str();
    let mut event = Vec::with_capacity(2048 + body.len() * 4 / 3);
    let proxy = ProxyEvent {
        resource: about.resource,
        path: parts.uri.path(),
        http_method: method,
        headers: Headers(&parts.headers),
        multi_value_headers: MultiHeaders(&parts.headers),
        query_string_parameters: query.last(),
        multi_value_query_string_parameters: query.all(),
        path_parameters: (!about.path_parameters.is_empty()).then(|| {
            about
                .path_parameters
                .iter()
                .map(|(name, value)| (*name, decoded(value)))
                .collect()
        }),
        stage_variables: None,
        request_context: context(parts, &about),
        body: (!body.is_empty()).then(|| match about.binary {
            true => STANDARD.encode(body).into(),
            false => String::from_utf8_lossy(body),
        }),
        is_base64_encoded: about.binary && !body.is_empty(),
    };
    serde_json::to_writer(&mut event, &proxy)?;
    Ok(event)
}

fn context<'a>(parts: &'a Parts, about: &Circumstances<'a>) -> RequestContext<'a> {
    let host = parts
        .headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let at = jiff::Timestamp::from_millisecond(about.at).unwrap_or_default();
    RequestContext {
        account_id: ACCOUNT,
        api_id: "local",
        resource_id: "local",
        resource_path: about.resource,
        // `lambda_http` reads this stage as "no prefix in the path".
        stage: "$default",
        domain_name: host.split(':').next().unwrap_or(host),
        domain_prefix: "local",
        http_method: parts.method.as_str(),
        path: parts.uri.path(),
        protocol: "HTTP/1.1",
        request_id: about.request_id,
        extended_request_id: about.request_id,
        request_time: at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        request_time_epoch: about.at,
        region: REGION,
        identity: Identity {
            source_ip: about.peer.to_string(),
            user_agent: parts
                .headers
                .get(http::header::USER_AGENT)
                .and_then(|agent| agent.to_str().ok()),
            access_key: None,
            account_id: None,
            caller: None,
            user: None,
            user_arn: None,
        },
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProxyEvent<'a> {
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: Headers<'a>,
    multi_value_headers: MultiHeaders<'a>,
    query_string_parameters: Option<BTreeMap<&'a str, &'a str>>,
    multi_value_query_string_parameters: Option<&'a BTreeMap<String, Vec<String>>>,
    path_parameters: Option<BTreeMap<&'a str, String>>,
    stage_variables: Option<()>,
    request_context: RequestContext<'a>,
    body: Option<std::borrow::Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'a str,
    api_id: &'a str,
    resource_id: &'a str,
    resource_path: &'a str,
    stage: &'a str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http_method: &'a str,
    path: &'a str,
    protocol: &'a str,
    request_id: &'a str,
    extended_request_id: &'a str,
    request_time: String,
    request_time_epoch: i64,
    region: &'a str,
    identity: Identity<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    source_ip: String,
    user_agent: Option<&'a str>,
    access_key: Option<()>,
    account_id: Option<()>,
    caller: Option<()>,
    user: Option<()>,
    user_arn: Option<()>,
}

#[cfg(test)]
mod tests {
    use lambda_http::{RequestExt, request::LambdaRequest};
    use serde_json::Value;

    use super::*;

    fn event(request: http::Request<&str>, binary: bool) -> Vec<u8> {
        let (parts, body) = request.into_parts();
        let about = Circumstances {
            resource: "/api/ai/{proxy+}",
            path_parameters: vec![("proxy", "chat%20x")],
            peer: IpAddr::from([127, 0, 0, 9]),
            request_id: "r-1",
            at: 1_700_000_000_000,
            binary,
        };
        encode(&parts, body.as_bytes(), about).unwrap()
    }

    fn request() -> http::Request<&'static str> {
        http::Request::post("/api/ai/chat%20x?a=1&a=2%26&b=x+y")
            .header("host", "localhost:8080")
            .header("x-many", "one")
            .header("x-many", "two")
            .body("{\"message\":\"hällo\"}")
            .unwrap()
    }

    #[test]
    fn the_event_has_the_shape_of_api_gateways() {
        let event: Value = serde_json::from_slice(&event(request(), false)).unwrap();
        assert_eq!(event["httpMethod"], "POST");
        assert_eq!(event["path"], "/api/ai/chat%20x");
        assert_eq!(event["pathParameters"]["proxy"], "chat x");
        assert_eq!(event["headers"]["x-many"], "two");
        assert_eq!(event["multiValueHeaders"]["x-many"], serde_json::json!(["one", "two"]));
        assert_eq!(event["queryStringParameters"]["a"], "2&");
        assert_eq!(
            event["multiValueQueryStringParameters"]["a"],
            serde_json::json!(["1", "2&"])
        );
        assert_eq!(event["queryStringParameters"]["b"], "x y");
        assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.9");
        assert_eq!(event["requestContext"]["requestTime"], "14/Nov/2023:22:13:20 +0000");
        assert_eq!(event["requestContext"]["stage"], "$default");
        assert_eq!(event["isBase64Encoded"], false);
        assert_eq!(event["body"], "{\"message\":\"hällo\"}");
    }

    #[test]
    fn binary_bodies_come_as_base64_and_reach_the_function_as_bytes() {
        let event = event(request(), true);
        let json: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(json["isBase64Encoded"], true);
        let request: http::Request<lambda_http::Body> = serde_json::from_slice::<LambdaRequest>(&event).unwrap().into();
        assert_eq!(request.body().as_ref(), "{\"message\":\"hällo\"}".as_bytes());
        assert_eq!(request.uri().path(), "/api/ai/chat%20x");
        assert_eq!(request.query_string_parameters().all("a").unwrap(), ["1", "2&"]);
        assert!(request.uri().query().unwrap().contains("b=x"));
    }

    #[test]
    fn an_empty_body_and_query_are_null() {
        let event: Value = serde_json::from_slice(&event(http::Request::get("/x").body("").unwrap(), true)).unwrap();
        assert!(event["body"].is_null() && event["queryStringParameters"].is_null());
        assert_eq!(event["isBase64Encoded"], false);
    }
}
