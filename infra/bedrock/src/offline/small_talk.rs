//! Tells talk that is not about the documents.

const GREETINGS: &[&str] = &[
    "hello",
    "hi",
    "hey",
    "hallo",
    "hola",
    "greetings",
    "welcome",
    "good",
    "morning",
    "afternoon",
    "evening",
    "day",
    "there",
    "docent",
    "everyone",
    "all",
    "how",
    "are",
    "you",
    "doing",
    "today",
    "nice",
    "to",
    "meet",
    "howdy",
    "yo",
    "sup",
    "test",
    "ping",
];
const OPENERS: &[&str] = &[
    "hello",
    "hi",
    "hey",
    "hallo",
    "hola",
    "greetings",
    "good",
    "howdy",
    "yo",
    "how",
    "nice",
    "sup",
    "test",
    "ping",
];
const ABOUT_ME: &[&str] = &[
    "who are you",
    "what are you",
    "what can you do",
    "what do you do",
    "help",
    "how do you work",
    "how are you",
];
const THANKS: &[&str] = &["thanks", "thank", "thx", "cheers"];

/// Talk that is not about the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SmallTalk {
    Greeting,
    Thanks,
}

/// Whether a message, as its lower-cased words, is talk that needs no sources.
pub(super) fn small_talk(said: &[String]) -> Option<SmallTalk> {
    let all_in = |known: &[&str]| said.iter().all(|word| known.contains(&word.as_str()));
    let line = said.join(" ");
    let first = said.first().map(String::as_str)?;
    if said.len() <= 6 && (ABOUT_ME.contains(&line.as_str()) || (OPENERS.contains(&first) && all_in(GREETINGS))) {
        return Some(SmallTalk::Greeting);
    }
    let thanks = said.len() <= 5
        && THANKS.contains(&first)
        && said
            .iter()
            .all(|word| THANKS.contains(&word.as_str()) || frames_thanks(word));
    thanks.then_some(SmallTalk::Thanks)
}

fn frames_thanks(word: &str) -> bool {
    matches!(
        word,
        "you"
            | "very"
            | "much"
            | "so"
            | "a"
            | "lot"
            | "for"
            | "the"
            | "your"
            | "help"
            | "again"
            | "that"
            | "is"
            | "all"
    )
}
