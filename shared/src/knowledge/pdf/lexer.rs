//! The lexical layer of PDF, for content streams and character maps, which are both a postfix notation: values, then
//! an operator that takes them.

/// Arrays and dictionaries nested deeper are dropped.
const DEEPEST: usize = 24;
/// A run of values longer than this before one operator, or in one array, is cut short.
pub(super) const MOST_VALUES: usize = 100_000;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// An integer or a real number.
    Number(f64),
    /// A string, literal or hexadecimal.
    Text(Vec<u8>),
    /// A name, without its slash and escapes.
    Name(Vec<u8>),
    /// An array.
    Array(Vec<Value>),
    /// A dictionary in the order written.
    Dict(Vec<(Vec<u8>, Value)>),
}

impl Value {
    /// The number that it is.
    pub fn number(&self) -> Option<f64> {
        if let Self::Number(n) = self { Some(*n) } else { None }
    }

    /// The name that it is.
    pub fn name(&self) -> Option<&[u8]> {
        if let Self::Name(n) = self { Some(n) } else { None }
    }

    /// The value of a key of the dictionary that it is.
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        let Self::Dict(entries) = self else { return None };
        entries.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }
}

/// A value or an operator.
pub(super) enum Item<'b> {
    /// A value.
    Value(Value),
    /// An operator, or a keyword such as `true`.
    Operator(&'b [u8]),
}

/// Reads items from bytes; whatever the bytes are, each call moves on or ends.
pub(super) struct Lexer<'b> {
    bytes: &'b [u8],
    /// The position of the next byte.
    pub at: usize,
}

impl<'b> Lexer<'b> {
    /// A lexer at the first byte.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next item, or none at the end.
    pub fn next(&mut self) -> Option<Item<'b>> {
        self.item(0)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn item(&mut self, depth: usize) -> Option<Item<'b>> {
        loop {
            self.skip_space();
            let start = self.at;
            let byte = self.peek()?;
            self.at += 1;
            return Some(match byte {
                b'(' => Item::Value(Value::Text(self.literal())),
                b'<' if self.peek() == Some(b'<') => {
                    self.at += 1;
                    Item::Value(self.dictionary(depth))
                }
                b'<' => Item::Value(Value::Text(self.hexadecimal())),
                b'/' => Item::Value(Value::Name(self.name())),
                b'[' => Item::Value(self.array(depth)),
                // A closing mark without its opening one.
                b')' | b']' | b'>' | b'{' | b'}' if depth == 0 => continue,
                b']' | b'>' => {
                    self.at = start;
                    return None;
                }
                b')' | b'{' | b'}' => continue,
                _ => {
                    self.run();
                    let word = self.bytes.get(start..self.at).unwrap_or_default();
                    number(word).map_or(Item::Operator(word), |n| Item::Value(Value::Number(n)))
                }
            });
        }
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                while self.peek().is_some_and(|b| b != b'\n' && b != b'\r') {
                    self.at += 1;
                }
            } else if is_space(byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn run(&mut self) {
        while self.peek().is_some_and(|b| !is_space(b) && !is_delimiter(b)) {
            self.at += 1;
        }
    }

    fn array(&mut self, depth: usize) -> Value {
        let mut values = Vec::new();
        if depth < DEEPEST {
            while let Some(item) = self.item(depth + 1) {
                if let Item::Value(value) = item
                    && values.len() < MOST_VALUES
                {
                    values.push(value);
                }
            }
        }
        if self.peek() == Some(b']') {
            self.at += 1;
        }
        Value::Array(values)
    }

    fn dictionary(&mut self, depth: usize) -> Value {
        let (mut entries, mut key) = (Vec::new(), None);
        if depth < DEEPEST {
            while let Some(item) = self.item(depth + 1) {
                match (key.take(), item) {
                    (None, Item::Value(Value::Name(name))) => key = Some(name),
                    (Some(name), Item::Value(value)) if entries.len() < MOST_VALUES => entries.push((name, value)),
                    _ => {}
                }
            }
        }
        while self.peek() == Some(b'>') {
            self.at += 1;
            if self.bytes.get(self.at.wrapping_sub(2)) == Some(&b'>') {
                break;
            }
        }
        Value::Dict(entries)
    }

    fn name(&mut self) -> Vec<u8> {
        let start = self.at;
        self.run();
        let raw = self.bytes.get(start..self.at).unwrap_or_default();
        if !raw.contains(&b'#') {
            return raw.to_vec();
        }
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((&byte, after)) = rest.split_first() {
            let pair = after
                .get(..2)
                .and_then(|p| Some(hex(*p.first()?)? << 4 | hex(*p.get(1)?)?));
            match pair {
                Some(escaped) if byte == b'#' => {
                    name.push(escaped);
                    rest = after.get(2..).unwrap_or_default();
                }
                _ => {
                    name.push(byte);
                    rest = after;
                }
            }
        }
        name
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        let (mut bytes, mut high) = (Vec::new(), None);
        while let Some(byte) = self.peek() {
            self.at += 1;
            if byte == b'>' {
                break;
            }
            if let Some(digit) = hex(byte) {
                match high.take() {
                    Some(high) => bytes.push(high << 4 | digit),
                    None => high = Some(digit),
                }
            }
        }
        bytes.extend(high.map(|h| h << 4));
        bytes
    }

    fn literal(&mut self) -> Vec<u8> {
        let (mut bytes, mut open) = (Vec::new(), 1_usize);
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'\\' => self.escape(&mut bytes),
                b'(' => {
                    open += 1;
                    bytes.push(byte);
                }
                b')' => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                    bytes.push(byte);
                }
                _ => bytes.push(byte),
            }
        }
        bytes
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        match byte {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'\r' if self.peek() == Some(b'\n') => self.at += 1,
            b'\r' | b'\n' => {}
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    code = code * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                bytes.push((code & 0xff) as u8);
            }
            _ => bytes.push(byte),
        }
    }

    /// Moves behind an inline image, whose data begins here (after `ID`) and ends with a free-standing `EI`.
    pub fn skip_image(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest
            .windows(4)
            .position(|w| matches!(w, [before, b'E', b'I', after] if is_space(*before) && is_space(*after)));
        self.at = end.map_or(self.bytes.len(), |end| self.at + end + 3);
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|d| (d & 0xf) as u8)
}

