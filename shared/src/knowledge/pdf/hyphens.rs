//! Words that were broken at the end of a line.

use super::columns::Line;
use std::collections::HashSet;

/// The words of a document that have a hyphen inside, to tell a compound from a broken word.
#[derive(Default)]
pub(super) struct Hyphens {
    compounds: HashSet<String>,
}

impl Hyphens {
    /// Collects the compounds of all pages.
    pub fn new(pages: &[(u32, Vec<Line>)]) -> Self {
        let mut compounds = HashSet::new();
        for line in pages.iter().flat_map(|(_, lines)| lines) {
            for word in line.text.split_whitespace() {
                let word = word.trim_matches(|c: char| !c.is_alphanumeric());
                if word.contains('-') && word.len() < 60 {
                    compounds.insert(word.to_lowercase());
                }
            }
        }
        Self { compounds }
    }

    /// Adds a line to a text: a word that was broken between them is mended, a compound keeps its hyphen.
    pub fn join(&self, text: &mut String, line: &str) {
        let broken = text.strip_suffix('-').is_some_and(|t| t.ends_with(char::is_alphabetic))
            && line.starts_with(char::is_alphabetic);
        if broken {
            let before = text.rsplit(char::is_whitespace).next().unwrap_or_default();
            let after = line.split(char::is_whitespace).next().unwrap_or_default();
            let whole = format!("{before}{after}").to_lowercase();
            let is_compound = self
                .compounds
                .contains(whole.trim_matches(|c: char| !c.is_alphanumeric()));
            // A part in capitals or a second hyphen shows a compound too.
            let keeps =
                is_compound || line.starts_with(char::is_uppercase) || before.trim_end_matches('-').contains('-');
            if !keeps {
                text.pop();
            }
        } else if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_words_are_mended_and_compounds_kept() {
        let hyphens = Hyphens {
            compounds: HashSet::from(["full-time".into()]),
        };
        let joined = |before: &str, after: &str| {
            let mut text = before.to_owned();
            hyphens.join(&mut text, after);
            text
        };
        assert_eq!(joined("the vaca-", "tion policy"), "the vacation policy");
        assert_eq!(joined("a full-", "time, paid"), "a full-time, paid");
        assert_eq!(joined("an end -", "and"), "an end - and");
        assert_eq!(joined("Franco-", "British"), "Franco-British");
        assert_eq!(joined("", "x"), "x");
    }
}
