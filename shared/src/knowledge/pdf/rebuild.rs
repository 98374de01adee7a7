//! A new table of objects for PDFs whose own is missing or wrong.

use super::lexer::{Item, Lexer, Value};
use std::collections::BTreeMap;

/// The file with a new table of objects at its end, found by looking for `N G obj` throughout; of several objects with one
/// number the last counts, as it does in files that were saved over.
pub(super) fn rebuilt(bytes: &[u8]) -> Option<Vec<u8>> {
    let (offsets, catalog) = objects(bytes);
    let root = last_value(bytes, "/Root")
        .and_then(|value| reference(&value))
        .or(catalog)?;
    let encrypt = last_value(bytes, "/Encrypt").and_then(|value| reference(&value));
    let encrypt = encrypt
        .map(|number| format!("/Encrypt {number} 0 R"))
        .unwrap_or_default();
    let id = last_value(bytes, "/ID").and_then(|value| Some(format!("{}]", value.split_once(']')?.0)));
    let id = id.filter(|id| id.is_ascii()).unwrap_or_default();
    let mut out = bytes.to_vec();
    out.extend_from_slice(b"\n");
    let table = out.len();
    out.extend_from_slice(b"xref\n");
    for (number, offset) in &offsets {
        out.extend_from_slice(format!("{number} 1\n{offset:010} 00000 n \n").as_bytes());
    }
    let size = u64::from(*offsets.last_key_value()?.0) + 1;
    let trailer = format!("trailer\n<</Size {size}/Root {root} 0 R{encrypt}{id}>>\nstartxref\n{table}\n%%EOF\n");
    out.extend_from_slice(trailer.as_bytes());
    Some(out)
}

/// Where each object begins, and the number of the catalog if it is seen.
fn objects(bytes: &[u8]) -> (BTreeMap<u32, usize>, Option<u32>) {
    let mut offsets: BTreeMap<u32, usize> = BTreeMap::new();
    let mut catalog = None;
    let mut from = 0;
    while let Some(at) = bytes
        .get(from..)
        .and_then(|rest| rest.windows(4).position(|w| w == b" obj"))
    {
        let at = from + at;
        from = at + 4;
        let Some((number, start)) = object_number(bytes, at).filter(|(number, _)| *number < 8_000_000) else {
            continue;
        };
        offsets.insert(number, start);
        let body = bytes.get(from..bytes.len().min(from + 4096)).unwrap_or_default();
        if body.trim_ascii_start().starts_with(b"<<")
            && let Some(Item::Value(dict)) = Lexer::new(body).next()
            && dict.get(b"Type").and_then(Value::name) == Some(b"Catalog")
        {
            catalog = Some(number);
        }
    }
    (offsets, catalog)
}

/// The text from the last place where a key is written.
fn last_value(bytes: &[u8], key: &str) -> Option<String> {
    let at = bytes.windows(key.len()).rposition(|w| w == key.as_bytes())?;
    let value = bytes.get(at..bytes.len().min(at + 300))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// The number of the object whose `obj` follows the space at `at`, and where its number begins.
fn object_number(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let head = bytes.get(at.saturating_sub(20)..at)?;
    let digits = |from: &[u8]| from.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let generation = digits(head);
    let head = head.get(..head.len() - generation)?;
    let spaces = head.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
    let head = head.get(..head.len() - spaces)?;
    let count = digits(head);
    if generation == 0 || spaces == 0 || count == 0 {
        return None;
    }
    let start = at - generation - spaces - count;
    let number = std::str::from_utf8(bytes.get(start..start + count)?)
        .ok()?
        .parse()
        .ok()?;
    Some((number, start))
}

/// The number in `/Key 12 0 R`.
fn reference(text: &str) -> Option<u32> {
    let (_, after) = text.get(1..)?.split_once(|c: char| c.is_whitespace())?;
    let number: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
    number.parse().ok()
}
