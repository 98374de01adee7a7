//! The part of an answer that goes on by itself: from the hits to the stored messages.

use std::time::Duration;

use serde_json::json;
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle};

use super::{
    Answer, Began, Piece, Thread, Turn, Written, draft, history, markers, prompt,
    retrieve::{Library, Source},
};
use crate::{
    app::App,
    begun::Begun,
    bots::Bot,
    clock::Time,
    conversations::{Conversation, Newest, Owner, Party, Person, Recent, Status, shortened},
    error::Error,
    events::{Event, EventType, Job, Question},
    ids::{ConversationId, MessageId},
    messages::{Message, Role},
    models::Prompt,
    search::Hit,
    store::{self, Transaction, TransactionError, Update},
    text,
    usage::{self, Spent},
    visitors,
};

/// Longest time until the model is asked: a collection that scaled to zero wakes in 10–30 s.
const SEARCH_DEADLINE: Duration = Duration::from_secs(45);
/// Characters of an answer that lists show.
const PREVIEW: usize = 100;

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

impl Asked {
    /// Answers, tells the listener piece by piece, and stores. A listener that left changes nothing.
    pub(super) async fn run(self, search: JoinHandle<Result<Vec<Hit>, Error>>, pieces: UnboundedSender<Piece>) {
        tell(&pieces, self.began());
        let prompt = async { futures::join!(self.note(), self.prompt(search)).1 };
        let outcome = match tokio::time::timeout(SEARCH_DEADLINE, prompt).await {
            Ok(Ok((prompt, sources))) => self.write(prompt, &sources, &pieces).await,
            Ok(Err(error)) => Err(error),
            Err(late) => Err(Error::unavailable(late)),
        };
        if outcome.is_err() {
            self.forget().await;
        }
        tell(&pieces, outcome.unwrap_or_else(Piece::Failed));
    }

