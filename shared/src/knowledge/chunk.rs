//! Blocks to chunks: the passages that are indexed, retrieved and cited.

use super::parsed::{Block, Parsed};
use crate::text::sentences;

/// Chunks are filled up to about this many characters.
const TARGET: usize = 1_000;
/// No chunk is longer, in characters.
const LONGEST: usize = 1_500;
/// A shorter piece at the end of its section joins the one before, where there is room.
const TINY: usize = 200;
/// No document gives more chunks; what would come after them is left out.
pub const MAX_CHUNKS: usize = 20_000;

/// A passage of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its place in the document, from 0.
    pub n: u32,
    /// The page on which it begins.
    pub page: Option<u32>,
    /// The heading that it stands under.
    pub section: Option<String>,
    /// Its text, at most 1,500 characters. Parts of one long paragraph overlap by a sentence.
    pub text: String,
}

/// Cuts a document into chunks. Neighbouring blocks of one section and page share a chunk up to about 1,000 characters;
/// a paragraph longer than a chunk is split where sentences end.
#[must_use]
pub fn chunk(parsed: &Parsed) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for group in parsed
        .blocks
        .chunk_by(|a, b| a.page == b.page && a.section == b.section)
    {
        for text in pack(group) {
            let Ok(n) = u32::try_from(chunks.len()) else {
                return chunks;
            };
            if chunks.len() == MAX_CHUNKS {
                return chunks;
            }
            let (page, section) = group
                .first()
                .map_or((None, None), |block| (block.page, block.section.clone()));
            chunks.push(Chunk { n, page, section, text });
        }
    }
    chunks
}

/// The chunk texts of blocks that may share chunks.
fn pack(blocks: &[Block]) -> Vec<String> {
    let mut packed: Vec<String> = Vec::new();
    let mut open = String::new();
    let mut length = 0;
    for block in blocks {
        let added = chars(&block.text);
        if added > LONGEST {
            packed.extend(take(&mut open, &mut length));
            packed.extend(split(&block.text));
            continue;
        }
        if length > 0 && length + 1 + added > TARGET {
            packed.extend(take(&mut open, &mut length));
        }
        if length > 0 {
            open.push('\n');
            length += 1;
        }
        open.push_str(&block.text);
        length += added;
    }
    if let Some(rest) = take(&mut open, &mut length) {
        match packed.last_mut() {
            Some(last) if chars(&rest) < TINY && chars(last) + 1 + chars(&rest) <= LONGEST => {
                last.push('\n');
                last.push_str(&rest);
            }
            _ => packed.push(rest),
        }
    }
    packed
}

fn take(open: &mut String, length: &mut usize) -> Option<String> {
    *length = 0;
    Some(std::mem::take(open)).filter(|text| !text.is_empty())
}

/// The parts of a paragraph that is too long for one chunk; each begins with the last sentence of the part before, where
/// that leaves room for something new.
fn split(text: &str) -> Vec<String> {
    let pieces: Vec<&str> = sentences(text).into_iter().flat_map(cut).collect();
    let mut parts: Vec<String> = Vec::new();
    let mut start = 0;
    while start < pieces.len() {
        let overlap = start
            .checked_sub(1)
            .and_then(|before| pieces.get(before))
            .filter(|s| chars(s) <= TARGET / 3);
        let mut part = overlap.map_or_else(String::new, |s| (*s).to_owned());
        let mut length = chars(&part);
        let first = start;
        while let Some(piece) = pieces.get(start) {
            let added = chars(piece) + usize::from(length > 0);
            let rest_is_tiny = || {
                pieces
                    .get(start..)
                    .is_some_and(|rest| rest.iter().map(|s| chars(s) + 1).sum::<usize>() < TINY)
            };
            let limit = if start == first || rest_is_tiny() {
                LONGEST
            } else {
                TARGET
            };
            if length + added > limit {
                break;
            }
            if length > 0 {
                part.push(' ');
            }
            part.push_str(piece);
            length += added;
            start += 1;
        }
        if start == first {
            // Even alone with its overlap the sentence is too long: it goes without.
            part = pieces.get(start).map_or_else(String::new, |s| (*s).to_owned());
            start += 1;
        }
        parts.push(part);
    }
    parts
}

/// A sentence in pieces of at most the target length, cut at white space where there is some.
fn cut(sentence: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = sentence;
    while let Some((limit, _)) = rest.char_indices().nth(TARGET) {
        let head = rest.get(..limit).unwrap_or(rest);
        let at = head
            .rfind(char::is_whitespace)
            .filter(|&at| at > limit / 2)
            .unwrap_or(limit);
        let (piece, after) = rest.split_at(at);
        pieces.push(piece.trim());
        rest = after.trim_start();
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(page: u32, section: &str, text: &str) -> Block {
        Block {
            page: Some(page),
            section: Some(section.into()),
            text: text.into(),
        }
    }

    fn chunks(blocks: Vec<Block>) -> Vec<Chunk> {
        chunk(&Parsed {
            blocks,
            ..Parsed::default()
        })
    }

    #[test]
    fn blocks_share_a_chunk_within_a_section_and_page() {
        let made = chunks(vec![
            block(1, "A", "one"),
            block(1, "A", "two"),
            block(1, "B", "three"),
            block(2, "B", "four"),
        ]);
        let seen: Vec<_> = made
            .iter()
            .map(|c| (c.n, c.page, c.section.as_deref(), c.text.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (0, Some(1), Some("A"), "one\ntwo"),
                (1, Some(1), Some("B"), "three"),
                (2, Some(2), Some("B"), "four")
            ]
        );
    }

    #[test]
    fn a_long_paragraph_is_split_at_sentences_that_overlap_by_one() {
        let text: Vec<String> = (0..60)
            .map(|n| format!("Sentence number {n} says a little more than nothing."))
            .collect();
        let made = chunks(vec![block(1, "A", &text.join(" "))]);
        assert!(made.len() >= 3);
        for pair in made.windows(2) {
            let last = sentences(&pair[0].text).last().copied().unwrap();
            assert!(pair[1].text.starts_with(last));
            assert!(pair[0].text.ends_with('.') && chars(&pair[0].text) <= LONGEST);
        }
    }

    #[test]
    fn tiny_ends_join_and_endless_words_are_cut() {
        let made = chunks(vec![block(1, "A", &"a b ".repeat(240)), block(1, "A", "the end")]);
        assert_eq!(made.len(), 1);
        let made = chunks(vec![block(1, "A", &"語".repeat(4_000))]);
        assert_eq!(made.iter().map(|c| chars(&c.text)).sum::<usize>(), 4_000);
    }

    #[test]
    fn there_is_an_end_to_chunks() {
        let blocks = (0..MAX_CHUNKS as u32 + 5).map(|n| block(n, "A", "x")).collect();
        assert_eq!(chunks(blocks).len(), MAX_CHUNKS);
    }
}
