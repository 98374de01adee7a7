//! Properties of parsing and chunking that hold for all input.

use super::{Block, MediaType, Parsed, chunk, parse};
use crate::text::words;
use proptest::prelude::*;

const FORMATS: [MediaType; 5] = [
    MediaType::Pdf,
    MediaType::Markdown,
    MediaType::Html,
    MediaType::Text,
    MediaType::Csv,
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z]{1,12}[ .,!?]{0,2}",
        "[äßéЖ語😀]{1,40}[。. ]?",
        "\\PC{0,30}",
        "[A-Z][a-z]{2,9} [a-z]{2,9} [a-z]{2,9}\\. ",
        "[ \\n\\t-]{1,4}",
    ];
    prop::collection::vec(piece, 1..300).prop_map(|pieces| pieces.concat())
}

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let block = (0..3_u32, 0..3_u8, text()).prop_map(|(page, section, text)| Block {
        page: (page > 0).then_some(page),
        section: (section > 0).then(|| format!("Section {section}")),
        text,
    });
    prop::collection::vec(block, 0..8)
}

/// Words in order with every repeat; a word that is cut in two is compared by its letters.
fn letters(text: &str) -> String {
    words(text).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_end_in_text_or_a_sentence(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        for format in FORMATS {
            match parse(format, &bytes) {
                Ok(parsed) => prop_assert!(parsed.blocks.iter().all(|b| !b.text.trim().is_empty() && !b.text.contains('\0'))),
                Err(error) => prop_assert!(error.0.ends_with('.')),
            }
        }
    }

    #[test]
    fn any_text_is_read_in_every_text_format(text in text()) {
        for format in [MediaType::Markdown, MediaType::Html, MediaType::Text, MediaType::Csv] {
            let _ = parse(format, text.as_bytes());
        }
    }

    #[test]
    fn plain_text_keeps_every_word(text in text()) {
        if let Ok(parsed) = parse(MediaType::Text, text.as_bytes()) {
            let read: Vec<String> = parsed.blocks.iter().map(|b| b.text.clone()).collect();
            let shown: String = text.chars().map(|c| if super::parsed::is_visible(c) || c.is_whitespace() { c } else { '\u{200b}' }).filter(|c| *c != '\u{200b}').collect();
            prop_assert_eq!(letters(&read.join(" ")), letters(&shown));
        }
    }

    #[test]
    fn chunks_cover_every_word_in_order(blocks in blocks()) {
        let parsed = Parsed { blocks, ..Parsed::default() };
        let chunks = chunk(&parsed);
        let mut expected = String::new();
        for block in &parsed.blocks {
            expected.push_str(&letters(&block.text));
        }
        // Walks through the document; a chunk may go back over the sentence that it repeats.
        let mut at = 0;
        for (n, chunk) in chunks.iter().enumerate() {
            prop_assert_eq!(chunk.n as usize, n);
            prop_assert!(chunk.text.chars().count() <= 1_500);
            prop_assert!(!chunk.text.trim().is_empty());
            let mut own = letters(&chunk.text);
            if !expected[at..].starts_with(&own) {
                let start = (0..own.len()).filter(|i| own.is_char_boundary(*i)).find(|i| expected[..at].ends_with(&own[..*i]) && *i > 0 && expected[at..].starts_with(&own[*i..]));
                prop_assert!(start.is_some(), "chunk {} does not go on", n);
                own = own.split_off(start.unwrap_or_default());
            }
            at += own.len();
        }
        prop_assert_eq!(at, expected.len());
    }

    #[test]
    fn a_damaged_pdf_is_read_or_refused(cut in 0..19_000_usize, flips in prop::collection::vec((0..19_000_usize, any::<u8>()), 0..40)) {
        let mut bytes = super::pdf::sample::handbook();
        for (at, byte) in flips {
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
        }
        bytes.truncate(bytes.len().saturating_sub(cut % 3_000));
        if let Err(error) = parse(MediaType::Pdf, &bytes) {
            prop_assert!(error.0.ends_with('.'));
        }
    }
}
