//! A document as it is sent: JSON with its text, or multipart with its file.

use axum::extract::{FromRequest, Multipart, Request, multipart::Field};
use bytes::Bytes;
use http::header;
use serde::Deserialize;
use shared::{
    access::{Audience, EVERYBODY, MAX_ROLES},
    app::App,
    documents::Version,
    error::Error,
    http::Json,
    ids::{DocumentId, MAX_ID_CHARS, TenantId},
    knowledge::MediaType,
};

/// Most bytes of a file in a request: Lambda takes 6 MB, encoded in base64.
pub(crate) const MAX_FILE: usize = 4 * 1024 * 1024;
const MAX_TITLE: usize = 300;
const MAX_URL: usize = 2_048;

/// What is said of a document; absent means unchanged (or none, when it is new).
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub(crate) struct DocumentIn {
    /// What it is called in citations; required when it is made without a file name.
    #[schema(min_length = 1, max_length = 300)]
    pub(crate) title: Option<String>,
    /// Its text, when there is no file.
    text: Option<String>,
    /// The media type of `text`: `text/plain` (default), `text/markdown`, `text/html` or `text/csv`.
    content_type: Option<String>,
    /// The bot that it serves.
    pub(crate) bot_id: Option<String>,
    /// The folder that it goes into; empty = none.
    pub(crate) folder_id: Option<String>,
    /// Only for this organisation; empty = any.
    #[schema(max_length = 128)]
    pub(crate) org: Option<String>,
    /// Only for callers with one of these roles; empty = any.
    #[schema(max_items = 100)]
    pub(crate) allowed_roles: Option<Vec<String>>,
    /// Where its readers find it: an http or https URL; never fetched.
    #[schema(max_length = 2048)]
    pub(crate) source_url: Option<String>,
}

/// The same as a form, with the document's file.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a form; it is read part by part")]
pub(crate) struct FileIn {
    /// The file, at most 4 MB: PDF, HTML, Markdown, plain text or CSV.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What it is called in citations; the file's name when not said.
    title: Option<String>,
    /// The bot that it serves.
    bot_id: Option<String>,
    /// The folder that it goes into; empty = none.
    folder_id: Option<String>,
    /// Only for this organisation; empty = any.
    org: Option<String>,
    /// Only for callers with one of these roles, as a JSON array or a comma-separated list; empty = any.
    allowed_roles: Option<String>,
    /// Where its readers find it: an http or https URL; never fetched.
    source_url: Option<String>,
}

/// The content of a document.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) filename: Option<String>,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

/// A request's document: what is said of it, and its content when some came along.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) fields: DocumentIn,
    pub(crate) file: Option<File>,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let declared = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let declared = declared.to_ascii_lowercase();
        let sent = if declared.starts_with("multipart/form-data") {
            let multipart = Multipart::from_request(request, state).await;
            read_parts(multipart.map_err(|error| Error::field("body", error.body_text()))?).await?
        } else if declared.is_empty()
            || declared.starts_with("application/json")
            || declared.starts_with("application/x-www-form")
        {
            let Json(fields) = Json::<DocumentIn>::from_request(request, state).await?;
            let file = fields.file()?;
            Self { fields, file }
        } else {
            return Err(Error::UnsupportedMediaType(
                "Send application/json or multipart/form-data".to_owned(),
            ));
        };
        sent.fields.check()?;
        Ok(sent)
    }
}

async fn read_parts(mut multipart: Multipart) -> Result<Sent, Error> {
    let mut sent = Sent {
        fields: DocumentIn::default(),
        file: None,
    };
    while let Some(part) = multipart
        .next_field()
        .await
        .map_err(|error| Error::field("body", error.body_text()))?
    {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            sent.file = Some(read_file(part).await?);
            continue;
        }
        let text = part
            .text()
            .await
            .map_err(|error| Error::field(name.clone(), error.body_text()))?;
        let fields = &mut sent.fields;
        match name.as_str() {
            "title" => fields.title = Some(text),
            "text" => fields.text = Some(text),
            "content_type" => fields.content_type = Some(text),
            "bot_id" => fields.bot_id = Some(text),
            "folder_id" => fields.folder_id = Some(text),
            "org" => fields.org = Some(text),
            "source_url" => fields.source_url = Some(text),
            "allowed_roles" | "allowed_roles[]" => fields.allowed_roles.get_or_insert_default().extend(roles(&text)?),
            _ => {}
        }
    }
    if sent.file.is_none() {
        sent.file = sent.fields.file()?;
    }
    Ok(sent)
}