    /// Stores a question that a person will answer.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub(super) async fn hand_on(&self, pieces: &UnboundedSender<Piece>) -> Result<(), Error> {
        let now = self.app.clock.now();
        let question = Message {
            // The one that its beginning tells.
            id: self.message.clone(),
            ..self.message(Role::User, self.turn.message.clone(), now)
        };
        let mut transaction = Transaction::default();
        let known = self.recent.as_ref().map(|recent| &recent.conversation);
        let said = self.said(&question).with(self.introduction(known));
        transaction.create(&question)?.create(&said)?;
        if let Some(conversation) = known {
            let appended = conversation.appended(1, now)?;
            transaction.update(match self.introduces(conversation) {
                Some(person) => appended.set("person", person)?,
                None => appended,
            });
        }
        self.app.table.transact(transaction).await.map_err(gone)?;
        tell(pieces, self.began());
        tell(pieces, Piece::HandedOver);
        Ok(())
    }

    /// Notes that the answer is under way. Without the note the answer goes on all the same.
    async fn note(&self) {
        if !self.turn.resumable {
            return;
        }
        let begun = Begun {
            tenant: self.turn.scope.tenant.clone(),
            message: self.message.clone(),
            conversation: self.conversation.clone(),
            owner: self.owner().clone(),
            asked_at: self.asked_at,
        };
        if let Err(error) = self.app.table.put(&begun).await {
            tracing::warn!(%error, "a client that loses this stream must wait until the answer is stored");
        }
    }

    /// Takes the note back: nobody waits for an answer that does not come.
    async fn forget(&self) {
        if !self.turn.resumable {
            return;
        }
        let key = Begun::key(&self.turn.scope.tenant, &self.message);
        if let Err(error) = self.app.table.delete(&key).await {
            tracing::warn!(%error, "a client that comes back for this answer waits in vain");
        }
    }

    fn began(&self) -> Piece {
        Piece::Began(Began {
            conversation: self.conversation.clone(),
            message: self.message.clone(),
            visitor_token: self.visitor_token(),
        })
    }

    async fn prompt(&self, search: JoinHandle<Result<Vec<Hit>, Error>>) -> Result<(Prompt, Vec<Source>), Error> {
        let hits = search.await.map_err(Error::internal)??;
        let earlier = self
            .recent
            .as_ref()
            .map(|recent| recent.messages.as_slice())
            .unwrap_or_default();
        let library = Library::load(&self.app, &self.turn.scope, &hits, earlier).await?;
        let history = history::turns(earlier, |citations| library.may_recall(citations));
        let sources = library.for_answer(hits);
        Ok((
            prompt::question(&self.bot, history, &sources, &self.turn.message),
            sources,
        ))
    }

    /// Lets the model write, then stores both messages.
    async fn write(&self, prompt: Prompt, sources: &[Source], pieces: &UnboundedSender<Piece>) -> Result<Piece, Error> {
        let (written, failure) = draft::write(&self.app, prompt, sources, |piece| tell(pieces, piece)).await?;
        let answer = self.store(written, failure.is_some()).await?;
        Ok(failure.map_or_else(|| Piece::Done(Box::new(answer)), Piece::Failed))
    }

    /// Writes both messages, the conversation and the event of a new one, all or nothing.
    async fn store(&self, written: Written, incomplete: bool) -> Result<Answer, Error> {
        let now = self.app.clock.now();
        let question = Message {
            id: self.question.clone(),
            ..self.message(Role::User, self.turn.message.clone(), self.asked_at)
        };
        let answer = Message {
            citations: Some(written.citations.clone()),
            confidence: Some(written.confidence),
            model: Some(written.model),
            usage: Some(written.usage),
            incomplete,
            ..self.message(Role::Assistant, written.content, now)
        };
        let known = self.recent.as_ref().map(|recent| &recent.conversation);
        let table = &self.app.table;
        let mut stored = table.transact(self.transaction(&question, &answer, known)?).await;
        let named = matches!(self.turn.thread, Thread::Named(_));
        if known.is_none() && named && matches!(stored, Err(TransactionError::Condition(_))) {
            // Another first message opened it meanwhile.
            let opened = self.opened(&answer);
            stored = table
                .transact(self.transaction(&question, &answer, Some(&opened))?)
                .await;
        }
        stored.map_err(gone)?;
        Ok(Answer {
            visitor_token: self.visitor_token(),
            conversation: self.conversation.clone(),
            message: answer.id,
            content: answer.content,
            citations: written.citations,
            confidence: written.confidence,
            usage: written.usage,
        })
    }

    /// Whose conversation it is.
    fn owner(&self) -> &Owner {
        let recent = self.recent.as_ref();
        recent.map_or(&self.turn.owner, |recent| &recent.conversation.owner)
    }

    fn visitor_token(&self) -> Option<String> {
        match &self.owner().party {
            Party::Visitor { visitor } => Some(visitors::token(&self.bot, visitor, &self.conversation)),
            Party::EndUser { .. } | Party::Credential { .. } => None,
        }
    }

    fn message(&self, role: Role, content: String, created_at: Time) -> Message {
        Message {
            id: self.message.clone(),
            tenant: self.turn.scope.tenant.clone(),
            conversation: self.conversation.clone(),
            role,
            content,
            citations: None,
            confidence: None,
            model: None,
            usage: None,
            // Once for each request: with the question.
            repetition: store::repetition().filter(|_| role == Role::User),
            incomplete: false,
            created_at,
        }
    }

    /// The conversation that this turn opens.
    fn opened(&self, answer: &Message) -> Conversation {
        Conversation {
            id: self.conversation.clone(),
            tenant: self.turn.scope.tenant.clone(),
            owner: self.turn.owner.clone(),
            person: self.turn.person.clone(),
            title: shortened(&self.turn.message),
            preview: preview(answer),
            status: Status::Open,
            archived_at: None,
            handoff: None,
            created_at: self.asked_at,
            updated_at: answer.created_at,
            message_count: 2,
            tokens: answer.tokens(),
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
        let answered = self.answered(answer).with(self.introduction(known));
        transaction.create(question)?.create(answer)?.create(&answered)?;
        if self.turn.resumable {
            transaction.delete(Begun::key(&self.turn.scope.tenant, &self.message), Vec::new());
        }
        if let Some(known) = known {
            let appended = known
                .appended(2, now)?
                .add("tokens", i64::try_from(answer.tokens()).unwrap_or(0));
            let appended = appended.set("preview", &preview(answer))?;
            transaction.update(match self.introduces(known) {
                Some(person) => appended.set("person", person)?,
                None => appended,
            });
            return Ok(transaction);
        }
        let Turn { scope, owner, .. } = &self.turn;
        let title = Job::Title {
            conversation: self.conversation.clone(),
        };
        let data = json!({"session_id": self.conversation});
        let event = Event::new(&scope.tenant, Some(&self.bot.id), EventType::NewSession, now, data).with([title]);
        let mut count = Update::at(owner.total_key(&scope.tenant)).add("total", 1);
        if self.turn.proved {
            count = count.set(Newest::FIELD, &self.conversation)?;
        }
        transaction.create(&self.opened(answer))?.create(&event)?.update(count);
        Ok(transaction)
    }

    /// The visitor, when this turn is the first of the conversation to state an e-mail address.
    fn introduces(&self, known: &Conversation) -> Option<&Person> {
        let stated = self.turn.person.as_ref().filter(|person| person.email.is_some());
        let before = known.person.as_ref().and_then(|person| person.email.as_ref());
        stated.filter(|_| before.is_none())
    }

    /// What makes a contact of a visitor who states an e-mail address for the first time.
    fn introduction(&self, known: Option<&Conversation>) -> Option<Job> {
        let stated = match known {
            Some(known) => self.introduces(known).is_some(),
            None => self.turn.person.as_ref().is_some_and(|person| person.email.is_some()),
        };
        stated.then(|| Job::Contact {
            conversation: self.conversation.clone(),
        })
    }

    /// The event that tells of a message.
    fn said(&self, message: &Message) -> Event {
        let data = json!({"session_id": self.conversation, "message_id": message.id, "role": message.role});
        let tenant = &self.turn.scope.tenant;
        Event {
            // Derived, so that who knows the message finds the conversation.
            id: message.told_by(),
            ..Event::new(
                tenant,
                Some(&self.bot.id),
                EventType::NewMessage,
                message.created_at,
                data,
            )
        }
    }

    /// The event that tells of the answer and of what it took.
    fn answered(&self, answer: &Message) -> Event {
        let usage = answer.usage.unwrap_or_default();
        let model = answer.model.clone().unwrap_or_default();
        let nano_usd = self.app.prices.nano_usd(&model, usage);
        let mut event = self.said(answer);
        event.asked = Some(Question {
            message: self.question.clone(),
            at: self.asked_at,
        });
        event.data["credential"] = json!(self.turn.credential);
        event.data["model"] = json!(model);
        event.data["input_tokens"] = json!(usage.input_tokens);
        event.data["output_tokens"] = json!(usage.output_tokens);
        event.data["cost_usd"] = json!(usage::usd(nano_usd));
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

/// The only condition that can fail is that the conversation is still there.
fn gone(error: TransactionError) -> Error {
    match error {
        TransactionError::Condition(_) => Error::NotFound("Conversation"),
        TransactionError::Other(error) => error,
    }
}

/// The beginning of an answer, on one line.
fn preview(answer: &Message) -> String {
    text::shortened(&markers::strip(&answer.content), PREVIEW)
}
