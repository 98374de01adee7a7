//! The part of an answer that goes on by itself: from the hits to the stored messages.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle, time::Instant};

use super::{
    Answer, Piece, Turn,
    claims::Claims,
    confidence::confidence,
    history,
    markers::{self, Markers, Part},
    prompt,
    retrieve::{Library, Source},
};
use crate::{
    app::App,
    bots::Bot,
    clock::Time,
    conversations::{Conversation, Party, Recent, shortened},
    error::Error,
    events::{Event, EventType, Job},
    ids::{ConversationId, MessageId},
    messages::{Message, Role, Usage},
    models::{Delta, Prompt},
    search::Hit,
    store::{Transaction, TransactionError, Update},
    usage::{self, Spent},
    visitors,
};

/// Longest time until the model is asked: a collection that scaled to zero wakes in 10–30 s.
const SEARCH_DEADLINE: Duration = Duration::from_secs(45);
/// Longest time that the model may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// A question that was accepted.
pub(super) struct Asked {
    pub(super) app: App,
    pub(super) turn: Turn,
    pub(super) bot: Bot,
    pub(super) recent: Option<Recent>,
    /// The conversation, perhaps new.
    pub(super) conversation: ConversationId,
    /// The question's message.
    pub(super) question: MessageId,
    /// The answer's message.
    pub(super) message: MessageId,
    pub(super) asked_at: Time,
}

/// What the model has written so far.
#[derive(Default)]
struct Draft {
    markers: Markers,
    claims: Claims,
    content: String,
    usage: Usage,
    failure: Option<Error>,
}

impl Asked {
    /// Answers, tells the listener piece by piece, and stores. A listener that left changes nothing.
    pub(super) async fn run(self, search: JoinHandle<Result<Vec<Hit>, Error>>, pieces: UnboundedSender<Piece>) {
        let began = Piece::Began {
            conversation: self.conversation.clone(),
            message: self.message.clone(),
        };
        tell(&pieces, began);
        let outcome = match tokio::time::timeout(SEARCH_DEADLINE, self.prompt(search)).await {
            Ok(Ok((prompt, sources))) => self.write(prompt, &sources, &pieces).await,
            Ok(Err(error)) => Err(error),
            Err(late) => Err(Error::unavailable(late)),
        };
        tell(&pieces, outcome.unwrap_or_else(Piece::Failed));
    }

    async fn prompt(&self, search: JoinHandle<Result<Vec<Hit>, Error>>) -> Result<(Prompt, Vec<Source>), Error> {
        let hits = search.await.map_err(Error::internal)??;
        let earlier = self
            .recent
            .as_ref()
            .map(|recent| recent.messages.as_slice())
            .unwrap_or_default();
        let library = Library::load(&self.app, &self.turn, &hits, earlier).await?;
        let history = history::turns(earlier, |citations| library.may_recall(citations));
        let sources = library.sources(hits);
        Ok((
            prompt::question(&self.bot, history, &sources, &self.turn.message),
            sources,
        ))
    }

    /// Lets the model write, then stores both messages.
    async fn write(&self, prompt: Prompt, sources: &[Source], pieces: &UnboundedSender<Piece>) -> Result<Piece, Error> {
        let model = self.app.models.name(&prompt).to_owned();
        let deadline = Instant::now() + DEADLINE;
        let began = tokio::time::timeout_at(deadline, self.app.models.stream(prompt)).await;
        let mut deltas = std::pin::pin!(began.map_err(Error::unavailable)??);
        let mut draft = Draft {
            markers: Markers::new(sources.len()),
            ..Draft::default()
        };
        loop {
            match tokio::time::timeout_at(deadline, deltas.next()).await {
                Ok(Some(Ok(Delta::Text(text)))) => {
                    let parts = draft.markers.push(&text);
                    draft.take(parts, pieces);
                }
                Ok(Some(Ok(Delta::Usage(usage)))) => draft.usage = usage,
                Ok(Some(Err(error))) => draft.failure = Some(error),
                Ok(None) => break,
                Err(late) => draft.failure = Some(Error::unavailable(late)),
            }
            if draft.failure.is_some() {
                break;
            }
        }
        let rest = draft.markers.finish();
        draft.take(rest, pieces);
        if draft.content.trim().is_empty() {
            // Nothing came: nothing is stored, and the question can be asked again.
            return Err(draft
                .failure
                .unwrap_or_else(|| Error::unavailable("the model wrote nothing")));
        }
        let answer = self.store(&mut draft, sources, model).await?;
        Ok(draft
            .failure
            .map_or_else(|| Piece::Done(Box::new(answer)), Piece::Failed))
    }

