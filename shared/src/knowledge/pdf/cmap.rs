//! Character maps: which Unicode text a font's character code stands for, and how long the codes are.

use super::lexer::{Item, Lexer, Value};
use std::collections::HashMap;

/// More entries than Unicode has characters are not a map but an attack.
const MOST_ENTRIES: usize = 200_000;

/// A parsed `ToUnicode` or code-to-glyph map.
#[derive(Debug, Default)]
pub(super) struct CMap {
    /// Text by code.
    pub texts: HashMap<u32, String>,
    /// The ranges of valid codes: length in bytes, first, last.
    pub codespace: Vec<(usize, u32, u32)>,
    /// Glyph numbers by code ranges: first, last, glyph of the first.
    pub glyphs: Vec<(u32, u32, u32)>,
}

/// Reads a character map; parts that make no sense are left out.
pub(super) fn parse(bytes: &[u8]) -> CMap {
    let mut map = CMap::default();
    let mut operands: Vec<Value> = Vec::new();
    let mut lexer = Lexer::new(bytes);
    while let Some(item) = lexer.next() {
        match item {
            Item::Value(value) if operands.len() < MOST_ENTRIES => operands.push(value),
            Item::Value(_) => {}
            Item::Operator(operator) => {
                match operator {
                    b"endcodespacerange" => map.add_codespace(&operands),
                    b"endbfchar" => map.add_chars(&operands),
                    b"endbfrange" => map.add_ranges(&operands),
                    b"endcidrange" => map.add_glyphs(&operands),
                    _ => {}
                }
                operands.clear();
            }
        }
    }
    map
}

impl CMap {
    fn add_codespace(&mut self, operands: &[Value]) {
        for pair in operands.as_chunks::<2>().0 {
            let [Value::Text(low), Value::Text(high)] = pair else {
                continue;
            };
            if (1..=4).contains(&low.len()) && low.len() == high.len() && self.codespace.len() < 100 {
                self.codespace.push((low.len(), code(low), code(high)));
            }
        }
    }

    fn add_chars(&mut self, operands: &[Value]) {
        for pair in operands.as_chunks::<2>().0 {
            if let [Value::Text(source), Value::Text(target)] = pair {
                self.put(code(source), utf16(target));
            }
        }
    }

    fn add_ranges(&mut self, operands: &[Value]) {
        for triple in operands.as_chunks::<3>().0 {
            let [Value::Text(low), Value::Text(high), target] = triple else {
                continue;
            };
            let (low, high) = (code(low), code(high));
            let codes = low..=high.min(low.saturating_add(0xffff));
            match target {
                Value::Text(first) => {
                    for at in codes {
                        if self.texts.len() >= MOST_ENTRIES {
                            return;
                        }
                        self.put(at, utf16(&incremented(first, at - low)));
                    }
                }
                Value::Array(targets) => {
                    for (at, target) in codes.zip(targets) {
                        if let Value::Text(target) = target {
                            self.put(at, utf16(target));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn add_glyphs(&mut self, operands: &[Value]) {
        for triple in operands.as_chunks::<3>().0 {
            if let [Value::Text(low), Value::Text(high), Value::Number(first)] = triple
                && self.glyphs.len() < MOST_ENTRIES
            {
                self.glyphs.push((code(low), code(high), *first as u32));
            }
        }
    }

    fn put(&mut self, code: u32, text: String) {
        if self.texts.len() < MOST_ENTRIES && text.chars().any(|c| !c.is_control() && c != '\u{fffd}') {
            self.texts.insert(code, text);
        }
    }
}

/// The number that a code's bytes are.
pub(super) fn code(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |code, byte| code << 8 | u32::from(*byte))
}

fn utf16(bytes: &[u8]) -> String {
    if let [byte] = bytes {
        return char::from(*byte).to_string();
    }
    let units = bytes
        .as_chunks::<2>()
        .0
        .iter()
        .take(32)
        .map(|unit| u16::from_be_bytes(*unit));
    char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect()
}

/// The text of a code in a range: the last unit of the first one's text counts up.
fn incremented(first: &[u8], by: u32) -> Vec<u8> {
    let mut text = first.to_vec();
    let mut carry = by;
    for byte in text.iter_mut().rev().take(2) {
        let sum = u32::from(*byte) + (carry & 0xff);
        *byte = (sum & 0xff) as u8;
        carry = (carry >> 8) + (sum >> 8);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_ranges_map() {
        let map = parse(
            b"1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0001> <00660069> <0002> <D83DDE00> endbfchar \
              2 beginbfrange <0010> <0012> <00FE> <0020> <0021> [<0041> <0042>] endbfrange",
        );
        let text = |code| map.texts.get(&code).map(String::as_str);
        assert_eq!((text(1), text(2)), (Some("fi"), Some("😀")));
        assert_eq!(
            (text(0x10), text(0x12), text(0x21)),
            (Some("þ"), Some("\u{100}"), Some("B"))
        );
        assert_eq!(map.codespace, [(2, 0, 0xffff)]);
    }

    #[test]
    fn hostile_maps_are_bounded() {
        let map = parse(&b"1 beginbfrange <00000000> <FFFFFFFF> <0041> endbfrange ".repeat(50));
        assert!(map.texts.len() <= MOST_ENTRIES);
    }
}
