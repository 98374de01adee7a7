//! Fonts: how the bytes of a string part into codes, and what text and width each code has.

use super::cmap::{self, CMap};
use super::encoding::{self, Table};
use super::filters;
use super::widths;
use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GBK, SHIFT_JIS};
use pdf_extract::{Dictionary, Document, Object};
use std::borrow::Cow;
use std::collections::HashMap;

/// The most bytes of a character map or font program that are read.
const MOST_BYTES: usize = 8 << 20;

/// A font as far as text needs it.
pub(super) struct Font {
    codes: Codes,
    base: Base,
    map: HashMap<u32, String>,
    /// The glyph numbers that widths go by, where codes are not glyph numbers.
    glyphs: Vec<(u32, u32, u32)>,
    widths: HashMap<u32, f64>,
    default_width: Option<f64>,
    name: String,
    /// Text space units per width unit.
    scale: f64,
    /// Whether its strokes are bold.
    pub bold: bool,
}

/// How long codes are.
enum Codes {
    OneByte,
    TwoBytes,
    Ranges(Vec<(usize, u32, u32)>),
}

/// What a code means when the font's own map does not say.
enum Base {
    Table(Table),
    Utf16,
    Legacy(&'static Encoding),
    Unknown,
}

/// One code of a string.
pub(super) struct Shown<'f> {
    /// Its text; empty where unknown.
    pub text: Cow<'f, str>,
    /// Its width in text space for a font size of 1.
    pub width: f64,
    /// Whether word spacing applies to it.
    pub is_space: bool,
}

impl Font {
    /// Reads a font; parts that make no sense are left out.
    pub fn new(document: &Document, dict: &Dictionary) -> Self {
        let name = |key: &[u8]| {
            dict.get_deref(key, document)
                .and_then(Object::as_name)
                .map(|n| String::from_utf8_lossy(n).to_lowercase())
        };
        let subtype = name(b"Subtype").unwrap_or_default();
        let base_font = name(b"BaseFont").unwrap_or_default();
        let map = stream(document, dict, b"ToUnicode")
            .map(|bytes| cmap::parse(&bytes))
            .unwrap_or_default();
        let mut font = Self {
            codes: Codes::OneByte,
            base: Base::Unknown,
            map: HashMap::new(),
            glyphs: Vec::new(),
            widths: HashMap::new(),
            default_width: None,
            scale: 0.001,
            bold: is_bold(document, dict, &base_font),
            name: base_font,
        };
        if subtype == "type0" {
            font.read_composite(document, dict, &map);
        } else {
            font.read_simple(document, dict, &subtype);
        }
        font.map = map.texts;
        font
    }

    /// The codes of a string, in order.
    pub fn decode(&self, bytes: &[u8], mut each: impl FnMut(Shown<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = self.length(rest);
            let (code_bytes, after) = rest.split_at(length.min(rest.len()));
            let code = cmap::code(code_bytes);
            let text = self.text(code, code_bytes);
            each(Shown {
                width: self.width(code, &text) * self.scale,
                is_space: length == 1 && code == 32,
                text,
            });
            rest = after;
        }
    }

    fn length(&self, bytes: &[u8]) -> usize {
        match &self.codes {
            Codes::OneByte => 1,
            Codes::TwoBytes => 2,
            Codes::Ranges(ranges) => {
                let fits = |(length, low, high): &&(usize, u32, u32)| {
                    bytes
                        .get(..*length)
                        .is_some_and(|b| (*low..=*high).contains(&cmap::code(b)))
                };
                ranges
                    .iter()
                    .find(fits)
                    .or(ranges.first())
                    .map_or(2, |(length, _, _)| *length)
            }
        }
    }

    fn text(&self, code: u32, bytes: &[u8]) -> Cow<'_, str> {
        if let Some(text) = self.map.get(&code) {
            return Cow::Borrowed(text);
        }
        match &self.base {
            Base::Table(table) => table
                .get(code as usize)
                .and_then(Option::as_deref)
                .unwrap_or_default()
                .into(),
            Base::Utf16 => {
                let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
                char::decode_utf16(units).flatten().collect::<String>().into()
            }
            Base::Legacy(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned().into(),
            Base::Unknown => "".into(),
        }
    }

