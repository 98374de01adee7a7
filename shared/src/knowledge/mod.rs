//! What documents say: files of several formats become blocks of text with their page and section, and blocks become the
//! passages that retrieval indexes and answers cite. Nothing here reads or writes anything outside its arguments.

mod bounded;
mod chunk;
mod csv;
mod decode;
mod html;
mod markdown;
mod media;
mod parsed;
mod pdf;
mod plain;
#[cfg(test)]
mod properties;

pub use chunk::{Chunk, MAX_CHUNKS, chunk};
pub use media::MediaType;
pub use parsed::{Block, ParseError, Parsed};

use bounded::{Limits, within};

/// Reads a file's text. It blocks for as long as the file takes, at most about a minute, so an async caller wraps it in
/// `spawn_blocking`. Whatever the bytes are, the answer is text or a sentence that says why there is none: the work runs
/// on a thread of its own with a large stack, a deadline and bounded memory, and a panic there ends only that thread.
///
/// # Errors
/// [`ParseError`], a sentence for the person who uploaded the file.
pub fn parse(content_type: MediaType, bytes: &[u8]) -> Result<Parsed, ParseError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ParseError::new("This file is empty."));
    }
    let bytes = bytes.to_vec();
    let parsed = within(Limits::default(), move |limits| match content_type {
        MediaType::Pdf => pdf::parse(&bytes, limits),
        MediaType::Markdown => markdown::parse(&decode::text(&bytes), limits),
        MediaType::Html => html::parse(&decode::html(&bytes), limits),
        MediaType::Csv => csv::parse(&decode::text(&bytes), limits),
        MediaType::Text => plain::parse(&decode::text(&bytes), limits),
    })?;
    if parsed.blocks.is_empty() {
        return Err(ParseError::new("There is no text in this file."));
    }
    Ok(parsed)
}
