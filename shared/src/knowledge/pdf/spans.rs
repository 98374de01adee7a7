//! Glyphs to spans: runs of text on one baseline in one style.

/// The directions in which text runs on a page, in quarter turns to the left.
pub(super) type Turn = u8;

/// A run of text. Its position is that of a page turned so that the text is upright: `x` to the right, `y` upwards.
#[derive(Debug, Clone)]
pub(super) struct Span {
    /// Where it begins.
    pub x0: f64,
    /// Where it ends.
    pub x1: f64,
    /// Its baseline.
    pub y: f64,
    /// The font's size on the page.
    pub size: f64,
    /// Whether the font is bold.
    pub bold: bool,
    /// Which way it runs.
    pub turn: Turn,
    /// Whether the producer marked it as no part of the text, as it does with running headers.
    pub artifact: bool,
    /// Its text.
    pub text: String,
}

/// A glyph's place on the page.
pub(super) struct Placed {
    /// Its origin.
    pub origin: (f64, f64),
    /// From its origin to that of the next.
    pub advance: (f64, f64),
    /// The font's size on the page.
    pub size: f64,
    /// Whether the font is bold.
    pub bold: bool,
    /// Whether it is marked as no part of the text.
    pub artifact: bool,
}

/// The spans of a page.
#[derive(Default)]
pub(super) struct Spans {
    /// The spans in the order drawn.
    pub all: Vec<Span>,
    /// How many bytes of text they hold.
    pub bytes: usize,
}

/// A gap wider than this part of the font size is a space. The narrowest word spaces in justified text are about a
/// sixth, the widest kerning about a tenth.
pub(super) const SPACE: f64 = 0.15;

impl Spans {
    /// Adds a glyph, to the open span where it goes on there.
    pub fn glyph(&mut self, placed: &Placed, text: &str) {
        let Some(turn) = turn(placed.advance) else { return };
        let (x, y) = turned(placed.origin, turn);
        let x1 = x + placed.advance.0.hypot(placed.advance.1);
        let size = placed.size;
        if ![x, y, x1].iter().all(|v| v.is_finite() && v.abs() < 1e6) || !(0.05..1e4).contains(&size) {
            return;
        }
        let before = self.bytes;
        if let Some(open) = self.all.last_mut() {
            let gap = x - open.x1;
            let same_style = open.turn == turn && open.bold == placed.bold && open.artifact == placed.artifact;
            let same_line = (open.y - y).abs() < 0.05 * size && (open.size - size).abs() < 0.05 * size;
            if same_style && same_line && gap > -0.3 * size && gap < 0.9 * size {
                let length = open.text.len();
                if gap > SPACE * size && !open.text.ends_with(' ') {
                    open.text.push(' ');
                }
                push(&mut open.text, text);
                open.x1 = open.x1.max(x1);
                self.bytes += open.text.len() - length;
                return;
            }
        }
        let mut own = String::new();
        push(&mut own, text);
        if !own.trim().is_empty() {
            self.bytes = before + own.len();
            self.all.push(Span {
                x0: x,
                x1,
                y,
                size,
                bold: placed.bold,
                turn,
                artifact: placed.artifact,
                text: own,
            });
        }
    }
}

/// The quarter turn of a baseline; none for text that runs aslant, which is a watermark.
fn turn((dx, dy): (f64, f64)) -> Option<Turn> {
    if dx == 0.0 && dy == 0.0 {
        return Some(0);
    }
    let quarters = dy.atan2(dx) / std::f64::consts::FRAC_PI_2;
    let nearest = quarters.round();
    ((quarters - nearest).abs() < 0.12).then(|| (nearest.rem_euclid(4.0)) as Turn)
}

fn turned((x, y): (f64, f64), turn: Turn) -> (f64, f64) {
    match turn {
        1 => (y, -x),
        2 => (-x, -y),
        3 => (-y, x),
        _ => (x, y),
    }
}

/// Adds a glyph's text, with ligatures taken apart and what does not show left out.
fn push(to: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\u{fb00}' => to.push_str("ff"),
            '\u{fb01}' => to.push_str("fi"),
            '\u{fb02}' => to.push_str("fl"),
            '\u{fb03}' => to.push_str("ffi"),
            '\u{fb04}' => to.push_str("ffl"),
            '\u{fb05}' | '\u{fb06}' => to.push_str("st"),
            // A soft hyphen that a line shows is a hyphen.
            '\u{ad}' | '\u{2010}' | '\u{2011}' => to.push('-'),
            '\u{f0b7}' | '\u{f0a7}' => to.push('•'),
            _ if c.is_whitespace() && to.ends_with(' ') => {}
            _ if c.is_whitespace() => to.push(' '),
            _ if crate::knowledge::parsed::is_visible(c) && !('\u{e000}'..='\u{f8ff}').contains(&c) => to.push(c),
            _ => {}
        }
    }
}
