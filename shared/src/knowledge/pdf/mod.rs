//! PDF: pages of placed glyphs become paragraphs under headings.
//!
//! The library that the file is opened with knows the file's structure; what a page's text operators mean, in which order
//! its text is read, and what of it is heading, header or paragraph is decided here.

mod cmap;
mod columns;
mod encoding;
mod filters;
mod font;
mod furniture;
mod hyphens;
mod interpret;
mod lexer;
mod matrix;
mod open;
mod paragraphs;
mod rebuild;
mod rows;
#[cfg(test)]
pub(super) mod sample;
mod spans;
mod table;
#[cfg(test)]
mod tests;
mod title;
mod widths;

use super::bounded::Limits;
use super::parsed::{ParseError, Parsed};
use columns::Line;

/// Reads a PDF.
pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Parsed, ParseError> {
    let document = open::open(bytes, limits)?;
    let ids: Vec<_> = document.page_iter().take(limits.pages + 1).collect();
    limits.pages(ids.len())?;
    let mut interpreter = interpret::Interpreter::new(&document, limits);
    let mut pages: Vec<(u32, Vec<Line>)> = Vec::new();
    for (number, id) in (1..).zip(&ids) {
        limits.time()?;
        let Ok(page) = document.get_dictionary(*id) else {
            continue;
        };
        let spans = interpreter.page(page)?;
        pages.push((number, columns::lines(rows::fragments(spans.all))));
    }
    if pages.iter().all(|(_, lines)| lines.is_empty()) {
        return Err(ParseError::new(
            "There is no text in this PDF: its pages are images, as scanners make them. Run text recognition (OCR) over it first.",
        ));
    }
    let body = paragraphs::body_size(&pages);
    let title = title::of(&document, &pages, body);
    furniture::remove(&mut pages, body);
    let hyphens = hyphens::Hyphens::new(&pages);
    let blocks = paragraphs::outline(&pages, body, &hyphens).finish();
    Ok(Parsed {
        title,
        pages: u32::try_from(ids.len()).ok(),
        blocks,
    })
}
