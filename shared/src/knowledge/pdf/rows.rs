//! Spans to fragments: runs of text that stand together on one row of a page, parted where a column or cell begins.

use super::spans::{SPACE, Span, Turn};

/// Text between two gaps of a row.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    /// The row of the page that it stands in, counted from the top.
    pub row: usize,
    /// Its left edge.
    pub x0: f64,
    /// Its right edge.
    pub x1: f64,
    /// The row's baseline.
    pub y: f64,
    /// The size of most of its characters.
    pub size: f64,
    /// Whether most of its characters are bold.
    pub bold: bool,
    /// Its text.
    pub text: String,
}

/// A gap wider than this many times the font size parts fragments.
const GAP: f64 = 1.0;

/// The fragments of a page, row by row from the top, each row from the left. Text that runs another way than most of the
/// page comes last.
pub(super) fn fragments(mut spans: Vec<Span>) -> Vec<Fragment> {
    if spans.iter().any(|span| !span.artifact) {
        spans.retain(|span| !span.artifact);
    }
    let mut turns: Vec<(usize, Turn)> = (0..4)
        .map(|turn| {
            (
                spans.iter().filter(|s| s.turn == turn).map(|s| s.text.len()).sum(),
                turn,
            )
        })
        .collect();
    turns.sort_by_key(|(bytes, turn)| (std::cmp::Reverse(*bytes), *turn));
    let mut fragments = Vec::new();
    for (_, turn) in turns {
        let (of_turn, others) = spans.into_iter().partition(|span| span.turn == turn);
        spans = others;
        add_rows(of_turn, &mut fragments);
    }
    fragments
}

fn add_rows(mut spans: Vec<Span>, fragments: &mut Vec<Fragment>) {
    spans.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.x0.total_cmp(&b.x0)));
    let mut number = fragments.last().map_or(0, |last| last.row + 1);
    let mut row: Vec<Span> = Vec::new();
    // The baseline of the row and the size of the span that gave it.
    let mut base = (0.0, 0.0);
    for span in spans {
        let (y, size) = base;
        // Superscripts stand up to two fifths of the font size above the baseline.
        let fits =
            !row.is_empty() && (y - span.y) <= 0.4 * span.size.max(size) && (y - span.y) <= 0.75 * span.size.min(size);
        if !fits && !row.is_empty() {
            add_row(std::mem::take(&mut row), number, fragments);
            number += 1;
        }
        if row.is_empty() || span.size > size * 1.05 {
            base = (span.y, span.size);
        }
        row.push(span);
    }
    add_row(row, number, fragments);
}

fn add_row(mut row: Vec<Span>, number: usize, fragments: &mut Vec<Fragment>) {
    row.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let mut open: Vec<Span> = Vec::new();
    for span in row {
        if let Some(last) = open.last() {
            // Bold made by drawing twice.
            if span.text == last.text && (span.x0 - last.x0).abs() < 0.2 * span.size {
                continue;
            }
            let end = open.iter().map(|s| s.x1).fold(f64::MIN, f64::max);
            if span.x0 - end > GAP * span.size.max(last.size) {
                fragments.extend(join(&std::mem::take(&mut open), number));
            }
        }
        open.push(span);
    }
    fragments.extend(join(&open, number));
}

/// One fragment of spans that stand close together.
fn join(spans: &[Span], row: usize) -> Option<Fragment> {
    let main = spans.iter().max_by_key(|s| s.text.len())?;
    let mut text = String::new();
    let mut end = f64::MAX;
    let mut bold = 0;
    for span in spans {
        if span.x0 - end > SPACE * span.size.min(main.size) && !text.ends_with(' ') {
            text.push(' ');
        }
        text.push_str(if text.ends_with(' ') {
            span.text.trim_start()
        } else {
            &span.text
        });
        end = span.x1;
        bold += if span.bold { span.text.trim().len() } else { 0 };
    }
    let text = crate::knowledge::parsed::squeeze(&text);
    let x0 = spans.first()?.x0;
    let x1 = spans.iter().map(|s| s.x1).fold(x0, f64::max);
    let bold = bold * 10 > text.len() * 9;
    (!text.is_empty()).then_some(Fragment {
        row,
        x0,
        x1,
        y: main.y,
        size: main.size,
        bold,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn span(x0: f64, x1: f64, y: f64, text: &str) -> Span {
        Span {
            x0,
            x1,
            y,
            size: 10.0,
            bold: false,
            turn: 0,
            artifact: false,
            text: text.into(),
        }
    }

    #[test]
    fn rows_join_words_and_part_at_wide_gaps() {
        let small = Span {
            size: 6.0,
            ..span(52.0, 55.0, 103.5, "2")
        };
        let rows = fragments(vec![
            span(0.0, 20.0, 88.0, "below"),
            span(25.0, 52.0, 100.0, "world"),
            span(0.0, 22.0, 100.2, "Hello"),
            small,
            span(100.0, 120.0, 100.0, "cell"),
        ]);
        let seen: Vec<_> = rows.iter().map(|f| (f.row, f.text.as_str())).collect();
        assert_eq!(seen, [(0, "Hello world2"), (0, "cell"), (1, "below")]);
    }
}
