//! A summary in quotations.

use shared::text::{sentences, shortened};

use super::{SENTENCE, exchanges::Exchange};

/// Questions that are quoted: the first and the last ones.
const QUOTED: usize = 4;
/// Most characters of a quoted message.
const MESSAGE: usize = 200;
/// Says what it is.
const SIGNED: &str = "(Quotations, put together by docent's offline model.)";

/// What was asked and answered; `last` is what the user said last.
pub(super) fn summary(exchanges: &[Exchange<'_>], last: Option<&str>) -> String {
    let asked: Vec<&Exchange<'_>> = exchanges.iter().filter(|exchange| exchange.asks()).collect();
    let mut parts = Vec::new();
    if asked.len() <= QUOTED {
        parts.extend(asked.iter().map(|exchange| told(exchange)));
    } else {
        parts.push(told(asked[0]));
        parts.push(format!("({} more questions.)", asked.len() - QUOTED));
        parts.extend(asked[asked.len() + 1 - QUOTED..].iter().map(|exchange| told(exchange)));
    }
    let ended = exchanges.last().filter(|exchange| !exchange.asks());
    if let (Some(_), Some(last)) = (ended, last) {
        parts.push(format!("The user's last words: “{}”", shortened(last, MESSAGE)));
    }
    parts.push(SIGNED.to_owned());
    parts.join(" ")
}

fn told(exchange: &Exchange<'_>) -> String {
    let question = shortened(exchange.said, MESSAGE);
    let answer = exchange.answer.map(|answer| answer.text.as_str());
    let beginning = answer.and_then(|answer| sentences(answer).into_iter().next().map(str::to_owned));
    match beginning {
        Some(beginning) => format!(
            "The user: “{question}” The answer: “{}”",
            shortened(&beginning, SENTENCE)
        ),
        None => format!("The user: “{question}” There was no answer."),
    }
}
