//! The sources as sentences that can be quoted, each with what its surroundings say about it.

use std::collections::HashSet;

use shared::text::{sentences, stems};

use super::blocks::{Block, blocks};
use crate::prompt::Source;

/// A sentence of a source.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    /// Position of the source in the prompt.
    pub(super) source: usize,
    pub(super) text: String,
    pub(super) stems: HashSet<String>,
    /// Stems of the heading or the question that it stands under.
    pub(super) heading: HashSet<String>,
    /// Whether it begins like a sentence; a source's first one may be the rest of a sentence.
    pub(super) whole: bool,
}

/// What the sources are made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Passages {
    pub(super) list: Vec<Passage>,
    /// Stems of each source's title and section.
    pub(super) names: Vec<HashSet<String>>,
}

impl Passages {
    /// Cuts the sources into sentences. Headings, and questions as in a list of questions and answers, are not quoted but
    /// count for what follows them.
    pub(super) fn new(sources: &[Source]) -> Self {
        let mut passages = Self::default();
        for (at, source) in sources.iter().enumerate() {
            passages
                .names
                .push(stem_set(&format!("{} {}", source.title, source.section)));
            let mut heading = HashSet::new();
            for block in blocks(&source.text, &source.section) {
                match block {
                    Block::Heading(text) => heading = stem_set(&text),
                    Block::Text(text) => passages.add(at, &text, &mut heading),
                }
            }
        }
        passages
    }

    fn add(&mut self, source: usize, block: &str, heading: &mut HashSet<String>) {
        for sentence in sentences(block) {
            let text = collapse(sentence);
            if text.ends_with('?') {
                *heading = stem_set(&text);
                continue;
            }
            let whole = !text.starts_with(char::is_lowercase);
            self.list.push(Passage {
                source,
                stems: stem_set(&text),
                heading: heading.clone(),
                whole,
                text,
            });
        }
    }
}

fn stem_set(text: &str) -> HashSet<String> {
    stems(text).into_iter().collect()
}

/// One line, without marks like `[3]` that would read as a citation of ours.
fn collapse(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let digits = rest[open + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let is_mark = digits > 0 && rest[open + 1 + digits..].starts_with(']');
        let (before, after) = if is_mark {
            (&rest[..open], &rest[open + digits + 2..])
        } else {
            rest.split_at(open + 1)
        };
        clean.push_str(before);
        rest = after;
    }
    clean.push_str(rest);
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}
