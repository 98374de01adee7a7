//! The text of a document on its way from a file format to chunks.

use std::fmt;

/// A document's text in reading order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// What the document calls itself: PDF metadata, HTML `<title>`, a first-level heading.
    pub title: Option<String>,
    /// How many pages it has, for formats that have pages.
    pub pages: Option<u32>,
    /// Its text; no block is empty.
    pub blocks: Vec<Block>,
}

/// A paragraph, a list item, a table row or a piece of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The page on which it begins, counted from 1.
    pub page: Option<u32>,
    /// The nearest heading above it.
    pub section: Option<String>,
    /// Its text, without control characters and never empty.
    pub text: String,
}

/// Why a file could not be read: one sentence that a person understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(pub String);

impl ParseError {
    /// An error from its sentence.
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

/// A text with runs of white space made one space and invisible characters removed.
pub(super) fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() || c == '\u{a0}' {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else if is_visible(c) {
            out.push(c);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether a character shows: neither a control character nor one of zero width, nor a stand-in for what could not be read.
pub(super) fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}')
}

/// Blocks under the headings they belong to. A heading with nothing under it becomes a block, so that no text is lost.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// The blocks so far.
    pub blocks: Vec<Block>,
    section: Option<String>,
    /// The heading that has no text yet, with its page.
    bare: Option<(Option<u32>, String)>,
}

impl Outline {
    /// Begins a section; white space is squeezed and an empty heading ignored.
    pub fn heading(&mut self, page: Option<u32>, text: &str) {
        let text = squeeze(text);
        if text.is_empty() {
            return;
        }
        self.flush();
        self.bare = Some((page, text.clone()));
        self.section = Some(text.chars().take(200).collect());
    }

    /// Adds a block of running text.
    pub fn text(&mut self, page: Option<u32>, text: &str) {
        self.verbatim(page, &squeeze(text));
    }

    /// Adds a block whose line breaks matter, such as code.
    pub fn verbatim(&mut self, page: Option<u32>, text: &str) {
        let text: String = text
            .chars()
            .filter(|&c| c == '\n' || c == '\t' || is_visible(c))
            .collect();
        let text = text.trim_matches('\n').trim_end();
        if text.trim().is_empty() {
            return;
        }
        self.bare = None;
        self.blocks.push(Block {
            page,
            section: self.section.clone(),
            text: text.to_owned(),
        });
    }

    /// The finished blocks.
    pub fn finish(mut self) -> Vec<Block> {
        self.flush();
        self.blocks
    }

    fn flush(&mut self) {
        if let Some((page, text)) = self.bare.take() {
            self.blocks.push(Block {
                page,
                section: self.section.clone(),
                text,
            });
        }
    }
}
