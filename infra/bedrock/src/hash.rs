//! The offline embedding: a hash of words and their character trigrams, which is as good as word overlap and no better.

use std::collections::HashMap;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The vector of a text, of length 1. Each stem (lower-cased, without stop words, Snowball English) adds a feature of
/// weight 1 for itself and one of 1/√n for each of its n character trigrams, times 1 + ln of how often the stem occurs;
/// FNV-1a (64 bit) of a feature gives its place and its sign. A text without stems gets the first unit vector, so that
/// a cosine with it is defined.
#[must_use]
pub fn embedding(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    let mut counts: HashMap<String, f32> = HashMap::new();
    for stem in shared::text::stems(text) {
        *counts.entry(stem).or_default() += 1.0;
    }
    let mut stems: Vec<_> = counts.into_iter().collect();
    stems.sort_unstable_by(|a, b| a.0.cmp(&b.0)); // float sums depend on their order; a map's order is random
    for (stem, count) in stems {
        add_stem(&mut vector, &stem, 1.0 + count.ln());
    }
    normalised(vector)
}

/// A vector at length 1; the first unit vector where there is no direction to keep.
pub(crate) fn normalised(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length.is_normal() {
        vector.iter_mut().for_each(|x| *x /= length);
    } else {
        vector.fill(0.0);
        if let Some(first) = vector.first_mut() {
            *first = 1.0;
        }
    }
    vector
}

fn add_stem(vector: &mut [f32], stem: &str, weight: f32) {
    add(vector, b'w', stem, weight);
    let starts: Vec<usize> = stem.char_indices().map(|(at, _)| at).chain([stem.len()]).collect();
    let trigrams = starts.len().saturating_sub(3);
    let share = weight / (trigrams.max(1) as f32).sqrt();
    for ends in starts.windows(4) {
        add(vector, b't', &stem[ends[0]..ends[3]], share);
    }
}

/// Adds a feature; `kind` keeps a word of three letters apart from the trigram of the same letters.
fn add(vector: &mut [f32], kind: u8, feature: &str, weight: f32) {
    let hash = std::iter::once(kind)
        .chain(feature.bytes())
        .fold(FNV_OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        });
    let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
    let places = vector.len().max(1) as u64;
    if let Some(place) = usize::try_from(hash % places).ok().and_then(|at| vector.get_mut(at)) {
        *place += sign * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        embedding(a, 1024)
            .iter()
            .zip(embedding(b, 1024))
            .map(|(x, y)| x * y)
            .sum()
    }

    #[test]
    fn every_vector_has_length_one() {
        for text in [
            "vacation policy",
            "a",
            "",
            "the of and",
            "日本語の文章",
            "x ".repeat(500).as_str(),
        ] {
            let length: f32 = embedding(text, 1024).iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-4, "{text}: {length}");
        }
    }

    #[test]
    fn a_text_without_words_gets_the_first_unit_vector() {
        let vector = embedding(" … ", 8);
        assert_eq!(vector, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(embedding("word", 0).is_empty());
    }

    #[test]
    fn the_same_text_always_gives_the_same_vector() {
        let text = "Full-time employees are entitled to 15 days of paid vacation annually, accrued monthly.";
        assert_eq!(embedding(text, 1024), embedding(text, 1024));
        assert_eq!(embedding("Vacations!", 256), embedding("the vacation", 256));
    }

    #[test]
    fn texts_are_near_by_the_words_they_share() {
        let question = "How many vacation days do employees get?";
        let near = cosine(question, "Employees are entitled to 15 days of paid vacation.");
        let far = cosine(question, "The pump needs oil before its first start.");
        assert!(near > 0.4 && far < 0.15, "near {near}, far {far}");
        assert!(cosine("reimbursement", "reimbursable") > cosine("reimbursement", "parental"));
    }
}
