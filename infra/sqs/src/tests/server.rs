//! A server on a free port with its file in a temporary folder, and what the tests do with queues all the time.

use std::collections::HashMap;
use std::path::PathBuf;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Config, Region};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{Message, QueueAttributeName};

use crate::Sqs;

pub(super) struct Server {
    pub sqs: Sqs,
    pub url: String,
    pub client: Client,
    pub folder: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::on(tempfile::tempdir().unwrap()).await
    }

    /// Serves the file in the folder.
    pub(super) async fn on(folder: tempfile::TempDir) -> Self {
        let sqs = crate::open(&folder.path().join("queues.db")).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = crate::router(sqs.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let client = client(&url);
        Self {
            sqs,
            url,
            client,
            folder,
            task,
        }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("queues.db")
    }

    /// Drops the server as it is and gives its folder back.
    pub(super) fn stop(self) -> tempfile::TempDir {
        self.task.abort();
        self.folder
    }
}

pub(super) fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(aws_credential_types::Credentials::from_keys("key", "secret", None))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

/// Creates a queue with the attributes given and returns its URL.
pub(super) async fn create(client: &Client, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
    let attributes: HashMap<_, _> = attributes
        .iter()
        .map(|(name, value)| (name.clone(), (*value).to_owned()))
        .collect();
    let request = client.create_queue().queue_name(name).set_attributes(Some(attributes));
    request.send().await.unwrap().queue_url.unwrap()
}

pub(super) async fn send(client: &Client, queue: &str, body: &str) {
    client
        .send_message()
        .queue_url(queue)
        .message_body(body)
        .send()
        .await
        .unwrap();
}

/// Receives up to ten messages, waiting up to `wait` seconds for the first.
pub(super) async fn receive(client: &Client, queue: &str, wait: i32) -> Vec<Message> {
    let request = client.receive_message().queue_url(queue).max_number_of_messages(10);
    let request = request
        .wait_time_seconds(wait)
        .message_system_attribute_names("All".into());
    request.send().await.unwrap().messages.unwrap_or_default()
}

pub(super) fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body().unwrap()).collect()
}

pub(super) async fn attribute(client: &Client, queue: &str, name: QueueAttributeName) -> String {
    let request = client
        .get_queue_attributes()
        .queue_url(queue)
        .attribute_names(QueueAttributeName::All);
    let attributes = request.send().await.unwrap().attributes.unwrap();
    attributes.get(&name).cloned().unwrap_or_default()
}

/// Makes a request that has to be refused under this name.
pub(super) async fn refused<T: std::fmt::Debug, E>(name: &str, request: impl Future<Output = Result<T, SdkError<E>>>)
where
    SdkError<E>: ProvideErrorMetadata,
{
    assert_eq!(code(request.await), name);
}

/// The name of the error that a client sees. Servers differ in whether they send the code of the older protocol
/// along, so those are translated to the names of the newer one.
fn code<T: std::fmt::Debug, E>(result: Result<T, SdkError<E>>) -> String
where
    SdkError<E>: ProvideErrorMetadata,
{
    let error = match result {
        Ok(output) => panic!("not refused: {output:?}"),
        Err(error) => error,
    };
    let code = error.code().unwrap_or("no code");
    let code = code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code);
    match code {
        "NonExistentQueue" => "QueueDoesNotExist".to_owned(),
        "QueueAlreadyExists" => "QueueNameExists".to_owned(),
        other => other.to_owned(),
    }
}
