//! How the user felt, by a small list of words.

use shared::text::words;

const POSITIVE: &[&str] = &[
    "amazing",
    "appreciate",
    "appreciated",
    "awesome",
    "brilliant",
    "cheers",
    "excellent",
    "fantastic",
    "glad",
    "great",
    "happy",
    "helped",
    "helpful",
    "love",
    "perfect",
    "pleased",
    "satisfied",
    "super",
    "thank",
    "thanks",
    "thx",
    "wonderful",
];
const NEGATIVE: &[&str] = &[
    "angry",
    "annoyed",
    "annoying",
    "awful",
    "confusing",
    "disappointed",
    "disappointing",
    "frustrated",
    "frustrating",
    "furious",
    "hate",
    "horrible",
    "ridiculous",
    "rude",
    "terrible",
    "unacceptable",
    "unhappy",
    "unhelpful",
    "upset",
    "useless",
    "worst",
];
/// Turns what follows into its opposite.
const NOT: &[&str] = &[
    "aren", "didn", "don", "doesn", "hardly", "isn", "never", "no", "not", "wasn", "wouldn",
];
/// How far it reaches, in words.
const REACH: usize = 3;
const THANKS: &[&str] = &["appreciate", "appreciated", "cheers", "thank", "thanks", "thx"];
const COMPLAINTS: &[&str] = &[
    "does not help",
    "doesn't help",
    "does not work",
    "doesn't work",
    "did not help",
    "didn't help",
    "fed up",
    "makes no sense",
    "no help",
    "not helpful",
    "not what i asked",
    "not what i meant",
    "still not working",
    "thanks for nothing",
    "waste of time",
];
const SOLVED: &[&str] = &[
    "it works now",
    "now it works",
    "problem solved",
    "solved it",
    "that did it",
    "that fixed it",
    "that helped",
    "that helps",
    "that solved",
    "that works",
    "that's all i needed",
    "works now",
];

/// `positive`, `negative`, `mixed` or `neutral`.
pub(super) fn sentiment(said: &[&str]) -> &'static str {
    let moods: Vec<(bool, bool)> = said.iter().map(|text| mood(text)).collect();
    let positive = moods.iter().any(|(positive, _)| *positive);
    let negative = moods.iter().any(|(_, negative)| *negative);
    match (positive, negative) {
        (true, true) => "mixed",
        (true, false) => "positive",
        (false, true) => "negative",
        (false, false) => "neutral",
    }
}

/// Whether the user is not content, and nothing else.
pub(super) fn is_unhappy(text: &str) -> bool {
    mood(text) == (false, true)
}

/// Whether the user says no more than how they feel.
pub(super) fn is_remark(text: &str) -> bool {
    !text.contains('?') && (thanks(text) || mood(text) != (false, false))
}

/// Whether the user says that all is well now.
pub(super) fn is_solved(text: &str) -> bool {
    has(text, SOLVED) && !text.contains('?')
}

/// Whether the user thanks.
fn thanks(text: &str) -> bool {
    words(text).any(|word| THANKS.contains(&word.as_str()))
}

/// Whether a text has something positive, and something negative.
fn mood(text: &str) -> (bool, bool) {
    let said: Vec<String> = words(text).collect();
    let complains = has(text, COMPLAINTS);
    let (mut positive, mut negative) = (is_solved(text), complains);
    for (at, word) in said.iter().enumerate() {
        let before = &said[at.saturating_sub(REACH)..at];
        let turned = before.iter().any(|word| NOT.contains(&word.as_str()));
        let thanks = THANKS.contains(&word.as_str());
        if POSITIVE.contains(&word.as_str()) {
            // "No, thanks" is no complaint, and thanks beside a complaint are no joy.
            positive |= !(turned || (thanks && complains));
            negative |= turned && !thanks;
        } else if NEGATIVE.contains(&word.as_str()) {
            negative |= !turned;
        }
    }
    (positive, negative)
}

fn has(text: &str, phrases: &[&str]) -> bool {
    let text = text.to_lowercase().replace('’', "'");
    phrases.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moods_are_told_by_their_words() {
        for (said, expected) in [
            (&["How many days do I get?"][..], "neutral"),
            (&["How do I report a broken lamp?", "No, that is all."], "neutral"),
            (&["Perfect, thank you!"], "positive"),
            (&["I'm not happy with this."], "negative"),
            (&["This isn't helpful."], "negative"),
            (&["Thanks, but that doesn't help."], "negative"),
            (&["This is ridiculous.", "Great, that works."], "mixed"),
            (&["That's not bad, no thanks."], "neutral"),
        ] {
            assert_eq!(sentiment(said), expected, "{said:?}");
        }
    }
}
