//! A service does for a function what its policy allows, and nothing else.

use axum::routing::any;
use http::{Method, StatusCode};
use tower::ServiceExt;

use super::*;

const POLICY: &str = r#"
Resources:
  ReaderFunction:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - Statement:
            - Effect: Allow
              Action: [s3:GetObject, s3:PutObject]
              Resource: arn:aws:s3:::bucket/documents/*
            - Effect: Allow
              Action: dynamodb:GetItem
              Resource: !Sub "arn:aws:dynamodb:${AWS::Region}:${AWS::AccountId}:table/docs"
"#;

struct Guarded {
    guard: Guard,
    notes: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

fn guard(extra: &str) -> Guarded {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let guard = Guard::new(&notes).unwrap();
    let template = crate::template::Template::parse(&format!("{POLICY}{extra}"), "here").unwrap();
    guard.follow(template.policies().unwrap());
    Guarded {
        guard,
        notes,
        _folder: folder,
    }
}

impl Guarded {
    /// The status that a caller gets from a service that has what it is asked for, or has nothing.
    async fn ask(
        &self,
        service: Service,
        key: &str,
        found: bool,
        request: http::request::Builder,
        body: &str,
    ) -> StatusCode {
        let status = if found { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let router = self
            .guard
            .before(service, Router::new().fallback(any(move || async move { status })));
        let signed = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/x/aws4_request, SignedHeaders=host");
        let request = request.header(header::AUTHORIZATION, signed);
        router
            .oneshot(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .unwrap()
            .status()
    }
}

fn object(method: Method, key: &str) -> http::request::Builder {
    http::Request::builder().method(method).uri(format!("/bucket/{key}"))
}

#[tokio::test]
async fn a_function_does_what_its_policy_allows_and_nothing_else() {
    let it = guard("");
    let reader = "docent-function-reader";
    let get = it
        .ask(Service::S3, reader, true, object(Method::GET, "documents/a"), "")
        .await;
    assert_eq!(get, StatusCode::OK);
    let delete = it
        .ask(Service::S3, reader, true, object(Method::DELETE, "documents/a"), "")
        .await;
    assert_eq!(delete, StatusCode::FORBIDDEN);
    let elsewhere = it
        .ask(Service::S3, reader, true, object(Method::GET, "uploads/a"), "")
        .await;
    assert_eq!(elsewhere, StatusCode::FORBIDDEN);
    let nobody = it
        .ask(
            Service::S3,
            "docent-function-other",
            true,
            object(Method::GET, "documents/a"),
            "",
        )
        .await;
    assert_eq!(nobody, StatusCode::FORBIDDEN);
    let operator = it
        .ask(
            Service::S3,
            "docent-local",
            true,
            object(Method::DELETE, "documents/a"),
            "",
        )
        .await;
    assert_eq!(operator, StatusCode::OK);
    let used = Noted::Used {
        function: "reader".to_owned(),
        statement: 0,
        action: "s3:GetObject".to_owned(),
        resource: 0,
    };
    let noted = noted(&it.notes).unwrap();
    assert!(noted.contains(&used), "{noted:?}");
    let denied = noted.iter().filter(|note| matches!(note, Noted::Denied { .. }));
    assert_eq!(denied.count(), 3);
}

#[tokio::test]
async fn a_transaction_is_allowed_when_each_of_its_items_is() {
    let it = guard("");
    let transaction = |items: &str| {
        let head = http::Request::post("/").header("x-amz-target", "DynamoDB_20120810.TransactGetItems");
        (head, format!(r#"{{"TransactItems": [{items}]}}"#))
    };
    let ours = r#"{"Get": {"TableName": "docs"}}"#;
    for (items, expected) in [
        (ours.to_owned(), StatusCode::OK),
        (
            format!(r#"{ours}, {{"Get": {{"TableName": "others"}}}}"#),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let (head, body) = transaction(&items);
        let status = it
            .ask(Service::DynamoDb, "docent-function-reader", true, head, &body)
            .await;
        assert_eq!(status, expected, "{items}");
    }
}

#[tokio::test]
async fn what_is_not_there_looks_forbidden_to_a_function_that_may_not_list() {
    let reader = "docent-function-reader";
    let missing = || object(Method::GET, "documents/gone");
    let blind = guard("").ask(Service::S3, reader, false, missing(), "").await;
    assert_eq!(blind, StatusCode::FORBIDDEN);
    let list = "            - { Effect: Allow, Action: s3:ListBucket, Resource: arn:aws:s3:::bucket }\n";
    let sees = guard(list).ask(Service::S3, reader, false, missing(), "").await;
    assert_eq!(sees, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_presigned_url_can_do_what_its_signer_may() {
    let it = guard("");
    let ask = async |method: Method| {
        let router = it.guard.before(Service::S3, Router::new().fallback(any(|| async {})));
        let query = "X-Amz-Credential=docent-function-reader%2F20260101%2Fus-east-1%2Fs3%2Faws4_request";
        let request = object(method, &format!("documents/a?{query}"))
            .body(Body::empty())
            .unwrap();
        router.oneshot(request).await.unwrap().status()
    };
    assert_eq!(ask(Method::PUT).await, StatusCode::OK);
    assert_eq!(ask(Method::DELETE).await, StatusCode::FORBIDDEN);
}
