//! Insights into a conversation without a model: everything is quoted from it or counted in it, nothing is made up. Its
//! lists of words are English; in another language moods, requests and thanks are mostly not noticed.

mod duties;
mod exchanges;
mod mood;
mod summary;
mod topics;

use serde_json::{Map, Value, json};
use shared::text::{sentences, shortened, stems};

use crate::conversation::Conversation;
use exchanges::Exchange;

/// Most characters of a quoted sentence.
const SENTENCE: usize = 300;
/// Most questions, and most actions.
const MOST: usize = 20;

/// What a conversation says, in the shape of the form; `schema` names what is asked for besides.
pub(super) fn insights(conversation: &Conversation, schema: &Value) -> Value {
    let exchanges = exchanges::exchanges(conversation);
    let said: Vec<&str> = by_user(conversation).collect();
    let unanswered = exchanges.iter().filter(|exchange| exchange.is_open());
    let mut form = json!({
        "summary": summary::summary(&exchanges, said.last().copied()),
        "topics": topics::topics(conversation, &exchanges),
        "sentiment": mood::sentiment(&said),
        "resolved": is_resolved(&exchanges, &said),
        "unansweredQuestions": unanswered.map(Exchange::question).take(MOST).collect::<Vec<_>>(),
        "actionItems": duties::duties(conversation).into_iter().take(MOST).collect::<Vec<_>>(),
    });
    if let Some(asked) = schema["properties"]["custom"]["properties"].as_object() {
        let found = asked
            .keys()
            .map(|name| (name.clone(), json!(mention(conversation, name))));
        form["custom"] = Value::Object(found.collect::<Map<_, _>>());
    }
    form
}

fn by_user(conversation: &Conversation) -> impl Iterator<Item = &str> {
    let by_user = conversation.messages.iter().filter(|message| message.by_user);
    by_user.map(|message| message.text.as_str())
}

/// Whether the last thing that was asked was answered from a document and nobody complained afterwards, or the user says so.
fn is_resolved(exchanges: &[Exchange<'_>], said: &[&str]) -> bool {
    let Some(last) = said.last() else { return false };
    if mood::is_unhappy(last) {
        return false;
    }
    let asked = exchanges.iter().rev().find(|exchange| exchange.asks());
    mood::is_solved(last) || asked.is_some_and(|asked| asked.is_answered())
}

/// The first sentence that has all the words of a name, one of the user's before any other, a statement before a question.
fn mention(conversation: &Conversation, name: &str) -> Option<String> {
    let wanted = stems(&apart(name));
    let said = conversation.messages.iter().flat_map(|message| {
        let sentences = sentences(&message.text).into_iter();
        sentences.map(move |sentence| (!message.by_user, sentence.ends_with('?'), sentence))
    });
    let has_all = |sentence: &str| {
        let stems = stems(sentence);
        !wanted.is_empty() && wanted.iter().all(|stem| stems.contains(stem))
    };
    said.filter(|(_, _, sentence)| has_all(sentence))
        .min_by_key(|(by_other, asks, _)| (*by_other, *asks))
        .map(|(_, _, sentence)| shortened(sentence, SENTENCE))
}

/// The words of a name: `order_number` and `orderNumber` are both `order number`.
fn apart(name: &str) -> String {
    let mut words = String::new();
    let mut small = false;
    for c in name.chars() {
        if small && c.is_uppercase() {
            words.push(' ');
        }
        small = c.is_lowercase();
        words.push(if c == '_' { ' ' } else { c });
    }
    words
}
