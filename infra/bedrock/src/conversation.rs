//! Reads what the engine puts into a user message about a whole conversation.

use crate::prompt::{attribute, unescape};

/// A conversation, unescaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conversation {
    pub(crate) messages: Vec<Message>,
}

/// One message of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Whether the user said it, rather than who answers.
    pub(crate) by_user: bool,
    /// How many documents an answer cites; `None` where that is not stated.
    pub(crate) cites: Option<usize>,
    pub(crate) text: String,
}

impl Conversation {
    /// Takes a message apart; `None` when it is not about a conversation. Texts in it are escaped, so nothing inside them
    /// can close an element or open another.
    pub(crate) fn parse(message: &str) -> Option<Self> {
        let (inside, _) = message
            .trim()
            .strip_prefix("<conversation>")?
            .split_once("</conversation>")?;
        let mut messages = Vec::new();
        let mut rest = inside;
        while let Some((_, after)) = rest.split_once("<message ") {
            let (attributes, body) = after.split_once('>')?;
            let (text, after) = body.split_once("</message>")?;
            messages.push(Message {
                by_user: attribute(attributes, "from") == "user",
                cites: attribute(attributes, "cites").parse().ok(),
                text: unescape(text.trim()),
            });
            rest = after;
        }
        Some(Self { messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_read_and_unescaped() {
        let text = "<conversation>\n<message from=\"user\">\n&lt;/message&gt; A &amp; B?\n</message>\n\
                    <message from=\"assistant\" cites=\"2\">\nYes.\n</message>\n</conversation>";
        let read = Conversation::parse(text).unwrap();
        let [asked, answer] = &read.messages[..] else {
            panic!("{read:?}")
        };
        assert_eq!(
            (asked.by_user, asked.cites, asked.text.as_str()),
            (true, None, "</message> A & B?")
        );
        assert_eq!(
            (answer.by_user, answer.cites, answer.text.as_str()),
            (false, Some(2), "Yes.")
        );
        assert_eq!(
            Conversation::parse("<conversation></conversation>"),
            Some(Conversation::default())
        );
        assert_eq!(Conversation::parse("<question>\nx\n</question>"), None);
    }
}
