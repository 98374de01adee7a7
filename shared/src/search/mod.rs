//! The index, in OpenSearch: one index per embedding model and dimension, behind an alias.

mod chunks;
mod fusion;
mod index;
mod query;

pub use chunks::{ChunkAccess, ChunkRow};
pub use query::{Hit, SearchQuery};

use aws_types::SdkConfig;
use opensearch::{
    OpenSearch,
    auth::Credentials,
    http::{
        Url,
        response::Response,
        transport::{BuildError, SingleNodeConnectionPool, TransportBuilder},
    },
};
use serde::de::DeserializeOwned;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    config::{Config, ConfigError, OpenSearchTarget},
    error::Error,
};

/// Longest wait for one answer: a collection that scaled to zero wakes in 10–30 s.
const TIMEOUT: Duration = Duration::from_secs(40);

/// The index and its client.
#[derive(Clone, Debug)]
pub struct Search {
    connection: Arc<Connection>,
    target: OpenSearchTarget,
    alias: String,
    dimensions: usize,
    weight: f32,
    next: Option<Box<Search>>,
}

/// What a client is made of, and the client once somebody asks for it.
#[derive(Debug)]
struct Connection {
    url: Url,
    credentials: Credentials,
    service: &'static str,
    client: OnceLock<Result<OpenSearch, BuildError>>,
}

impl Connection {
    fn client(&self) -> Result<&OpenSearch, Error> {
        let client = self.client.get_or_init(|| self.build());
        client.as_ref().map_err(|error| Error::internal(error.to_string()))
    }

    fn build(&self) -> Result<OpenSearch, BuildError> {
        let transport = TransportBuilder::new(SingleNodeConnectionPool::new(self.url.clone()))
            .auth(self.credentials.clone())
            .service_name(self.service)
            .timeout(TIMEOUT)
            .disable_proxy()
            .build()?;
        Ok(OpenSearch::new(transport))
    }
}

impl Search {
    /// The index that belongs to the deployment's embedding model. Requests are signed for AWS; a server of one's own
    /// ignores that.
    ///
    /// # Errors
    /// When `OPENSEARCH_URL` is no URL, or the SDK has no credentials to sign with.
    pub fn new(config: &Config, sdk: &SdkConfig) -> Result<Self, ConfigError> {
        let bad = |reason: String| ConfigError::new("OPENSEARCH_URL", reason);
        let url = Url::parse(&config.opensearch_url).map_err(|e| bad(e.to_string()))?;
        let service = match config.opensearch_target {
            OpenSearchTarget::Domain => "es",
            OpenSearchTarget::Serverless => "aoss",
        };
        let connection = Connection {
            url,
            credentials: Credentials::try_from(sdk).map_err(|e| bad(e.to_string()))?,
            service,
            client: OnceLock::new(),
        };
        let present = Self {
            connection: Arc::new(connection),
            target: config.opensearch_target,
            alias: index::alias(&config.embedding_model, config.embedding_dimensions),
            dimensions: config.embedding_dimensions,
            weight: config.embedding_weight,
            next: None,
        };
        let next = config.next_embedding.as_ref().map(|(model, dimensions)| {
            Box::new(Self {
                alias: index::alias(model, *dimensions),
                dimensions: *dimensions,
                ..present.clone()
            })
        });
        Ok(Self { next, ..present })
    }
}

impl Search {
    /// The index that the deployment is about to change to, for whoever writes chunks: what searches do not ask yet.
    #[must_use]
    pub fn next(&self) -> Option<&Self> {
        self.next.as_deref()
    }

    /// Begins to make the client, if there is none yet, for somebody who is going to search but waits for something else
    /// first: it reads all root certificates of the system, for some milliseconds.
    pub fn prepare(&self) {
        if self.connection.client.get().is_none() {
            let connection = Arc::clone(&self.connection);
            tokio::task::spawn_blocking(move || connection.client().map(drop));
        }
    }

    fn client(&self) -> Result<&OpenSearch, Error> {
        self.connection.client()
    }

    /// This index and the next.
    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.next())
    }

    /// The same index with another weight of the dense part: for comparing.
    #[must_use]
    pub fn weighted(&self, weight: f32) -> Self {
        Self { weight, ..self.clone() }
    }
}

/// Reads an answer: 429 and 5xx mean that the index is busy, anything else unexpected is our fault.
async fn read<T: DeserializeOwned>(answer: Result<Response, opensearch::Error>) -> Result<T, Error> {
    let answer = answer.map_err(Error::unavailable)?;
    let status = answer.status_code();
    if status.is_success() {
        return answer.json().await.map_err(Error::unavailable);
    }
    let text = answer.text().await.unwrap_or_default();
    Err(refusal(status.as_u16(), &text))
}

fn refusal(status: u16, text: &str) -> Error {
    let shown: String = text.chars().take(500).collect();
    let cause = format!("OpenSearch answered {status}: {shown}");
    if status == 429 || status >= 500 {
        Error::unavailable(cause)
    } else {
        Error::internal(cause)
    }
}
