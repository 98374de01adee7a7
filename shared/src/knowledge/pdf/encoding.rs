//! One-byte encodings: which text a code of a simple font stands for.

use super::lexer::{Item, Lexer, Value};
use pdf_extract::{Dictionary, Document, Object};

/// The text of each of the 256 codes.
pub(super) type Table = Vec<Option<String>>;

/// The table of a named encoding; none where the name is not one of PDF's.
pub(super) fn named(name: &[u8]) -> Option<Table> {
    if !matches!(
        name,
        b"WinAnsiEncoding" | b"MacRomanEncoding" | b"StandardEncoding" | b"MacExpertEncoding" | b"PDFDocEncoding"
    ) {
        return None;
    }
    let mut font = Dictionary::new();
    font.set("Type", Object::Name(b"Font".to_vec()));
    font.set("Encoding", Object::Name(name.to_vec()));
    let document = Document::new();
    let encoding = font.get_font_encoding(&document).ok()?;
    Some(
        (0..=255)
            .map(|code: u8| encoding.bytes_to_string(&[code]).ok().filter(|t| !t.is_empty()))
            .collect(),
    )
}

/// Enters the `Differences` of an encoding dictionary into a table.
pub(super) fn apply_differences(document: &Document, differences: &[Object], table: &mut Table) {
    let mut code = 0_usize;
    for entry in differences.iter().take(2_000) {
        match document.dereference(entry) {
            Ok((_, Object::Integer(next))) => code = usize::try_from(*next).unwrap_or(usize::MAX),
            Ok((_, Object::Name(name))) => {
                if let Some(slot) = table.get_mut(code) {
                    *slot = glyph_text(name);
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
}

/// The text of a glyph by its name, as the Adobe Glyph List specification derives it: a listed name, `uniXXXX`, `uXXXXX`,
/// parts joined by `_`, anything after a stop ignored.
pub(super) fn glyph_text(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let stem = name.split('.').next().filter(|stem| !stem.is_empty())?;
    let texts: Option<Vec<String>> = stem.split('_').take(8).map(part_text).collect();
    texts.map(|texts| texts.concat()).filter(|text| !text.is_empty())
}

fn part_text(part: &str) -> Option<String> {
    if let [letter] = part.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Some(part.to_owned());
    }
    let digits = |hex: &str| u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
    if let Some(hex) = part
        .strip_prefix("uni")
        .filter(|hex| hex.len() >= 4 && hex.len() % 4 == 0 && hex.is_ascii())
    {
        return hex
            .as_bytes()
            .chunks(4)
            .map(|unit| digits(std::str::from_utf8(unit).ok()?))
            .collect();
    }
    if let Some(found) = part
        .strip_prefix('u')
        .filter(|hex| (4..=6).contains(&hex.len()))
        .and_then(digits)
    {
        return Some(found.to_string());
    }
    listed(part)
}

/// The text of a name in the glyph list that the PDF library carries.
fn listed(name: &str) -> Option<String> {
    let mut encoding = Dictionary::new();
    encoding.set("Type", Object::Name(b"Encoding".to_vec()));
    encoding.set(
        "Differences",
        Object::Array(vec![Object::Integer(0), Object::Name(name.as_bytes().to_vec())]),
    );
    let mut font = Dictionary::new();
    font.set("Type", Object::Name(b"Font".to_vec()));
    font.set("Encoding", Object::Dictionary(encoding));
    let document = Document::new();
    let text = font.get_font_encoding(&document).ok()?.bytes_to_string(&[0]).ok()?;
    Some(text).filter(|text| !text.is_empty())
}

/// The encoding that a Type 1 font program brings along, from the clear text at its beginning.
pub(super) fn built_in(program: &[u8]) -> Option<Table> {
    let mut table: Table = vec![None; 256];
    let mut found = false;
    let mut lexer = Lexer::new(program);
    let mut last: [Option<Value>; 2] = [None, None];
    while let Some(item) = lexer.next() {
        match item {
            Item::Value(value) => {
                last.swap(0, 1);
                last[1] = Some(value);
            }
            Item::Operator(b"eexec") => break,
            Item::Operator(b"put") => {
                if let [Some(Value::Number(code)), Some(Value::Name(name))] = &last
                    && let Some(slot) = table.get_mut(*code as usize)
                {
                    *slot = glyph_text(name);
                    found = true;
                }
            }
            Item::Operator(_) => {}
        }
    }
    found.then_some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyph_names_give_text() {
        let text = |name: &str| glyph_text(name.as_bytes());
        assert_eq!(text("A").as_deref(), Some("A"));
        assert_eq!(text("eacute").as_deref(), Some("é"));
        assert_eq!(text("f_f_i").as_deref(), Some("ffi"));
        assert_eq!(text("uni00480069").as_deref(), Some("Hi"));
        assert_eq!(text("u1F600").as_deref(), Some("😀"));
        assert_eq!(text("one.oldstyle").as_deref(), Some("1"));
        assert_eq!((text(".notdef"), text("nonsense")), (None, None));
    }

    #[test]
    fn named_tables() {
        let table = named(b"WinAnsiEncoding").unwrap();
        assert_eq!((table[0x41].as_deref(), table[0x80].as_deref()), (Some("A"), Some("€")));
        assert!(named(b"Nonsense").is_none());
    }

    #[test]
    fn a_type_1_program_names_its_glyphs() {
        let table = built_in(
            b"/Encoding 256 array dup 65/eacute put dup 66 /B put readonly def currentfile eexec dup 67/C put",
        )
        .unwrap();
        assert_eq!(
            (table[65].as_deref(), table[66].as_deref(), table[67].as_deref()),
            (Some("é"), Some("B"), None)
        );
    }
}
