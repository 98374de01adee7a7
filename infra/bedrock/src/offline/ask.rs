//! What a question asks for: its terms with their weights, and its manner.

use shared::text::{stems, words};

use super::{
    small_talk::{SmallTalk, small_talk},
    vocabulary::frames,
};

/// Weight of a word that only frames the question, beside 1 for a topic word.
const FRAME_WEIGHT: f64 = 0.3;
/// Weight of a word that only an earlier turn said.
const EARLIER_WEIGHT: f64 = 0.35;
/// A question with at most this many topic words may lean on the turns before it.
const FEW: usize = 2;

const ABOUT_ALL: &[&str] = &[
    "this",
    "these",
    "document",
    "documents",
    "doc",
    "docs",
    "file",
    "files",
    "source",
    "sources",
    "text",
    "handbook",
    "manual",
    "guide",
];

/// A stem that is looked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) stem: String,
    pub(super) weight: f64,
    /// Whether an answer has to account for it; words that frame, and those of earlier turns, only help to choose.
    pub(super) binding: bool,
}

impl Term {
    /// Whether the question itself names it as its topic.
    pub(super) fn is_topic(&self) -> bool {
        self.weight > FRAME_WEIGHT && self.weight != EARLIER_WEIGHT
    }
}

/// A question taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    pub(super) terms: Vec<Term>,
    pub(super) small_talk: Option<SmallTalk>,
    /// Asks for a number, a date or a duration.
    pub(super) numeric: bool,
    /// Asks for an overview rather than a fact.
    pub(super) overview: bool,
    /// Names no topic, but means whatever the sources are about.
    pub(super) anything: bool,
}

impl Ask {
    /// Takes apart a question that follows `earlier` ones, the oldest first.
    pub(super) fn new(question: &str, earlier: &[&str]) -> Self {
        let said: Vec<String> = words(question).collect();
        let mut terms = own_terms(question);
        let topics = terms.iter().filter(|term| term.is_topic()).count();
        let overview = said
            .iter()
            .any(|word| word.starts_with("summar") || word == "overview" || word == "outline");
        if topics > 0 {
            terms.iter_mut().for_each(|term| term.binding = term.is_topic());
        }
        let anything = topics == 0 && (overview || said.iter().any(|word| ABOUT_ALL.contains(&word.as_str())));
        if topics <= FEW && !anything {
            add_earlier(&mut terms, earlier, topics == 0);
        }
        Self {
            terms,
            small_talk: small_talk(&said),
            numeric: asks_for_a_number(&said),
            overview: overview || anything,
            anything,
        }
    }
}

fn own_terms(question: &str) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    for stem in stems(question) {
        if terms.iter().all(|term| term.stem != stem) {
            let weight = if frames(&stem) { FRAME_WEIGHT } else { 1.0 };
            terms.push(Term {
                stem,
                weight,
                binding: true,
            });
        }
    }
    terms
}

/// Adds the words of the last earlier turn that has a topic. They bind only where the question has no topic itself.
fn add_earlier(terms: &mut Vec<Term>, earlier: &[&str], binding: bool) {
    let topics = |turn: &&str| own_terms(turn).into_iter().filter(Term::is_topic).collect::<Vec<_>>();
    let before = earlier.iter().rev().map(topics).find(|found| !found.is_empty());
    for term in before.into_iter().flatten() {
        if terms.iter().all(|own| own.stem != term.stem) {
            terms.push(Term {
                weight: EARLIER_WEIGHT,
                binding,
                ..term
            });
        }
    }
}

fn asks_for_a_number(said: &[String]) -> bool {
    let pairs = said.windows(2).any(|pair| {
        pair[0] == "how"
            && matches!(
                pair[1].as_str(),
                "many" | "much" | "long" | "often" | "far" | "old" | "big" | "heavy"
            )
    });
    pairs
        || said.iter().any(|word| {
            matches!(
                word.as_str(),
                "when" | "number" | "amount" | "percentage" | "limit" | "deadline" | "price" | "cost"
            )
        })
}
