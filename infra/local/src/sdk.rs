//! The settings with which functions reach the services of this machine: real SDK clients, local endpoints.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::ProvideCredentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_types::sdk_config::SharedHttpClient;
use shared::sdk::Variables;

use crate::error::{During, Error};
use crate::template::REGION;

/// The key pair of the stack itself, which may do everything; it opens nothing outside this machine.
pub const LOCAL_KEYS: (&str, &str) = ("docent-local", "docent-local-secret");
/// With the function's name behind it, a function's access key.
const FUNCTION_KEY: &str = "docent-function-";

/// The function whose access key this is.
#[must_use]
pub fn function_of(access_key: &str) -> Option<&str> {
    access_key.strip_prefix(FUNCTION_KEY)
}

/// Where each service answers, by the name that `AWS_ENDPOINT_URL_<name>` would have: `DYNAMODB`, `DYNAMODB_STREAMS`,
/// `S3`, `SQS`, `SSM`, `SESV2`, `BEDROCK_RUNTIME`, and `OPENSEARCH`.
#[derive(Clone, Debug, Default)]
pub struct Endpoints(HashMap<String, String>);

impl Endpoints {
    /// Says where a service answers.
    pub fn set(&mut self, service: &'static str, url: impl Into<String>) {
        self.0.insert(variable(service), url.into());
    }

    /// Where a service answers, unless it is AWS's own.
    #[must_use]
    pub fn get(&self, service: &str) -> Option<&str> {
        self.0.get(&variable(service)).map(String::as_str)
    }
}

fn variable(service: &str) -> String {
    format!("AWS_ENDPOINT_URL_{service}")
}

/// How to sign requests, and the client that sends them.
#[derive(Clone, Debug)]
pub struct Identity {
    region: Region,
    credentials: Credentials,
    /// One pool for all, and no certificates in memory, where everything is on this machine.
    http: Option<SharedHttpClient>,
}

impl Identity {
    /// Nobody in particular: what stays on this machine asks for no more.
    #[must_use]
    pub fn local() -> Self {
        let (access_key, secret) = LOCAL_KEYS;
        Self {
            region: Region::from_static(REGION),
            credentials: Credentials::from_keys(access_key, secret, None),
            http: Some(Builder::new().build_http()),
        }
    }

    /// The account of this machine's environment, for Bedrock itself.
    ///
    /// # Errors
    /// When there are no credentials.
    pub async fn of_environment() -> Result<Self, Error> {
        let part = "--bedrock needs AWS credentials";
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let provider = config
            .credentials_provider()
            .ok_or_else(|| Error::part(part, "none were found"))?;
        let credentials = provider.provide_credentials().await.during(part)?;
        let region = config.region().cloned().unwrap_or(Region::from_static(REGION));
        Ok(Self {
            region,
            credentials,
            http: None,
        })
    }

    /// The same for one function: the services on this machine know it by its access key.
    #[must_use]
    pub fn of_function(&self, name: &str) -> Self {
        let mut identity = self.clone();
        if self.http.is_some() {
            let (_, secret) = LOCAL_KEYS;
            identity.credentials = Credentials::from_keys(format!("{FUNCTION_KEY}{name}"), secret, None);
        }
        identity
    }

    /// Whether it is somebody's account on AWS.
    #[must_use]
    pub fn is_real(&self) -> bool {
        self.http.is_none()
    }

    /// Access key and secret.
    #[must_use]
    pub fn keys(&self) -> (String, String) {
        let secret = self.credentials.secret_access_key();
        (self.credentials.access_key_id().to_owned(), secret.to_owned())
    }

    /// The same for a process of its own: the variables that say it.
    #[must_use]
    pub fn variables(&self, endpoints: &Endpoints) -> Vec<(String, String)> {
        let (access_key, secret) = self.keys();
        let mut variables: Vec<_> = [
            ("AWS_REGION", self.region.as_ref()),
            ("AWS_DEFAULT_REGION", self.region.as_ref()),
            ("AWS_ACCESS_KEY_ID", &access_key),
            ("AWS_SECRET_ACCESS_KEY", &secret),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if let Some(token) = self.credentials.session_token() {
            variables.push(("AWS_SESSION_TOKEN".to_owned(), token.to_owned()));
        }
        variables.extend(endpoints.0.clone());
        variables
    }

    /// The SDK's settings for a set of endpoints.
    #[must_use]
    pub fn config(&self, endpoints: Endpoints) -> SdkConfig {
        let plain = endpoints.0.values().all(|url| url.starts_with("http://"));
        let mut builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region.clone())
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .service_config(Variables::from(endpoints.0));
        if let (true, Some(http)) = (plain, &self.http) {
            builder = builder.http_client(http.clone());
        }
        builder.build()
    }
}