async fn read_file(part: Field<'_>) -> Result<File, Error> {
    let filename = part.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
    if filename.as_ref().is_some_and(|name| name.chars().count() > MAX_TITLE) {
        return Err(Error::field(
            "file",
            format!("must have a name of at most {MAX_TITLE} characters"),
        ));
    }
    let declared = part.content_type().map(str::to_owned);
    let bytes = part
        .bytes()
        .await
        .map_err(|error| Error::field("file", error.body_text()))?;
    File::new(filename, declared.as_deref(), bytes, "file")
}

/// A JSON array of strings, or a comma-separated list.
fn roles(text: &str) -> Result<Vec<String>, Error> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str(text)
            .map_err(|_| Error::field("allowed_roles", "must be a JSON array of strings"));
    }
    Ok(text
        .split(',')
        .map(|role| role.trim().to_owned())
        .filter(|role| !role.is_empty())
        .collect())
}

impl File {
    /// Puts it into S3 as version `n` of a document.
    pub(crate) async fn store(
        self,
        app: &App,
        tenant: &TenantId,
        document: &DocumentId,
        n: u32,
    ) -> Result<Version, Error> {
        let version = Version {
            filename: self.filename,
            content_type: Some(self.content_type.clone()),
            size: self.bytes.len() as u64,
            ..Version::stored(tenant, document, n)
        };
        app.blobs.put(&version.blob, &self.content_type, self.bytes).await?;
        Ok(version)
    }

    /// A file of a format that is read here, neither empty nor too large.
    fn new(filename: Option<String>, declared: Option<&str>, bytes: Bytes, field: &str) -> Result<Self, Error> {
        if bytes.len() > MAX_FILE {
            return Err(Error::TooLarge(
                "Files over 4 MB do not fit into this request: POST /api/v1/documents/uploads takes up to 10 MB"
                    .to_owned(),
            ));
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::field(field, "is empty"));
        }
        let media = MediaType::detect(declared, filename.as_deref(), &bytes);
        let media = media.map_err(|error| Error::UnsupportedMediaType(error.to_string()))?;
        Ok(Self {
            filename,
            content_type: media.content_type().to_owned(),
            bytes,
        })
    }
}

impl DocumentIn {
    /// The text as a file, when there is one.
    fn file(&self) -> Result<Option<File>, Error> {
        let Some(text) = &self.text else { return Ok(None) };
        let declared = self.content_type.as_deref().unwrap_or("text/plain");
        File::new(None, Some(declared), Bytes::copy_from_slice(text.as_bytes()), "text").map(Some)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self
            .title
            .as_ref()
            .is_some_and(|title| title.trim().is_empty() || title.chars().count() > MAX_TITLE)
        {
            return Err(Error::field("title", format!("must have 1 to {MAX_TITLE} characters")));
        }
        let url = |url: &String| {
            url.is_empty() || (url.len() <= MAX_URL && (url.starts_with("https://") || url.starts_with("http://")))
        };
        if !self.source_url.as_ref().is_none_or(url) {
            return Err(Error::field(
                "source_url",
                "must be an http or https URL of at most 2,048 characters",
            ));
        }
        check_audience(self.org.as_deref(), self.allowed_roles.as_deref())
    }

    /// The audience that is stated, on top of what it was.
    pub(crate) fn audience(&self, before: &Audience) -> Audience {
        merged(before, self.org.as_deref(), self.allowed_roles.as_deref())
    }
}

/// An audience with what is stated changed; an empty organisation or list means everybody.
pub(crate) fn merged(before: &Audience, org: Option<&str>, roles: Option<&[String]>) -> Audience {
    let mut after = before.clone();
    if let Some(org) = org {
        after.org = (!org.is_empty()).then(|| org.to_owned());
    }
    if let Some(roles) = roles {
        after.allowed_roles = roles.to_vec();
        after.allowed_roles.sort();
        after.allowed_roles.dedup();
    }
    after
}

/// Refuses organisations and roles that cannot be stated by any caller.
pub(crate) fn check_audience(org: Option<&str>, roles: Option<&[String]>) -> Result<(), Error> {
    let named = |name: &str| name != EVERYBODY && name.trim() == name && name.chars().count() <= MAX_ID_CHARS;
    if !org.is_none_or(named) {
        return Err(Error::field(
            "org",
            format!("must have at most {MAX_ID_CHARS} characters, no blanks around it, and not be *"),
        ));
    }
    let roles = roles.unwrap_or_default();
    if roles.len() > MAX_ROLES || !roles.iter().all(|role| !role.is_empty() && named(role)) {
        let reason = format!("must be at most {MAX_ROLES} roles of 1 to {MAX_ID_CHARS} characters, none of them *");
        return Err(Error::field("allowed_roles", reason));
    }
    Ok(())
}
