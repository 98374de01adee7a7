//! Opens PDF files: with the bounds that the library lacks, and with a fresh table of objects for files whose own is wrong.

use super::filters;
use super::lexer::{Item, Lexer, Value};
use crate::knowledge::bounded::Limits;
use crate::knowledge::parsed::ParseError;
use pdf_extract::{Document, LoadOptions, Object};
use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

thread_local! {
    /// How many more bytes the file that this thread loads may unpack, and how many more objects it may have.
    static BUDGET: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// The most that one object stream or table of objects may unpack to.
const MOST_BYTES: usize = 128 << 20;
/// The most objects that are loaded, counting one again for each entry that points to it.
const MOST_OBJECTS: usize = 2_000_000;

/// Opens a PDF that needs no password.
pub(super) fn open(bytes: &[u8], limits: &Limits) -> Result<Document, ParseError> {
    let bytes = without_lead(bytes);
    let mut document = if table_is_sound(bytes) { load(bytes, limits) } else { None };
    if document.as_ref().is_none_or(|d| !d.is_encrypted() && d.page_iter().next().is_none()) {
        limits.time()?;
        document = rebuilt(bytes).and_then(|bytes| load(&bytes, limits)).or(document);
    }
    limits.time()?;
    let damaged = "This PDF is damaged and could not be read. Open it, save it again and upload the new file.";
    let document = document.ok_or_else(|| ParseError::new(damaged))?;
    if document.is_encrypted() {
        return Err(ParseError::new("This PDF is protected by a password. Upload a copy without one."));
    }
    if document.page_iter().next().is_none() {
        return Err(ParseError::new(damaged));
    }
    Ok(document)
}

fn without_lead(bytes: &[u8]) -> &[u8] {
    let start = bytes.windows(5).take(4096).position(|w| w == b"%PDF-").unwrap_or(0);
    bytes.get(start..).unwrap_or(bytes)
}

fn load(bytes: &[u8], limits: &Limits) -> Option<Document> {
    BUDGET.set((limits.inflated / 2, MOST_OBJECTS));
    let options = LoadOptions { filter: Some(admit), ..LoadOptions::default() };
    // The library panics on some files; those count as damaged, and another way of reading them may still do.
    std::panic::catch_unwind(|| Document::load_mem_with_options(bytes, options)).ok()?.ok()
}

/// Sees each object as it is loaded. Images are left out; object streams are unpacked here, where it is bounded, rather
/// than in the library, where it is not.
fn admit(id: (u32, u16), object: &mut Object) -> Option<((u32, u16), Object)> {
    let (bytes, objects) = BUDGET.get();
    let Some(objects) = objects.checked_sub(1) else { std::panic::resume_unwind(Box::new("too many objects")) };
    let size = object.as_stream().map_or(0, |stream| stream.content.len());
    let Some(mut bytes) = bytes.checked_sub(size) else { std::panic::resume_unwind(Box::new("too many bytes")) };
    if let Ok(stream) = object.as_stream_mut() {
        if stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|s| s == b"Image") {
            return None;
        }
        if stream.dict.has_type(b"ObjStm") {
            let unpacked = filters::decode(&Document::new(), stream, MOST_BYTES.min(bytes))?;
            bytes -= unpacked.len();
            stream.set_plain_content(unpacked);
        }
    }
    BUDGET.set((bytes, objects));
    // The library keeps the object that it lent; what is returned only says that it may.
    Some((id, Object::Null))
}

