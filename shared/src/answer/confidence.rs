//! Confidence: how well the cited passages cover an answer.
//!
//! The rule: take the distinct stems of the answer without stop words, and count the share that occurs in the cited
//! passages (their headings and titles included). No citation: Low. A number in the answer that no cited passage holds:
//! at most Medium. Otherwise a share of at least [`HIGH`] is High, at least [`MEDIUM`] is Medium, and less is Low.

use std::collections::HashSet;

use crate::{messages::Confidence, text::stems};

/// Share of covered stems from which an answer is High.
pub const HIGH: f64 = 0.75;
/// Share of covered stems from which an answer is Medium.
pub const MEDIUM: f64 = 0.45;

/// The confidence of an answer (without markers) that cites these passages.
#[must_use]
pub fn confidence<'p>(answer: &str, passages: impl IntoIterator<Item = &'p str>) -> Confidence {
    let held: HashSet<String> = passages.into_iter().flat_map(stems).collect();
    let said: HashSet<String> = stems(answer).into_iter().collect();
    if held.is_empty() || said.is_empty() {
        return Confidence::Low;
    }
    let covered = said.iter().filter(|stem| held.contains(*stem)).count();
    #[expect(clippy::cast_precision_loss, reason = "counts of words in one answer")]
    let share = covered as f64 / said.len() as f64;
    let invented_number = said
        .iter()
        .any(|stem| stem.bytes().all(|b| b.is_ascii_digit()) && !held.contains(stem));
    if share >= HIGH && !invented_number {
        Confidence::High
    } else if share >= MEDIUM {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSAGE: &str = "Full-time employees are entitled to 15 days of paid vacation annually.";

    #[test]
    fn a_covered_answer_is_high_and_an_invented_number_is_not() {
        assert_eq!(
            confidence("Employees get 15 days of paid vacation.", [PASSAGE]),
            Confidence::High
        );
        assert_eq!(
            confidence("Employees get 25 days of paid vacation.", [PASSAGE]),
            Confidence::Medium
        );
    }

    #[test]
    fn an_uncovered_or_uncited_answer_is_low() {
        assert_eq!(
            confidence("Ulaanbaatar is the capital of Mongolia.", [PASSAGE]),
            Confidence::Low
        );
        assert_eq!(confidence("Employees get 15 days.", []), Confidence::Low);
    }
}
