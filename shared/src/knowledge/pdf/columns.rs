//! Fragments to lines in reading order: columns one after the other, table rows across.

use super::rows::Fragment;

/// A line of text.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its left edge.
    pub x0: f64,
    /// Its right edge.
    pub x1: f64,
    /// Its baseline.
    pub y: f64,
    /// Its font size.
    pub size: f64,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it is a row of a table.
    pub is_row: bool,
    /// The left and right edge of its column.
    pub column: (f64, f64),
    /// Whether it is the first of its column.
    pub begins_column: bool,
    /// Its text.
    pub text: String,
}

/// Columns inside columns inside columns are read no deeper.
const DEEPEST: usize = 3;
/// A page with more fragments is a drawing, whose order does not matter enough.
const MOST: usize = 4_000;

/// The lines of a page in reading order.
pub(super) fn lines(fragments: Vec<Fragment>) -> Vec<Line> {
    let mut lines = Vec::new();
    let deepest = if fragments.len() > MOST { 0 } else { DEEPEST };
    read(fragments, deepest, &mut lines);
    lines
}

fn read(fragments: Vec<Fragment>, deepest: usize, lines: &mut Vec<Line>) {
    let gutter = if deepest == 0 { None } else { gutter(&fragments) };
    let Some(gutter) = gutter else {
        add_column(&fragments, lines);
        return;
    };
    // Rows that reach over the gutter, such as a title, part the bands that have columns.
    let mut band = Vec::new();
    let mut across = Vec::new();
    for row in fragments.chunk_by(|a, b| a.row == b.row) {
        let crosses = row.iter().any(|f| f.x0 < gutter && f.x1 > gutter);
        if crosses {
            read_band(std::mem::take(&mut band), gutter, deepest, lines);
            across.extend_from_slice(row);
        } else {
            add_column(&std::mem::take(&mut across), lines);
            band.extend_from_slice(row);
        }
    }
    read_band(band, gutter, deepest, lines);
    add_column(&across, lines);
}

fn read_band(band: Vec<Fragment>, gutter: f64, deepest: usize, lines: &mut Vec<Line>) {
    let (left, right): (Vec<_>, Vec<_>) = band.iter().cloned().partition(|f| f.x0 < gutter);
    if is_column(&left) && is_column(&right) {
        read(left, deepest - 1, lines);
        read(right, deepest - 1, lines);
    } else {
        add_column(&band, lines);
    }
}

/// Whether fragments are lines of running text: several, and long ones.
fn is_column(fragments: &[Fragment]) -> bool {
    let characters: usize = fragments.iter().map(|f| f.text.chars().count()).sum();
    fragments.len() >= 3 && characters >= 18 * fragments.len()
}

/// Where the page parts into two columns, if it seems to: the left edge of many fragments, with as many that end before
/// it and few that reach over it.
fn gutter(fragments: &[Fragment]) -> Option<f64> {
    let left = fragments.iter().map(|f| f.x0).fold(f64::MAX, f64::min);
    let right = fragments.iter().map(|f| f.x1).fold(f64::MIN, f64::max);
    let width = right - left;
    let mut starts: Vec<i64> = fragments
        .iter()
        .filter(|f| (0.2..0.8).contains(&((f.x0 - left) / width)))
        .map(|f| f.x0.round() as i64)
        .collect();
    starts.sort_unstable();
    let mut counted: Vec<(usize, i64)> = starts
        .chunk_by(|a, b| a == b)
        .map(|same| (same.len(), same.first().copied().unwrap_or_default()))
        .collect();
    counted.sort_unstable_by(|a, b| b.cmp(a));
    let score = |x: i64| {
        let x = x as f64 - 2.0;
        let before = fragments.iter().filter(|f| f.x1 <= x).count();
        let after = fragments.iter().filter(|f| f.x0 >= x).count();
        let over = fragments.len() - before - after;
        (before.min(after) > over && before >= 3 && after >= 3).then(|| (before.min(after) - over, x))
    };
    let best = counted
        .iter()
        .take(12)
        .filter_map(|(_, x)| score(*x))
        .max_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    best.map(|(_, x)| x)
}

