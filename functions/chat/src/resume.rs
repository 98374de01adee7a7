//! The rest of an answer for a client that lost its stream: from the table, once the answer is stored, without asking the
//! model again.

use std::time::Duration;

use axum::{Extension, extract::State, response::Response};
use bytes::Bytes;
use futures::Stream;
use http::HeaderMap;
use serde_json::json;
use shared::{
    answer::Answer,
    app::App,
    begun::Begun,
    bots::Bot,
    clock::Time,
    conversations::{Conversation, Party},
    error::Error,
    events::Event,
    http::{Asker, Exchange, Path, Reaching, sse},
    ids::{ConversationId, EventId, MessageId},
    limits::Class,
    messages::{Confidence, Message, Role},
    visitors,
};

use crate::{platform::last_frames, turn::End};

/// Pause before the table is asked again whether the answer is stored; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Get the rest of a streamed answer.
///
/// For a client that lost its stream: `Last-Event-ID` says how far it came (`<message id>:<characters>`); without it the whole
/// answer comes again. An answer that is still being written is waited for. The events are those of `/api/v1/chat/stream`.
#[utoipa::path(
    get, path = "/api/v1/chat/stream/{message_id}", tag = "chat",
    params(
        ("message_id" = String, Path, description = "The answer's message: the part of its events' ids before the colon"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that came"),
        ("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token of the session"),
    ),
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"))
)]
pub(crate) async fn resume_platform_stream(
    State(app): State<App>,
    Extension(exchange): Extension<Exchange>,
    Asker(caller): Asker,
    Path(message): Path,
    headers: HeaderMap,
) -> Result<Response, Error> {
    caller.limit(&app, Class::Chat, None).await?;
    let message = MessageId::parse(message).ok_or(Error::NotFound("Message"))?;
    let from = offset(&headers, &message)?;
    let wanted = Wanted {
        reaching: Reaching::new(caller, &headers),
        app,
        message,
    };
    if let Some(found) = wanted.find().await? {
        return Ok(sse::response(futures::stream::iter(found.rest(from, &exchange))));
    }
    match wanted.until().await? {
        Some(until) => Ok(sse::response(wait(wanted, from, until, exchange))),
        // It may have been stored between the two looks.
        None => match wanted.find().await? {
            Some(found) => Ok(sse::response(futures::stream::iter(found.rest(from, &exchange)))),
            None => Err(Error::NotFound("Message")),
        },
    }
}

/// How many characters have come already: of this message, else the id is not one of its events.
fn offset(headers: &HeaderMap, message: &MessageId) -> Result<usize, Error> {
    let Some(stated) = headers.get("last-event-id") else {
        return Ok(0);
    };
    let stated = stated.to_str().unwrap_or_default();
    let offset = stated
        .strip_prefix(message.as_str())
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|offset| offset.parse().ok());
    offset.ok_or_else(|| Error::field("Last-Event-ID", "must be the id of an event of this message"))
}

/// An answer that somebody wants the rest of.
struct Wanted {
    app: App,
    reaching: Reaching,
    message: MessageId,
}

/// A stored answer.
struct Found {
    answer: Answer,
    is_incomplete: bool,
}

impl Wanted {
    /// The answer, when it is stored and the caller may read it.
    async fn find(&self) -> Result<Option<Found>, Error> {
        let (app, tenant) = (&self.app, self.reaching.tenant());
        // The event that tells of a message is found by the message's id, and names the conversation.
        let key = Event::key(tenant, &EventId::of_message(&self.message));
        let Some(event) = app.table.get::<Event>(&key).await? else {
            return Ok(None);
        };
        let unknown = || Error::NotFound("Message");
        let id = event.data["session_id"].as_str().and_then(ConversationId::parse);
        let conversation = self.reaching.open_known(app, &id.ok_or_else(unknown)?).await;
        let conversation = conversation.map_err(|error| match error {
            Error::NotFound(_) => unknown(),
            other => other,
        })?;
        let key = Message::place(tenant, &conversation.id, &self.message);
        let message: Option<Message> = app.table.get(&key).await?;
        let message = message
            .filter(|message| message.role == Role::Assistant)
            .ok_or_else(unknown)?;
        Ok(Some(Found {
            is_incomplete: message.incomplete,
            answer: Answer {
                visitor_token: visitor_token(app, &conversation).await?,
                conversation: conversation.id,
                citations: message.citations.unwrap_or_default(),
                confidence: message.confidence.unwrap_or(Confidence::Low),
                usage: message.usage.unwrap_or_default(),
                content: message.content,
                message: message.id,
            },
        }))
    }

    /// When at the latest an answer is stored that is under way and that the caller may read.
    async fn until(&self) -> Result<Option<Time>, Error> {
        let key = Begun::key(self.reaching.tenant(), &self.message);
        let begun: Option<Begun> = self.app.table.get(&key).await?;
        let begun = begun.filter(|begun| self.reaching.reaches_of(&begun.owner, &begun.conversation));
        Ok(begun
            .map(|begun| begun.until())
            .filter(|until| self.app.clock.now() < *until))
    }
}

async fn visitor_token(app: &App, conversation: &Conversation) -> Result<Option<String>, Error> {
    let Party::Visitor { visitor } = &conversation.owner.party else {
        return Ok(None);
    };
    let bot: Option<Bot> = app
        .table
        .get(&Bot::key(&conversation.tenant, &conversation.owner.bot))
        .await?;
    Ok(bot.map(|bot| visitors::token(&bot, visitor, &conversation.id)))
}

impl Found {
    /// The events behind the first `from` characters.
    fn rest(self, from: usize, exchange: &Exchange) -> Vec<Bytes> {
        let id = format!("{}:{}", self.answer.message, self.answer.content.chars().count());
        let text: String = self.answer.content.chars().skip(from).collect();
        let token = (!text.is_empty()).then(|| sse::event("token", &id, &json!({"token": text})));
        let end = match self.is_incomplete {
            true => {
                let error = Error::unavailable("the answer was stored incomplete");
                vec![sse::event("error", &id, &exchange.broke_off(&error))]
            }
            false => last_frames(&id, &End::Answered(Box::new(self.answer))),
        };
        token.into_iter().chain(end).collect()
    }
}

/// Asks the table, less and less often, until the answer is stored or cannot come any more.
fn wait(wanted: Wanted, from: usize, until: Time, exchange: Exchange) -> impl Stream<Item = Bytes> + Send {
    async_stream::stream! {
        let mut pause = FIRST_PAUSE;
        let found = loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match wanted.find().await {
                Ok(Some(found)) => break Ok(found),
                Ok(None) if wanted.app.clock.now() < until => {}
                Ok(None) => break Err(Error::NotFound("Message")),
                Err(error) => break Err(error),
            }
        };
        match found {
            Ok(found) => for frame in found.rest(from, &exchange) { yield frame },
            Err(error) => {
                let id = format!("{}:{from}", wanted.message);
                yield sse::event("error", &id, &exchange.broke_off(&error));
            }
        }
    }
}
