//! The tables that say where a PDF's objects are, checked before the library reads them.

use super::filters;
use super::lexer::{Item, Lexer, Value};
use super::open::{MOST_BYTES, MOST_OBJECTS};
use std::collections::HashSet;

/// Whether the file's tables of objects can be given to the library: it trusts the sizes that they state.
pub(super) fn is_sound(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(1024)..).unwrap_or(bytes);
    let Some(at) = tail.windows(9).rposition(|w| w == b"startxref") else {
        return false;
    };
    let mut lexer = Lexer::new(tail.get(at + 9..).unwrap_or_default());
    let Some(Item::Value(Value::Number(first))) = lexer.next() else {
        return false;
    };
    let mut to_do = vec![first];
    let mut done = HashSet::new();
    while let Some(offset) = to_do.pop() {
        let offset = offset as usize;
        if !done.insert(offset) {
            continue;
        }
        let Some(section) = bytes.get(offset..).filter(|_| done.len() < 1_000) else {
            return false;
        };
        let Some(trailer) = section_dictionary(section) else {
            return false;
        };
        to_do.extend(
            [b"Prev".as_slice(), b"XRefStm"]
                .iter()
                .filter_map(|key| trailer.get(key).and_then(Value::number)),
        );
    }
    true
}

/// The trailer of a plain table, or the dictionary of a table that is a stream, if its sizes are believable.
fn section_dictionary(section: &[u8]) -> Option<Value> {
    let mut lexer = Lexer::new(section);
    let start = section.trim_ascii_start();
    if start.starts_with(b"xref") {
        let at = section.windows(7).position(|w| w == b"trailer")?;
        lexer.at = at + 7;
        return if let Item::Value(dict @ Value::Dict(_)) = lexer.next()? {
            Some(dict)
        } else {
            None
        };
    }
    let (Item::Value(_), Item::Value(_), Item::Operator(b"obj")) = (lexer.next()?, lexer.next()?, lexer.next()?) else {
        return None;
    };
    let Item::Value(dict @ Value::Dict(_)) = lexer.next()? else {
        return None;
    };
    let Item::Operator(b"stream") = lexer.next()? else {
        return None;
    };
    let body = section.get(lexer.at..)?;
    let body = body
        .strip_prefix(b"\r\n")
        .or_else(|| body.strip_prefix(b"\n"))
        .unwrap_or(body);
    is_believable(&dict, body).then_some(dict)
}

fn is_believable(dict: &Value, body: &[u8]) -> bool {
    let Value::Dict(entries) = dict else { return false };
    let mut keys = HashSet::new();
    if !entries.iter().all(|(key, _)| keys.insert(key)) {
        return false;
    }
    let numbers = |value: Option<&Value>| match value {
        Some(Value::Array(all)) => all.iter().filter_map(Value::number).collect(),
        Some(Value::Number(n)) => vec![*n],
        _ => Vec::new(),
    };
    let widths = numbers(dict.get(b"W"));
    let counts = numbers(dict.get(b"Index").or(dict.get(b"Size")));
    let limit = MOST_OBJECTS as f64;
    let mut believable =
        widths.len() >= 3 && widths.iter().all(|w| (0.0..=8.0).contains(w)) && widths.iter().sum::<f64>() > 0.0;
    believable &= counts
        .iter()
        .skip(usize::from(counts.len() > 1))
        .step_by(2)
        .sum::<f64>()
        < limit;
    let parameters = match dict.get(b"DecodeParms") {
        Some(Value::Array(all)) => all.first(),
        other => other,
    };
    for key in [b"Columns".as_slice(), b"Colors", b"BitsPerComponent"] {
        believable &= parameters
            .and_then(|p| p.get(key))
            .and_then(Value::number)
            .is_none_or(|n| (0.0..=64.0).contains(&n));
    }
    match dict.get(b"Filter") {
        None => believable,
        Some(Value::Array(all)) if all.len() > 1 => false,
        Some(_) => believable && filters::inflate(body, MOST_BYTES).len() < MOST_BYTES,
    }
}
