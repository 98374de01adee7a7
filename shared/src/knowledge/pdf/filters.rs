//! Decoding the streams of a PDF without letting a small file become a large one.

use flate2::read::{DeflateDecoder, ZlibDecoder};
use pdf_extract::{Dictionary, Document, Object, Stream};
use std::io::Read;

/// The decoded bytes of a stream, at most `limit` of them; none where a filter is not one for text. A stream that is cut
/// off or damaged gives what could be read.
pub(super) fn decode(document: &Document, stream: &Stream, limit: usize) -> Option<Vec<u8>> {
    let names = filter_names(document, &stream.dict);
    if names.len() > 4 {
        return None;
    }
    let mut data = std::borrow::Cow::Borrowed(stream.content.as_slice());
    for (i, name) in names.iter().enumerate() {
        data = match name.as_slice() {
            b"FlateDecode" | b"Fl" if predicted(document, &stream.dict, i) => return None,
            b"FlateDecode" | b"Fl" => inflate(&data, limit),
            b"LZWDecode" | b"LZW" => lzw(&data, limit, early_change(document, &stream.dict, i)),
            b"ASCII85Decode" | b"A85" => ascii85(&data),
            b"ASCIIHexDecode" | b"AHx" => ascii_hex(&data),
            b"RunLengthDecode" | b"RL" => run_length(&data, limit),
            b"Crypt" => continue,
            _ => return None,
        }
        .into();
    }
    if data.len() > limit {
        return data.get(..limit).map(<[u8]>::to_vec);
    }
    Some(data.into_owned())
}

fn filter_names(document: &Document, dict: &Dictionary) -> Vec<Vec<u8>> {
    match dict
        .get_deref(b"Filter", document)
        .or_else(|_| dict.get_deref(b"F", document))
    {
        Ok(Object::Name(name)) => vec![name.clone()],
        Ok(Object::Array(names)) => {
            let resolved = names
                .iter()
                .map(|n| document.dereference(n).ok()?.1.as_name().ok().map(<[u8]>::to_vec));
            resolved.map(Option::unwrap_or_default).collect()
        }
        _ => Vec::new(),
    }
}

/// The parameters of the filter at a position.
fn parameters<'d>(document: &'d Document, dict: &'d Dictionary, i: usize) -> Option<&'d Dictionary> {
    match dict.get_deref(b"DecodeParms", document).ok()? {
        Object::Dictionary(parameters) if i == 0 => Some(parameters),
        Object::Array(all) => document.dereference(all.get(i)?).ok()?.1.as_dict().ok(),
        _ => None,
    }
}

fn predicted(document: &Document, dict: &Dictionary, i: usize) -> bool {
    parameters(document, dict, i)
        .and_then(|p| p.get(b"Predictor").ok()?.as_i64().ok())
        .is_some_and(|p| p > 1)
}

fn early_change(document: &Document, dict: &Dictionary, i: usize) -> bool {
    parameters(document, dict, i)
        .and_then(|p| p.get(b"EarlyChange").ok()?.as_i64().ok())
        .is_none_or(|e| e != 0)
}

/// Inflates at most `limit` bytes. What does not begin like zlib data is tried without that header.
pub(super) fn inflate(data: &[u8], limit: usize) -> Vec<u8> {
    let limit = limit as u64;
    let mut out = Vec::new();
    // An error means that the data ends early or its check sum is wrong; what came before it is good.
    let _ = ZlibDecoder::new(data).take(limit).read_to_end(&mut out);
    if out.is_empty() {
        let _ = DeflateDecoder::new(data.get(2..).unwrap_or_default())
            .take(limit)
            .read_to_end(&mut out);
    }
    out
}

fn lzw(data: &[u8], limit: usize, early_change: bool) -> Vec<u8> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let early = usize::from(early_change);
    let mut table: Vec<Vec<u8>> = Vec::new();
    let (mut out, mut previous): (Vec<u8>, Option<Vec<u8>>) = (Vec::new(), None);
    let (mut bits, mut held, mut width) = (0_usize, 0_u32, 9_u32);
    for &byte in data {
        bits = (bits << 8 | usize::from(byte)) & 0xff_ffff;
        held += 8;
        if held < width {
            continue;
        }
        held -= width;
        let code = (bits >> held) & ((1 << width) - 1);
        if code == END || out.len() > limit {
            break;
        }
        if code == CLEAR {
            table.clear();
            (width, previous) = (9, None);
            continue;
        }
        let entry = match (u8::try_from(code), &previous) {
            (Ok(literal), _) => vec![literal],
            (Err(_), Some(before)) if code == table.len() + 258 => {
                let mut entry = before.clone();
                entry.extend(before.first());
                entry
            }
            _ => match table.get(code.wrapping_sub(258)) {
                Some(entry) => entry.clone(),
                None => break,
            },
        };
        out.extend_from_slice(&entry);
        if let Some(mut before) = previous.replace(entry.clone())
            && table.len() < 4096 - 258
        {
            before.extend(entry.first());
            table.push(before);
        }
        width = match table.len() + 258 + early {
            0..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
    }
    out
}

fn ascii85(data: &[u8]) -> Vec<u8> {
    let data = data.strip_prefix(b"<~").unwrap_or(data);
    let mut out = Vec::with_capacity(data.len() / 5 * 4);
    let (mut group, mut count) = (0_u32, 0_usize);
    for &byte in data.iter().take_while(|b| **b != b'~') {
        match byte {
            b'z' if count == 0 => out.extend([0; 4]),
            b'!'..=b'u' => {
                group = group.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                count += 1;
                if count == 5 {
                    out.extend(group.to_be_bytes());
                    (group, count) = (0, 0);
                }
            }
            _ => {}
        }
    }
    if count > 1 {
        for _ in count..5 {
            group = group.wrapping_mul(85).wrapping_add(84);
        }
        out.extend(group.to_be_bytes().iter().take(count - 1));
    }
    out
}

fn ascii_hex(data: &[u8]) -> Vec<u8> {
    let digits = data
        .iter()
        .take_while(|b| **b != b'>')
        .filter_map(|b| char::from(*b).to_digit(16));
    let mut digits = digits.collect::<Vec<_>>();
    if digits.len() % 2 == 1 {
        digits.push(0);
    }
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | (digit & 0xf) as u8))
        .collect()
}

fn run_length(data: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = data;
    while let Some((&length, after)) = rest.split_first() {
        let length = usize::from(length);
        rest = match length {
            0..128 => {
                let (run, after) = after.split_at(after.len().min(length + 1));
                out.extend_from_slice(run);
                after
            }
            128 => break,
            _ => {
                let Some((&byte, after)) = after.split_first() else {
                    break;
                };
                out.extend(std::iter::repeat_n(byte, 257 - length));
                after
            }
        };
        if out.len() > limit {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_filters_decode() {
        assert_eq!(ascii85(b"<~87cURD]i,\"Ebo80~>"), b"Hello World!");
        assert_eq!(ascii_hex(b"48 65 6C 6c 6F 7>"), b"Hellop");
        assert_eq!(run_length(&[1, b'a', b'b', 254, b'c', 128, 9], 100), b"abccc");
        assert_eq!(
            lzw(&[0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01], 100, true),
            [45, 45, 45, 45, 45, 65, 45, 45, 45, 66]
        );
    }

    #[test]
    fn bombs_are_cut_off() {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![b'x'; 10 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        assert_eq!(inflate(&bomb, 1000).len(), 1000);
        assert!(run_length(&[129; 100_000], 1000).len() < 1200);
    }
}
