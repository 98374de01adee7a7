//! Tables as separated values: each row becomes a sentence of `header: value` pairs.

use super::bounded::Limits;
use super::parsed::{Outline, ParseError, Parsed, squeeze};

/// Reads a table whose first row names its columns. A row is a block, `Name: Ada; Team: Engines`.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<Parsed, ParseError> {
    limits.text(text.len())?;
    let mut rows = Rows {
        rest: text,
        separator: separator(text),
    };
    let headers = rows
        .by_ref()
        .find(|row| row.iter().any(|cell| !cell.is_empty()))
        .unwrap_or_default();
    let mut outline = Outline::default();
    let mut size = 0;
    for (n, row) in rows.enumerate() {
        if n % 1024 == 0 {
            limits.time()?;
        }
        let line = describe(&headers, &row);
        // Headers are repeated with each row, so the text can outgrow the file.
        size += line.len();
        limits.text(size)?;
        outline.text(None, &line);
    }
    if outline.blocks.is_empty() {
        outline.text(None, &headers.join("; "));
    }
    Ok(Parsed {
        title: None,
        pages: None,
        blocks: outline.finish(),
    })
}

/// A row of a table as one sentence, each cell behind the name of its column.
pub(super) fn describe(headers: &[String], row: &[String]) -> String {
    let mut line = String::new();
    for (i, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        if !line.is_empty() {
            line.push_str("; ");
        }
        if let Some(header) = headers.get(i).filter(|h| !h.is_empty()) {
            line.push_str(header);
            line.push_str(": ");
        }
        line.push_str(cell);
    }
    if !line.is_empty() && !line.ends_with(['.', '!', '?']) {
        line.push('.');
    }
    line
}

/// The separator that the first line has most of.
fn separator(text: &str) -> char {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |separator: char| first.matches(separator).count();
    let mut best = ',';
    for candidate in [';', '\t', '|'] {
        if count(candidate) > count(best) {
            best = candidate;
        }
    }
    best
}

/// The rows of a text as RFC 4180 reads them: quoted cells may hold separators, line breaks and doubled quotes.
struct Rows<'t> {
    rest: &'t str,
    separator: char,
}

impl Iterator for Rows<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.rest.is_empty() {
            return None;
        }
        let (mut row, mut cell) = (Vec::new(), String::new());
        let (mut quoted, mut end) = (false, self.rest.len());
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if quoted {
                if c != '"' {
                    cell.push(c);
                } else if chars.next_if(|(_, next)| *next == '"').is_some() {
                    cell.push('"');
                } else {
                    quoted = false;
                }
            } else if c == '"' && cell.trim().is_empty() {
                quoted = true;
            } else if c == self.separator {
                row.push(squeeze(&std::mem::take(&mut cell)));
            } else if c == '\n' || c == '\r' {
                end = at + 1;
                break;
            } else {
                cell.push(c);
            }
        }
        row.push(squeeze(&cell));
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(csv: &str) -> Vec<String> {
        parse(csv, &Limits::default())
            .unwrap()
            .blocks
            .into_iter()
            .map(|b| b.text)
            .collect()
    }

    #[test]
    fn rows_name_their_columns() {
        assert_eq!(
            texts("Name,Role\r\nAda,\"Lead, engines\"\r\n\r\n\"Bo \"\"B\"\"\",\n"),
            ["Name: Ada; Role: Lead, engines.", "Name: Bo \"B\"."]
        );
        assert_eq!(texts("a;b\n1;2,5\n"), ["a: 1; b: 2,5."]);
        assert_eq!(texts("only a header"), ["only a header"]);
    }

    #[test]
    fn a_quote_that_never_ends_is_a_cell() {
        assert_eq!(texts("a,b\n1,\"x\ny"), ["a: 1; b: x y."]);
    }
}
