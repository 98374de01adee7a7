//! Markdown: headings become sections, code and tables stay readable, front matter only gives the title.

use super::bounded::Limits;
use super::csv::describe;
use super::html::{self, is_mark};
use super::parsed::{Outline, ParseError, Parsed, squeeze};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// More quote marks or list marks than this before one line are no document; they would only cost time.
const DEEPEST: usize = 100;

/// Reads Markdown.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<Parsed, ParseError> {
    limits.text(text.len())?;
    if text.lines().any(|line| {
        line.chars()
            .take_while(|c| " \t>*+-".contains(*c))
            .filter(|c| ">*+-".contains(*c))
            .count()
            > DEEPEST
            && !is_rule(line)
    }) {
        return Err(ParseError::new(
            "This Markdown file nests quotes or lists more than 100 deep.",
        ));
    }
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut reader = Reader::default();
    let mut size = 0;
    for (n, event) in Parser::new_ext(text, options).enumerate() {
        if n % 1024 == 0 {
            limits.time()?;
        }
        if let Event::Text(piece) | Event::Code(piece) = &event {
            // Reference links can expand to more text than the file has.
            size += piece.len();
            limits.text(size)?;
        }
        reader.event(event);
    }
    reader.flush();
    Ok(Parsed {
        title: reader.front_title.or(reader.title),
        pages: None,
        blocks: reader.outline.finish(),
    })
}

/// Whether a line is a thematic break, which may be as long as it likes.
fn is_rule(line: &str) -> bool {
    line.chars().all(|c| matches!(c, '-' | ' ' | '\t')) || line.chars().all(|c| matches!(c, '*' | ' ' | '\t'))
}

/// What a run of text is part of.
#[derive(Default, PartialEq, Clone, Copy)]
enum Place {
    #[default]
    Paragraph,
    Heading(bool),
    Code,
    Html,
    FrontMatter,
}

#[derive(Default)]
struct Reader {
    outline: Outline,
    title: Option<String>,
    front_title: Option<String>,
    place: Place,
    run: String,
    /// The numbers of the open lists; none for a bullet list.
    lists: Vec<Option<u64>>,
    /// The column names of the open table and the cells of its open row.
    header: Vec<String>,
    row: Vec<String>,
    rows: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.run.push_str(&text),
            Event::SoftBreak | Event::HardBreak => self.run.push(' '),
            Event::TaskListMarker(done) => self.run.push_str(if done { "[x] " } else { "[ ] " }),
            Event::InlineHtml(html) if html.starts_with("<br") => self.run.push(' '),
            Event::Html(html) => self.run.push_str(&html),
            Event::Rule => self.flush(),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.enter(Place::Heading(*level == HeadingLevel::H1)),
            Tag::CodeBlock(_) => self.enter(Place::Code),
            Tag::HtmlBlock => self.enter(Place::Html),
            Tag::MetadataBlock(_) => self.enter(Place::FrontMatter),
            Tag::List(number) => {
                self.flush();
                self.lists.push(*number);
            }
            Tag::Item => {
                self.flush();
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.run = format!("{number}. ");
                        *number += 1;
                    }
                    _ => self.run.push_str("- "),
                }
            }
            // An item's own paragraph goes on behind its mark.
            Tag::Paragraph if is_mark(&self.run) => {}
            Tag::Paragraph | Tag::BlockQuote(_) | Tag::Table(_) | Tag::FootnoteDefinition(_) => self.flush(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => {
                self.flush();
                self.place = Place::Paragraph;
            }
            TagEnd::Paragraph | TagEnd::Item | TagEnd::BlockQuote(_) | TagEnd::FootnoteDefinition => self.flush(),
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::TableCell => self.row.push(squeeze(&std::mem::take(&mut self.run))),
            TagEnd::TableHead => self.header = std::mem::take(&mut self.row),
            TagEnd::TableRow => self.table_row(),
            TagEnd::Table => {
                let header = std::mem::take(&mut self.header);
                if std::mem::take(&mut self.rows) == 0 {
                    self.outline.text(None, &header.join(" | "));
                }
            }
            _ => {}
        }
    }

    fn enter(&mut self, place: Place) {
        self.flush();
        self.place = place;
    }

    fn table_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        self.outline.text(None, &describe(&self.header, &row));
        self.rows += 1;
    }

    fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        match self.place {
            Place::Paragraph if is_mark(&run) => {}
            Place::Paragraph => self.outline.text(None, &run),
            Place::Html => {
                for text in html::fragment(&run) {
                    self.outline.text(None, &text);
                }
            }
            Place::Code => self.outline.verbatim(None, &run),
            Place::Heading(first) => {
                if first && self.title.is_none() {
                    self.title = Some(squeeze(&run)).filter(|t| !t.is_empty());
                }
                self.outline.heading(None, &run);
            }
            Place::FrontMatter => self.front_title = front_title(&run),
        }
    }
}

/// The value of `title:` (YAML) or `title =` (TOML) in front matter.
fn front_title(front: &str) -> Option<String> {
    let value = front
        .lines()
        .find_map(|line| line.strip_prefix("title")?.trim_start().strip_prefix([':', '=']))?;
    Some(squeeze(value.trim().trim_matches(['"', '\'']))).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(markdown: &str) -> Vec<(Option<String>, String)> {
        let parsed = parse(markdown, &Limits::default()).unwrap();
        parsed.blocks.into_iter().map(|b| (b.section, b.text)).collect()
    }

    #[test]
    fn headings_are_sections_and_lists_keep_their_marks() {
        let blocks =
            read("# Manual\n\nHello *there*,\nyou.\n\n## Steps\n\n1. Open\n2. Close\n   - firmly\n\n- [x] done\n");
        let texts: Vec<_> = blocks
            .iter()
            .map(|(s, t)| (s.as_deref().unwrap(), t.as_str()))
            .collect();
        assert_eq!(
            texts,
            [
                ("Manual", "Hello there, you."),
                ("Steps", "1. Open"),
                ("Steps", "2. Close"),
                ("Steps", "- firmly"),
                ("Steps", "- [x] done")
            ]
        );
    }

    #[test]
    fn tables_code_and_front_matter() {
        let parsed = parse(
            "---\ntitle: \"The Manual\"\n---\n# A\n\n| Plan | Price |\n|---|---|\n| Small | 5 |\n| Big | |\n\n```sh\nls \\\n  -l\n```\n\n<div>in <b>html</b></div>\n",
            &Limits::default(),
        )
        .unwrap();
        assert_eq!(parsed.title.as_deref(), Some("The Manual"));
        let texts: Vec<_> = parsed.blocks.iter().map(|b| b.text.as_str()).collect();
        assert_eq!(
            texts,
            ["Plan: Small; Price: 5.", "Plan: Big.", "ls \\\n  -l", "in html"]
        );
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(parse(&format!("{}x", "> ".repeat(5_000)), &Limits::default()).is_err());
        assert_eq!(read(&format!("a\n\n{}\n\nb", "-".repeat(500))).len(), 2);
    }
}
