//! Running headers, footers and page numbers, which are no part of the text.

use super::columns::Line;
use std::collections::{HashMap, HashSet};

/// How many lines at the top and at the bottom of a page are looked at.
const EDGE: usize = 3;

/// Removes lines at the edges of pages that repeat over pages, as they are or with a number that counts the pages. Of one
/// that reads like a sentence the first copy stays: it may be what the document has to say.
pub(super) fn remove(pages: &mut [(u32, Vec<Line>)], body: f64) {
    let mut seen: HashMap<String, HashSet<u32>> = HashMap::new();
    for (page, lines) in pages.iter() {
        for line in edges(lines).concat().into_iter().filter_map(|i| lines.get(i)) {
            for key in keys(&line.text, *page) {
                seen.entry(key).or_default().insert(*page);
            }
        }
    }
    let all = pages.len();
    let mut said: HashSet<String> = HashSet::new();
    for (page, lines) in pages.iter_mut() {
        let repeats = |line: &Line| {
            let counts: Vec<usize> = keys(&line.text, *page)
                .iter()
                .map(|key| seen.get(key).map_or(0, HashSet::len))
                .collect();
            let same = counts.first().copied().unwrap_or(0);
            let most = counts.into_iter().max().unwrap_or(0);
            if line.size > body * 1.1 {
                // Large type that repeats now and then is a heading, such as the same title on several slides, and so is
                // large type that counts, such as `Chapter 4`.
                return same >= 3 && same * 10 >= all * 6;
            }
            most >= 3 || (all == 2 && most == 2) || is_page_number(&line.text, *page)
        };
        let [top, bottom] = edges(lines);
        // From the edge inwards, up to the first line that belongs to the text.
        let from_edge = |edge: Vec<usize>| {
            edge.into_iter()
                .take_while(|i| lines.get(*i).is_some_and(repeats))
                .collect::<Vec<_>>()
        };
        let mut drop: Vec<usize> = from_edge(top).into_iter().chain(from_edge(bottom)).collect();
        drop.sort_unstable();
        drop.dedup();
        drop.retain(|i| {
            let text = lines.get(*i).map_or("", |line| line.text.as_str());
            !is_sentence(text) || !said.insert(text.to_lowercase())
        });
        for i in drop.into_iter().rev() {
            lines.remove(i);
        }
        if let Some(first) = lines.first_mut() {
            first.begins_column = true;
        }
    }
}

/// Whether a line reads like a sentence rather than a running header.
fn is_sentence(text: &str) -> bool {
    text.trim_end().ends_with(['.', '!', '?']) && text.split_whitespace().count() >= 4
}

/// The lines nearest to the top and those nearest to the bottom, the outermost first.
fn edges(lines: &[Line]) -> [Vec<usize>; 2] {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    let height = |i: &usize| lines.get(*i).map_or(0.0, |line| line.y);
    order.sort_by(|a, b| height(b).total_cmp(&height(a)));
    let bottom = order.iter().rev().take(EDGE).copied().collect();
    order.truncate(EDGE);
    [order, bottom]
}

/// What a line looks like on every page: its text, and its text with the first or last number made relative to the page.
fn keys(text: &str, page: u32) -> Vec<String> {
    let text = text.to_lowercase();
    let mut keys = vec![text.clone()];
    let numbers = number_ranges(&text);
    for range in numbers
        .first()
        .into_iter()
        .chain(numbers.last().filter(|_| numbers.len() > 1))
    {
        let Some(number) = text.get(range.clone()).and_then(|n| n.parse::<i64>().ok()) else {
            continue;
        };
        let mut key = text.clone();
        key.replace_range(range.clone(), &format!("#{}", number - i64::from(page)));
        keys.push(key);
    }
    keys
}

fn number_ranges(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, _) in text.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
        match ranges.last_mut() {
            Some(open) if open.end == at => open.end = at + 1,
            _ => ranges.push(at..at + 1),
        }
    }
    ranges.retain(|range| range.len() <= 6);
    ranges
}

/// Whether a line only says which page this is.
fn is_page_number(text: &str, page: u32) -> bool {
    let text = text.to_lowercase();
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
    let bare = bare.strip_prefix("page").map_or(bare, str::trim);
    let number = bare.split([' ', '/', '|']).next().unwrap_or_default();
    let rest = bare
        .get(number.len()..)
        .unwrap_or_default()
        .trim_matches([' ', '/', '|']);
    let rest = rest.strip_prefix("of").map_or(rest, str::trim);
    number == page.to_string() && rest.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(y: f64, size: f64, text: &str) -> Line {
        Line {
            x0: 0.0,
            x1: 100.0,
            y,
            size,
            bold: false,
            is_row: false,
            column: (0.0, 100.0),
            begins_column: false,
            text: text.into(),
        }
    }

    #[test]
    fn what_repeats_at_the_edges_goes_and_headings_stay() {
        let mut pages: Vec<(u32, Vec<Line>)> = (1..=4)
            .map(|n| {
                let body = (0..8).map(|i| line(600.0 - f64::from(i), 10.0, &format!("text {n} {i} {}", n * n)));
                let mut lines = vec![line(750.0, 9.0, "Handbook"), line(700.0, 16.0, &format!("Chapter {n}"))];
                lines.extend(body);
                lines.push(line(40.0, 9.0, &format!("Confidential — page {} of 9", n + 2)));
                (n, lines)
            })
            .collect();
        remove(&mut pages, 10.0);
        for (n, lines) in pages {
            assert_eq!(
                (lines.len(), lines[0].text.as_str()),
                (9, format!("Chapter {n}").as_str())
            );
        }
    }

    #[test]
    fn a_sentence_that_repeats_is_said_once() {
        let sentence = "All drones must be registered by Friday.";
        let mut pages: Vec<(u32, Vec<Line>)> = (1..=3)
            .map(|n| (n, vec![line(700.0, 10.0, sentence), line(40.0, 9.0, "Harbour office")]))
            .collect();
        remove(&mut pages, 10.0);
        let left: Vec<&str> = pages
            .iter()
            .flat_map(|(_, lines)| lines)
            .map(|line| line.text.as_str())
            .collect();
        assert_eq!(left, [sentence]);
    }

    #[test]
    fn page_numbers_on_a_single_page() {
        assert!(is_page_number("- 7 -", 7) && is_page_number("Page 7 of 12", 7) && is_page_number("7/12", 7));
        assert!(!is_page_number("7 days", 7) && !is_page_number("2026", 7));
    }
}