    fn width(&self, code: u32, text: &str) -> f64 {
        let glyph = self.glyphs.iter().find(|(low, high, _)| (*low..=*high).contains(&code));
        let id = glyph.map_or(code, |(low, _, first)| first.saturating_add(code - low));
        let known = self.widths.get(&id).copied().or(self.default_width);
        known.unwrap_or_else(|| widths::standard(&self.name, self.bold, text.chars().next().unwrap_or(' ')))
    }

    fn read_simple(&mut self, document: &Document, dict: &Dictionary, subtype: &str) {
        self.base = Base::Table(simple_table(document, dict, subtype, &self.name));
        let first = number(document, dict, b"FirstChar").unwrap_or(0.0) as u32;
        if let Ok(Object::Array(all)) = dict.get_deref(b"Widths", document) {
            for (code, width) in (first..).zip(all.iter().take(256)) {
                self.widths.extend(as_number(document, width).map(|w| (code, w)));
            }
            let descriptor = dict
                .get_deref(b"FontDescriptor", document)
                .and_then(Object::as_dict)
                .ok();
            self.default_width = Some(
                descriptor
                    .and_then(|d| number(document, d, b"MissingWidth"))
                    .unwrap_or(0.0),
            );
        }
        if subtype == "type3" {
            let matrix = dict.get_deref(b"FontMatrix", document).and_then(Object::as_array).ok();
            self.scale = matrix
                .and_then(|m| as_number(document, m.first()?))
                .unwrap_or(0.001)
                .abs();
        }
    }

    fn read_composite(&mut self, document: &Document, dict: &Dictionary, map: &CMap) {
        self.codes = Codes::TwoBytes;
        match dict.get_deref(b"Encoding", document) {
            Ok(Object::Name(name)) => self.use_predefined(name),
            Ok(Object::Stream(_)) => {
                let own = stream(document, dict, b"Encoding")
                    .map(|bytes| cmap::parse(&bytes))
                    .unwrap_or_default();
                self.glyphs = own.glyphs;
                self.codes = if own.codespace.is_empty() {
                    Codes::TwoBytes
                } else {
                    Codes::Ranges(own.codespace)
                };
            }
            _ if !map.codespace.is_empty() => self.codes = Codes::Ranges(map.codespace.clone()),
            _ => {}
        }
        let descendant = dict
            .get_deref(b"DescendantFonts", document)
            .and_then(Object::as_array)
            .ok()
            .and_then(|all| all.first());
        let Some(descendant) = descendant.and_then(|d| document.dereference(d).ok()?.1.as_dict().ok()) else {
            return;
        };
        self.default_width = Some(number(document, descendant, b"DW").unwrap_or(1000.0));
        if let Ok(Object::Array(widths)) = descendant.get_deref(b"W", document) {
            self.read_glyph_widths(document, widths);
        }
    }

    /// The character maps that every reader has, as far as they are an encoding of text.
    fn use_predefined(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(name);
        let legacy = match name.as_ref() {
            n if n.contains("UCS2") || n.contains("UTF16") => {
                self.base = Base::Utf16;
                return;
            }
            n if n.contains("RKSJ") => SHIFT_JIS,
            n if n.starts_with("GB") => GBK,
            n if n.contains("B5") => BIG5,
            n if n.starts_with("KSC") => EUC_KR,
            "EUC-H" | "EUC-V" => EUC_JP,
            _ => return,
        };
        self.base = Base::Legacy(legacy);
        let high = if legacy == SHIFT_JIS {
            vec![(1, 0, 0x80), (1, 0xa0, 0xdf)]
        } else {
            vec![(1, 0, 0x80)]
        };
        self.codes = Codes::Ranges(high.into_iter().chain([(2, 0x8100, 0xffff)]).collect());
    }