/// A number as PDF writes it, and as sloppy producers do (`--5`, `1.2-3`).
fn number(word: &[u8]) -> Option<f64> {
    if !matches!(word.first()?, b'0'..=b'9' | b'+' | b'-' | b'.') {
        return None;
    }
    let (mut value, mut scale, mut digits) = (0.0_f64, 0.0_f64, 0);
    for (i, &byte) in word.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                if scale > 0.0 {
                    value += f64::from(byte - b'0') * scale;
                    scale /= 10.0;
                } else {
                    value = value * 10.0 + f64::from(byte - b'0');
                }
            }
            b'.' if scale == 0.0 => scale = 0.1,
            b'+' | b'-' if i == 0 || digits == 0 => {}
            b'-' | b'.' => break,
            _ => return None,
        }
    }
    (digits > 0 && value.is_finite()).then_some(if word.first() == Some(&b'-') { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(bytes: &[u8]) -> Vec<Value> {
        let mut lexer = Lexer::new(bytes);
        let mut values = Vec::new();
        while let Some(item) = lexer.next() {
            if let Item::Value(value) = item {
                values.push(value);
            }
        }
        values
    }

    #[test]
    fn values_are_read_as_written() {
        let text = |t: &[u8]| Value::Text(t.to_vec());
        assert_eq!(
            values(b"-1.5 .25 (a\\(b(c)\\101\\n) <48 6> /A#20B [1[(x)]2] % no\n"),
            [
                Value::Number(-1.5),
                Value::Number(0.25),
                text(b"a(b(c)A\n"),
                text(b"H`"),
                Value::Name(b"A B".to_vec()),
                Value::Array(vec![
                    Value::Number(1.0),
                    Value::Array(vec![text(b"x")]),
                    Value::Number(2.0)
                ]),
            ]
        );
        let dict = values(b"<</W [1 2 1]/A<</B 1>>/C null /D 2>> 7");
        assert_eq!(dict[0].get(b"A").and_then(|a| a.get(b"B")), Some(&Value::Number(1.0)));
        assert_eq!(
            (dict[0].get(b"D"), &dict[1]),
            (Some(&Value::Number(2.0)), &Value::Number(7.0))
        );
    }

    #[test]
    fn hostile_bytes_end() {
        values(&b"[".repeat(100_000));
        values(&b"<<".repeat(100_000));
        values(b") ] > >> (((");
        values(&b"<</A ".repeat(1_000));
    }
}
