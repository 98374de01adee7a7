//! A conversation's title, made of its first question.

use shared::text::{is_stop_word, sentences};

const MOST_WORDS: usize = 6;
/// A title's length in characters, for writing without spaces.
const MOST_CHARS: usize = 60;

/// Words that begin or end a question without naming its subject, besides the stop words.
const FRAME: &[&str] = &[
    "many",
    "much",
    "long",
    "often",
    "summarize",
    "summarise",
    "summary",
    "explain",
    "describe",
    "list",
    "show",
    "find",
    "know",
    "want",
    "need",
    "there",
    "like",
    "hello",
    "hi",
    "hey",
    "thanks",
    "what's",
    "i'm",
    "i'd",
    "won",
    "don",
    "doesn",
    "overview",
    "document",
    "documents",
    "file",
    "text",
    "happens",
    "happen",
    "kind",
    "kinds",
    "go",
    "work",
    "mean",
    "exactly",
    "currently",
    "under",
];

/// At most six words of the question, in sentence case: `What is the vacation policy?` is about `Vacation policy`.
pub(super) fn title(question: &str) -> String {
    let plain = |word: &str| {
        word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '%' | '$' | '€' | '+' | '#'))
            .to_owned()
    };
    let longest = sentences(question)
        .into_iter()
        .map(words_of)
        .max_by_key(|words| subject(words).len())
        .unwrap_or_default();
    let named = subject(&longest);
    let kept = if named.is_empty() { &longest[..] } else { named };
    let mut kept = &kept[..kept.len().min(MOST_WORDS)];
    while kept.len() > 1 && kept.last().is_some_and(|word| is_stop_word(&word.to_lowercase())) {
        kept = &kept[..kept.len() - 1];
    }
    let title = kept.iter().map(|word| plain(word)).collect::<Vec<_>>().join(" ");
    let title: String = sentence_case(&title).chars().take(MOST_CHARS).collect();
    if title.is_empty() {
        "New conversation".to_owned()
    } else {
        title
    }
}

fn words_of(sentence: &str) -> Vec<&str> {
    sentence
        .split_whitespace()
        .filter(|word| word.contains(char::is_alphanumeric))
        .collect()
}

/// The words without the empty ones at both ends.
fn subject<'t, 'w>(words: &'t [&'w str]) -> &'t [&'w str] {
    let start = words.iter().position(|word| !empty(word)).unwrap_or(words.len());
    let end = words
        .iter()
        .rposition(|word| !empty(word))
        .map_or(start, |last| last + 1);
    &words[start..end]
}

fn empty(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let contracted = word.split(['\'', '’']).next().unwrap_or_default();
    is_stop_word(&word) || is_stop_word(contracted) || FRAME.contains(&word.as_str())
}

fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn a_title_names_the_subject() {
        for (question, expected) in [
            ("What is the vacation policy?", "Vacation policy"),
            ("How many vacation days do I get?", "Vacation days"),
            (
                "Hi! Can you tell me about the parental leave rules, please?",
                "Parental leave rules",
            ),
            ("Summarize the benefits package", "Benefits package"),
            ("Can I carry over unused vacation?", "Carry over unused vacation"),
            (
                "how do I get \"HR\" approval for remote work from abroad in the summer of next year",
                "HR approval for remote work",
            ),
            ("What is it?", "What is it"),
            ("???", "New conversation"),
        ] {
            assert_eq!(title(question), expected, "{question}");
        }
    }
}
