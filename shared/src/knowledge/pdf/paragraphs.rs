//! Lines to paragraphs and headings.

use super::columns::Line;
use super::hyphens::Hyphens;
use crate::knowledge::parsed::Outline;
use crate::knowledge::plain::starts_item;

/// Type this much larger than the body's is a heading.
const LARGER: f64 = 1.12;

/// Lines that belong together.
struct Paragraph<'l> {
    lines: Vec<&'l Line>,
}

/// Reads the lines of all pages into an outline.
pub(super) fn outline(pages: &[(u32, Vec<Line>)], body: f64, hyphens: &Hyphens) -> Outline {
    let mut outline = Outline::default();
    let mut open: Option<(u32, String)> = None;
    let body_is_bold = is_mostly_bold(pages);
    for (page, lines) in pages {
        let paragraphs = paragraphs(lines, body);
        let style = Style { body, body_is_bold };
        let has_heading = paragraphs.iter().any(|p| style.is_heading(p));
        for (i, paragraph) in paragraphs.iter().enumerate() {
            let text = paragraph.text(hyphens);
            let next = paragraphs.get(i + 1);
            if style.is_heading(paragraph)
                || (i == 0 && !has_heading && style.looks_like_heading(paragraph, next, &text))
            {
                close(&mut open, &mut outline);
                outline.heading(Some(*page), &text);
            } else if let Some((_, before)) = open.as_mut().filter(|(_, before)| flows_on(before, paragraph)) {
                hyphens.join(before, &text);
            } else {
                close(&mut open, &mut outline);
                open = Some((*page, text));
            }
        }
    }
    close(&mut open, &mut outline);
    outline
}

fn close(open: &mut Option<(u32, String)>, outline: &mut Outline) {
    if let Some((page, text)) = open.take() {
        outline.text(Some(page), &text);
    }
}

/// Whether a paragraph at the top of a page or column is the rest of the one before it.
fn flows_on(before: &str, next: &Paragraph<'_>) -> bool {
    let Some(first) = next.lines.first() else { return false };
    let ended = before.ends_with(['.', '!', '?', ':', '”', '"']);
    first.begins_column
        && !first.is_row
        && !ended
        && first.text.starts_with(char::is_lowercase)
        && !starts_item(&first.text)
}

fn paragraphs(lines: &[Line], body: f64) -> Vec<Paragraph<'_>> {
    let leading = usual_leading(lines, body);
    let mut paragraphs: Vec<Paragraph<'_>> = Vec::new();
    for line in lines {
        match paragraphs.last_mut() {
            Some(open) if goes_on(open, line, leading) => open.lines.push(line),
            _ => paragraphs.push(Paragraph { lines: vec![line] }),
        }
    }
    paragraphs
}

/// The usual distance of lines in units of their font size.
fn usual_leading(lines: &[Line], body: f64) -> f64 {
    let mut distances: Vec<f64> = lines
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] if !b.begins_column && (b.size - body).abs() < 0.1 * body => Some((a.y - b.y) / b.size),
            _ => None,
        })
        .filter(|d| (0.9..2.6).contains(d))
        .collect();
    distances.sort_by(f64::total_cmp);
    // Among the small ones, as the gaps between paragraphs and list items are counted too.
    distances.get(distances.len() / 7).copied().unwrap_or(1.2)
}

fn goes_on(open: &Paragraph<'_>, line: &Line, leading: f64) -> bool {
    let Some(last) = open.lines.last() else { return false };
    if line.begins_column || line.is_row || last.is_row || starts_item(&line.text) {
        return false;
    }
    let restyled = (line.size - last.size).abs() > 0.1 * last.size || line.bold != last.bold;
    let distance = (last.y - line.y) / line.size.max(last.size);
    if restyled || distance > leading.max(1.0) * 1.3 || distance < 0.0 {
        return false;
    }
    let is_item = open.lines.first().is_some_and(|first| starts_item(&first.text));
    let indented = line.x0 - last.x0 > 0.8 * line.size && !is_item;
    let width = line.column.1 - line.column.0;
    let ended_early = last.column.1 - last.x1 > 0.15 * width && last.text.ends_with(['.', '!', '?', ':', ';']);
    let ends = last.text.ends_with(['.', '!', '?', ':']);
    !(ended_early
        || (indented && ends)
        || (is_item && line.x0 + 0.5 * line.size < open.lines.first().map_or(0.0, |f| f.x0)))
}

