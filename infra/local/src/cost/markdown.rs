//! Tables as docs/cost.md holds them.

/// A Markdown table.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let rows: Vec<String> = rows.into_iter().map(|row| line(&row)).collect();
    [line(&head), rule, rows.concat()].concat()
}

/// An amount in cents; what rounds to none is not nothing.
pub(super) fn usd(amount: f64) -> String {
    match amount > 0.0 && amount < 0.005 {
        true => "< 0.01".to_owned(),
        // An empty sum is a negative nothing.
        false => format!("{:.2}", amount + 0.0),
    }
}

/// A number with commas between its thousands, and at most three decimals.
pub(super) fn number(it: f64) -> String {
    let text = format!("{it:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}
