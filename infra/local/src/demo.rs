//! The demo tenant: its key, and three documents that go in by the public door.

use std::fs;
use std::time::Duration;

use reqwest::{Client, multipart};
use serde_json::Value;
use shared::{app::App, ids::TenantId, keys::Secret, tenants};

use crate::data::{Data, write_private};
use crate::error::{During, Error};
use crate::options::{Listener, Progress};

/// What it takes to use the demo tenant.
#[derive(Clone, Debug)]
pub struct Demo {
    /// A full key.
    pub api_key: String,
    /// The tenant.
    pub tenant: String,
    /// Its default bot.
    pub bot_id: String,
}

/// Title, file name, media type and content of each document.
const DOCUMENTS: [(&str, &str, &str, &[u8]); 3] = [
    (
        "Employee Handbook",
        "employee-handbook.pdf",
        "application/pdf",
        include_bytes!("../demo/employee-handbook.pdf"),
    ),
    (
        "Product Manual",
        "product-manual.md",
        "text/markdown",
        include_bytes!("../demo/product-manual.md"),
    ),
    (
        "Travel Policy",
        "travel-policy.html",
        "text/html",
        include_bytes!("../demo/travel-policy.html"),
    ),
];

const TENANT: &str = "demo";
/// How long the documents may take.
const INGEST_LIMIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(700);

/// Makes the tenant and its documents on the first start (or goes on where that one was cut off); later starts find both.
///
/// # Errors
/// When the tenant cannot be made, or the API does not answer.
pub async fn prepare(app: &App, data: &Data, url: &str, listener: &Listener) -> Result<Demo, Error> {
    let part = "the demo tenant";
    let file = data.path("demo").join("key");
    let kept = fs::read_to_string(&file)
        .ok()
        .and_then(|text| Secret::parse(text.trim()));
    let secret = match &kept {
        Some(secret) => secret.clone(),
        None => {
            let secret = Secret::generate();
            write_private(&file, secret.reveal()).during(part)?;
            secret
        }
    };
    let tenant = TenantId::parse(TENANT).ok_or_else(|| Error::part(part, "its id is refused"))?;
    let seeded = tenants::seed(app, &tenant, "Demo", &secret, None)
        .await
        .map_err(|why| Error::part(part, format!("{why:?}")))?;
    let demo = Demo {
        api_key: secret.reveal().to_owned(),
        tenant: TENANT.to_owned(),
        bot_id: seeded.default_bot.as_str().to_owned(),
    };
    let environment = format!(
        "export DOCENT_URL={url}\nexport DOCENT_API_KEY={}\nexport DOCENT_BOT_ID={}\nexport DOCENT_TENANT={TENANT}\n",
        demo.api_key, demo.bot_id
    );
    write_private(&data.path("demo.env"), &environment).during(part)?;
    let uploader = Uploader {
        client: client()?,
        url: format!("{url}/api/v1/documents"),
        key: demo.api_key.clone(),
    };
    // Once they were there, a demo document that is gone was deleted on purpose.
    let complete = data.path("demo").join("complete");
    if !complete.exists() {
        uploader.upload_missing().await?;
        uploader.wait(listener).await?;
        write_private(&complete, "").during(part)?;
    }
    Ok(demo)
}

/// A client that takes no way around by a proxy.
fn client() -> Result<Client, Error> {
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .during("the demo documents")
}

struct Uploader {
    client: Client,
    url: String,
    key: String,
}

impl Uploader {
    async fn upload_missing(&self) -> Result<(), Error> {
        let there = self.list().await?;
        for (title, file, media_type, content) in DOCUMENTS {
            if there.iter().any(|document| document["title"] == title) {
                continue;
            }
            let part = &format!("demo document {file}");
            let content = multipart::Part::bytes(content)
                .file_name(file)
                .mime_str(media_type)
                .during(part)?;
            let form = multipart::Form::new().text("title", title).part("file", content);
            let request = self
                .client
                .post(&self.url)
                .header("Authorization", self.authorization())
                .multipart(form);
            let response = request.send().await.during(part)?;
            if !response.status().is_success() {
                let status = response.status();
                return Err(Error::part(
                    part,
                    format!("{status}: {}", response.text().await.unwrap_or_default()),
                ));
            }
        }
        Ok(())
    }

    /// Waits until no demo document is on its way any more.
    async fn wait(&self, listener: &Listener) -> Result<(), Error> {
        let mut told = None;
        let deadline = tokio::time::Instant::now() + INGEST_LIMIT;
        loop {
            let documents = self.list().await?;
            let ours = documents
                .iter()
                .filter(|document| DOCUMENTS.iter().any(|(title, ..)| document["title"] == *title));
            let (ended, going): (Vec<_>, Vec<_>) =
                ours.partition(|document| matches!(document["status"].as_str(), Some("ready" | "failed")));
            if told != Some(ended.len()) {
                told = Some(ended.len());
                listener(Progress::Documents {
                    ready: ended.len(),
                    total: DOCUMENTS.len(),
                });
            }
            if going.is_empty() {
                for failed in ended.iter().filter(|document| document["status"] == "failed") {
                    let text = |field: &str| failed[field].as_str().unwrap_or_default().to_owned();
                    listener(Progress::DocumentFailed {
                        title: text("title"),
                        reason: text("error"),
                    });
                }
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(Error::part(
                    "the demo documents",
                    "they were not read within two minutes",
                ));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn list(&self) -> Result<Vec<Value>, Error> {
        let part = "the list of demo documents";
        let request = self
            .client
            .get(format!("{}?limit=100", self.url))
            .header("Authorization", self.authorization());
        let response = request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .during(part)?;
        let mut list: Value = response.json().await.during(part)?;
        match list["data"].take() {
            Value::Array(documents) => Ok(documents),
            other => Err(Error::part(part, format!("{other} is no list"))),
        }
    }

    fn authorization(&self) -> String {
        format!("ApiKey {}", self.key)
    }
}
