//! What was said in a conversation before it was archived, as far as a model is to read it.

use super::Insight;
use crate::{
    conversations,
    error::Error,
    messages::Message,
    store::{Query, Table},
};

/// Most characters that a model reads: about 15,000 tokens.
const MAX_CHARS: usize = 60_000;
/// Messages that are read at once.
const PAGE: usize = 100;

/// The newest messages of a conversation, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Spoken {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there are older ones, for which there was no room.
    pub cut: bool,
}

impl Spoken {
    /// Reads what was said until the conversation was archived; what came later is another archive's.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn read(table: &Table, insight: &Insight) -> Result<Self, Error> {
        let mut spoken = Newest::default();
        let partition = conversations::partition(&insight.tenant, &insight.conversation);
        let mut pages = table.pages(Query {
            limit: Some(PAGE),
            ..Query::newest(partition, "MSG")
        });
        while !spoken.cut
            && let Some(page) = pages.next::<Message>().await?
        {
            let before = page.into_iter();
            spoken.take(before.filter(|message| message.created_at <= insight.requested_at));
        }
        Ok(spoken.whole())
    }
}

/// Messages as they are read, newest first.
#[derive(Default)]
struct Newest {
    messages: Vec<Message>,
    chars: usize,
    cut: bool,
}

impl Newest {
    fn take(&mut self, messages: impl Iterator<Item = Message>) {
        for message in messages {
            self.chars += message.content.chars().count();
            self.cut = self.chars > MAX_CHARS;
            if self.cut {
                return;
            }
            self.messages.push(message);
        }
    }

    fn whole(mut self) -> Spoken {
        self.messages.reverse();
        Spoken {
            messages: self.messages,
            cut: self.cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        ids::{ConversationId, MessageId, TenantId},
        messages::Role,
    };

    fn spoken(sizes: &[usize]) -> (Vec<usize>, bool) {
        let messages = sizes.iter().rev().map(|size| Message {
            id: MessageId::new(),
            tenant: TenantId::new(),
            conversation: ConversationId::new(),
            role: Role::User,
            content: "ä".repeat(*size),
            citations: None,
            confidence: None,
            model: None,
            usage: None,
            repetition: None,
            incomplete: false,
            created_at: Clock::default().now(),
        });
        let mut newest = Newest::default();
        newest.take(messages);
        let spoken = newest.whole();
        let kept = spoken.messages.iter().map(|message| message.content.chars().count());
        (kept.collect(), spoken.cut)
    }

    #[test]
    fn of_a_long_conversation_the_newest_messages_are_read() {
        assert_eq!(spoken(&[]), (vec![], false));
        assert_eq!(spoken(&[20_000, 30_000, 10_000]), (vec![20_000, 30_000, 10_000], false));
        assert_eq!(spoken(&[5, 20_001, 30_000, 10_000]), (vec![30_000, 10_000], true));
    }
}
