//! Runs the text operators of a page's content and of the forms that it draws.

use super::filters;
use super::font::{Font, as_number};
use super::lexer::{Item, Lexer, MOST_VALUES, Value};
use super::matrix::Matrix;
use super::spans::{Placed, Spans};
use crate::knowledge::bounded::Limits;
use crate::knowledge::parsed::ParseError;
use pdf_extract::{Dictionary, Document, Object, ObjectId};
use std::collections::HashMap;
use std::rc::Rc;

/// Forms inside forms go no deeper.
const DEEPEST: usize = 12;
/// The most bytes that one content stream may decode to.
const MOST_BYTES: usize = 64 << 20;

/// Interprets pages one after another; fonts are read once.
pub(super) struct Interpreter<'d> {
    document: &'d Document,
    limits: Limits,
    fonts: HashMap<ObjectId, Rc<Font>>,
    inflated: usize,
    spans: Spans,
    /// Marked content that is open: whether each is, or is inside, an artifact.
    marked: Vec<bool>,
    /// All bytes of text so far.
    text: usize,
}

/// What operators set and others use.
#[derive(Clone)]
struct State {
    ctm: Matrix,
    text: Matrix,
    line: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    character_space: f64,
    word_space: f64,
    stretch: f64,
    leading: f64,
    rise: f64,
}

impl<'d> Interpreter<'d> {
    /// An interpreter for the pages of a document.
    pub fn new(document: &'d Document, limits: &Limits) -> Self {
        Self {
            document,
            limits: *limits,
            fonts: HashMap::new(),
            inflated: 0,
            spans: Spans::default(),
            marked: Vec::new(),
            text: 0,
        }
    }

