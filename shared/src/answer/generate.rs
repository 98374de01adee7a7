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
    conversations::{Conversation, Recent, shortened},
    error::Error,
    events::{Event, EventType, Job},
    ids::{ConversationId, MessageId},
    messages::{Message, Role, Usage},
    models::{Delta, Prompt},
    search::Hit,
    store::{Transaction, TransactionError, Update},
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
        let outcome = match tokio::time::timeout(SEARCH_DEADLINE, self.prompt(search)).await {
            Ok(Ok((prompt, sources))) => self.write(prompt, &sources, &pieces).await,
            Ok(Err(error)) => Err(error),
            Err(late) => Err(Error::unavailable(late)),
        };
        let last = outcome.unwrap_or_else(Piece::Failed);
        if pieces.send(last).is_err() {
            tracing::debug!("nobody waited for the end of an answer");
        }
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
        let conversation = match &self.recent {
            Some(recent) => recent.conversation.id.clone(),
            None => ConversationId::new(),
        };
        let question = self.message(&conversation, Role::User, self.turn.message.clone(), self.asked_at);
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
            ..self.message(&conversation, Role::Assistant, draft.content.clone(), now)
        };
        let stored = self
            .app
            .table
            .transact(self.transaction(&conversation, &question, &answer, now)?)
            .await;
        stored.map_err(|error| match error {
            // The only condition that can fail is that the conversation is still there.
            TransactionError::Condition(_) => Error::NotFound("Conversation"),
            TransactionError::Other(error) => error,
        })?;
        Ok(Answer {
            conversation,
            message: answer.id,
            content: answer.content,
            citations,
            confidence,
            usage: draft.usage,
        })
    }

    fn message(&self, conversation: &ConversationId, role: Role, content: String, created_at: Time) -> Message {
        Message {
            id: MessageId::new(),
            tenant: self.turn.tenant.clone(),
            conversation: conversation.clone(),
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

    fn transaction(
        &self,
        id: &ConversationId,
        question: &Message,
        answer: &Message,
        now: Time,
    ) -> Result<Transaction, Error> {
        let mut transaction = Transaction::default();
        transaction.create(question)?.create(answer)?;
        if let Some(recent) = &self.recent {
            transaction.update(recent.conversation.appended(now)?);
            return Ok(transaction);
        }
        let Turn {
            tenant, owner, message, ..
        } = &self.turn;
        let conversation = Conversation {
            id: id.clone(),
            tenant: tenant.clone(),
            owner: owner.clone(),
            title: shortened(message),
            created_at: self.asked_at,
            updated_at: now,
            message_count: 2,
        };
        let title = Job::Title {
            conversation: id.clone(),
            question: message.clone(),
        };
        let event = Event::new(
            tenant,
            Some(&self.bot.id),
            EventType::NewSession,
            now,
            json!({"session_id": id}),
        )
        .with([title]);
        transaction
            .create(&conversation)?
            .create(&event)?
            .update(Update::at(owner.total_key(tenant)).add("total", 1));
        Ok(transaction)
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
            if pieces.send(piece).is_err() {
                tracing::trace!("nobody listens any more; the answer goes on");
            }
        }
    }
}
