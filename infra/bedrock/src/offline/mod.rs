//! The offline model: it answers by quoting the sentences of the sources that fit the question best, and nothing else,
//! so a source can neither instruct it nor make it say what is not written there.

mod ask;
mod blocks;
mod chosen;
mod insights;
mod matches;
mod passages;
mod pick;
mod quote;
mod small_talk;
mod title;
mod vocabulary;

use std::{borrow::Cow, time::Duration};

use futures::StreamExt;
use shared::insights::TOOL;

use crate::{
    conversation::Conversation,
    converse::{Role, Turn},
    fault::Fault,
    model::{Answer, Piece, Pieces, StopReason, Usage, Used, tokens},
    prompt::Prompt,
    tools::Tool,
};
use ask::Ask;
use small_talk::SmallTalk;

/// The sentence said when the sources do not hold an answer.
const REFUSAL: &str = "The sources do not say anything about that.";
const GREETING: &str =
    "Hello! I am docent's offline model: ask me something about your documents, and I answer by quoting them.";
const THANKS: &str = "You are welcome! Ask me anything else about your documents.";
const NO_SOURCES: &str =
    "I am docent's offline model: I answer by quoting documents, and this message came without any.";

/// The whole answer to a turn.
pub(crate) fn answer(turn: &Turn) -> Answer {
    let (text, stop) = cut(say(turn), turn.limits.max_tokens);
    let usage = usage(turn, &text);
    Answer {
        text: text.into_owned(),
        used: None,
        stop,
        usage,
    }
}

/// Fills in a tool's input: of insights by quoting the conversation. It understands no other tool, and makes nothing up.
pub(crate) fn fill_in(turn: &Turn, tool: &Tool) -> Result<Answer, Fault> {
    let conversation = turn
        .messages
        .last()
        .and_then(|message| Conversation::parse(&message.text));
    let Some(conversation) = conversation.filter(|_| tool.name == TOOL) else {
        return Err(Fault::validation(format!(
            "docent's offline model only uses the tool {TOOL}, about a conversation; give it a real model for {}.",
            tool.name
        )));
    };
    let input = insights::insights(&conversation, &tool.schema);
    Ok(Answer {
        text: String::new(),
        stop: StopReason::ToolUse,
        usage: usage(turn, &input.to_string()),
        used: Some(Used {
            tool: tool.name.clone(),
            input,
        }),
    })
}

fn usage(turn: &Turn, written: &str) -> Usage {
    let read = turn.messages.iter().map(|message| tokens(&message.text)).sum::<u32>();
    Usage {
        input: read + tokens(&turn.system),
        output: tokens(written),
    }
}

/// The answer word by word, each `delay` after the one before.
pub(crate) fn stream(turn: &Turn, delay: Duration) -> Pieces {
    let Answer { text, stop, usage, .. } = answer(turn);
    let mut pieces: Vec<Piece> = words(&text).map(|word| Piece::Text(word.to_owned())).collect();
    pieces.push(Piece::End { stop, usage });
    if delay.is_zero() {
        return futures::stream::iter([Ok(pieces)]).boxed();
    }
    let timed = async_stream::stream! {
        for piece in pieces {
            if matches!(piece, Piece::Text(_)) {
                tokio::time::sleep(delay).await;
            }
            yield Ok(vec![piece]);
        }
    };
    timed.boxed()
}

fn say(turn: &Turn) -> Cow<'static, str> {
    let asked: Vec<Prompt> = turn
        .messages
        .iter()
        .filter(|message| message.role == Role::User)
        .map(|message| Prompt::parse(&message.text))
        .collect();
    let Some((prompt, earlier)) = asked.split_last() else {
        return NO_SOURCES.into();
    };
    if !prompt.has_sources && turn.system.to_lowercase().contains("title") {
        return title::title(&prompt.question).into();
    }
    let earlier: Vec<&str> = earlier.iter().map(|prompt| prompt.question.as_str()).collect();
    let ask = Ask::new(&prompt.question, &earlier);
    match ask.small_talk {
        Some(SmallTalk::Greeting) => GREETING.into(),
        Some(SmallTalk::Thanks) => THANKS.into(),
        None if !prompt.has_sources => NO_SOURCES.into(),
        None => pick::pick(&ask, &prompt.sources).map_or(REFUSAL.into(), |quotes| quote::compose(&quotes).into()),
    }
}

/// The text as far as `most` tokens go.
fn cut(text: Cow<'static, str>, most: Option<u32>) -> (Cow<'static, str>, StopReason) {
    let most = most.unwrap_or(u32::MAX);
    if tokens(&text) <= most {
        return (text, StopReason::EndTurn);
    }
    let keep = usize::try_from(most).unwrap_or(usize::MAX) * 10 / 13;
    (
        words(&text).take(keep.max(1)).collect::<String>().into(),
        StopReason::MaxTokens,
    )
}

/// The text's words, each with the space before it, so that the parts put together are the text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let letters = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[letters..]
            .find(char::is_whitespace)
            .map_or(rest.len(), |at| letters + at);
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}