/// Whether the file's tables of objects can be given to the library: it trusts the sizes that they state.
fn table_is_sound(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(1024)..).unwrap_or(bytes);
    let Some(at) = tail.windows(9).rposition(|w| w == b"startxref") else { return false };
    let mut lexer = Lexer::new(tail.get(at + 9..).unwrap_or_default());
    let Some(Item::Value(Value::Number(first))) = lexer.next() else { return false };
    let mut to_do = vec![first];
    let mut done = HashSet::new();
    while let Some(offset) = to_do.pop() {
        let offset = offset as usize;
        if !done.insert(offset) {
            continue;
        }
        let Some(section) = bytes.get(offset..).filter(|_| done.len() < 1_000) else { return false };
        let Some(trailer) = section_dictionary(section) else { return false };
        to_do.extend([b"Prev".as_slice(), b"XRefStm"].iter().filter_map(|key| trailer.get(key).and_then(Value::number)));
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
        return if let Item::Value(dict @ Value::Dict(_)) = lexer.next()? { Some(dict) } else { None };
    }
    let (Item::Value(_), Item::Value(_), Item::Operator(b"obj")) = (lexer.next()?, lexer.next()?, lexer.next()?) else { return None };
    let Item::Value(dict @ Value::Dict(_)) = lexer.next()? else { return None };
    let Item::Operator(b"stream") = lexer.next()? else { return None };
    let body = section.get(lexer.at..)?;
    let body = body.strip_prefix(b"\r\n").or_else(|| body.strip_prefix(b"\n")).unwrap_or(body);
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
    let mut believable = widths.len() >= 3 && widths.iter().all(|w| (0.0..=8.0).contains(w)) && widths.iter().sum::<f64>() > 0.0;
    believable &= counts.iter().skip(usize::from(counts.len() > 1)).step_by(2).sum::<f64>() < limit;
    let parameters = match dict.get(b"DecodeParms") {
        Some(Value::Array(all)) => all.first(),
        other => other,
    };
    for key in [b"Columns".as_slice(), b"Colors", b"BitsPerComponent"] {
        believable &= parameters.and_then(|p| p.get(key)).and_then(Value::number).is_none_or(|n| (0.0..=64.0).contains(&n));
    }
    match dict.get(b"Filter") {
        None => believable,
        Some(Value::Array(all)) if all.len() > 1 => false,
        Some(_) => believable && filters::inflate(body, MOST_BYTES).len() < MOST_BYTES,
    }
}

/// The file with a new table of objects, found by looking for `N G obj` throughout.
fn rebuilt(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut offsets: BTreeMap<u32, usize> = BTreeMap::new();
    let mut root = None;
    let (mut encrypt, mut id) = (String::new(), String::new());
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.windows(4).position(|w| w == b" obj").map(|at| at + from) {
        from = at + 4;
        let Some((number, start)) = object_number(bytes, at) else { continue };
        if number < 8_000_000 {
            offsets.insert(number, start);
        }
        let body = bytes.get(from..bytes.len().min(from + 4096)).unwrap_or_default();
        if let Some(Item::Value(dict)) = Lexer::new(body).next()
            && dict.get(b"Type").and_then(Value::name) == Some(b"Catalog")
        {
            root = Some(number);
        }
    }
    for key in ["/Encrypt", "/ID", "/Root"] {
        let Some(at) = bytes.windows(key.len()).rposition(|w| w == key.as_bytes()) else { continue };
        let value = bytes.get(at..bytes.len().min(at + 300)).map(String::from_utf8_lossy).unwrap_or_default();
        match key {
            "/Encrypt" => encrypt = reference(&value).map(|n| format!("/Encrypt {n} 0 R")).unwrap_or_default(),
            "/ID" => id = value.split_once(']').map(|(id, _)| format!("{id}]")).filter(|id| id.is_ascii()).unwrap_or_default(),
            _ => root = reference(&value).or(root),
        }
    }
    let root = root?;
    let mut out = bytes.to_vec();
    out.extend_from_slice(b"\n");
    let table = out.len();
    out.extend_from_slice(b"xref\n");
    for (number, offset) in &offsets {
        out.extend_from_slice(format!("{number} 1\n{offset:010} 00000 n \n").as_bytes());
    }
    let size = u64::from(*offsets.last_key_value()?.0) + 1;
    out.extend_from_slice(format!("trailer\n<</Size {size}/Root {root} 0 R{encrypt}{id}>>\nstartxref\n{table}\n%%EOF\n").as_bytes());
    Some(out)
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
    let number = std::str::from_utf8(bytes.get(start..start + count)?).ok()?.parse().ok()?;
    Some((number, start))
}

/// The number in `/Key 12 0 R`.
fn reference(text: &str) -> Option<u32> {
    let (_, after) = text.get(1..)?.split_once(|c: char| c.is_whitespace())?;
    let number: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
    number.parse().ok()
}
