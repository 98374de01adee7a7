//! A conversation as questions and what came of them.

use shared::text::{sentences, shortened, words};

use super::{SENTENCE, mood};
use crate::{
    conversation::{Conversation, Message},
    offline::{NO_SOURCES, REFUSAL, small_talk::small_talk},
};

/// What the user said, and the answer to it.
pub(super) struct Exchange<'c> {
    pub(super) said: &'c str,
    pub(super) answer: Option<&'c Message>,
}

/// Each message of the user with the answer that follows it.
pub(super) fn exchanges(conversation: &Conversation) -> Vec<Exchange<'_>> {
    let messages = conversation.messages.iter().enumerate();
    messages
        .filter(|(_, message)| message.by_user)
        .map(|(at, message)| Exchange {
            said: &message.text,
            answer: conversation.messages[at..].iter().find(|later| !later.by_user),
        })
        .collect()
}

impl Exchange<'_> {
    /// Whether the user wants to know something, rather than greets or thanks.
    pub(super) fn asks(&self) -> bool {
        let words: Vec<String> = words(self.said).collect();
        let talk = small_talk(&words).is_some() || mood::is_remark(self.said);
        !words.is_empty() && !talk
    }

    /// Whether the answer rests on a document, or a person gave it.
    pub(super) fn is_answered(&self) -> bool {
        self.answer.is_some_and(|answer| match answer.cites {
            Some(cites) => cites > 0,
            None => !declines(&answer.text),
        })
    }

    /// Whether it is a question that was not answered. What is no question, and yet had an answer without a document, may
    /// have been a remark.
    pub(super) fn is_open(&self) -> bool {
        let question = self.said.contains('?') || self.answer.is_some_and(|answer| declines(&answer.text));
        self.asks() && question && !self.is_answered()
    }

    /// The question: the sentences that ask, or all of it.
    pub(super) fn question(&self) -> String {
        let asking = sentences(self.said)
            .into_iter()
            .filter(|sentence| sentence.ends_with('?'));
        let asking = asking.collect::<Vec<_>>().join(" ");
        shortened(if asking.is_empty() { self.said } else { &asking }, SENTENCE)
    }
}

fn declines(answer: &str) -> bool {
    matches!(answer.trim(), REFUSAL | NO_SOURCES)
}
