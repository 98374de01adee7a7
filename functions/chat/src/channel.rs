//! The channels dialect: a page's widget asks. Answers come in the AI SDK's UI message stream, so that `useChat` takes them as
//! they are, or as bare text.

use axum::{Extension, body::Body, extract::State, response::Response};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    answer::{Answer, Began, Piece, Thread, Turn, answer, markers},
    app::App,
    conversations::Owner,
    error::Error,
    http::{Asker, Caller, Exchange, Json, Path, ai::CitationOut, sse},
    ids::{ConversationId, MessageId},
    limits::Class,
};

use crate::{
    platform,
    turn::{asked, begun},
    visitor::{self, Asking, VisitorIn},
};

/// Says which framing the stream has: <https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol>.
const UI_STREAM: HeaderName = HeaderName::from_static("x-vercel-ai-ui-message-stream");
const THREAD_ID: HeaderName = HeaderName::from_static("x-thread-id");
/// The id of the one text part of an answer.
const TEXT: &str = "text";

/// The body of a question.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WidgetChatIn)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatIn {
    /// Messages, of which the last one of the user is the question. History comes from the thread, not from here.
    #[schema(required = true, value_type = Vec<MessageIn>)]
    messages: Option<Vec<MessageIn>>,
    /// Who asks.
    visitor: Option<VisitorIn>,
    /// The thread to go on with; absent = the visitor's last one, where it is certain who asks.
    #[schema(max_length = 128)]
    thread_id: Option<String>,
    /// For pages: the token that the thread's first answer gave, where a header cannot carry it.
    visitor_token: Option<String>,
}

/// A message: its text stands in `content`, or in `parts` as the AI SDK writes it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WidgetMessageIn)]
struct MessageIn {
    /// `user`; messages of other roles are not read.
    role: String,
    /// The text.
    content: Option<ContentIn>,
    /// The parts, of which those of type `text` are read.
    parts: Option<Vec<PartIn>>,
}

/// Text, or parts of it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
enum ContentIn {
    Text(String),
    Parts(Vec<PartIn>),
}

/// A part of a message.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = WidgetPartIn)]
struct PartIn {
    /// What it is; only `text` is read.
    #[serde(rename = "type")]
    kind: String,
    /// The text.
    text: Option<String>,
}

/// Send a visitor's message, and get the answer as it is written.
///
/// The stream is the AI SDK's UI message stream (v1): `start` with the thread's id and the visitor's token as metadata,
/// `text-start`, `text-delta`, `text-end`, a `source-document` for each citation, `data-citations` with all of them, and `finish`.
/// While a person answers it is `data-handoff` instead. With `Accept: text/plain` it is the bare text.
#[utoipa::path(
    post, path = "/api/channels/widget/{applicationId}/chat", tag = "channels", request_body = ChatIn,
    params(
        ("applicationId" = String, Path, description = "The bot"),
        ("X-Visitor-Token" = Option<String>, Header, description = "For pages: the token that the thread's first answer gave"),
    ),
    responses((status = 200, description = "The answer", 
        content((String = "text/event-stream"), (String = "text/plain")),
        headers(
            ("X-Thread-Id" = String, description = "The thread"),
            ("X-Visitor-Token" = Option<String>, description = "With which the visitor goes on with this thread"),
        )))
)]
pub(crate) async fn send_widget_message(
    State(app): State<App>,
    Extension(exchange): Extension<Exchange>,
    Asker(caller): Asker,
    Path(application): Path,
    headers: HeaderMap,
    Json(body): Json<ChatIn>,
) -> Result<Response, Error> {
    let turn = body.turn(&caller, application, &headers)?;
    let pieces = answer(&app, turn, caller.limit(&app, Class::Chat, None)).await?;
    let (began, pieces) = begun(pieces).await?;
    let mut response = match wants_text(&headers) {
        true => text(pieces, exchange),
        false => {
            let mut response = sse::response(frames(began.clone(), pieces, exchange));
            response.headers_mut().insert(UI_STREAM, HeaderValue::from_static("v1"));
            response
        }
    };
    if let Ok(thread) = HeaderValue::from_str(began.conversation.as_str()) {
        response.headers_mut().insert(THREAD_ID, thread);
    }
    Ok(platform::with_token(response, &began))
}

/// Bare text is for those who ask for it and not for a stream of events.
fn wants_text(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let mut kinds = accepted
        .unwrap_or_default()
        .split(',')
        .filter_map(|kind| kind.split(';').next());
    let first = kinds.find(|kind| matches!(kind.trim(), "text/plain" | "text/event-stream" | "*/*"));
    first.is_some_and(|kind| kind.trim() == "text/plain")
}

impl ChatIn {
    fn turn(self, caller: &Caller, application: String, headers: &HeaderMap) -> Result<Turn, Error> {
        let bot = platform::bot(caller, Some(application))?;
        let token = visitor::token(headers).or(self.visitor_token.as_deref());
        let asking = self.visitor.unwrap_or_default().asking(caller, token, true)?;
        let thread = thread(self.thread_id, &asking)?;
        let Some(question) = self
            .messages
            .into_iter()
            .flatten()
            .rev()
            .find(|message| message.role == "user")
        else {
            return Err(Error::sentence(
                "Message is required",
                "messages",
                "must hold a message of the role user",
            ));
        };
        let owner = Owner {
            bot,
            party: asking.party,
        };
        Ok(Turn {
            thread,
            person: asking.person,
            reach: asking.reach,
            proved: asking.proved,
            ..asked(caller, owner, Some(question.text()))?
        })
    }
}

