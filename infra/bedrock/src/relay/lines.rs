//! Server-sent events as far as chat completions use them: lines that begin with `data:`.

use bytes::{Buf, Bytes, BytesMut};

/// More than any event of a chat completion; a line beyond it is not one.
const LONGEST_LINE: usize = 4 << 20;

/// Cuts arriving bytes into `data` values, which may be spread over several arrivals.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: BytesMut,
    /// Bytes of `held` known to have no line end.
    searched: usize,
}

impl Lines {
    /// Takes in what arrived; false if the line is too long to be true.
    pub(super) fn push(&mut self, arrived: &[u8]) -> bool {
        self.held.extend_from_slice(arrived);
        self.held.len() <= LONGEST_LINE || self.held.contains(&b'\n')
    }

    /// The next value that is complete.
    pub(super) fn next_data(&mut self) -> Option<Bytes> {
        while let Some(at) = self.held[self.searched..].iter().position(|&byte| byte == b'\n') {
            let line = self.held.split_to(self.searched + at + 1).freeze();
            self.searched = 0;
            if let Some(data) = data(line) {
                return Some(data);
            }
        }
        self.searched = self.held.len();
        None
    }

    /// The value of a last line that was not ended.
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        self.searched = 0;
        data(self.held.split().freeze())
    }
}

fn data(mut line: Bytes) -> Option<Bytes> {
    if !line.starts_with(b"data:") {
        return None;
    }
    line.advance(5);
    let start = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    line.advance(start);
    let end = line
        .iter()
        .rposition(|byte| !byte.is_ascii_whitespace())
        .map_or(0, |last| last + 1);
    line.truncate(end);
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_however_the_bytes_arrive() {
        let wire = b": ping\r\ndata: {\"a\":1}\r\n\r\nevent: x\ndata:two\n\ndata: [DONE]";
        for size in 1..wire.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for part in wire.chunks(size) {
                assert!(lines.push(part));
                while let Some(data) = lines.next_data() {
                    found.push(data);
                }
            }
            found.extend(lines.finish());
            assert_eq!(found, ["{\"a\":1}", "two", "[DONE]"], "in parts of {size}");
        }
    }
}
