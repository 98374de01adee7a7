//! Puts quoted sentences together to a readable answer.

use super::pick::Quote;

/// A single quote longer than this is cut at a word.
const LONGEST: usize = 560;

/// The quotes one after the other, each with the number of its source: `Sentence. [1] Another. [2]`.
pub(super) fn compose(quotes: &[Quote]) -> String {
    let said: Vec<String> = quotes
        .iter()
        .map(|quote| format!("{} [{}]", readable(quote), quote.id))
        .collect();
    said.join(" ")
}

fn readable(quote: &Quote) -> String {
    let mut text = String::with_capacity(quote.text.len() + 4);
    if !quote.whole {
        text.push('…');
    }
    match shortened(&quote.text) {
        Some(short) => {
            text.push_str(short.trim_end_matches([',', ';', ':', ' ']));
            text.push('…');
        }
        None => text.push_str(&quote.text),
    }
    if text.ends_with(|c: char| c.is_alphanumeric() || c == '%') {
        text.push('.');
    }
    text
}

/// The words of a text that is too long, as far as there is room.
fn shortened(text: &str) -> Option<&str> {
    if text.len() <= LONGEST {
        return None;
    }
    let room = text.floor_char_boundary(LONGEST);
    let end = text[..room].rfind(' ').unwrap_or(room);
    Some(&text[..end])
}