/// The stated thread; else the one whose token the visitor holds; else, where it is certain who asks, their last one.
fn thread(stated: Option<String>, asking: &Asking) -> Result<Thread, Error> {
    match (stated.filter(|id| !id.is_empty()), &asking.holds) {
        (Some(id), _) => ConversationId::parse(id)
            .map(Thread::Unarchived)
            .ok_or(Error::NotFound("Conversation")),
        (None, Some(held)) if !asking.proved => Ok(Thread::Perhaps(held.clone())),
        (None, _) if asking.proved => Ok(Thread::Newest),
        (None, _) => Ok(Thread::New),
    }
}

impl MessageIn {
    fn text(self) -> String {
        let parts = self.parts.unwrap_or_default();
        let (text, parts) = match self.content {
            Some(ContentIn::Text(text)) => (text, parts),
            Some(ContentIn::Parts(parts)) => (String::new(), parts),
            None => (String::new(), parts),
        };
        if !text.trim().is_empty() {
            return text;
        }
        let texts = parts
            .into_iter()
            .filter(|part| part.kind == "text")
            .filter_map(|part| part.text);
        texts.collect::<Vec<_>>().join("\n")
    }
}

/// A part of the stream, in the protocol's words.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Part {
    Start {
        message_id: MessageId,
        message_metadata: Value,
    },
    TextStart {
        id: &'static str,
    },
    TextDelta {
        id: &'static str,
        delta: String,
    },
    TextEnd {
        id: &'static str,
    },
    SourceDocument {
        source_id: String,
        media_type: &'static str,
        title: String,
        provider_metadata: Value,
    },
    DataCitations {
        data: Value,
    },
    DataHandoff {
        data: Value,
    },
    Error {
        error_text: String,
    },
    Finish {
        message_metadata: Value,
    },
}

/// The parts of the stream; the last event is `[DONE]`, as the protocol asks.
fn frames(
    began: Began,
    pieces: impl Stream<Item = Piece> + Send + 'static,
    exchange: Exchange,
) -> impl Stream<Item = Bytes> + Send {
    let start = Part::Start {
        message_metadata: json!({"threadId": began.conversation, "visitorToken": began.visitor_token}),
        message_id: began.message,
    };
    let mut open = false;
    let parts = pieces.flat_map(move |piece| futures::stream::iter(parts(piece, &mut open, &exchange)));
    let parts = futures::stream::iter([start]).chain(parts).map(|part| sse::data(&part));
    parts.chain(futures::stream::iter([Bytes::from_static(b"data: [DONE]\n\n")]))
}

fn parts(piece: Piece, open: &mut bool, exchange: &Exchange) -> Vec<Part> {
    let mut delta = |delta: String| {
        let begin = (!std::mem::replace(open, true)).then_some(Part::TextStart { id: TEXT });
        let delta = Part::TextDelta { id: TEXT, delta };
        begin.into_iter().chain([delta]).collect()
    };
    match piece {
        Piece::Began(_) => Vec::new(),
        Piece::Text(text) => delta(text),
        Piece::Cite(n) => delta(markers::marker(n)),
        Piece::Done(answer) => text_end(*open).chain(sources(*answer)).collect(),
        Piece::HandedOver => vec![
            Part::DataHandoff {
                data: json!({"handoff": true}),
            },
            Part::Finish {
                message_metadata: json!({"handoff": true}),
            },
        ],
        Piece::Failed(error) => {
            let error_text = exchange.broke_off(&error).error;
            text_end(*open).chain([Part::Error { error_text }]).collect()
        }
    }
}

fn text_end(open: bool) -> impl Iterator<Item = Part> {
    open.then_some(Part::TextEnd { id: TEXT }).into_iter()
}

/// The citations, one by one for clients that list sources and together in our shape, and the end.
fn sources(answer: Answer) -> Vec<Part> {
    let citations: Vec<CitationOut> = answer.citations.into_iter().map(CitationOut::from).collect();
    let source = |(n, citation): (usize, &CitationOut)| Part::SourceDocument {
        source_id: n.to_string(),
        media_type: "text/plain",
        title: citation.document_title.clone(),
        provider_metadata: json!({"docent": citation}),
    };
    let mut parts: Vec<Part> = (1..).zip(&citations).map(source).collect();
    parts.push(Part::DataCitations { data: json!(citations) });
    let usage = json!({"inputTokens": answer.usage.input_tokens, "outputTokens": answer.usage.output_tokens});
    parts.push(Part::Finish {
        message_metadata: json!({"confidence": answer.confidence, "usage": usage, "handoff": false}),
    });
    parts
}

/// The text as it is written, without markers: nothing here says what they stand for.
fn text(pieces: impl Stream<Item = Piece> + Send + 'static, exchange: Exchange) -> Response {
    let texts = pieces.filter_map(move |piece| {
        let text = match piece {
            Piece::Text(text) => Some(text),
            Piece::Failed(error) => Some(format!("\n\n({})", exchange.broke_off(&error).error)),
            Piece::HandedOver => Some("(A person answers from here.)".to_owned()),
            Piece::Began(_) | Piece::Cite(_) | Piece::Done(_) => None,
        };
        std::future::ready(text.map(Ok::<_, std::convert::Infallible>))
    });
    let mut response = Response::new(Body::from_stream(texts));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
