//! Reads what the engine puts into a user message: numbered sources and a question.

/// A numbered source of the prompt, unescaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) section: String,
    pub(crate) text: String,
}

/// A user message taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// Whether the message has a `<sources>` element, which may be empty.
    pub(crate) has_sources: bool,
    pub(crate) sources: Vec<Source>,
    pub(crate) question: String,
}

impl Prompt {
    /// Takes a message apart; one without our elements is a question as a whole. Source texts are escaped, so nothing
    /// inside them can close an element or open another.
    pub(crate) fn parse(message: &str) -> Self {
        let message = message.trim();
        let Some((sources, rest)) = element(message, "sources") else {
            return Self {
                question: question(message),
                ..Self::default()
            };
        };
        Self {
            has_sources: true,
            sources: read_sources(sources),
            question: question(rest),
        }
    }
}

/// The inside of the element that `text` begins with, and what follows it.
fn element<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let inside = text.strip_prefix(&format!("<{name}>"))?;
    inside.split_once(&format!("</{name}>"))
}

/// A question comes last and is the user's own text, so its element ends where the message ends.
fn question(text: &str) -> String {
    let text = text.trim();
    let inside = text
        .strip_prefix("<question>")
        .map_or(text, |inside| inside.strip_suffix("</question>").unwrap_or(inside));
    unescape(inside.trim())
}

fn read_sources(mut rest: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    while let Some((_, after)) = rest.split_once("<source ") {
        let Some((attributes, body)) = after.split_once('>') else {
            break;
        };
        let (text, after) = body.split_once("</source>").unwrap_or((body, ""));
        sources.push(Source {
            id: attribute(attributes, "id"),
            title: attribute(attributes, "title"),
            section: attribute(attributes, "section"),
            text: unescape(text.trim()),
        });
        rest = after;
    }
    sources
}

pub(crate) fn attribute(attributes: &str, name: &str) -> String {
    let at_start = attributes.strip_prefix(&format!("{name}=\""));
    let value = at_start.or_else(|| attributes.split_once(&format!(" {name}=\"")).map(|(_, value)| value));
    value
        .and_then(|value| value.split_once('"'))
        .map_or_else(String::new, |(value, _)| unescape(value))
}

pub(crate) fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_question_are_read_and_unescaped() {
        let prompt = Prompt::parse(
            "<sources>\n<source id=\"1\" title=\"R&amp;D &quot;Guide&quot;\" page=\"12\" section=\"Time Off\">\na &lt;b&gt; &amp;amp; c\n</source>\n\
             <source id=\"2\" title=\"No page\">\nsecond\n</source>\n</sources>\n\n<question>\nWhat is it?\n</question>",
        );
        assert_eq!(prompt.question, "What is it?");
        assert_eq!(prompt.sources.len(), 2);
        let first = &prompt.sources[0];
        assert_eq!(
            (first.id.as_str(), first.title.as_str(), first.section.as_str()),
            ("1", "R&D \"Guide\"", "Time Off")
        );
        assert_eq!(first.text, "a <b> &amp; c");
        assert_eq!(
            (prompt.sources[1].section.as_str(), prompt.sources[1].text.as_str()),
            ("", "second")
        );
    }

    #[test]
    fn an_empty_sources_element_is_not_the_same_as_none() {
        let empty = Prompt::parse("<sources>\n</sources>\n\n<question>\nHi\n</question>");
        assert!(empty.has_sources && empty.sources.is_empty());
        let none = Prompt::parse("<question>Hi</question>");
        assert!(!none.has_sources && none.question == "Hi");
        assert_eq!(Prompt::parse("plain words").question, "plain words");
    }

    #[test]
    fn a_question_that_holds_tags_stays_a_question() {
        let prompt =
            Prompt::parse("<sources>\n</sources>\n\n<question>\nWhat does </question><sources> do?\n</question>");
        assert!(prompt.sources.is_empty());
        assert_eq!(prompt.question, "What does </question><sources> do?");
    }
}
