//! Files that are too large for a request go to S3 by a presigned URL; their arrival starts the ingest.

use axum::{Json, extract::State};
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    error::Error,
    http::{Admin, parse_json},
    ids::DocumentId,
    knowledge::MediaType,
};
use std::collections::BTreeMap;

use crate::{
    body::DocumentIn,
    documents::{add, draft},
};

/// Most bytes of a file.
const MAX_UPLOAD: u64 = 10 * 1024 * 1024;

/// A file that the caller is about to upload.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct UploadIn {
    /// Its name.
    #[schema(required = true, value_type = String, min_length = 1, max_length = 300)]
    filename: Option<String>,
    /// Its media type: the PUT must state the same.
    #[schema(required = true, value_type = String, max_length = 127, example = "application/pdf")]
    content_type: Option<String>,
    /// Its bytes: the PUT must have exactly as many.
    #[schema(required = true, value_type = u64, minimum = 1, maximum = 10_485_760)]
    size: Option<u64>,
}

/// Where to put the file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UploadOut {
    /// The document that it becomes.
    id: DocumentId,
    /// Where to `PUT` it, within 15 minutes.
    url: String,
    /// The headers to send with it.
    headers: BTreeMap<String, String>,
}

/// Whether it can be a header of the PUT.
fn is_media_type(stated: &str) -> bool {
    stated.len() <= 127 && stated.contains('/') && stated.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

/// Announce a file of up to 10 MB.
#[utoipa::path(
    post, path = "/api/v1/documents/uploads", tag = "documents", request_body = UploadIn,
    responses((status = 201, description = "Where to put the file", body = UploadOut))
)]
pub(crate) async fn create_upload(
    State(app): State<App>,
    Admin(caller): Admin,
    body: Bytes,
) -> Result<(StatusCode, Json<UploadOut>), Error> {
    // Read twice, so that a wrong type in either half names its field.
    let UploadIn {
        filename,
        content_type,
        size,
    } = parse_json(&body)?;
    let fields: DocumentIn = parse_json(&body)?;
    let filename = filename.filter(|name| !name.is_empty() && name.chars().count() <= 300);
    let filename = filename.ok_or_else(|| Error::field("filename", "is required, at most 300 characters"))?;
    let content_type = content_type
        .filter(|stated| is_media_type(stated))
        .ok_or_else(|| Error::field("content_type", "is required, like application/pdf"))?;
    let size = size
        .filter(|size| *size > 0)
        .ok_or_else(|| Error::field("size", "is required: the file's bytes"))?;
    if size > MAX_UPLOAD {
        return Err(Error::TooLarge("Files may have at most 10 MB".to_owned()));
    }
    let media = MediaType::detect(Some(&content_type), Some(&filename), &[]);
    media.map_err(|error| Error::UnsupportedMediaType(error.to_string()))?;
    fields.check()?;
    let mut document = draft(&app, &caller, fields, Some(&filename)).await?;
    let presigned = app
        .blobs
        .presign_put(&document.latest.blob, &content_type, size)
        .await?;
    document.latest.filename = Some(filename);
    document.latest.content_type = Some(content_type);
    add(&app, &document, Vec::new()).await?;
    let headers = presigned
        .headers
        .into_iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .collect();
    Ok((
        StatusCode::CREATED,
        Json(UploadOut {
            id: document.id,
            url: presigned.url,
            headers,
        }),
    ))
}
