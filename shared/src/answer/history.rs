//! Earlier turns for the prompt: only what may still be said, with roles that alternate.

use super::{markers, retrieve::Library};
use crate::messages::{Message, Role};

/// Characters of one earlier message that the model sees.
const CHARS: usize = 4_000;
/// Stands where an earlier answer rests on something that may not be quoted any more.
const WITHHELD: &str = "(This earlier answer is no longer available.)";

/// The turns to go before the question: the first is the user's, the last the assistant's.
pub(super) fn turns(messages: &[Message], library: &Library<'_>) -> Vec<(Role, String)> {
    let mut turns: Vec<(Role, String)> = Vec::new();
    for message in messages {
        let text = match &message.citations {
            Some(citations) if !library.may_recall(citations) => WITHHELD.to_owned(),
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
