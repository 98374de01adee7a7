//! Sentences in which somebody promises something or is asked to do it.

use shared::text::{sentences, shortened};

use super::SENTENCE;
use crate::conversation::Conversation;

const PROMISES: &[&str] = &[
    "i will ",
    "i'll ",
    "we will ",
    "we'll ",
    "i am going to ",
    "i'm going to ",
    "we are going to ",
    "we're going to ",
];
const REFUSALS: &[&str] = &["i will not", "i'll not", "we will not", "we'll not", "not going to"];
const REQUESTS: &[&str] = &[
    "call me",
    "contact me",
    "email me",
    "e-mail me",
    "forward me",
    "get back to me",
    "let me know",
    "mail me",
    "notify me",
    "remind me",
    "ring me",
    "send me",
    "write to me",
];
const ASKING: &[&str] = &[
    "please",
    "could you",
    "can you",
    "would you",
    "kindly",
    "i need you to",
    "i want you to",
];
/// What can be asked for that an answer alone does not do.
const ACTIONS: &[&str] = &[
    "add",
    "arrange",
    "book",
    "call",
    "cancel",
    "change",
    "close",
    "confirm",
    "contact",
    "correct",
    "delete",
    "email",
    "escalate",
    "exchange",
    "fix",
    "forward",
    "mail",
    "order",
    "refund",
    "register",
    "remind",
    "remove",
    "repair",
    "replace",
    "reset",
    "schedule",
    "send",
    "ship",
    "transfer",
    "unsubscribe",
    "update",
    "upgrade",
];
/// Words between the asking and the action: "could you please also send".
const BETWEEN: usize = 3;

/// The sentences, in their order, each once. What an answer quotes from documents is nobody's promise.
pub(super) fn duties(conversation: &Conversation) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for message in &conversation.messages {
        if !message.by_user && message.cites.is_some_and(|cites| cites > 0) {
            continue;
        }
        for sentence in sentences(&message.text) {
            let plain = sentence.to_lowercase().replace('’', "'");
            if promises(&plain) || (message.by_user && requests(&plain)) {
                let sentence = shortened(sentence, SENTENCE);
                if !found.contains(&sentence) {
                    found.push(sentence);
                }
            }
        }
    }
    found
}

fn promises(sentence: &str) -> bool {
    let says = |phrase: &&str| sentence.starts_with(*phrase) || sentence.contains(&format!(" {phrase}"));
    PROMISES.iter().any(says) && !REFUSALS.iter().any(|phrase| sentence.contains(phrase)) && !sentence.ends_with('?')
}

fn requests(sentence: &str) -> bool {
    if REQUESTS.iter().any(|phrase| sentence.contains(phrase)) {
        return true;
    }
    ASKING.iter().any(|asking| {
        let after = sentence.split_once(asking).map(|(_, after)| after);
        after.is_some_and(|after| {
            let words = after
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty());
            words.take(BETWEEN).any(|word| ACTIONS.contains(&word))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Message;

    fn of(said: &[(bool, Option<usize>, &str)]) -> Vec<String> {
        let messages = said.iter().map(|(by_user, cites, text)| Message {
            by_user: *by_user,
            cites: *cites,
            text: (*text).to_owned(),
        });
        duties(&Conversation {
            messages: messages.collect(),
        })
    }

    #[test]
    fn promises_and_requests_are_found_and_questions_are_not() {
        let user = "Can you tell me about the parental leave rules, please? Please send the form to ann@example.com. \
                    I'll ask my manager. I will not pay twice. Call me tomorrow!";
        assert_eq!(
            of(&[(true, None, user)]),
            [
                "Please send the form to ann@example.com.",
                "I'll ask my manager.",
                "Call me tomorrow!"
            ]
        );
        let answer = "We will pay the fee within 30 days.";
        assert!(of(&[(false, Some(1), answer)]).is_empty());
        assert_eq!(of(&[(false, None, answer), (false, None, answer)]), [answer]);
    }
}
