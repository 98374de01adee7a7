//! The `standard` tokenizer: word boundaries after Unicode Standard Annex 29, as Lucene applies them (emoji aside).

/// Longest token in characters; longer runs are cut, as Lucene's default does.
const LONGEST: usize = 255;

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Letter,
    Digit,
    Katakana,
    /// Underscores and their kind, which join what stands on both sides.
    Connector,
    /// A script written without spaces (Thai, Lao, Khmer, Burmese): one token per run.
    Unspaced,
    /// One token per character.
    Ideograph,
    /// Combining marks and invisible characters, which belong to what precedes them.
    Mark,
    MidLetter,
    MidNumber,
    /// Stands inside words and inside numbers.
    MidBoth,
    Other,
}

use Class::{Connector, Digit, Ideograph, Katakana, Letter, Mark, MidBoth, MidLetter, MidNumber, Other, Unspaced};

/// Calls `emit` with each token of `text`, in order.
pub(super) fn tokens<'t>(text: &'t str, mut emit: impl FnMut(&'t str)) {
    // A mark takes part in no rule, so only the characters that it follows are looked at.
    let letters: Vec<(usize, Class)> = text
        .char_indices()
        .map(|(at, c)| (at, class(c)))
        .filter(|(_, class)| *class != Mark)
        .collect();
    let end_of = |last: usize| letters.get(last + 1).map_or(text.len(), |(at, _)| *at);
    let mut first = 0;
    while let Some((start, class)) = letters.get(first) {
        let last = match class {
            Ideograph => first,
            Unspaced | Letter | Digit | Katakana | Connector => word_end(&letters, first),
            _ => {
                first += 1;
                continue;
            }
        };
        if letters[first..=last].iter().any(|(_, class)| *class != Connector) {
            let token = &text[*start..end_of(last)];
            cut(token, &mut emit);
        }
        first = last + 1;
    }
}

/// Index of the last letter of the word that begins at `first`.
fn word_end(letters: &[(usize, Class)], first: usize) -> usize {
    let class = |at: usize| letters.get(at).map_or(Other, |(_, class)| *class);
    let mut last = first;
    loop {
        let (here, next, after) = (class(last), class(last + 1), class(last + 2));
        if joins(here, next) {
            last += 1;
        } else if bridges(here, next, after) {
            last += 2;
        } else {
            return last;
        }
    }
}

fn joins(left: Class, right: Class) -> bool {
    matches!(
        (left, right),
        (Letter | Digit | Connector, Letter | Digit | Connector)
            | (Katakana, Katakana | Connector)
            | (Connector, Katakana)
            | (Unspaced, Unspaced)
    )
}

/// Whether `middle` holds its neighbours together, as in `can't` and `3.14`.
fn bridges(left: Class, middle: Class, right: Class) -> bool {
    match (left, right) {
        (Letter, Letter) => matches!(middle, MidLetter | MidBoth),
        (Digit, Digit) => matches!(middle, MidNumber | MidBoth),
        _ => false,
    }
}

fn cut<'t>(mut token: &'t str, emit: &mut impl FnMut(&'t str)) {
    while let Some((at, _)) = token.char_indices().nth(LONGEST) {
        let (head, tail) = token.split_at(at);
        emit(head);
        token = tail;
    }
    emit(token);
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' | 'A'..='Z' => Letter,
        '0'..='9' => Digit,
        '_' | '\u{202F}' | '\u{203F}' | '\u{2040}' | '\u{2054}' | '\u{FE33}' | '\u{FE34}' => Connector,
        '\u{FE4D}'..='\u{FE4F}' | '\u{FF3F}' => Connector,
        ':' | '\u{B7}' | '\u{387}' | '\u{55F}' | '\u{5F4}' | '\u{2027}' | '\u{FE13}' | '\u{FE55}' | '\u{FF1A}' => {
            MidLetter
        }
        ',' | ';' | '\u{37E}' | '\u{589}' | '\u{60C}' | '\u{60D}' | '\u{66C}' | '\u{7F8}' | '\u{2044}' => MidNumber,
        '\u{FE10}' | '\u{FE14}' | '\u{FE50}' | '\u{FE54}' | '\u{FF0C}' | '\u{FF1B}' => MidNumber,
        '.' | '\'' | '\u{2018}' | '\u{2019}' | '\u{2024}' | '\u{FE52}' | '\u{FF07}' | '\u{FF0E}' => MidBoth,
        c if c.is_ascii() => Other,
        c => foreign(c),
    }
}

