//! Which format a file has, from what its sender says, its name and its first bytes.

use super::parsed::ParseError;

/// A format whose text can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// Portable Document Format.
    Pdf,
    /// Markdown (CommonMark with tables).
    Markdown,
    /// HTML.
    Html,
    /// Plain text.
    Text,
    /// Comma, semicolon or tab separated values with a header row.
    Csv,
}

impl MediaType {
    /// The format of a file. The bytes decide where they are unmistakable (PDF, other binary formats), then the name's
    /// extension, then the declared content type, then a look at the text.
    ///
    /// # Errors
    /// A sentence that names the supported formats when this is none of them.
    pub fn detect(declared: Option<&str>, filename: Option<&str>, bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes
            .get(..bytes.len().min(1024))
            .is_some_and(|head| head.windows(5).any(|w| w == b"%PDF-"))
        {
            return Ok(Self::Pdf);
        }
        let extension = filename
            .and_then(|name| name.rsplit_once('.'))
            .map(|(_, extension)| extension.to_lowercase());
        let declared = declared.map(|d| d.split(';').next().unwrap_or(d).trim().to_lowercase());
        let by_extension = extension.as_deref().and_then(Self::of_extension);
        let by_content_type = declared.as_deref().and_then(Self::of_content_type);
        match by_extension.or(by_content_type) {
            // Says PDF but does not begin like one; the PDF reader has the right sentence for it.
            Some(Self::Pdf) => Ok(Self::Pdf),
            _ if is_binary(bytes) => Err(unsupported(extension.as_deref(), declared.as_deref())),
            Some(Self::Text) if by_extension.is_none() && looks_like_html(bytes) => Ok(Self::Html),
            Some(known) => Ok(known),
            None if refuses(extension.as_deref(), declared.as_deref()) => {
                Err(unsupported(extension.as_deref(), declared.as_deref()))
            }
            None if looks_like_html(bytes) => Ok(Self::Html),
            None => Ok(Self::Text),
        }
    }

    /// The content type to declare for it.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Markdown => "text/markdown",
            Self::Html => "text/html",
            Self::Text => "text/plain",
            Self::Csv => "text/csv",
        }
    }

    fn of_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "pdf" => Self::Pdf,
            "md" | "markdown" | "mdown" | "mkd" => Self::Markdown,
            "html" | "htm" | "xhtml" => Self::Html,
            "txt" | "text" | "log" | "rst" => Self::Text,
            "csv" | "tsv" => Self::Csv,
            _ => return None,
        })
    }

    fn of_content_type(declared: &str) -> Option<Self> {
        Some(match declared {
            "application/pdf" | "application/x-pdf" => Self::Pdf,
            "text/markdown" | "text/x-markdown" => Self::Markdown,
            "text/html" | "application/xhtml+xml" => Self::Html,
            "text/csv" | "text/tab-separated-values" | "application/csv" => Self::Csv,
            "text/plain" => Self::Text,
            _ => return None,
        })
    }
}

/// Whether a name or declared type that we do not know says more than "some bytes" or "some text".
fn refuses(extension: Option<&str>, declared: Option<&str>) -> bool {
    const OTHERS: [&str; 16] = [
        "doc", "docx", "odt", "rtf", "xls", "xlsx", "ods", "ppt", "pptx", "key", "pages", "epub", "zip", "xml", "json",
        "svg",
    ];
    extension.is_some_and(|e| OTHERS.contains(&e))
        || declared.is_some_and(|d| {
            !d.is_empty() && d != "application/octet-stream" && d != "binary/octet-stream" && !d.starts_with("text/")
        })
}

fn unsupported(extension: Option<&str>, declared: Option<&str>) -> ParseError {
    let what = match (extension, declared) {
        (Some(extension), _) if extension.len() <= 12 && extension.chars().all(char::is_alphanumeric) => {
            format!(" (.{extension})")
        }
        (_, Some(declared)) if !declared.is_empty() && declared.len() <= 80 => format!(" ({declared})"),
        _ => String::new(),
    };
    ParseError::new(format!(
        "Files of this type{what} cannot be read yet. Supported are PDF, Markdown, HTML, plain text and CSV."
    ))
}

/// Whether bytes are no text in any encoding that we read: NUL bytes without a UTF-16 mark, or many control characters.
fn is_binary(bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return false;
    }
    let head = bytes.get(..bytes.len().min(8192)).unwrap_or(bytes);
    let controls = head
        .iter()
        .filter(|b| matches!(b, 0..=8 | 14..=26 | 28..=31 | 127))
        .count();
    head.contains(&0) || controls * 50 > head.len().max(50)
}

fn looks_like_html(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(512)).unwrap_or(bytes)).to_lowercase();
    let head = head.trim_start_matches('\u{feff}').trim_start();
    head.starts_with("<!doctype html")
        || head.starts_with("<html")
        || (head.starts_with("<?xml") && head.contains("<html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_then_name_then_declared_type_decide() {
        let detect = |declared, name, bytes: &[u8]| MediaType::detect(declared, name, bytes).unwrap();
        assert_eq!(detect(Some("text/plain"), Some("a.txt"), b"%PDF-1.7"), MediaType::Pdf);
        assert_eq!(
            detect(Some("application/octet-stream"), Some("A.MD"), b"# a"),
            MediaType::Markdown
        );
        assert_eq!(detect(Some("text/html; charset=utf-8"), None, b"hi"), MediaType::Html);
        assert_eq!(detect(None, Some("page"), b"\n<!DOCTYPE html><p>hi"), MediaType::Html);
        assert_eq!(detect(None, None, b"hi"), MediaType::Text);
        assert_eq!(detect(Some("text/plain"), Some("rows.csv"), b"a,b"), MediaType::Csv);
        assert_eq!(detect(None, Some("u.txt"), &[0xff, 0xfe, b'h', 0]), MediaType::Text);
    }

    #[test]
    fn other_types_are_refused_with_a_sentence_that_names_the_supported_ones() {
        for (declared, name, bytes) in [
            (None, Some("letter.docx"), &b"PK\x03\x04\x14\x00\x06\x00"[..]),
            (Some("image/png"), None, b"\x89PNG\r\n\x1a\n\0\0"),
            (Some("application/json"), None, b"{}"),
            (None, Some("notes.txt"), b"\x00\x01\x02"),
        ] {
            let error = MediaType::detect(declared, name, bytes).unwrap_err().0;
            assert!(error.contains("PDF, Markdown, HTML, plain text and CSV"), "{error}");
        }
    }
}
