//! What a conversation is about: the terms that come up in several of its messages, or else the subjects of its questions.

use std::{cmp::Reverse, collections::HashMap};

use shared::text::{is_stop_word, sentences, stems};

use super::exchanges::Exchange;
use crate::{
    conversation::Conversation,
    offline::{title::title, vocabulary::frames},
};

/// Most topics.
const MOST: usize = 5;
/// Most words of a term.
const WORDS: usize = 3;

/// A term and where it comes up.
struct Term {
    stems: Vec<String>,
    written: String,
    /// Which term it is, counted from the beginning.
    first: usize,
    /// The last message that has it.
    last: usize,
    /// How many messages have it.
    messages: usize,
}

/// The topics, the most frequent first.
pub(super) fn topics(conversation: &Conversation, exchanges: &[Exchange<'_>]) -> Vec<String> {
    let mut terms = HashMap::new();
    for (at, message) in conversation.messages.iter().enumerate() {
        if message.by_user || message.cites != Some(0) {
            for sentence in sentences(&message.text) {
                note(&mut terms, sentence, at);
            }
        }
    }
    let mut terms: Vec<Term> = terms.into_values().filter(|term| term.messages > 1).collect();
    // Of terms as frequent as each other the longer one says more, then the earlier one.
    terms.sort_by_key(|term| {
        let words = term.stems.len();
        (Reverse(term.messages + words), Reverse(words), term.first)
    });
    let mut chosen: Vec<Term> = Vec::new();
    for term in terms {
        let says_more = chosen
            .iter()
            .all(|known| known.stems.iter().all(|stem| !term.stems.contains(stem)));
        if says_more && chosen.len() < MOST {
            chosen.push(term);
        }
    }
    if chosen.is_empty() {
        return subjects(exchanges);
    }
    chosen.into_iter().map(|term| term.written).collect()
}

/// The subjects of the questions.
fn subjects(exchanges: &[Exchange<'_>]) -> Vec<String> {
    let mut subjects: Vec<String> = Vec::new();
    for asked in exchanges.iter().filter(|exchange| exchange.asks()) {
        let subject = title(asked.said);
        if !stems(asked.said).is_empty() && !subjects.contains(&subject) && subjects.len() < MOST {
            subjects.push(subject);
        }
    }
    subjects
}

fn note(terms: &mut HashMap<Vec<String>, Term>, sentence: &str, message: usize) {
    for run in runs(sentence) {
        for start in 0..run.len() {
            for end in start + 1..=run.len().min(start + WORDS) {
                let words = &run[start..end];
                let stems: Vec<String> = words.iter().flat_map(|word| stems(word)).collect();
                let topical = |stem: Option<&String>| stem.is_some_and(|stem| stem.len() > 2 && !frames(stem));
                if !topical(stems.first()) || (words.len() == 1 && stems.len() != 1) {
                    continue;
                }
                let first = terms.len();
                let term = terms.entry(stems.clone()).or_insert_with(|| Term {
                    stems,
                    written: words.join(" "),
                    first,
                    last: message,
                    messages: 1,
                });
                if term.last != message {
                    term.last = message;
                    term.messages += 1;
                }
            }
        }
    }
}

/// The runs of words of a sentence between its stop words, numbers and punctuation. A capital at its beginning means nothing.
fn runs(sentence: &str) -> Vec<Vec<String>> {
    let mut runs = vec![Vec::new()];
    for (at, written) in sentence.split_whitespace().enumerate() {
        let word = written.trim_matches(|c: char| !c.is_alphanumeric());
        let names = word.chars().filter(|c| c.is_uppercase()).count() > 1;
        let word = if at == 0 && !names {
            word.to_lowercase()
        } else {
            word.to_owned()
        };
        let contracted = word.to_lowercase();
        let contracted = contracted.split(['\'', '’']).next().unwrap_or_default();
        if is_stop_word(contracted) || !word.contains(char::is_alphabetic) {
            runs.push(Vec::new());
            continue;
        }
        if written.starts_with(|c: char| !c.is_alphanumeric()) {
            runs.push(Vec::new());
        }
        runs.last_mut().into_iter().for_each(|run| run.push(word.clone()));
        if written.ends_with(|c: char| !c.is_alphanumeric()) {
            runs.push(Vec::new());
        }
    }
    runs
}
