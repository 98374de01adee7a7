//! The bytes on the wire, for clients other than the AWS SDK for Rust.

use serde_json::{Value, json};

use super::server::{Server, create};

async fn post(url: &str, operation: &str, body: &Value) -> reqwest::Response {
    let request = reqwest::Client::new().post(url).body(body.to_string());
    let target = format!("AmazonSQS.{operation}");
    request.header("x-amz-target", target).send().await.unwrap()
}

#[tokio::test]
async fn errors_carry_the_names_of_both_protocols() {
    let server = Server::start().await;
    let response = post(&server.url, "GetQueueUrl", &json!({"QueueName": "none"})).await;
    assert_eq!(response.status(), 400);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("x-amzn-query-error"),
        "AWS.SimpleQueueService.NonExistentQueue;Sender"
    );
    assert_eq!(header("content-type"), "application/x-amz-json-1.0");
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body["__type"], "com.amazonaws.sqs#QueueDoesNotExist");

    let response = post(&server.url, "GetQueueUrl", &json!({})).await;
    assert_eq!(response.headers()["x-amzn-query-error"], "MissingParameter;Sender");
    let response = post(&server.url, "TagQueue", &json!({})).await;
    let code = &response.headers()["x-amzn-query-error"];
    assert_eq!(code, "AWS.SimpleQueueService.UnsupportedOperation;Sender");
}

#[tokio::test]
async fn the_queue_url_carries_the_host_of_the_caller_and_is_an_endpoint_itself() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[]).await;
    assert_eq!(url, format!("{}/000000000000/jobs", server.url));
    let named = server.url.replace("127.0.0.1", "localhost");
    let response = post(&named, "GetQueueUrl", &json!({"QueueName": "jobs"})).await;
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body["QueueUrl"], format!("{named}/000000000000/jobs"));
    let response = post(&url, "ReceiveMessage", &json!({"QueueUrl": url})).await;
    assert_eq!(response.text().await.unwrap(), "{}");
}

/// The sum was made with `md5sum` over the bytes as the developer guide lays them out.
#[tokio::test]
async fn the_sum_over_attributes_follows_the_documented_layout() {
    let server = Server::start().await;
    let url = create(&server.client, "jobs", &[]).await;
    let attributes =
        json!({"b": {"DataType": "Binary", "BinaryValue": "AP8B"}, "a": {"DataType": "String", "StringValue": "x"}});
    let message = json!({"QueueUrl": url, "MessageBody": "hello", "MessageAttributes": attributes});
    let response = post(&server.url, "SendMessage", &message).await;
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(body["MD5OfMessageAttributes"], "26892ed15d3349e9b83bbe69309f1a27");
}
