//! Converse over chat completions.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt};
use reqwest::Response;
use serde::Serialize;
use serde_json::Value;

use super::{
    Relay,
    chunks::{Completion, stop_reason},
    reading::Reading,
    tools::ToolOut,
};
use crate::{
    converse::{Role, Turn},
    fault::Fault,
    model::{Answer, Pieces, StopReason, Usage, tokens},
    tools::Tools,
};

#[derive(Serialize)]
struct ChatOut<'a> {
    model: &'a str,
    messages: Vec<MessageOut<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl Relay {
    pub(crate) async fn answer(&self, turn: &Turn) -> Result<Answer, Fault> {
        let response = self.complete(turn, false).await?;
        let completion: Completion = self.json(response).await?;
        let choice = completion.choices.into_iter().next();
        let choice = choice.ok_or_else(|| Fault::model("The model server answered without a choice."))?;
        let mut text = choice.message.content.unwrap_or_default();
        let usage = completion
            .usage
            .map_or_else(|| estimate(input(turn), &text), Usage::from);
        let mut stop = stop_reason(choice.finish_reason.as_deref());
        let calls = choice.message.tool_calls.unwrap_or_default();
        let used = turn.tools.as_ref().and_then(|tools| tools.used(calls, &text));
        if used.is_some() {
            text.clear();
            if stop == StopReason::EndTurn {
                stop = StopReason::ToolUse;
            }
        }
        Ok(Answer {
            text,
            used,
            stop,
            usage,
        })
    }

    /// Answers once the server has begun to, so that whatever it refuses is still an HTTP error.
    pub(crate) async fn stream(self: Arc<Self>, turn: &Turn) -> Result<Pieces, Fault> {
        let response = self.complete(turn, true).await?;
        Ok(self.pieces(response, input(turn)))
    }

    async fn complete(&self, turn: &Turn, stream: bool) -> Result<Response, Fault> {
        let system = Some(turn.system.as_str()).filter(|system| !system.is_empty());
        let system = system.map(|content| MessageOut {
            role: "system",
            content,
        });
        let said = turn.messages.iter().map(|message| MessageOut {
            role: role(message.role),
            content: &message.text,
        });
        let body = ChatOut {
            model: self.chat_model().await?,
            messages: system.into_iter().chain(said).collect(),
            stream,
            stream_options: stream.then_some(StreamOptions { include_usage: true }),
            max_tokens: turn.limits.max_tokens,
            temperature: turn.limits.temperature,
            top_p: turn.limits.top_p,
            stop: &turn.limits.stop_sequences,
            tools: turn.tools.as_ref().map(Tools::out).unwrap_or_default(),
            tool_choice: turn.tools.as_ref().map(Tools::choice_out),
        };
        self.send(self.client.post(self.url("chat/completions")).json(&body))
            .await
    }

    /// Passes on what arrives as it arrives. An answer is whole once its end was said, even if the line drops after that.
    fn pieces(self: Arc<Self>, response: Response, input: u32) -> Pieces {
        let stream = async_stream::stream! {
            let mut arriving = response.bytes_stream();
            let mut reading = Reading::default();
            while let Some(arrived) = arriving.next().await {
                let batch = match arrived {
                    Ok(bytes) => reading.take(&bytes),
                    Err(error) if reading.finish.is_none() => Err(self.broken(&error)),
                    Err(_) => break,
                };
                let failed = batch.is_err();
                if !batch.as_ref().is_ok_and(Vec::is_empty) {
                    yield batch;
                }
                if failed {
                    return;
                }
                if reading.done {
                    break;
                }
            }
            for last in reading.close(input) {
                yield last;
            }
            drain(arriving);
        };
        stream.boxed()
    }

    fn broken(&self, error: &reqwest::Error) -> Fault {
        tracing::warn!(error = error as &dyn std::error::Error, base = %self.base, "the model server's answer broke off");
        if error.is_timeout() {
            return Fault::stream("The model server fell silent in the middle of its answer.");
        }
        Fault::stream("The model server broke off in the middle of its answer.")
    }
}

/// Reads what follows the end, which is nothing but makes the connection fit for another call, without keeping anyone waiting.
fn drain(mut rest: impl Stream<Item = reqwest::Result<Bytes>> + Send + Unpin + 'static) {
    if rest.next().now_or_never().is_none() {
        tokio::spawn(async move { tokio::time::timeout(Duration::from_secs(1), rest.next()).await.is_ok() });
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// About how many tokens were read, for a server that does not count.
fn input(turn: &Turn) -> u32 {
    turn.messages.iter().map(|message| tokens(&message.text)).sum::<u32>() + tokens(&turn.system)
}

fn estimate(input: u32, text: &str) -> Usage {
    Usage {
        input,
        output: tokens(text),
    }
}
