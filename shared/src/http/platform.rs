//! What the platform dialect's functions share on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{ids::DocumentId, messages::Citation};

/// A citation in the platform dialect.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlatformCitation)]
pub struct CitationOut {
    /// The document.
    pub document_id: DocumentId,
    /// Its title.
    pub document_title: String,
    /// Page, from 1, where the document has pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Heading above the passage, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The passage, at most 300 characters.
    pub excerpt: String,
}

impl From<Citation> for CitationOut {
    fn from(citation: Citation) -> Self {
        Self {
            document_id: citation.document,
            document_title: citation.title,
            page: citation.page,
            section: citation.section,
            excerpt: citation.excerpt,
        }
    }
}
