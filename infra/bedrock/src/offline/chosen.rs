//! The passages chosen so far, within the room that an answer has.

use std::collections::HashSet;

use super::passages::Passage;

/// Characters that all quotes together may have.
const BUDGET: usize = 600;
const MOST_PER_SOURCE: usize = 3;
/// Sources that are quoted at most.
pub(super) const MOST_SOURCES: usize = 3;

/// What is chosen so far, the best first.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) list: Vec<usize>,
    chars: usize,
}

impl Chosen {
    /// Takes a passage in if there is room and it says something new. One that points back (`They …`) brings its predecessor.
    pub(super) fn add(&mut self, at: usize, passage: &Passage, all: &[Passage]) -> bool {
        let per_source = self
            .list
            .iter()
            .filter(|&&other| all[other].source == passage.source)
            .count();
        let sources: HashSet<usize> = self
            .list
            .iter()
            .map(|&other| all[other].source)
            .chain([passage.source])
            .collect();
        let known = self.list.iter().any(|&other| alike(&all[other], passage));
        let room = self.list.is_empty() || self.chars + passage.text.len() <= BUDGET;
        if known || !room || per_source >= MOST_PER_SOURCE || sources.len() > MOST_SOURCES {
            return false;
        }
        self.chars += passage.text.len();
        self.list.push(at);
        let before = at
            .checked_sub(1)
            .filter(|&before| points_back(&passage.text) && all[before].source == passage.source);
        let room = per_source + 2 <= MOST_PER_SOURCE;
        if let Some(before) = before.filter(|before| room && !self.list.contains(before)) {
            self.add_plain(before, &all[before]);
        }
        true
    }

    fn add_plain(&mut self, at: usize, passage: &Passage) {
        if self.chars + passage.text.len() <= BUDGET {
            self.chars += passage.text.len();
            self.list.push(at);
        }
    }
}

/// Whether two passages say the same, as those of overlapping chunks do.
fn alike(a: &Passage, b: &Passage) -> bool {
    let both = a.stems.intersection(&b.stems).count() as f64;
    let either = a.stems.union(&b.stems).count() as f64;
    both >= 0.75 * either
}

fn points_back(text: &str) -> bool {
    let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    matches!(
        first,
        "It" | "They" | "This" | "These" | "Those" | "Such" | "He" | "She" | "Both" | "However" | "Otherwise" | "That"
    )
}
