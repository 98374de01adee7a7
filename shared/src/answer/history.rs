//! Earlier turns for the prompt: only what may still be said, with roles that alternate.

use super::markers;
use crate::messages::{Citation, Message, Role};

/// Characters of one earlier message that the model sees.
const CHARS: usize = 4_000;
/// Stands where an earlier answer rests on something that may not be quoted any more.
const WITHHELD: &str = "(This earlier answer is no longer available.)";

/// The turns to go before the question: the first is the user's, the last the assistant's. Behind an answer that is
/// withheld, answers without citations are withheld, too: they may repeat it.
pub(super) fn turns(messages: &[Message], may_recall: impl Fn(&[Citation]) -> bool) -> Vec<(Role, String)> {
    let mut turns: Vec<(Role, String)> = Vec::new();
    let mut withholding = false;
    for message in messages {
        let text = match &message.citations {
            Some(citations) if !may_recall(citations) || (withholding && citations.is_empty()) => {
                withholding = true;
                WITHHELD.to_owned()
            }
            Some(_) => markers::strip(&message.content).chars().take(CHARS).collect(),
            None => message.content.chars().take(CHARS).collect(),
        };
        if text.trim().is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some((role, before)) if *role == message.role => {
                before.push_str("\n\n");
                before.push_str(&text);
            }
            None if message.role == Role::Assistant => {}
            _ => turns.push((message.role, text)),
        }
    }
    if turns.last().is_some_and(|(role, _)| *role == Role::User) {
        turns.pop();
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        ids::{ConversationId, DocumentId, MessageId, TenantId},
    };

    fn message(role: Role, content: &str, cited: Option<&[&str]>) -> Message {
        let citation = |document: &&str| Citation {
            document: DocumentId::parse(*document).unwrap(),
            version: 1,
            folder: None,
            title: String::new(),
            page: None,
            section: None,
            excerpt: String::new(),
        };
        Message {
            id: MessageId::new(),
            tenant: TenantId::new(),
            conversation: ConversationId::new(),
            role,
            content: content.to_owned(),
            citations: cited.map(|cited| cited.iter().map(citation).collect()),
            confidence: None,
            model: None,
            usage: None,
            repetition: None,
            incomplete: false,
            created_at: Clock::default().now(),
        }
    }

    fn texts(messages: &[Message]) -> Vec<String> {
        let open = |citations: &[Citation]| citations.iter().all(|citation| citation.document.as_str() != "closed");
        turns(messages, open).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn an_answer_on_a_closed_document_is_withheld_and_what_may_repeat_it() {
        let messages = [
            message(Role::User, "first?", None),
            message(Role::Assistant, "open fact [1]", Some(&["open"])),
            message(Role::User, "second?", None),
            message(Role::Assistant, "secret [1] and more [2]", Some(&["open", "closed"])),
            message(Role::User, "third?", None),
            message(Role::Assistant, "the secret again", Some(&[])),
            message(Role::User, "fourth?", None),
            message(Role::Assistant, "another open fact [1]", Some(&["open"])),
        ];
        let expected = [
            "first?",
            "open fact",
            "second?",
            WITHHELD,
            "third?",
            WITHHELD,
            "fourth?",
            "another open fact",
        ];
        assert_eq!(texts(&messages), expected);
    }

    #[test]
    fn roles_alternate_whatever_was_stored() {
        let messages = [
            message(Role::Assistant, "orphan", Some(&[])),
            message(Role::User, "a?", None),
            message(Role::User, "b?", None),
            message(Role::Assistant, " ", Some(&[])),
            message(Role::Assistant, "both", Some(&[])),
            message(Role::User, "unanswered?", None),
        ];
        assert_eq!(texts(&messages), ["a?\n\nb?", "both"]);
    }
}
