//! Bytes to text, for files that do not say or wrongly say which encoding they are in.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;

/// Text in UTF-8, in UTF-16 with a byte order mark, or else in Latin 1 (as Windows extends it).
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    with_fallback(bytes, WINDOWS_1252)
}

/// As [`text`], but a page that is not UTF-8 may name its encoding in its first kilobyte.
pub(super) fn html(bytes: &[u8]) -> Cow<'_, str> {
    with_fallback(bytes, named_encoding(bytes).unwrap_or(WINDOWS_1252))
}

fn with_fallback<'b>(bytes: &'b [u8], fallback: &'static Encoding) -> Cow<'b, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some((encoding, mark)) = Encoding::for_bom(bytes).filter(|(e, _)| *e == UTF_16LE || *e == UTF_16BE) {
        return encoding
            .decode_without_bom_handling(bytes.get(mark..).unwrap_or_default())
            .0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(broken) if is_mostly_utf8(bytes, broken.valid_up_to()) => UTF_8.decode_without_bom_handling(bytes).0,
        Err(_) => fallback.decode_without_bom_handling(bytes).0,
    }
}

/// Whether a text with a flaw (cut off, one wrong byte) is still UTF-8: far more good multi-byte characters than bad bytes.
fn is_mostly_utf8(bytes: &[u8], valid: usize) -> bool {
    if valid + 4 > bytes.len() {
        return bytes.get(..valid).is_some_and(|good| !good.is_ascii());
    }
    let decoded = String::from_utf8_lossy(bytes);
    let good = decoded.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
    let bad = decoded.chars().filter(|c| *c == '\u{fffd}').count();
    good > bad * 10
}

fn named_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(1024)).unwrap_or(bytes)).to_ascii_lowercase();
    let after = head.split("charset").nth(1)?.trim_start().strip_prefix('=')?;
    let label: String = after
        .trim_start_matches([' ', '"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'))
        .collect();
    Encoding::for_label(label.as_bytes()).filter(|e| e.is_ascii_compatible())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_fallbacks_are_honoured() {
        assert_eq!(text(b"\xef\xbb\xbfna\xc3\xafve"), "naïve");
        assert_eq!(text(b"\xff\xfeh\0\xef\0"), "hï");
        assert_eq!(text(b"\xfe\xff\0h\0\xef"), "hï");
        assert_eq!(text(b"na\xefve \x80 5"), "naïve € 5");
        assert_eq!(
            text(
                "größer, schöner, länger: naïve café é"
                    .as_bytes()
                    .split_last()
                    .unwrap()
                    .1
            ),
            "größer, schöner, länger: naïve café \u{fffd}"
        );
    }

    #[test]
    fn a_page_may_name_its_encoding() {
        assert_eq!(
            html(b"<meta charset='shift_jis'>\x93\xfa\x96\x7b"),
            "<meta charset='shift_jis'>日本"
        );
    }
}
