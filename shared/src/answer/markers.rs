//! Citation markers in a streamed answer: `[n]` as the model writes them becomes a numbered citation in the order of first
//! use. Unknown numbers are dropped, and so is a blank before a marker; a half-arrived marker is held back.

/// A part of the text behind the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Plain text.
    Text(String),
    /// Citation `n`, from 1.
    Cite(usize),
}

/// The filter; feed it what the model writes.
#[derive(Debug, Default)]
pub struct Markers {
    /// How many sources there are.
    known: usize,
    /// Source (from 0) of each citation, by first use.
    order: Vec<usize>,
    /// Blanks and a beginning marker, until it is clear what they are.
    held: String,
}

/// Longest inside of a marker, like `1, 2, 3`.
const MAX_INSIDE: usize = 24;

impl Markers {
    /// A filter for markers `[1]` to `[known]`.
    #[must_use]
    pub fn new(known: usize) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }

    /// The source (from 0) of each citation, in the order of first use.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Takes more text and gives what is clear by now.
    pub fn push(&mut self, text: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        for c in text.chars() {
            self.take(c, &mut parts);
        }
        parts
    }

    /// Gives what was held back at the end; blanks at the end are dropped.
    pub fn finish(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        emit(&mut parts, std::mem::take(&mut self.held).trim_end_matches(' '));
        parts
    }

    fn take(&mut self, c: char, parts: &mut Vec<Part>) {
        let inside = self.held.find('[').map(|at| self.held.len() - at - 1);
        match (inside, c) {
            (None, ' ' | '[') => self.held.push(c),
            (Some(1..), ']') => self.close(parts),
            (Some(0..MAX_INSIDE), '0'..='9') => self.held.push(c),
            (Some(1..MAX_INSIDE), ',' | ' ') => self.held.push(c),
            _ => {
                emit(parts, &std::mem::take(&mut self.held));
                match c {
                    ' ' | '[' => self.held.push(c),
                    _ => emit(parts, c.encode_utf8(&mut [0; 4])),
                }
            }
        }
    }

    fn close(&mut self, parts: &mut Vec<Part>) {
        let held = std::mem::take(&mut self.held);
        let numbers = held.trim_start_matches(' ').trim_start_matches('[').split([',', ' ']);
        for source in numbers.filter_map(|number| number.parse::<usize>().ok()?.checked_sub(1)) {
            if source >= self.known {
                continue;
            }
            let at = self.order.iter().position(|known| *known == source).unwrap_or_else(|| {
                self.order.push(source);
                self.order.len() - 1
            });
            parts.push(Part::Cite(at + 1));
        }
    }
}

fn emit(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(before)) => before.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

/// The marker of a citation, as answers have it.
#[must_use]
pub fn marker(n: usize) -> String {
    format!(" [{n}]")
}

/// A text without its markers.
#[must_use]
pub fn strip(text: &str) -> String {
    let mut markers = Markers::new(0);
    let parts = markers.push(text).into_iter().chain(markers.finish());
    parts
        .filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(known: usize, pieces: &[&str]) -> (String, Vec<usize>) {
        let mut markers = Markers::new(known);
        let mut parts: Vec<Part> = pieces.iter().flat_map(|piece| markers.push(piece)).collect();
        parts.extend(markers.finish());
        let text = parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Cite(n) => format!("<{n}>"),
        });
        (text.collect(), markers.order().to_vec())
    }

    #[test]
    fn markers_are_renumbered_by_first_use() {
        assert_eq!(
            run(3, &["15 days [3]. Ask ", "HR [", "1]", "[3]."]),
            ("15 days<1>. Ask HR<2><1>.".to_owned(), vec![2, 0])
        );
        assert_eq!(run(3, &["a [2, 1] b"]), ("a<1><2> b".to_owned(), vec![1, 0]));
    }

    #[test]
    fn unknown_numbers_are_dropped_and_other_brackets_stay() {
        assert_eq!(run(2, &["x [7] y [0]."]).0, "x y.");
        assert_eq!(run(2, &["see [note] and [] and [1"]).0, "see [note] and [] and [1");
        assert_eq!(strip("15 days [1], then [2][3] more"), "15 days, then more");
    }

    proptest! {
        /// However the text is cut into pieces, the same comes out.
        #[test]
        fn cuts_do_not_matter(text in "[a \\[\\]12,]{0,40}", cuts in proptest::collection::vec(1usize..5, 0..20)) {
            let mut rest = text.as_str();
            let mut pieces = Vec::new();
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                pieces.push(head);
                rest = tail;
            }
            pieces.push(rest);
            prop_assert_eq!(run(2, &pieces), run(2, &[&text]));
        }
    }
}