    /// Writes both messages, the conversation and the event of a new one, all or nothing.
    async fn store(&self, draft: &mut Draft, sources: &[Source], model: String) -> Result<Answer, Error> {
        let now = self.app.clock.now();
        let question = Message {
            id: self.question.clone(),
            ..self.message(Role::User, self.turn.message.clone(), self.asked_at)
        };
        let citations = draft.claims.citations(draft.markers.order(), sources);
        let cited = draft.markers.order().iter().filter_map(|at| sources.get(*at));
        let passages = cited.flat_map(|source| {
            [
                source.text.as_str(),
                &source.title,
                source.section.as_deref().unwrap_or(""),
            ]
        });
        let confidence = confidence(&markers::strip(&draft.content), passages);
        let answer = Message {
            citations: Some(citations.clone()),
            confidence: Some(confidence),
            model: Some(model),
            usage: Some(draft.usage),
            incomplete: draft.failure.is_some(),
            ..self.message(Role::Assistant, draft.content.clone(), now)
        };
        let known = self.recent.as_ref().map(|recent| &recent.conversation);
        let table = &self.app.table;
        let mut stored = table.transact(self.transaction(&question, &answer, known)?).await;
        if known.is_none() && self.turn.opens && matches!(stored, Err(TransactionError::Condition(_))) {
            // Another first message opened it meanwhile.
            let opened = self.opened(now);
            stored = table
                .transact(self.transaction(&question, &answer, Some(&opened))?)
                .await;
        }
        stored.map_err(|error| match error {
            // The only condition that can fail is that the conversation is still there.
            TransactionError::Condition(_) => Error::NotFound("Conversation"),
            TransactionError::Other(error) => error,
        })?;
        Ok(Answer {
            visitor_token: self.visitor_token(),
            conversation: self.conversation.clone(),
            message: answer.id,
            content: answer.content,
            citations,
            confidence,
            usage: draft.usage,
        })
    }

    fn visitor_token(&self) -> Option<String> {
        let owner = self
            .recent
            .as_ref()
            .map_or(&self.turn.owner, |recent| &recent.conversation.owner);
        match &owner.party {
            Party::Visitor { visitor } => Some(visitors::token(&self.bot, visitor, &self.conversation)),
            Party::EndUser { .. } | Party::Credential { .. } => None,
        }
    }

    fn message(&self, role: Role, content: String, created_at: Time) -> Message {
        Message {
            id: self.message.clone(),
            tenant: self.turn.tenant.clone(),
            conversation: self.conversation.clone(),
            role,
            content,
            citations: None,
            confidence: None,
            model: None,
            usage: None,
            incomplete: false,
            created_at,
        }
    }

    /// The conversation that this turn opens.
    fn opened(&self, now: Time) -> Conversation {
        Conversation {
            id: self.conversation.clone(),
            tenant: self.turn.tenant.clone(),
            owner: self.turn.owner.clone(),
            title: shortened(&self.turn.message),
            created_at: self.asked_at,
            updated_at: now,
            message_count: 2,
        }
    }

    /// Appends to the conversation that is known, or opens one.
    fn transaction(
        &self,
        question: &Message,
        answer: &Message,
        known: Option<&Conversation>,
    ) -> Result<Transaction, Error> {
        let now = answer.created_at;
        let mut transaction = Transaction::default();
        transaction
            .create(question)?
            .create(answer)?
            .create(&self.answered(answer))?;
        if let Some(known) = known {
            transaction.update(known.appended(now)?);
            return Ok(transaction);
        }
        let Turn {
            tenant, owner, message, ..
        } = &self.turn;
        let conversation = self.opened(now);
        let title = Job::Title {
            conversation: self.conversation.clone(),
            question: message.clone(),
        };
        let data = json!({"session_id": self.conversation});
        let event = Event::new(tenant, Some(&self.bot.id), EventType::NewSession, now, data).with([title]);
        transaction
            .create(&conversation)?
            .create(&event)?
            .update(Update::at(owner.total_key(tenant)).add("total", 1));
        Ok(transaction)
    }

    /// The event that tells of the answer and of what it took.
    fn answered(&self, answer: &Message) -> Event {
        let usage = answer.usage.unwrap_or_default();
        let model = answer.model.clone().unwrap_or_default();
        let nano_usd = self.app.prices.nano_usd(&model, usage);
        let data = json!({
            "session_id": self.conversation,
            "message_id": answer.id,
            "role": answer.role,
            "credential": self.turn.credential,
            "model": model,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cost_usd": usage::usd(nano_usd),
        });
        let tenant = &self.turn.tenant;
        let mut event = Event::new(
            tenant,
            Some(&self.bot.id),
            EventType::NewMessage,
            answer.created_at,
            data,
        );
        event.spent = Some(Spent {
            credential: self.turn.credential.clone(),
            bot: self.bot.id.clone(),
            model,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            nano_usd,
        });
        event
    }
}

/// Tells the listener; one that left changes nothing.
fn tell(pieces: &UnboundedSender<Piece>, piece: Piece) {
    if pieces.send(piece).is_err() {
        tracing::trace!("nobody listens any more; the answer goes on");
    }
}

impl Draft {
    fn take(&mut self, parts: Vec<Part>, pieces: &UnboundedSender<Piece>) {
        for part in parts {
            let piece = match part {
                Part::Text(text) => {
                    self.claims.text(&text);
                    self.content.push_str(&text);
                    Piece::Text(text)
                }
                Part::Cite(n) => {
                    self.claims.cite(n);
                    self.content.push_str(&format!(" [{n}]"));
                    Piece::Cite(n)
                }
            };
            tell(pieces, piece);
        }
    }
}