    /// `W`: a first glyph with a list of widths, or a first and a last glyph with one width.
    fn read_glyph_widths(&mut self, document: &Document, entries: &[Object]) {
        let mut rest = entries;
        while let [first, second, after @ ..] = rest {
            let Some(first) = as_number(document, first).map(|n| n as u32) else {
                return;
            };
            if let Ok((_, Object::Array(list))) = document.dereference(second) {
                for (glyph, width) in (first..).zip(list.iter().take(65_536)) {
                    self.widths.extend(as_number(document, width).map(|w| (glyph, w)));
                }
                rest = after;
            } else {
                let (Some(last), Some((width, after))) = (as_number(document, second), after.split_first()) else {
                    return;
                };
                if let Some(width) = as_number(document, width) {
                    let last = (last as u32).min(first.saturating_add(65_535));
                    self.widths.extend((first..=last).map(|glyph| (glyph, width)));
                }
                rest = after;
            }
            if self.widths.len() > 200_000 {
                return;
            }
        }
    }
}

fn simple_table(document: &Document, dict: &Dictionary, subtype: &str, name: &str) -> Table {
    if name.contains("dingbats") || name.contains("wingdings") {
        // Pictures; what they are used for in text is bullets.
        return vec![Some("•".into()); 256];
    }
    let built_in = || {
        let descriptor = dict
            .get_deref(b"FontDescriptor", document)
            .and_then(Object::as_dict)
            .ok()?;
        encoding::built_in(&stream(document, descriptor, b"FontFile")?)
    };
    let default = if subtype == "truetype" {
        b"WinAnsiEncoding".as_slice()
    } else {
        b"StandardEncoding"
    };
    let default_table = || {
        built_in()
            .or_else(|| encoding::named(default))
            .unwrap_or_else(|| vec![None; 256])
    };
    let mut table = match dict.get_deref(b"Encoding", document) {
        Ok(Object::Name(name)) => encoding::named(name).unwrap_or_else(default_table),
        Ok(Object::Dictionary(own)) => {
            let base = own.get_deref(b"BaseEncoding", document).and_then(Object::as_name).ok();
            let mut table = base.and_then(encoding::named).unwrap_or_else(default_table);
            if let Ok(Object::Array(differences)) = own.get_deref(b"Differences", document) {
                encoding::apply_differences(document, differences, &mut table);
            }
            table
        }
        _ => default_table(),
    };
    if name.contains("symbol")
        && let Some(bullet) = table.get_mut(0xb7)
    {
        *bullet = Some("•".into());
    }
    table
}

fn is_bold(document: &Document, dict: &Dictionary, name: &str) -> bool {
    const FORCE_BOLD: i64 = 1 << 18;
    let descriptor = dict
        .get_deref(b"FontDescriptor", document)
        .and_then(Object::as_dict)
        .ok();
    let flags = descriptor.and_then(|d| number(document, d, b"Flags")).unwrap_or(0.0) as i64;
    ["bold", "black", "heavy", "-semibold", "demi", "cmbx"]
        .iter()
        .any(|mark| name.contains(mark))
        || flags & FORCE_BOLD != 0
}

fn stream(document: &Document, dict: &Dictionary, key: &[u8]) -> Option<Vec<u8>> {
    let stream = dict.get_deref(key, document).and_then(Object::as_stream).ok()?;
    filters::decode(document, stream, MOST_BYTES)
}

fn number(document: &Document, dict: &Dictionary, key: &[u8]) -> Option<f64> {
    as_number(document, dict.get(key).ok()?)
}

/// The number that an object, or what it refers to, is.
pub(super) fn as_number(document: &Document, object: &Object) -> Option<f64> {
    match document.dereference(object).ok()?.1 {
        Object::Integer(n) => Some(*n as f64),
        Object::Real(n) => Some(f64::from(*n)).filter(|n| n.is_finite()),
        _ => None,
    }
}