/// Adds the rows of one column as lines.
fn add_column(fragments: &[Fragment], lines: &mut Vec<Line>) {
    let left = fragments.iter().map(|f| f.x0).fold(f64::MAX, f64::min);
    let right = fragments.iter().map(|f| f.x1).fold(f64::MIN, f64::max);
    let rows: Vec<&[Fragment]> = fragments.chunk_by(|a, b| a.row == b.row).collect();
    for (i, row) in rows.iter().enumerate() {
        let neighbours = [i.checked_sub(1).and_then(|n| rows.get(n)), rows.get(i + 1)];
        let is_row = neighbours.into_iter().flatten().any(|other| share_cells(row, other));
        let Some(main) = row.iter().max_by_key(|f| f.text.len()) else {
            continue;
        };
        let texts: Vec<&str> = row.iter().map(|f| f.text.as_str()).collect();
        lines.push(Line {
            x0: row.iter().map(|f| f.x0).fold(f64::MAX, f64::min),
            x1: row.iter().map(|f| f.x1).fold(f64::MIN, f64::max),
            y: main.y,
            size: main.size,
            bold: row.iter().all(|f| f.bold),
            is_row,
            column: (left, right),
            begins_column: i == 0,
            text: without_leaders(&texts.join(if is_row { " | " } else { " " })),
        });
    }
}

/// Whether two rows have a cell edge in common behind their first cells, as rows of a table do.
fn share_cells(row: &[Fragment], other: &[Fragment]) -> bool {
    let is_bullet = |f: Option<&Fragment>| f.is_some_and(|f| f.text.chars().count() <= 3);
    if is_bullet(row.first()) && row.len() == 2 && other.len() <= 2 {
        return false;
    }
    row.iter().skip(1).any(|a| {
        other
            .iter()
            .skip(1)
            .any(|b| (a.x0 - b.x0).abs() < 3.0 || (a.x1 - b.x1).abs() < 3.0)
    })
}

/// A line of a table of contents without the dots between a title and its page.
fn without_leaders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("...").or_else(|| rest.find(". . .")) {
        let (before, after) = rest.split_at(at);
        let dots = after.trim_start_matches(['.', ' ', '|']);
        out.push_str(before.trim_end_matches([' ', '|']));
        if after.len() - dots.len() < 5 {
            out.push_str("...");
        }
        out.push(' ');
        rest = dots;
    }
    out.push_str(rest);
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(row: usize, x0: f64, text: &str) -> Fragment {
        Fragment {
            row,
            x0,
            x1: x0 + 5.0 * text.len() as f64,
            y: -12.0 * row as f64,
            size: 10.0,
            bold: false,
            text: text.into(),
        }
    }

    fn texts(fragments: Vec<Fragment>) -> Vec<String> {
        lines(fragments).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn columns_are_read_one_after_the_other() {
        let mut page = vec![fragment(0, 0.0, "A title that reaches over both of the columns of it")];
        for n in 1..6 {
            page.push(fragment(n, 0.0, &format!("left column line no {n}")));
            page.push(fragment(n, 150.0, &format!("right column line no {n}")));
        }
        let read = texts(page);
        assert!(
            read[0].starts_with("A title")
                && read[1..6].iter().all(|t| t.starts_with("left"))
                && read[6..].iter().all(|t| t.starts_with("right"))
        );
    }

    #[test]
    fn tables_are_read_across_and_leaders_dropped() {
        let page = vec![
            fragment(0, 0.0, "Plan"),
            fragment(0, 100.0, "Price"),
            fragment(1, 0.0, "Small"),
            fragment(1, 100.0, "5 a month"),
            fragment(2, 0.0, "Hours . . . . . . . 7"),
        ];
        assert_eq!(texts(page), ["Plan | Price", "Small | 5 a month", "Hours 7"]);
    }
}
