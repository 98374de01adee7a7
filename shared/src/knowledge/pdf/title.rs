//! What a PDF is called.

use super::columns::Line;
use crate::knowledge::parsed::squeeze;
use pdf_extract::{Dictionary, Document, Object, decode_text_string};

/// The title from the file's metadata where it is one, or else the largest line of the first page.
pub(super) fn of(document: &Document, pages: &[(u32, Vec<Line>)], body: f64) -> Option<String> {
    let info = document
        .trailer
        .get_deref(b"Info", document)
        .and_then(Object::as_dict)
        .ok();
    info.and_then(|info| stated(info, document))
        .or_else(|| largest(pages, body))
}

fn stated(info: &Dictionary, document: &Document) -> Option<String> {
    let title = squeeze(&decode_text_string(info.get_deref(b"Title", document).ok()?).ok()?);
    let lower = title.to_lowercase();
    // What programs write when nobody gave a title.
    let is_filler = [
        "untitled",
        "microsoft word",
        "microsoft powerpoint",
        "powerpoint presentation",
        "document",
        "about:blank",
        "(anonymous)",
    ]
    .iter()
    .any(|filler| {
        lower == *filler || lower.starts_with(&format!("{filler} - ")) || lower.starts_with(&format!("{filler}."))
    });
    let is_file = !title.contains(' ')
        && [
            ".doc", ".docx", ".pdf", ".tex", ".dvi", ".html", ".htm", ".md", ".txt", ".indd",
        ]
        .iter()
        .any(|e| lower.ends_with(e));
    let says_something = title.chars().filter(|c| c.is_alphanumeric()).count() >= 2 && title.chars().count() <= 300;
    (says_something && !is_filler && !is_file).then_some(title)
}

fn largest(pages: &[(u32, Vec<Line>)], body: f64) -> Option<String> {
    let lines = &pages.first()?.1;
    let size = lines.iter().map(|line| line.size).fold(0.0, f64::max);
    if size < body * 1.2 {
        return None;
    }
    let from = lines.iter().position(|line| line.size > 0.97 * size)?;
    let title: Vec<&str> = lines
        .iter()
        .skip(from)
        .take_while(|line| line.size > 0.97 * size)
        .take(3)
        .map(|line| line.text.as_str())
        .collect();
    Some(squeeze(&title.join(" "))).filter(|title| (3..=200).contains(&title.chars().count()))
}
