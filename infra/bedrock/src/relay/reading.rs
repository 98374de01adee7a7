//! A streamed completion as it is read.

use super::{
    chunks::{Chunk, stop_reason},
    lines::Lines,
    reason,
};
use crate::{
    fault::Fault,
    model::{Piece, Usage},
};

/// A stream being read.
#[derive(Default)]
pub(super) struct Reading {
    lines: Lines,
    words: usize,
    /// Why the answer ended, once that was said.
    pub(super) finish: Option<String>,
    usage: Option<Usage>,
    /// Whether nothing more is to come.
    pub(super) done: bool,
}

impl Reading {
    /// The pieces in what arrived.
    pub(super) fn take(&mut self, arrived: &[u8]) -> Result<Vec<Piece>, Fault> {
        if !self.lines.push(arrived) {
            return Err(Fault::stream("The model server sent a line without an end."));
        }
        let mut pieces = Vec::new();
        while let Some(data) = self.lines.next_data() {
            pieces.extend(self.read(&data)?);
        }
        Ok(pieces)
    }

    fn read(&mut self, data: &[u8]) -> Result<Option<Piece>, Fault> {
        if data == b"[DONE]" {
            self.done = true;
            return Ok(None);
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data).map_err(|error| {
            Fault::stream(format!(
                "The model server sent something else than a part of an answer: {error}."
            ))
        })?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            let body = serde_json::json!({ "error": error }).to_string();
            return Err(Fault::stream(format!("The model server gave up: {}", reason(&body))));
        }
        self.usage = chunk.usage.map(Usage::from).or(self.usage);
        let Some(choice) = chunk.choices.into_iter().next() else {
            return Ok(None);
        };
        if let Some(finish) = choice.finish_reason {
            self.finish = Some(finish.into_owned());
        }
        let text = choice
            .delta
            .content
            .map(std::borrow::Cow::into_owned)
            .filter(|text| !text.is_empty());
        Ok(text.map(|text| {
            self.words += text.split_whitespace().count();
            Piece::Text(text)
        }))
    }

    /// What is left to say when nothing more arrives: the end, or that it never came.
    pub(super) fn close(mut self, input: u32) -> Vec<Result<Vec<Piece>, Fault>> {
        let rest = self
            .lines
            .finish()
            .map(|data| self.read(&data).map(|piece| piece.into_iter().collect()));
        let whole = self.done || self.finish.is_some();
        let end = if whole {
            let output = u32::try_from(self.words).unwrap_or(u32::MAX);
            let usage = self.usage.unwrap_or(Usage { input, output });
            Ok(vec![Piece::End {
                stop: stop_reason(self.finish.as_deref()),
                usage,
            }])
        } else {
            Err(Fault::stream("The model server broke off in the middle of its answer."))
        };
        rest.filter(|rest| rest.is_ok() && whole)
            .into_iter()
            .chain([end])
            .collect()
    }
}