fn foreign(c: char) -> Class {
    match c {
        '\u{AD}' | '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5BD}' | '\u{5BF}' => Mark,
        '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6DC}' => Mark,
        '\u{93C}' | '\u{94D}' | '\u{9BC}' | '\u{9CD}' | '\u{A3C}' | '\u{A4D}' | '\u{ABC}' | '\u{ACD}' => Mark,
        '\u{B3C}' | '\u{B4D}' | '\u{BCD}' | '\u{C4D}' | '\u{CBC}' | '\u{CCD}' | '\u{D4D}' => Mark,
        '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' => Mark,
        '\u{2060}'..='\u{2064}' | '\u{20D0}'..='\u{20F0}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}' => Mark,
        '\u{FEFF}' => Mark,
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' if c.is_alphabetic() => Unspaced,
        '\u{E31}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}' | '\u{EC8}'..='\u{ECD}' => Mark,
        '\u{30FB}' => Other,
        '\u{3031}'..='\u{3035}' | '\u{309B}' | '\u{309C}' | '\u{30A0}'..='\u{30FF}' => Katakana,
        '\u{31F0}'..='\u{31FF}' | '\u{32D0}'..='\u{32FE}' | '\u{3300}'..='\u{3357}' | '\u{FF66}'..='\u{FF9F}' => {
            Katakana
        }
        '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3041}'..='\u{309F}' => Ideograph,
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' => Ideograph,
        '\u{20000}'..='\u{3FFFF}' => Ideograph,
        // Fractions, superscripts and circled numbers are no digits to a word boundary.
        '\u{B2}' | '\u{B3}' | '\u{B9}' | '\u{BC}'..='\u{BE}' | '\u{2070}'..='\u{2079}' | '\u{2080}'..='\u{2089}' => {
            Other
        }
        '\u{2150}'..='\u{215F}' | '\u{2460}'..='\u{249B}' | '\u{2776}'..='\u{2793}' => Other,
        c if c.is_alphabetic() => Letter,
        '\u{66B}' => Digit,
        c if c.is_numeric() => Digit,
        _ => Other,
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    fn split(text: &str) -> Vec<&str> {
        let mut all = Vec::new();
        tokens(text, |token| all.push(token));
        all
    }

    #[test]
    fn words_and_numbers_keep_what_stands_inside_them() {
        assert_eq!(
            split("The O'Neil's plan, v2.5: 3,000.50 e.g. x_y __ (a-b)"),
            ["The", "O'Neil's", "plan", "v2.5", "3,000.50", "e.g", "x_y", "a", "b"]
        );
        assert_eq!(split("1.a a.1 a,b 1:2"), ["1", "a", "a", "1", "a", "b", "1", "2"]);
    }

    #[test]
    fn other_scripts_follow_the_annex() {
        assert_eq!(
            split("日本語 カタカナ ひら"),
            ["日", "本", "語", "カタカナ", "ひ", "ら"]
        );
        assert_eq!(
            split("caf\u{65}\u{301} Straße Ελλάδα 한국어"),
            ["caf\u{65}\u{301}", "Straße", "Ελλάδα", "한국어"]
        );
    }

    #[test]
    fn an_endless_run_is_cut() {
        let run = "x".repeat(600);
        assert_eq!(
            split(&run).iter().map(|token| token.len()).collect::<Vec<_>>(),
            [255, 255, 90]
        );
    }
}
