//! How far the passages match the question, and what each match is worth.

use std::collections::HashSet;

use super::{
    ask::Term,
    passages::{Passage, Passages},
    vocabulary::likeness,
};

/// What a match in a heading, and in the title or section, counts beside one in the sentence itself: first when
/// sentences are compared, then when it is judged whether the question is covered.
const HEADING: (f64, f64) = (0.5, 0.9);
const NAME: (f64, f64) = (0.3, 0.7);
/// What a word that is nowhere in the sources takes away, beside at most 1 for one that is there.
const MISSING: f64 = 1.4;
/// What a term is still worth in a further sentence.
const SAID_ALREADY: f64 = 0.6;

/// How far each passage matches each term.
pub(super) struct Table<'a> {
    terms: &'a [Term],
    /// What each term tells: rarer ones more.
    worth: Vec<f64>,
    /// Per passage and term the matches in its text, its heading and its source's name.
    matches: Vec<Vec<[f64; 3]>>,
}

impl<'a> Table<'a> {
    /// Compares every passage with every term.
    pub(super) fn new(terms: &'a [Term], passages: &Passages) -> Self {
        let best = |term: &Term, stems: &HashSet<String>| {
            if stems.contains(&term.stem) {
                1.0
            } else {
                stems.iter().map(|stem| likeness(&term.stem, stem)).fold(0.0, f64::max)
            }
        };
        let row = |passage: &Passage| {
            let name = &passages.names[passage.source];
            terms
                .iter()
                .map(|term| {
                    [
                        best(term, &passage.stems),
                        best(term, &passage.heading),
                        best(term, name),
                    ]
                })
                .collect::<Vec<_>>()
        };
        let matches: Vec<_> = passages.list.iter().map(row).collect();
        let all = matches.len() as f64;
        let rarity = |term: usize| {
            let having = matches
                .iter()
                .filter(|row| row[term].iter().any(|&match_| match_ > 0.0))
                .count() as f64;
            if having == 0.0 {
                return MISSING;
            }
            let idf = |having: f64| (1.0 + (all - having + 0.5) / (having + 0.5)).ln();
            // Retrieval brought these sources because of the topic, so a topic word is common here without being empty.
            0.5 + 0.5 * idf(having) / idf(1.0)
        };
        let worth = terms
            .iter()
            .enumerate()
            .map(|(at, term)| term.weight * rarity(at))
            .collect();
        Self { terms, worth, matches }
    }

    /// A passage's worth beside what the chosen ones have said already.
    pub(super) fn score(&self, at: usize, said: &HashSet<usize>) -> f64 {
        let row = self.matches[at].iter().zip(&self.worth).enumerate();
        row.map(|(term, ([text, heading, name], worth))| {
            let direct = if said.contains(&term) {
                text * SAID_ALREADY
            } else {
                *text
            };
            worth * direct.max(heading * HEADING.0).max(name * NAME.0)
        })
        .sum()
    }

    /// The share of the question's weight that the passages account for together.
    pub(super) fn coverage(&self, chosen: &[usize]) -> f64 {
        let (mut covered, mut asked) = (0.0, 0.0);
        for (term, worth) in self
            .worth
            .iter()
            .enumerate()
            .filter(|(term, _)| self.terms[*term].binding)
        {
            let best = |&at: &usize| {
                let [text, heading, name] = self.matches[at][term];
                text.max(heading * HEADING.1).max(name * NAME.1)
            };
            covered += worth * chosen.iter().map(best).fold(0.0, f64::max);
            asked += worth;
        }
        if asked > 0.0 { covered / asked } else { 0.0 }
    }

    /// Whether the topic is what the passage's source or heading is called, so that all under it is about the topic.
    pub(super) fn is_named(&self, at: usize) -> bool {
        let mut topics = self
            .terms
            .iter()
            .zip(&self.matches[at])
            .filter(|(term, _)| term.is_topic())
            .peekable();
        topics.peek().is_some() && topics.all(|(_, [_, heading, name])| heading.max(*name) > 0.0)
    }

    /// The terms that a passage's own text has.
    pub(super) fn said_by(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.terms.len()).filter(move |&term| self.matches[at][term][0] > 0.0)
    }
}
