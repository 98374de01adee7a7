//! Files, in S3.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::{Builder, RequestChecksumCalculation},
    presigning::PresigningConfig,
};
use aws_types::SdkConfig;
use bytes::Bytes;

use crate::{error::Error, sdk::OnUse};

/// How long a presigned URL is valid.
const PRESIGNED_FOR: Duration = Duration::from_secs(15 * 60);

/// The bucket of the documents' files.
#[derive(Clone, Debug)]
pub struct Blobs {
    client: OnUse<Client>,
    bucket: String,
}

/// A request that the caller sends to S3 itself.
#[derive(Debug)]
pub struct Presigned {
    /// Where to send it.
    pub url: String,
    /// The headers that are part of the signature.
    pub headers: Vec<(String, String)>,
}

impl Blobs {
    /// The bucket, addressed by path, so that no name is looked up per bucket.
    #[must_use]
    pub fn new(bucket: String, sdk: &SdkConfig) -> Self {
        Self {
            client: OnUse::new(sdk),
            bucket,
        }
    }

    fn client(&self) -> &Client {
        self.client.get(|sdk| {
            let config = Builder::from(sdk)
                .force_path_style(true)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
            Client::from_conf(config.build())
        })
    }

    /// Asks whether the bucket is there.
    ///
    /// # Errors
    /// When S3 does not answer, or does not let us in.
    pub async fn ping(&self) -> Result<(), Error> {
        let head = self.client().head_bucket().bucket(&self.bucket);
        head.send().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// Stores a file.
    ///
    /// # Errors
    /// When S3 does not take it.
    pub async fn put(&self, key: &str, content_type: &str, bytes: Bytes) -> Result<(), Error> {
        let put = self
            .client()
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .body(bytes.into());
        put.send().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// Reads a file; `None` when there is none.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        match self.client().get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(
                object.body.collect().await.map_err(Error::unavailable)?.into_bytes(),
            )),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_no_such_key()) => Ok(None),
            Err(e) => Err(Error::unavailable(e)),
        }
    }

    /// Copies a file under another key.
    ///
    /// # Errors
    /// When S3 does not answer, or there is no such file.
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        let source = format!("{}/{}", self.bucket, urlencoding::encode(from).replace("%2F", "/"));
        self.client()
            .copy_object()
            .bucket(&self.bucket)
            .copy_source(source)
            .key(to)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(())
    }

    /// Deletes a file; one that is not there is fine.
    ///
    /// # Errors
    /// When S3 does not answer.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.client()
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(())
    }

    /// A URL for one PUT of exactly this type and length within 15 minutes.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn presign_put(&self, key: &str, content_type: &str, size: u64) -> Result<Presigned, Error> {
        let expiry = PresigningConfig::expires_in(PRESIGNED_FOR).map_err(Error::internal)?;
        let length = i64::try_from(size).map_err(Error::internal)?;
        let put = self
            .client()
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .content_length(length);
        let request = put.presigned(expiry).await.map_err(Error::internal)?;
        Ok(Presigned {
            url: request.uri().to_owned(),
            headers: request
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// A URL to download a file within 15 minutes. It is never shown in place: it is whatever somebody uploaded.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn presign_get(&self, key: &str) -> Result<String, Error> {
        let expiry = PresigningConfig::expires_in(PRESIGNED_FOR).map_err(Error::internal)?;
        let get = self
            .client()
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .response_content_disposition("attachment");
        Ok(get.presigned(expiry).await.map_err(Error::internal)?.uri().to_owned())
    }
}