    /// The spans of a page.
    pub fn page(&mut self, page: &'d Dictionary) -> Result<Spans, ParseError> {
        let resources = inherited(self.document, page, b"Resources").and_then(|r| r.as_dict().ok());
        let mut content = Vec::new();
        if let Ok(contents) = page.get_deref(b"Contents", self.document) {
            let parts = match contents {
                Object::Array(parts) => parts.as_slice(),
                single => std::slice::from_ref(single),
            };
            for part in parts {
                if let Ok((_, Object::Stream(stream))) = self.document.dereference(part) {
                    content.extend(self.decode(stream)?);
                    content.push(b'\n');
                }
                if content.len() > MOST_BYTES {
                    break;
                }
            }
        }
        self.spans = Spans::default();
        self.marked.clear();
        let start = State {
            ctm: Matrix::IDENTITY,
            text: Matrix::IDENTITY,
            line: Matrix::IDENTITY,
            font: None,
            size: 0.0,
            character_space: 0.0,
            word_space: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        self.run(&content, resources, start, 0)?;
        let spans = std::mem::take(&mut self.spans);
        self.text += spans.bytes;
        Ok(spans)
    }

    fn decode(&mut self, stream: &pdf_extract::Stream) -> Result<Vec<u8>, ParseError> {
        self.limits.time()?;
        let bytes = filters::decode(self.document, stream, MOST_BYTES).unwrap_or_default();
        self.inflated += bytes.len();
        if self.inflated > self.limits.inflated {
            return Err(ParseError::new(
                "This PDF is too large once it is unpacked. Split it into smaller files.",
            ));
        }
        Ok(bytes)
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: Option<&'d Dictionary>,
        start: State,
        depth: usize,
    ) -> Result<(), ParseError> {
        let mut stack: Vec<State> = Vec::new();
        let mut state = start;
        let mut operands: Vec<Value> = Vec::new();
        let mut lexer = Lexer::new(content);
        let mut count = 0_usize;
        while let Some(item) = lexer.next() {
            let operator = match item {
                Item::Value(value) => {
                    if operands.len() < MOST_VALUES {
                        operands.push(value);
                    }
                    continue;
                }
                Item::Operator(operator) => operator,
            };
            count += 1;
            if count.is_multiple_of(4096) {
                self.limits.time()?;
                self.limits.text(self.text + self.spans.bytes)?;
            }
            match operator {
                b"q" if stack.len() < 512 => stack.push(state.clone()),
                b"Q" => state = stack.pop().unwrap_or(state),
                b"ID" => lexer.skip_image(),
                b"Do" => self.draw(&operands, resources, &state, depth)?,
                b"Tf" => self.set_font(&operands, resources, &mut state),
                b"gs" => self.set_font_of_state(&operands, resources, &mut state),
                b"BMC" | b"BDC" => self.mark(&operands),
                b"EMC" => drop(self.marked.pop()),
                b"Tj" | b"TJ" | b"'" | b"\"" => self.show(operator, &operands, &mut state),
                _ => state.set(operator, &operands),
            }
            operands.clear();
        }
        Ok(())
    }

    fn mark(&mut self, operands: &[Value]) {
        let inside = self.marked.last() == Some(&true);
        let artifact = operands.first().and_then(Value::name) == Some(b"Artifact");
        if self.marked.len() < 10_000 {
            self.marked.push(inside || artifact);
        }
    }

    fn draw(
        &mut self,
        operands: &[Value],
        resources: Option<&'d Dictionary>,
        state: &State,
        depth: usize,
    ) -> Result<(), ParseError> {
        let found = operands
            .first()
            .and_then(Value::name)
            .and_then(|name| resource(self.document, resources?, b"XObject", name));
        let Some(Object::Stream(form)) = found else {
            return Ok(());
        };
        let is_form = form
            .dict
            .get_deref(b"Subtype", self.document)
            .and_then(Object::as_name)
            .is_ok_and(|s| s == b"Form");
        if !is_form || depth >= DEEPEST {
            return Ok(());
        }
        let content = self.decode(form)?;
        let mut inner = state.clone();
        if let Ok(Object::Array(matrix)) = form.dict.get_deref(b"Matrix", self.document) {
            let numbers: Vec<f64> = matrix.iter().filter_map(|n| as_number(self.document, n)).collect();
            inner.ctm = Matrix::from_slice(&numbers).map_or(inner.ctm, |m| m.then(&inner.ctm));
        }
        let own = form
            .dict
            .get_deref(b"Resources", self.document)
            .and_then(Object::as_dict)
            .ok();
        self.run(&content, own.or(resources), inner, depth + 1)
    }

    fn set_font(&mut self, operands: &[Value], resources: Option<&'d Dictionary>, state: &mut State) {
        let [name, size] = operands else { return };
        state.size = size.number().unwrap_or(state.size);
        let fonts = resources.and_then(|r| r.get_deref(b"Font", self.document).and_then(Object::as_dict).ok());
        state.font = name.name().and_then(|name| self.font(fonts?.get(name).ok()?));
    }

    fn set_font_of_state(&mut self, operands: &[Value], resources: Option<&'d Dictionary>, state: &mut State) {
        let found = operands
            .first()
            .and_then(Value::name)
            .and_then(|name| resource(self.document, resources?, b"ExtGState", name));
        let font = found.and_then(|s| {
            s.as_dict()
                .ok()?
                .get_deref(b"Font", self.document)
                .and_then(Object::as_array)
                .ok()
        });
        if let Some([font, size]) = font.map(Vec::as_slice) {
            state.font = self.font(font).or(state.font.take());
            state.size = as_number(self.document, size).unwrap_or(state.size);
        }
    }

    fn font(&mut self, object: &'d Object) -> Option<Rc<Font>> {
        let (id, resolved) = self.document.dereference(object).ok()?;
        if let Some(known) = id.and_then(|id| self.fonts.get(&id)) {
            return Some(known.clone());
        }
        let font = Rc::new(Font::new(self.document, resolved.as_dict().ok()?));
        if let Some(id) = id
            && self.fonts.len() < 2_000
        {
            self.fonts.insert(id, font.clone());
        }
        Some(font)
    }

    fn show(&mut self, operator: &[u8], operands: &[Value], state: &mut State) {
        if operator == b"\""
            && let [word, character, _] = operands
        {
            state.word_space = word.number().unwrap_or(0.0);
            state.character_space = character.number().unwrap_or(0.0);
        }
        if matches!(operator, b"'" | b"\"") {
            state.next_line(0.0, -state.leading);
        }
        match operands.last() {
            Some(Value::Text(bytes)) => self.show_string(bytes, state),
            Some(Value::Array(parts)) => {
                for part in parts {
                    match part {
                        Value::Text(bytes) => self.show_string(bytes, state),
                        Value::Number(back) => state.advance(-back / 1000.0 * state.size * state.stretch),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn show_string(&mut self, bytes: &[u8], state: &mut State) {
        let Some(font) = state.font.clone() else { return };
        let artifact = self.marked.last() == Some(&true);
        // Some producers write a gap between words as character spacing in a string of two or three characters; in longer
        // strings character spacing is style.
        let gap = if bytes.len() <= 6 {
            state.character_space.max(0.0)
        } else {
            0.0
        };
        font.decode(bytes, |shown| {
            let spacing = state.character_space + if shown.is_space { state.word_space } else { 0.0 };
            let across = (shown.width * state.size + spacing) * state.stretch;
            let to_page = state.text.then(&state.ctm);
            let placed = Placed {
                origin: to_page.apply(0.0, state.rise),
                advance: to_page.turn(across - gap * state.stretch, 0.0),
                size: state.size.abs() * to_page.height(),
                bold: font.bold,
                artifact,
            };
            self.spans.glyph(&placed, &shown.text);
            state.advance(across);
        });
    }
}

impl State {
    /// The operators that only set something.
    fn set(&mut self, operator: &[u8], operands: &[Value]) {
        let numbers: Vec<f64> = operands.iter().filter_map(Value::number).take(6).collect();
        match (operator, numbers.as_slice()) {
            (b"cm", numbers) => self.ctm = Matrix::from_slice(numbers).map_or(self.ctm, |m| m.then(&self.ctm)),
            (b"BT" | b"ET", _) => (self.text, self.line) = (Matrix::IDENTITY, Matrix::IDENTITY),
            (b"Tm", numbers) => {
                if let Some(matrix) = Matrix::from_slice(numbers) {
                    (self.text, self.line) = (matrix, matrix);
                }
            }
            (b"Td", [x, y]) => self.next_line(*x, *y),
            (b"TD", [x, y]) => {
                self.leading = -y;
                self.next_line(*x, *y);
            }
            (b"T*", _) => self.next_line(0.0, -self.leading),
            (b"Tc", [space]) => self.character_space = *space,
            (b"Tw", [space]) => self.word_space = *space,
            (b"Tz", [percent]) => self.stretch = percent / 100.0,
            (b"TL", [leading]) => self.leading = *leading,
            (b"Ts", [rise]) => self.rise = *rise,
            _ => {}
        }
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.line = Matrix::shift(x, y).then(&self.line);
        self.text = self.line;
    }

    fn advance(&mut self, across: f64) {
        self.text = Matrix::shift(across, 0.0).then(&self.text);
    }
}

/// The value of a key that a page has or takes over from the tree above it.
pub(super) fn inherited<'d>(document: &'d Document, page: &'d Dictionary, key: &[u8]) -> Option<&'d Object> {
    let mut node = page;
    for _ in 0..64 {
        if let Ok(found) = node.get_deref(key, document) {
            return Some(found);
        }
        node = node.get_deref(b"Parent", document).and_then(Object::as_dict).ok()?;
    }
    None
}

fn resource<'d>(document: &'d Document, resources: &'d Dictionary, kind: &[u8], name: &[u8]) -> Option<&'d Object> {
    resources
        .get_deref(kind, document)
        .and_then(Object::as_dict)
        .ok()?
        .get_deref(name, document)
        .ok()
}
