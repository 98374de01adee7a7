//! The model's writing as it comes: pieces for whoever listens, and at its end the text with its citations and confidence.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;

use super::{
    Piece,
    claims::Claims,
    confidence::confidence,
    markers::{self, Markers, Part},
    retrieve::Source,
};
use crate::{
    app::App,
    error::Error,
    messages::{Citation, Confidence, Usage},
    models::{Delta, Prompt},
};

/// Longest time that the model may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// What a model has written from sources.
#[derive(Clone, Debug)]
pub struct Written {
    /// The text, with markers `[n]`, where `n` counts `citations` from 1.
    pub content: String,
    /// What it rests on.
    pub citations: Vec<Citation>,
    /// How well they cover it.
    pub confidence: Confidence,
    /// The model.
    pub model: String,
    /// What it took.
    pub usage: Usage,
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

/// Lets the model write and tells each piece. What came before a failure is given with it.
///
/// # Errors
/// When nothing came.
pub(super) async fn write(
    app: &App,
    prompt: Prompt,
    sources: &[Source],
    tell: impl Fn(Piece),
) -> Result<(Written, Option<Error>), Error> {
    let model = app.models.name(&prompt).to_owned();
    let deadline = Instant::now() + DEADLINE;
    let began = tokio::time::timeout_at(deadline, app.models.stream(prompt)).await;
    let mut deltas = std::pin::pin!(began.map_err(Error::unavailable)??);
    let mut draft = Draft {
        markers: Markers::new(sources.len()),
        ..Draft::default()
    };
    loop {
        match tokio::time::timeout_at(deadline, deltas.next()).await {
            Ok(Some(Ok(Delta::Text(text)))) => {
                let parts = draft.markers.push(&text);
                draft.take(parts, &tell);
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
    draft.take(rest, &tell);
    if draft.content.trim().is_empty() {
        // Nothing came: nothing is stored, and the question can be asked again.
        return Err(draft
            .failure
            .unwrap_or_else(|| Error::unavailable("the model wrote nothing")));
    }
    Ok(draft.end(sources, model))
}

impl Draft {
    fn take(&mut self, parts: Vec<Part>, tell: &impl Fn(Piece)) {
        for part in parts {
            tell(match part {
                Part::Text(text) => {
                    self.claims.text(&text);
                    self.content.push_str(&text);
                    Piece::Text(text)
                }
                Part::Cite(n) => {
                    self.claims.cite(n);
                    self.content.push_str(&markers::marker(n));
                    Piece::Cite(n)
                }
            });
        }
    }

    fn end(self, sources: &[Source], model: String) -> (Written, Option<Error>) {
        let cited = self.markers.order().iter().filter_map(|at| sources.get(*at));
        let passages = cited.flat_map(|source| {
            [
                source.text.as_str(),
                &source.title,
                source.section.as_deref().unwrap_or(""),
            ]
        });
        let written = Written {
            citations: self.claims.citations(self.markers.order(), sources),
            confidence: confidence(&markers::strip(&self.content), passages),
            content: self.content,
            model,
            usage: self.usage,
        };
        (written, self.failure)
    }
}
