//! Parameters by the real SDK.

use std::path::Path;

use aws_sdk_ssm::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::ParameterType,
};

use super::*;
use crate::sdk::{Endpoints, Identity};
use crate::server::{Layer, on_any_port};

async fn start(path: &Path) -> (Client, String, Layer) {
    let mut layer = Layer::default();
    let url = on_any_port(ssm(Parameters::open(path).unwrap()), &mut layer)
        .await
        .unwrap();
    let mut endpoints = Endpoints::default();
    endpoints.set("SSM", &url);
    (Client::new(&Identity::local().config(endpoints)), url, layer)
}

fn put(client: &Client, value: &str) -> aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder {
    let name = "/docent/signing-key";
    client
        .put_parameter()
        .name(name)
        .value(value)
        .r#type(ParameterType::SecureString)
}

async fn value(client: &Client, decrypted: bool) -> (String, i64) {
    let found = client
        .get_parameter()
        .name("/docent/signing-key")
        .with_decryption(decrypted);
    let found = found.send().await.unwrap().parameter.unwrap();
    assert_eq!(found.r#type, Some(ParameterType::SecureString));
    assert!(found.last_modified_date.unwrap().secs() > 1_700_000_000);
    assert_eq!(
        found.arn.unwrap(),
        "arn:aws:ssm:us-east-1:000000000000:parameter/docent/signing-key"
    );
    (found.value.unwrap(), found.version)
}

#[tokio::test]
async fn a_secret_is_made_once_replaced_and_kept_privately() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parameters.json");
    let (client, _, layer) = start(&path).await;
    let absent = client
        .get_parameter()
        .name("/docent/signing-key")
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(&absent, SdkError::ServiceError(why) if why.err().is_parameter_not_found() && why.raw().status().as_u16() == 400)
    );
    assert_eq!(put(&client, "one").overwrite(false).send().await.unwrap().version, 1);
    let again = put(&client, "two").send().await.unwrap_err().into_service_error();
    assert!(again.is_parameter_already_exists(), "{again:?}");
    assert_eq!(value(&client, true).await, ("one".to_owned(), 1));
    assert_eq!(put(&client, "two").overwrite(true).send().await.unwrap().version, 2);
    assert_ne!(
        value(&client, false).await.0,
        "two",
        "only who asks for it gets it decrypted"
    );
    drop(layer);

    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (client, _, _layer) = start(&path).await;
    assert_eq!(value(&client, true).await, ("two".to_owned(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_create_a_secret_at_once_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let (client, _, _layer) = start(&folder.path().join("parameters.json")).await;
    let attempts = (0..16).map(|n| {
        let put = put(&client, &format!("secret {n}")).send();
        async move { put.await.is_ok().then(|| format!("secret {n}")) }
    });
    let made: Vec<_> = futures::future::join_all(attempts)
        .await
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(made.len(), 1);
    assert_eq!(value(&client, true).await, (made[0].clone(), 1));
}

#[tokio::test]
async fn what_ssm_refuses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (client, url, _layer) = start(&folder.path().join("parameters.json")).await;
    for (name, value) in [
        ("docent/x", "x"),
        ("/docent//x", "x"),
        ("/a b", "x"),
        ("/x", ""),
        ("/x", &"x".repeat(4097)),
    ] {
        let refused = client
            .put_parameter()
            .name(name)
            .value(value)
            .r#type(ParameterType::String)
            .send()
            .await;
        assert_eq!(refused.unwrap_err().code(), Some("ValidationException"), "{name}");
    }
    let refused = client.put_parameter().name("x").value("x").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"), "a new one needs a type");
    client.delete_parameter().name("x").send().await.unwrap_err();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(&url)
        .header("x-amz-target", "AmazonSSM.GetParameter")
        .body("{");
    let answer = request.send().await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["content-type"].to_str().unwrap()
        ),
        (400, "application/x-amz-json-1.1")
    );
    assert_eq!(
        answer.json::<Value>().await.unwrap()["__type"],
        "SerializationException"
    );
}
