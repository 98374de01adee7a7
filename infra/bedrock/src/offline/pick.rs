//! Chooses the sentences to quote, or decides that the sources do not answer.

use std::collections::HashSet;

use super::{
    ask::Ask,
    chosen::{Chosen, MOST_SOURCES},
    matches::Table,
    passages::{Passage, Passages},
};
use crate::prompt::Source;

/// Below this share of the question's weight the best sentences do not answer it. Fitted to the questions
/// in `tests/judged.rs`, which have both kinds.
const ENOUGH: f64 = 0.52;
/// A sentence that asks for a number's answer and has one is worth this much more.
const HAS_NUMBER: f64 = 1.25;
const HAS_NO_NUMBER: f64 = 0.8;
/// A further sentence has to bring this share of the best one's worth; less where an overview is wanted.
const WORTH_ADDING: f64 = 0.5;
const WORTH_ADDING_OVERVIEW: f64 = 0.2;

/// A sentence to quote and the number of its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) whole: bool,
}

/// The sentences that answer, best source first and within a source in reading order; `None` if they do not.
pub(super) fn pick(ask: &Ask, sources: &[Source]) -> Option<Vec<Quote>> {
    let passages = Passages::new(sources);
    let table = Table::new(&ask.terms, &passages);
    let chosen = if ask.anything {
        openings(&passages)
    } else {
        choose(&table, ask, &passages)
    };
    if chosen.is_empty() || (!ask.anything && table.coverage(&chosen) < ENOUGH) {
        return None;
    }
    let quote = |at: usize| {
        let Passage {
            source, text, whole, ..
        } = &passages.list[at];
        Quote {
            id: sources[*source].id.clone(),
            text: text.clone(),
            whole: *whole,
        }
    };
    Some(in_order(chosen, &passages.list).into_iter().map(quote).collect())
}

/// The first sentences of the first sources, for a question that means them all.
fn openings(passages: &Passages) -> Vec<usize> {
    let mut chosen = Chosen::default();
    for round in 0..2 {
        for source in 0..MOST_SOURCES {
            let mut of_source = passages
                .list
                .iter()
                .enumerate()
                .filter(|(_, passage)| passage.source == source && passage.whole);
            if let Some((at, passage)) = of_source.nth(round) {
                chosen.add(at, passage, &passages.list);
            }
        }
    }
    chosen.list
}

/// The source with the best sentence first, the others as they were given; within each as it reads.
fn in_order(chosen: Vec<usize>, passages: &[Passage]) -> Vec<usize> {
    let best = chosen.first().map(|&at| passages[at].source);
    let mut ordered = chosen;
    ordered.sort_by_key(|&at| (Some(passages[at].source) != best, at));
    ordered
}

/// Takes the best passage, then whichever adds most, while it is worth its room.
fn choose(table: &Table<'_>, ask: &Ask, passages: &Passages) -> Vec<usize> {
    let mut chosen = Chosen::default();
    let mut said = HashSet::new();
    let mut left: HashSet<usize> = (0..passages.list.len()).collect();
    let most = if ask.overview { 6 } else { 5 };
    let mut best: Option<Best> = None;
    while chosen.list.len() < most {
        let worthy =
            |&(score, at): &(f64, usize)| score > 0.0 && best.as_ref().is_none_or(|best| score >= best.bar(table, at));
        let scored = left
            .iter()
            .map(|&at| (table.score(at, &said) * quality(&passages.list[at], ask), at))
            .filter(worthy);
        let Some((score, at)) = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))) else {
            break;
        };
        best.get_or_insert_with(|| Best {
            score,
            overview: ask.overview,
            named: !ask.numeric && table.is_named(at),
        });
        left.remove(&at);
        if chosen.add(at, &passages.list[at], &passages.list) {
            said.extend(table.said_by(at));
        }
    }
    chosen.list
}

/// The first passage chosen, which the others are measured by.
struct Best {
    score: f64,
    overview: bool,
    /// Whether its source or heading is called like the topic: then what else stands there is about it too.
    named: bool,
}

impl Best {
    /// What a further passage has to score.
    fn bar(&self, table: &Table<'_>, at: usize) -> f64 {
        let easy = self.overview || (self.named && table.is_named(at));
        self.score * if easy { WORTH_ADDING_OVERVIEW } else { WORTH_ADDING }
    }
}

/// How well a passage reads as a quotation.
fn quality(passage: &Passage, ask: &Ask) -> f64 {
    let words = passage.text.split_whitespace().count();
    let length = match words {
        0..4 => 0.5,
        4..6 => 0.8,
        6..60 => 1.0,
        _ => 0.75,
    };
    let number = match (ask.numeric, has_number(&passage.text)) {
        (false, _) => 1.0,
        (true, true) => HAS_NUMBER,
        (true, false) => HAS_NO_NUMBER,
    };
    length * number * if passage.whole { 1.0 } else { 0.7 }
}

fn has_number(text: &str) -> bool {
    const NUMBERS: [&str; 14] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "once", "twice",
        "half",
    ];
    text.contains(|c: char| c.is_ascii_digit())
        || shared::text::words(text).any(|word| NUMBERS.contains(&word.as_str()))
}
