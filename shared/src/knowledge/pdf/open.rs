//! Opens PDF files: with the bounds that the library lacks, and with a fresh table of objects for files whose own is wrong.

use super::filters;
use super::rebuild::rebuilt;
use super::table::is_sound;
use crate::knowledge::bounded::Limits;
use crate::knowledge::parsed::ParseError;
use pdf_extract::{Document, LoadOptions, Object};
use std::cell::Cell;

thread_local! {
    /// How many more bytes the file that this thread loads may unpack, and how many more objects it may have.
    static BUDGET: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// The most that one object stream or table of objects may unpack to.
pub(super) const MOST_BYTES: usize = 128 << 20;
/// The most objects that are loaded, counting one again for each entry that points to it.
pub(super) const MOST_OBJECTS: usize = 2_000_000;

/// Opens a PDF that needs no password.
pub(super) fn open(bytes: &[u8], limits: &Limits) -> Result<Document, ParseError> {
    let bytes = without_lead(bytes);
    let mut document = if is_sound(bytes) { load(bytes, limits) } else { None };
    if document
        .as_ref()
        .is_none_or(|d| !d.is_encrypted() && d.page_iter().next().is_none())
    {
        limits.time()?;
        document = rebuilt(bytes).and_then(|bytes| load(&bytes, limits)).or(document);
    }
    limits.time()?;
    let damaged = "This PDF is damaged and could not be read. Open it, save it again and upload the new file.";
    let document = document.ok_or_else(|| ParseError::new(damaged))?;
    if document.is_encrypted() {
        return Err(ParseError::new(
            "This PDF is protected by a password. Upload a copy without one.",
        ));
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
    let options = LoadOptions {
        filter: Some(admit),
        ..LoadOptions::default()
    };
    // The library panics on some files; those count as damaged, and another way of reading them may still do.
    std::panic::catch_unwind(|| Document::load_mem_with_options(bytes, options))
        .ok()?
        .ok()
}

/// Sees each object as it is loaded. Images are left out; object streams are unpacked here, where it is bounded, rather
/// than in the library, where it is not.
fn admit(id: (u32, u16), object: &mut Object) -> Option<((u32, u16), Object)> {
    let (bytes, objects) = BUDGET.get();
    let Some(objects) = objects.checked_sub(1) else {
        std::panic::resume_unwind(Box::new("too many objects"))
    };
    let size = object.as_stream().map_or(0, |stream| stream.content.len());
    let Some(mut bytes) = bytes.checked_sub(size) else {
        std::panic::resume_unwind(Box::new("too many bytes"))
    };
    if let Ok(stream) = object.as_stream_mut() {
        if stream
            .dict
            .get(b"Subtype")
            .and_then(Object::as_name)
            .is_ok_and(|s| s == b"Image")
        {
            return None;
        }
        if stream.dict.has_type(b"ObjStm") {
            let unpacked = filters::decode(&Document::new(), stream, MOST_BYTES.min(bytes))?;
            bytes -= unpacked.len();
            stream.set_plain_content(unpacked);
        }
    }
    BUDGET.set((bytes, objects));
    // The library keeps a top-level object that it lent, and of the objects in an object stream what is returned; the latter
    // are never streams, which would be dear to copy.
    Some((
        id,
        if object.as_stream().is_ok() {
            Object::Null
        } else {
            object.clone()
        },
    ))
}
