//! The original Porter stemmer (M. F. Porter, "An algorithm for suffix stripping", 1980, with the author's two later
//! departures `bli` and `logi`), which is what OpenSearch means by a stemmer for `english`.

/// Suffixes replaced when the stem before them has a measure above 0 (step 2).
const STEP_2: &[(&str, &str)] = &[
    ("ational", "ate"),
    ("ization", "ize"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("tional", "tion"),
    ("biliti", "ble"),
    ("entli", "ent"),
    ("ousli", "ous"),
    ("ation", "ate"),
    ("alism", "al"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("alli", "al"),
    ("ator", "ate"),
    ("logi", "log"),
    ("bli", "ble"),
    ("eli", "e"),
];

/// The same for step 3.
const STEP_3: &[(&str, &str)] = &[
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ness", ""),
    ("ful", ""),
];

/// Suffixes dropped when the stem before them has a measure above 1 (step 4), longest first.
const STEP_4: &[&str] = &[
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ion", "ism", "ate", "iti", "ous", "ive", "ize",
    "al", "er", "ic", "ou",
];

/// The stem of a lower-case word.
pub(super) fn stem(word: &str) -> String {
    let mut word = Word(word.chars().collect());
    if word.0.len() > 2 {
        word.plurals();
        word.past_and_progressive();
        word.final_y();
        word.replace(STEP_2);
        word.replace(STEP_3);
        word.drop_suffix();
        word.tidy();
    }
    word.0.into_iter().collect()
}

struct Word(Vec<char>);

impl Word {
    fn consonant(&self, at: usize) -> bool {
        match self.0[at] {
            'a' | 'e' | 'i' | 'o' | 'u' => false,
            'y' => at == 0 || !self.consonant(at - 1),
            _ => true,
        }
    }

    /// How often a vowel is followed by a consonant within the first `length` letters.
    fn measure(&self, length: usize) -> usize {
        let kinds: Vec<bool> = (0..length).map(|at| self.consonant(at)).collect();
        kinds.windows(2).filter(|pair| !pair[0] && pair[1]).count()
    }

    fn has_vowel(&self, length: usize) -> bool {
        (0..length).any(|at| !self.consonant(at))
    }

    /// Ends in two equal consonants.
    fn doubled(&self) -> bool {
        let n = self.0.len();
        n > 1 && self.0[n - 1] == self.0[n - 2] && self.consonant(n - 1)
    }

    /// The first `length` letters end consonant, vowel, consonant, the last of them not w, x or y.
    fn short(&self, length: usize) -> bool {
        length > 2
            && self.consonant(length - 3)
            && !self.consonant(length - 2)
            && self.consonant(length - 1)
            && !matches!(self.0[length - 1], 'w' | 'x' | 'y')
    }

    /// Length of what stands before `suffix`, when the word ends in it.
    fn before(&self, suffix: &str) -> Option<usize> {
        let stem = self.0.len().checked_sub(suffix.len())?;
        self.0[stem..].iter().copied().eq(suffix.chars()).then_some(stem)
    }

    fn set_end(&mut self, stem: usize, end: &str) {
        self.0.truncate(stem);
        self.0.extend(end.chars());
    }

    fn plurals(&mut self) {
        if let Some(stem) = self.before("sses") {
            self.set_end(stem, "ss");
        } else if let Some(stem) = self.before("ies") {
            self.set_end(stem, "i");
        } else if let (Some(stem), None) = (self.before("s"), self.before("ss")) {
            self.0.truncate(stem);
        }
    }

    fn past_and_progressive(&mut self) {
        if let Some(stem) = self.before("eed") {
            if self.measure(stem) > 0 {
                self.set_end(stem, "ee");
            }
            return;
        }
        let Some(stem) = self
            .before("ed")
            .or_else(|| self.before("ing"))
            .filter(|stem| self.has_vowel(*stem))
        else {
            return;
        };
        self.0.truncate(stem);
        let restored = [("at", "ate"), ("bl", "ble"), ("iz", "ize")];
        if let Some((stem, end)) = restored.iter().find_map(|(from, to)| Some((self.before(from)?, to))) {
            self.set_end(stem, end);
        } else if self.doubled() {
            if !matches!(self.0.last(), Some('l' | 's' | 'z')) {
                self.0.pop();
            }
        } else if self.measure(stem) == 1 && self.short(stem) {
            self.0.push('e');
        }
    }

    fn final_y(&mut self) {
        if let Some(stem) = self.before("y").filter(|stem| self.has_vowel(*stem)) {
            self.set_end(stem, "i");
        }
    }

    /// Only the longest suffix that fits counts, whether or not its condition then holds.
    fn replace(&mut self, rules: &[(&str, &str)]) {
        let rule = rules.iter().find_map(|(from, to)| Some((self.before(from)?, to)));
        if let Some((stem, end)) = rule.filter(|(stem, _)| self.measure(*stem) > 0) {
            self.set_end(stem, end);
        }
    }

    fn drop_suffix(&mut self) {
        let fits = |suffix: &&str| {
            let stem = self.before(suffix)?;
            let after_s_or_t = stem > 0 && matches!(self.0[stem - 1], 's' | 't');
            (*suffix != "ion" || after_s_or_t).then_some(stem)
        };
        if let Some(stem) = STEP_4.iter().find_map(fits).filter(|stem| self.measure(*stem) > 1) {
            self.0.truncate(stem);
        }
    }

    fn tidy(&mut self) {
        let measure = self.measure(self.0.len());
        if let Some(stem) = self.before("e")
            && (measure > 1 || measure == 1 && !self.short(stem))
        {
            self.0.truncate(stem);
        }
        if self.0.last() == Some(&'l') && self.doubled() && measure > 1 {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn stems_are_those_of_the_paper() {
        let pairs = [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("cats", "cat"),
            ("agreed", "agre"),
            ("plastered", "plaster"),
            ("motoring", "motor"),
            ("conflated", "conflat"),
            ("hopping", "hop"),
            ("falling", "fall"),
            ("filing", "file"),
            ("happy", "happi"),
            ("sky", "sky"),
            ("relational", "relat"),
            ("generalizations", "gener"),
            ("electrical", "electr"),
            ("adjustment", "adjust"),
            ("adoption", "adopt"),
            ("controll", "control"),
            ("rate", "rate"),
            ("cease", "ceas"),
            ("is", "is"),
        ];
        for (word, expected) in pairs {
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}
