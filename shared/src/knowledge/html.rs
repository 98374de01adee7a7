//! HTML: what a reader sees of a page, in order. The text is taken from the stream of tags, not from a tree, so that
//! neither deep nesting nor tags that never close cost more than reading them.

use super::bounded::Limits;
use super::csv::describe;
use super::parsed::{Outline, ParseError, Parsed, squeeze};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use std::cell::RefCell;

/// Reads a page: headings become sections, table rows one line each, and what is not content (scripts, navigation,
/// footers, hidden elements) is left out.
pub(super) fn parse(html: &str, limits: &Limits) -> Result<Parsed, ParseError> {
    limits.text(html.len())?;
    let reader = read(html, || limits.time())?;
    let title = reader.title.or(reader.first_heading);
    Ok(Parsed {
        title,
        pages: None,
        blocks: reader.outline.finish(),
    })
}

/// The texts in a piece of HTML.
pub(super) fn fragment(html: &str) -> Vec<String> {
    read(html, || Ok(()))
        .map(|reader| reader.outline.finish().into_iter().map(|b| b.text).collect())
        .unwrap_or_default()
}

fn read(html: &str, go_on: impl Fn() -> Result<(), ParseError>) -> Result<Reader, ParseError> {
    let tokenizer = Tokenizer::new(Sink(RefCell::new(Reader::default())), TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = html;
    while !rest.is_empty() {
        // In pieces, so that the deadline is seen even inside a tag with a million attributes.
        let end = rest.floor_char_boundary(64 << 10);
        let (piece, after) = rest.split_at(end);
        queue.push_back(StrTendril::from_slice(piece));
        let _ = tokenizer.feed(&queue);
        go_on()?;
        rest = after;
    }
    tokenizer.end();
    let mut reader = tokenizer.sink.0.into_inner();
    reader.flush();
    Ok(reader)
}

struct Sink(RefCell<Reader>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => reader.characters(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return reader.start(&tag),
            Token::TagToken(tag) => reader.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[derive(Default)]
struct Reader {
    outline: Outline,
    title: Option<String>,
    first_heading: Option<String>,
    run: String,
    /// The element whose content is being left out, and how many of its name are open inside.
    skipped: Option<(String, usize)>,
    heading: Option<String>,
    in_title: bool,
    preformatted: bool,
    /// The numbers of the open lists; none for a bullet list.
    lists: Vec<Option<u64>>,
    /// Whether the run began with the mark of a list item.
    item_opened: bool,
    table: Table,
}

/// The open table; tables inside tables are read as one.
#[derive(Default)]
struct Table {
    open: usize,
    header: Vec<String>,
    row: Vec<String>,
    row_is_header: bool,
    in_cell: bool,
}

impl Reader {
    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        let raw = match name {
            "script" => Some(RawKind::ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(RawKind::Rawtext),
            "title" | "textarea" => Some(RawKind::Rcdata),
            _ => None,
        };
        // The next paragraph or item ends a hidden one, as its end tag may be missing.
        if self
            .skipped
            .as_ref()
            .is_some_and(|(skipped, depth)| skipped == name && *depth == 1 && ends_by_next(name))
        {
            self.skipped = None;
        }
        if let Some((skipped, depth)) = &mut self.skipped {
            if skipped == name && !tag.self_closing {
                *depth += 1;
            }
        } else if is_left_out(tag) {
            self.break_block();
            if !is_void(name) {
                self.skipped = Some((name.to_owned(), 1));
            }
        } else {
            self.open(tag);
        }
        raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData)
    }

    fn open(&mut self, tag: &Tag) {
        let name: &str = &tag.name;
        match name {
            "title" => self.in_title = self.title.is_none(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.break_block();
                self.drop_mark();
                self.heading = Some(name.to_owned());
            }
            "br" => self.characters("\n"),
            "img" => self.image(tag),
            "pre" => {
                self.break_block();
                self.preformatted = true;
            }
            "ul" | "ol" | "menu" => {
                self.break_block();
                self.lists.push((name == "ol").then_some(1));
            }
            "li" => self.item(),
            "table" | "tr" | "td" | "th" => self.open_table_part(name),
            _ if is_block(name) => self.break_block(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((skipped, depth)) = &mut self.skipped {
            if skipped == name {
                *depth -= 1;
                if *depth == 0 {
                    self.skipped = None;
                }
            }
            return;
        }
        match name {
            "title" => self.in_title = false,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.break_block(),
            "pre" => {
                self.break_block();
                self.preformatted = false;
            }
            "ul" | "ol" | "menu" => {
                self.break_block();
                self.drop_mark();
                self.lists.pop();
            }
            "td" | "th" => self.end_cell(),
            "tr" | "thead" | "tbody" | "tfoot" => self.end_row(),
            "table" => self.end_table(),
            _ if is_block(name) => self.break_block(),
            _ => {}
        }
    }

    fn characters(&mut self, text: &str) {
        if self.in_title {
            let title = self.title.get_or_insert_default();
            title.push_str(text);
        } else if self.skipped.is_none() {
            self.run.push_str(text);
        }
    }

    /// An image says what its alternative text says.
    fn image(&mut self, tag: &Tag) {
        if let Some(alt) = attribute(tag, "alt").map(squeeze).filter(|alt| alt.contains(' ')) {
            self.run.push_str(&format!(" {alt} "));
        }
    }

    fn item(&mut self) {
        self.break_block();
        self.drop_mark();
        self.item_opened = true;
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.run.push_str(&format!("{number}. "));
                *number += 1;
            }
            _ => self.run.push_str("- "),
        }
    }

    /// Forgets the mark of an item that turned out to have no text of its own.
    fn drop_mark(&mut self) {
        if self.item_opened && is_mark(&self.run) {
            self.run.clear();
        }
        self.item_opened = false;
    }

    fn open_table_part(&mut self, name: &str) {
        match name {
            "table" => {
                self.break_block();
                self.table.open += 1;
            }
            "tr" => self.end_row(),
            _ if self.table.open > 0 => {
                self.end_cell();
                self.table.in_cell = true;
                let first = self.table.row.is_empty();
                self.table.row_is_header = name == "th" && (first || self.table.row_is_header);
            }
            _ => self.break_block(),
        }
    }

    fn end_cell(&mut self) {
        if self.table.in_cell {
            self.table.in_cell = false;
            let cell = squeeze(&std::mem::take(&mut self.run));
            self.table.row.push(cell);
        }
    }

    fn end_row(&mut self) {
        self.end_cell();
        let row = std::mem::take(&mut self.table.row);
        if row.iter().all(String::is_empty) {
            return;
        }
        if self.table.row_is_header && row.len() > 1 && self.table.header.is_empty() {
            self.table.header = row;
        } else if self.table.header.is_empty() {
            let cells: Vec<_> = row.into_iter().filter(|cell| !cell.is_empty()).collect();
            self.outline.text(None, &cells.join(" | "));
        } else {
            self.outline.text(None, &describe(&self.table.header, &row));
        }
        self.table.row_is_header = false;
    }

    fn end_table(&mut self) {
        self.end_row();
        self.break_block();
        self.table.open = self.table.open.saturating_sub(1);
        if self.table.open == 0 {
            self.table.header.clear();
        }
    }

    /// Ends the block that is being read; inside a table cell it only parts words.
    fn break_block(&mut self) {
        if self.table.in_cell {
            self.run.push(' ');
            return;
        }
        if self.item_opened && is_mark(&self.run) {
            return;
        }
        self.item_opened = false;
        let run = std::mem::take(&mut self.run);
        if self.heading.take().is_some() {
            if self.first_heading.is_none() {
                self.first_heading = Some(squeeze(&run)).filter(|h| !h.is_empty());
            }
            self.outline.heading(None, &run);
        } else if self.preformatted {
            self.outline.verbatim(None, &run);
        } else {
            self.outline.text(None, &run);
        }
    }

    fn flush(&mut self) {
        self.end_row();
        self.break_block();
        self.drop_mark();
        self.title = self.title.take().map(|t| squeeze(&t)).filter(|t| !t.is_empty());
    }
}

/// Whether a run holds nothing yet but a list mark.
pub(super) fn is_mark(run: &str) -> bool {
    let run = run.trim();
    run == "-"
        || run
            .strip_suffix('.')
            .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
}

/// Whether an element and all that it holds is not content.
fn is_left_out(tag: &Tag) -> bool {
    let name: &str = &tag.name;
    if matches!(name, "html" | "body") {
        return false;
    }
    let hidden_style = || {
        attribute(tag, "style").is_some_and(|style| {
            let style: String = style.to_ascii_lowercase().split_whitespace().collect();
            style.contains("display:none") || style.contains("visibility:hidden")
        })
    };
    matches!(
        name,
        "script"
            | "style"
            | "nav"
            | "footer"
            | "noscript"
            | "template"
            | "svg"
            | "iframe"
            | "object"
            | "select"
            | "button"
            | "textarea"
            | "noembed"
            | "noframes"
            | "dialog"
    ) || attribute(tag, "hidden").is_some_and(|v| v != "until-found")
        || attribute(tag, "aria-hidden") == Some("true")
        || matches!(
            attribute(tag, "role"),
            Some("navigation" | "contentinfo" | "banner" | "search")
        )
        || hidden_style()
}

fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    tag.attrs.iter().find(|a| &*a.name.local == name).map(|a| &*a.value)
}

fn ends_by_next(name: &str) -> bool {
    matches!(name, "p" | "li" | "dd" | "dt" | "tr" | "td" | "th" | "option")
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "form"
            | "head"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "li"
            | "main"
            | "option"
            | "p"
            | "section"
            | "summary"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Vec<(Option<String>, String)> {
        let parsed = parse(html, &Limits::default()).unwrap();
        parsed.blocks.into_iter().map(|b| (b.section, b.text)).collect()
    }

    fn texts(html: &str) -> Vec<String> {
        read(html).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn a_page_reads_as_its_reader_sees_it() {
        let blocks = read(
            "<title>Travel &amp; more</title><nav>Home</nav><h1>Trips</h1><p>Book <b>early</b>,\n it&#8217;s&nbsp;best.<ul><li>Rail<li>Air</ul>\
             <script>if (a</b) {}</script><h2>Hotels</h2><div hidden>no<div>no</div>no</div><ol><li><p>One</p><li>Two</ol><footer>2026</footer>",
        );
        let seen: Vec<_> = blocks
            .iter()
            .map(|(s, t)| (s.as_deref().unwrap(), t.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("Trips", "Book early, it’s best."),
                ("Trips", "- Rail"),
                ("Trips", "- Air"),
                ("Hotels", "1. One"),
                ("Hotels", "2. Two")
            ]
        );
        assert_eq!(
            parse("<title>Travel &amp; more</title>x", &Limits::default())
                .unwrap()
                .title
                .as_deref(),
            Some("Travel & more")
        );
    }

    #[test]
    fn tables_are_read_row_by_row() {
        assert_eq!(
            texts("<table><tr><th>City<th>Limit<tr><td>Oslo<td>220 <p>EUR</table><table><tr><td>a<td>b</table>"),
            ["City: Oslo; Limit: 220 EUR.", "a | b"]
        );
    }

    #[test]
    fn code_keeps_its_lines() {
        assert_eq!(texts("<pre>a &lt; b\n  c</pre>d"), ["a < b\n  c", "d"]);
    }

    #[test]
    fn deep_nesting_and_endless_attributes_end() {
        assert_eq!(texts(&format!("{}deep", "<div><b>".repeat(50_000))), ["deep"]);
        assert!(parse(&format!("<a {}", "x ".repeat(2_000)), &Limits::default()).is_ok());
    }
}
