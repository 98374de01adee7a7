//! Plain text: paragraphs are parted by blank lines.

use super::bounded::Limits;
use super::parsed::{Outline, ParseError, Parsed};

/// Reads plain text. Lines of a paragraph are joined, except where they look like a list or a table of their own.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<Parsed, ParseError> {
    limits.text(text.len())?;
    let mut outline = Outline::default();
    let mut paragraph = String::new();
    // Old files end lines with a carriage return alone.
    let ends: &[char] = if text.contains('\n') {
        &['\n', '\u{c}', '\u{2029}']
    } else {
        &['\r', '\u{c}', '\u{2029}']
    };
    for line in text.split(ends).chain([""]) {
        let line = line.trim();
        if line.is_empty() || starts_item(line) {
            outline.text(None, &paragraph);
            paragraph.clear();
        } else if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(line);
    }
    outline.text(None, &paragraph);
    Ok(Parsed {
        title: None,
        pages: None,
        blocks: outline.finish(),
    })
}

/// Whether a line begins an item of a list: a bullet, or a number or single letter with a stop or bracket.
pub(super) fn starts_item(line: &str) -> bool {
    let Some((mark, rest)) = line.split_once(char::is_whitespace) else {
        return false;
    };
    if rest.trim().is_empty() {
        return false;
    }
    if matches!(
        mark,
        "-" | "*" | "+" | "•" | "–" | "◦" | "▪" | "‣" | "●" | "○" | "■" | "·" | "\u{f0b7}"
    ) {
        return true;
    }
    let inner = mark.trim_start_matches('(');
    let Some(inner) = inner.strip_suffix(['.', ')']) else {
        return false;
    };
    let digits =
        inner.chars().all(|c| c.is_ascii_digit() || c == '.') && inner.starts_with(|c: char| c.is_ascii_digit());
    (digits && inner.len() <= 6) || (inner.len() == 1 && mark.ends_with(')') && inner.chars().all(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_joined_and_items_kept_apart() {
        let parsed = parse(
            "One line\r\nand its end.\r\n\r\nTo do:\n- first\n  goes on\n2) second\n",
            &Limits::default(),
        )
        .unwrap();
        let texts: Vec<_> = parsed.blocks.iter().map(|b| b.text.as_str()).collect();
        assert_eq!(
            texts,
            ["One line and its end.", "To do:", "- first goes on", "2) second"]
        );
    }

    #[test]
    fn what_begins_an_item() {
        for line in ["• a", "- a", "1. a", "1.2.3. a", "(2) a", "a) b"] {
            assert!(starts_item(line), "{line}");
        }
        for line in ["2026 a", "A. Smith", "-a", "1.", "3.5 days", "word) a"] {
            assert!(!starts_item(line), "{line}");
        }
    }
}