impl Paragraph<'_> {
    fn text(&self, hyphens: &Hyphens) -> String {
        let mut text = String::new();
        for line in &self.lines {
            hyphens.join(&mut text, &line.text);
        }
        text
    }
}

/// What the body of the document looks like.
struct Style {
    body: f64,
    body_is_bold: bool,
}

impl Style {
    fn is_heading(&self, paragraph: &Paragraph<'_>) -> bool {
        let characters: usize = paragraph.lines.iter().map(|line| line.text.chars().count()).sum();
        let (Some(first), Some(last)) = (paragraph.lines.first(), paragraph.lines.last()) else {
            return false;
        };
        let says_something = first.text.chars().any(char::is_alphabetic);
        if first.is_row || !says_something || paragraph.lines.len() > 3 || characters > 150 || is_bullet(&first.text) {
            return false;
        }
        if first.size >= self.body * LARGER {
            return true;
        }
        let is_bold = !self.body_is_bold && paragraph.lines.iter().all(|line| line.bold);
        is_bold && characters <= 100 && first.size >= self.body * 0.95 && !last.text.ends_with(['.', ',', ';', ':'])
    }

    /// Whether the first line of a page that has no heading by its type reads like one.
    fn looks_like_heading(&self, paragraph: &Paragraph<'_>, next: Option<&Paragraph<'_>>, text: &str) -> bool {
        let [line] = paragraph.lines.as_slice() else {
            return false;
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let followed = next
            .and_then(|n| n.lines.first())
            .is_some_and(|n| !n.is_row && n.text.len() > text.len() / 2);
        if line.is_row
            || !followed
            || text.chars().count() > 80
            || words.len() > 12
            || text.ends_with(['.', ',', ';', ':', '!'])
            || is_bullet(text)
        {
            return false;
        }
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let all_caps = letters >= 4 && !text.chars().any(char::is_lowercase);
        let numbered = starts_item(text)
            || text.starts_with(|c: char| c.is_ascii_digit()) && words.len() > 1 && text.contains('.');
        let long: Vec<&&str> = words.iter().filter(|w| w.chars().count() > 3).collect();
        let title_case = !long.is_empty()
            && long.iter().all(|w| w.starts_with(char::is_uppercase))
            && text.starts_with(char::is_uppercase);
        letters >= 3 && (all_caps || numbered || title_case)
    }
}

fn is_bullet(text: &str) -> bool {
    starts_item(text) && !text.starts_with(|c: char| c.is_alphanumeric() || c == '(')
}

fn is_mostly_bold(pages: &[(u32, Vec<Line>)]) -> bool {
    let lines = || pages.iter().flat_map(|(_, lines)| lines);
    let bold: usize = lines().filter(|line| line.bold).map(|line| line.text.len()).sum();
    let all: usize = lines().map(|line| line.text.len()).sum();
    bold * 2 > all
}

/// The font size of most characters, to the half point.
pub(super) fn body_size(pages: &[(u32, Vec<Line>)]) -> f64 {
    let mut sizes: std::collections::HashMap<i64, usize> = std::collections::HashMap::new();
    for line in pages.iter().flat_map(|(_, lines)| lines) {
        *sizes.entry((line.size * 2.0).round() as i64).or_default() += line.text.len();
    }
    let most = sizes.into_iter().max_by_key(|(size, bytes)| (*bytes, *size));
    most.map_or(10.0, |(size, _)| (size as f64 / 2.0).max(0.5))
}
