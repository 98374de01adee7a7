//! The AWS SDK as a function uses it: region, credentials and endpoints of its variables, one HTTP client, and clients that
//! are made when they are first used.
//!
//! `aws_config` would also look for profiles, roles to assume, and the metadata of instances and containers. No function has
//! any of them, and to look was a sixth of what a function did until it was ready.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_types::{
    sdk_config::{SharedCredentialsProvider, SharedHttpClient},
    service_config::{LoadServiceConfig, ServiceConfigKey},
};

use crate::config::Config;

/// The five roots that Amazon Trust Services asks for in a trust store of one's own: Amazon Root CA 1 to 4 and Starfield
/// Services Root Certificate Authority - G2 (<https://www.amazontrust.com/repository/>, read in November 2026).
const AMAZON_ROOTS: &[u8] = include_bytes!("sdk/amazon-roots.pem");
/// The variable that names a file of root certificates, as in OpenSSL: its own word counts.
const ROOTS_FILE: &str = "SSL_CERT_FILE";

/// A function's variables, where the SDK looks for the settings of one service: `AWS_ENDPOINT_URL_<SERVICE>`, or for all
/// services without that end.
#[derive(Clone, Debug, Default)]
pub struct Variables(HashMap<String, String>);

/// A client of a service, made when it is first used: a function does not begin with, and its program does not contain,
/// clients of services that it never calls. Clones share the client.
#[derive(Clone, Debug)]
pub(crate) struct OnUse<C> {
    sdk: Arc<SdkConfig>,
    client: Arc<OnceLock<C>>,
}

/// The SDK's settings of a function with these variables. Region and credentials are those that Lambda gives every function.
#[must_use]
pub fn settings(vars: HashMap<String, String>) -> SdkConfig {
    let region = vars.get("AWS_REGION").cloned().unwrap_or_default();
    let of_amazon = !vars.contains_key(ROOTS_FILE) && trusts_amazon(&region);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region((!region.is_empty()).then(|| Region::new(region)))
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .http_client(http_client(of_amazon))
        .service_config(Variables::from(vars))
        .build()
}

/// The variables of this process, and the SDK's settings of a function with them.
#[must_use]
pub fn from_env() -> (HashMap<String, String>, SdkConfig) {
    let vars = Config::environment();
    (vars.clone(), settings(vars))
}

/// Whether all endpoints of a region are certain to be below [`AMAZON_ROOTS`]: those of China, of governments and of the
/// sovereign cloud have, or had, authorities of their own.
fn trusts_amazon(region: &str) -> bool {
    let commercial = ["af-", "ap-", "ca-", "eu-", "il-", "me-", "mx-", "sa-", "us-"];
    commercial.iter().any(|area| region.starts_with(area)) && !region.contains("-gov-") && !region.contains("-iso")
}

/// A client that trusts Amazon's roots alone, or else those of the system, which are some 150 and take milliseconds to read.
fn http_client(of_amazon: bool) -> SharedHttpClient {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    match TlsContext::builder().with_trust_store(amazon).build() {
        Ok(context) if of_amazon => client.tls_context(context).build_https(),
        _ => client.build_https(),
    }
}

impl From<HashMap<String, String>> for Variables {
    fn from(vars: HashMap<String, String>) -> Self {
        Self(vars)
    }
}

impl LoadServiceConfig for Variables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        let own = self.0.get(&format!("{}_{service}", key.env()));
        own.or_else(|| self.0.get(key.env())).cloned()
    }
}

impl<C> OnUse<C> {
    pub(crate) fn new(sdk: &SdkConfig) -> Self {
        Self {
            sdk: Arc::new(sdk.clone()),
            client: Arc::default(),
        }
    }

    /// The client; `make` makes it, the first time.
    pub(crate) fn get(&self, make: impl FnOnce(&SdkConfig) -> C) -> &C {
        self.client.get_or_init(|| make(&self.sdk))
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use rustls::{RootCertStore, pki_types::CertificateDer};
    use sha2::{Digest, Sha256};

    use super::*;

    /// A DER SEQUENCE with these contents, of 128 to 65,535 bytes or fewer than 128.
    fn sequence(contents: &[u8]) -> Vec<u8> {
        let length = contents.len();
        let head = match length {
            0..128 => vec![0x30, length as u8],
            128..256 => vec![0x30, 0x81, length as u8],
            _ => vec![0x30, 0x82, (length >> 8) as u8, length as u8],
        };
        [head.as_slice(), contents].concat()
    }

    /// The hashes of the public keys are those that <https://www.amazontrust.com/repository/> states.
    #[test]
    fn the_roots_are_amazons() {
        let text = std::str::from_utf8(AMAZON_ROOTS).unwrap();
        let mut roots = RootCertStore::empty();
        for body in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
            let lines: String = body.lines().take_while(|line| !line.starts_with("-----END")).collect();
            let der = BASE64_STANDARD.decode(lines).unwrap();
            roots.add(CertificateDer::from(der)).unwrap();
        }
        let hashes = roots
            .roots
            .iter()
            .map(|root| hex::encode(Sha256::digest(sequence(&root.subject_public_key_info))));
        let stated = [
            "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
            "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
            "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
            "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
            "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
        ];
        assert_eq!(hashes.collect::<Vec<_>>(), stated);
    }

    #[test]
    fn other_authorities_are_the_systems_business() {
        for region in ["us-east-1", "eu-central-1", "ap-southeast-7", "mx-central-1"] {
            assert!(trusts_amazon(region), "{region}");
        }
        for region in [
            "",
            "cn-north-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "eu-isoe-west-1",
            "eusc-de-east-1",
        ] {
            assert!(!trusts_amazon(region), "{region}");
        }
    }

    #[test]
    fn a_service_has_its_own_endpoint_or_that_of_all() {
        let endpoint = |vars: &[(&str, &str)]| {
            let vars = vars
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let sdk = settings(
                vars.chain([("AWS_REGION".to_owned(), "eu-west-1".to_owned())])
                    .collect(),
            );
            let key = ServiceConfigKey::builder().service_id("Bedrock Runtime");
            let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url").build().unwrap();
            sdk.service_config().unwrap().load_config(key)
        };
        assert_eq!(endpoint(&[]), None);
        let all = ("AWS_ENDPOINT_URL", "http://all");
        assert_eq!(endpoint(&[all]).unwrap(), "http://all");
        let own = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://own");
        assert_eq!(endpoint(&[all, own]).unwrap(), "http://own");
    }
}
