//! A source's lines put together again to headings, paragraphs and list items.

/// A line at most this many words long, without a full stop, can be a heading.
const HEADING_WORDS: usize = 9;
/// A list is quoted together with its lead-in up to this many characters.
const LIST_CHARS: usize = 320;

/// A part of a source.
pub(super) enum Block {
    Heading(String),
    Text(String),
}

/// Joins wrapped lines to paragraphs and list items, and tells headings from both.
pub(super) fn blocks(text: &str, section: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut blocks = Blocks::default();
    for (at, line) in lines.iter().enumerate() {
        let following = lines.get(at + 1..).unwrap_or_default();
        let at_start = blocks.open.is_empty() || blocks.gap || ends_a_sentence(&blocks.open);
        if line.is_empty() {
            blocks.gap();
        } else if at_start && is_heading(line, following, section) {
            blocks.flush();
            let heading = line.trim_start_matches('#').trim();
            blocks.done.push(Block::Heading(heading.to_owned()));
        } else if let Some(item) = item(line) {
            blocks.item(item);
        } else if line.starts_with('|') {
            blocks.flush();
            blocks.done.push(Block::Text((*line).to_owned()));
        } else {
            blocks.continue_with(line);
        }
    }
    blocks.flush();
    blocks.done
}

/// The parts so far.
#[derive(Default)]
struct Blocks {
    done: Vec<Block>,
    open: String,
    /// Whether the open part is a lead-in that has its list's first items already.
    listing: bool,
    /// Whether a blank line came after the open part.
    gap: bool,
}

impl Blocks {
    /// A blank line. A lead-in and its list are often one apart, and so are the items.
    fn gap(&mut self) {
        self.gap = true;
        if !self.open.ends_with(':') && !self.listing {
            self.flush();
        }
    }

    fn continue_with(&mut self, line: &str) {
        if self.listing && self.gap {
            self.flush();
        }
        if !self.open.is_empty() {
            self.open.push(' ');
        }
        self.open.push_str(line);
    }

    /// A list item joins its lead-in (`…the following:`) while the two are short; otherwise it stands by itself.
    fn item(&mut self, item: &str) {
        let room = self.open.len() + item.len() < LIST_CHARS;
        if self.listing && room {
            let end = self.open.trim_end_matches(['.', ';', ',']).len();
            self.open.truncate(end);
            self.open.push_str("; ");
        } else if self.open.ends_with(':') && room {
            self.open.push(' ');
            self.listing = true;
        } else {
            self.flush();
        }
        self.open.push_str(item);
        self.gap = false;
    }

    fn flush(&mut self) {
        (self.listing, self.gap) = (false, false);
        if !self.open.is_empty() {
            self.done.push(Block::Text(std::mem::take(&mut self.open)));
        }
    }
}

/// The text of a list item's line.
fn item(line: &str) -> Option<&str> {
    let bullet = line.strip_prefix(['-', '*', '•', '–', '‣', '·', '●', '▪']);
    let numbered = || {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        (1..=2)
            .contains(&digits)
            .then(|| line[digits..].strip_prefix(['.', ')']))
            .flatten()
    };
    let rest = bullet.or_else(numbered)?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim())
}

fn ends_a_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '\'', ')', '”', '’', '*'])
        .ends_with(['.', '!', '?', '。', '！', '？'])
}

/// Whether a line stands over the `following` ones rather than among them.
fn is_heading(line: &str, following: &[&str], section: &str) -> bool {
    if line.starts_with('#') || (!section.is_empty() && line.eq_ignore_ascii_case(section)) {
        return true;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let plain = words.len() <= HEADING_WORDS
        && !line.ends_with(['.', ',', ';', ':', '!', '?', '|', '-'])
        && item(line).is_none();
    let Some(next) = following.iter().find(|next| !next.is_empty()) else {
        return false;
    };
    let alone = following.first().is_some_and(|next| next.is_empty());
    let capital = |word: &&&str| word.starts_with(|c: char| c.is_uppercase() || c.is_numeric());
    let long_words = words.iter().filter(|word| word.len() > 3);
    let titled = long_words.clone().filter(capital).count() == long_words.count();
    plain
        && words.first().is_some_and(|word| capital(&word))
        && !next.starts_with(char::is_lowercase)
        && (alone || titled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_headings_paragraphs_and_lists() {
        let text = "# Restores\nTo start one\nin a hurry:\n\n1. Open a ticket.\n2. Wait for\nthe engineer.\n\nThen check it.\n\n\
                    Who May Ask\nAnyone who is on call.\n| a | b |\n- alone";
        let shown: Vec<String> = blocks(text, "")
            .into_iter()
            .map(|block| match block {
                Block::Heading(text) => format!("# {text}"),
                Block::Text(text) => text,
            })
            .collect();
        let wanted = [
            "# Restores",
            "To start one in a hurry: Open a ticket; Wait for the engineer.",
            "Then check it.",
            "# Who May Ask",
            "Anyone who is on call.",
            "| a | b |",
            "alone",
        ];
        assert_eq!(shown, wanted);
    }
}
