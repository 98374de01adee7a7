//! What an answer claims on the strength of which source, and the excerpt of the source that shows it.

use std::collections::HashSet;

use super::retrieve::Source;
use crate::{
    messages::Citation,
    text::{sentences, stems},
};

/// Most characters of an excerpt.
const EXCERPT: usize = 300;
/// Most citations of an answer.
const MAX_CITATIONS: usize = 8;

/// The statements of an answer by citation.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The first statement of citation 1, 2, ….
    by_citation: Vec<String>,
    /// The text since the last group of markers.
    statement: String,
    /// Whether the last thing was a marker.
    cited: bool,
}

impl Claims {
    pub(super) fn text(&mut self, text: &str) {
        if std::mem::take(&mut self.cited) {
            self.statement.clear();
        }
        self.statement.push_str(text);
    }

    pub(super) fn cite(&mut self, n: usize) {
        if self.by_citation.len() < n {
            self.by_citation.resize(n, String::new());
        }
        // A source that is cited again keeps the excerpt of its first statement.
        if let Some(claim) = self.by_citation.get_mut(n - 1).filter(|claim| claim.is_empty()) {
            claim.push_str(&self.statement);
        }
        self.cited = true;
    }

    /// The citations in order; `order` is the source of each.
    pub(super) fn citations(&self, order: &[usize], sources: &[Source]) -> Vec<Citation> {
        let cited = order
            .iter()
            .zip(&self.by_citation)
            .filter_map(|(source, claim)| Some((sources.get(*source)?, claim)));
        cited
            .take(MAX_CITATIONS)
            .map(|(source, claim)| Citation {
                document: source.document.clone(),
                version: source.version,
                folder: source.folder.clone(),
                title: source.title.clone(),
                page: source.page,
                section: source.section.clone(),
                excerpt: excerpt(&source.text, claim),
            })
            .collect()
    }
}

/// The part of `text` that shares most words with `claim`, in whole sentences where they fit; at most 300 characters.
#[must_use]
pub fn excerpt(text: &str, claim: &str) -> String {
    let claimed: HashSet<String> = stems(claim).into_iter().collect();
    let sentences = sentences(text);
    let shared = |sentence: &str| {
        stems(sentence)
            .iter()
            .collect::<HashSet<_>>()
            .iter()
            .filter(|stem| claimed.contains(**stem))
            .count()
    };
    let scores: Vec<usize> = sentences.iter().map(|sentence| shared(sentence)).collect();
    let best = (0..sentences.len())
        .rev()
        .max_by_key(|at| scores[*at])
        .unwrap_or_default();
    let mut chosen = String::new();
    for (sentence, score) in sentences.iter().zip(&scores).skip(best) {
        let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
        let fits = chosen.chars().count() + sentence.chars().count() < EXCERPT;
        if !chosen.is_empty() && (!fits || *score == 0) {
            break;
        }
        if !chosen.is_empty() {
            chosen.push(' ');
        }
        chosen.push_str(&sentence);
    }
    shorten(chosen)
}

fn shorten(text: String) -> String {
    if text.chars().count() <= EXCERPT {
        return text;
    }
    let cut: String = text.chars().take(EXCERPT - 1).collect();
    let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head);
    format!("{whole_words}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_the_sentence_that_shows_the_claim() {
        let text = "Our office opens at nine. Full-time employees are entitled to 15 days\nof paid vacation annually. Dogs are welcome.";
        assert_eq!(
            excerpt(text, "Employees get 15 days of vacation."),
            "Full-time employees are entitled to 15 days of paid vacation annually."
        );
    }

    #[test]
    fn an_excerpt_is_never_longer_than_it_may_be() {
        let text = "vacation ".repeat(200);
        let excerpt = excerpt(&text, "vacation");
        assert!(excerpt.chars().count() <= EXCERPT && excerpt.ends_with('…'));
        assert_eq!(super::excerpt("", "x"), "");
    }
}
