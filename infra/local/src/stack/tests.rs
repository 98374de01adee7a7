//! Whole stacks: a restart finds everything, and a stack runs on services that another one holds.

use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use serde_json::{Value, json};

use super::*;

async fn ask(stack: &Stack, question: &str) -> Value {
    let demo = stack.demo.as_ref().unwrap();
    let request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("{}/api/ai/chat", stack.base_url));
    let request = request.header("Authorization", format!("ApiKey {}", demo.api_key));
    let request = request
        .header("X-External-Org-Id", "acme")
        .header("X-External-User-Id", "ann");
    let response = request
        .header("X-External-Roles", "[]")
        .json(&json!({ "message": question }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

fn demo(data: &std::path::Path) -> Options {
    Options {
        demo: true,
        ..Options::new(data)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_key_and_documents() {
    let folder = tempfile::tempdir().unwrap();
    let first = Stack::start(demo(folder.path())).await.unwrap();
    let key = first.demo.clone().unwrap().api_key;
    assert!(matches!(
        Stack::start(demo(folder.path())).await,
        Err(Error::DataInUse(_))
    ));
    let port = first.base_url.rsplit(':').next().unwrap().parse().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let taken = Stack::start(Options {
        port,
        ..Options::new(elsewhere.path())
    })
    .await;
    assert!(matches!(taken, Err(Error::PortTaken(it)) if it == port));
    first.shutdown().await;

    let second = Stack::start(demo(folder.path())).await.unwrap();
    assert_eq!(second.demo.as_ref().unwrap().api_key, key);
    let answer = ask(&second, "What is the vacation policy?").await;
    assert_eq!(answer["citations"][0]["documentTitle"], "Employee Handbook");
    assert_eq!(answer["citations"][0]["page"], 12);
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_runs_on_services_that_somebody_else_holds() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let holder = Stack::start(Options::new(folder.path())).await.unwrap();
    let url = |service: &str| holder.endpoints.get(service).map(str::to_owned);
    let guest = Options {
        name: "guest".to_owned(),
        dynamodb_url: url("DYNAMODB"),
        sqs_url: url("SQS"),
        s3_url: url("S3"),
        opensearch_url: url("OPENSEARCH"),
        ..demo(other.path())
    };
    let guest = Stack::start(guest).await.unwrap();
    let answer = ask(&guest, "What is the vacation policy?").await;
    assert_eq!(answer["citations"][0]["documentTitle"], "Employee Handbook");
    guest.shutdown().await;
    holder.shutdown().await;
}

async fn send(ses: &aws_sdk_sesv2::Client, to: &str) {
    let part = |text: &str| Content::builder().data(text).build().unwrap();
    let body = Body::builder().text(part("Your code: ABCD")).build();
    let message = Message::builder().subject(part("Code")).body(body).build();
    let mail = ses.send_email().from_email_address("docent@localhost");
    let mail = mail.destination(Destination::builder().to_addresses(to).build());
    let mail = mail.content(EmailContent::builder().simple(message).build());
    mail.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_mail_of_functions_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mail = |stack: &Stack| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .get(format!("{}{}?to=ann@example.com", stack.base_url, crate::mailbox::PATH))
            .send()
    };
    let stack = Stack::start(Options::new(folder.path())).await.unwrap();
    let ssm = aws_sdk_ssm::Client::new(stack.sdk());
    let put = ssm
        .put_parameter()
        .name("/docent/key")
        .value("secret")
        .r#type("SecureString".into());
    put.send().await.unwrap();
    send(&aws_sdk_sesv2::Client::new(stack.sdk()), "Ann@example.com").await;
    stack.shutdown().await;

    let stack = Stack::start(Options::new(folder.path())).await.unwrap();
    let found: Value = mail(&stack).await.unwrap().json().await.unwrap();
    assert_eq!(
        (&found["data"][0]["text"], &found["data"][1]),
        (&json!("Your code: ABCD"), &Value::Null)
    );
    let ssm = aws_sdk_ssm::Client::new(stack.sdk());
    let found = ssm
        .get_parameter()
        .name("/docent/key")
        .with_decryption(true)
        .send()
        .await
        .unwrap();
    assert_eq!(found.parameter.unwrap().value.unwrap(), "secret");
    stack.shutdown().await;
    let fresh = Options {
        fresh: true,
        ..Options::new(folder.path())
    };
    let stack = Stack::start(fresh).await.unwrap();
    assert_eq!(
        mail(&stack).await.unwrap().json::<Value>().await.unwrap(),
        json!({ "data": [] })
    );
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_start_the_binaries_themselves_find_each_functions_variables() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        address: "127.0.0.2".parse().unwrap(),
        ..Options::new(folder.path())
    };
    let stack = Stack::start(options).await.unwrap();
    assert!(stack.base_url.starts_with("http://127.0.0.2:"), "{}", stack.base_url);
    let written = std::fs::read_to_string(folder.path().join("functions.json")).unwrap();
    let functions: HashMap<String, HashMap<String, String>> = serde_json::from_str(&written).unwrap();
    assert_eq!(
        functions["RelayFunction"]["INGEST_QUEUE_URL"],
        stack.queue_urls["IngestQueue"]
    );
    let relay = functions["RelayFunction"]["AWS_ACCESS_KEY_ID"].as_str();
    assert_eq!(crate::sdk::function_of(relay), Some("relay"));
    for (function, variables) in &functions {
        let services = variables
            .iter()
            .filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL_"));
        let places: Vec<_> = services.map(|(_, place)| place).collect();
        assert!(places.len() > 5, "{function}: {places:?}");
        assert!(
            places.iter().all(|place| place.starts_with("http://127.0.0.2:")),
            "{function}: {places:?}"
        );
    }
    let all = std::fs::read_to_string(folder.path().join("functions.env")).unwrap();
    let mut lines = all.lines().map(|line| line.split_once('=').unwrap());
    assert!(lines.any(|line| line == ("BUCKET_NAME", "docent")), "{all}");
    stack.shutdown().await;
}
