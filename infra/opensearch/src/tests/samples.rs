//! An index and documents that several tests share.

use serde_json::{Value, json};

/// Dimension of the sample vectors.
pub(super) const DIMENSION: usize = 24;

const WORDS: &[&str] = &[
    "vacation",
    "policies",
    "employees",
    "travelling",
    "expenses",
    "approval",
    "manager",
    "requested",
    "carried",
    "over",
    "annually",
    "the",
    "of",
    "and",
    "wings",
    "slipstream",
    "boundary",
    "layers",
    "generally",
    "organization",
    "security",
    "badge",
    "o'neil's",
    "v2.5",
    "relational",
    "holidays",
    "paid",
    "working",
    "days",
    "hopping",
];

/// The create request that the search seam sends.
pub(super) fn index(dimension: usize) -> Value {
    let text = json!({"type": "text", "analyzer": "docent_index", "search_analyzer": "docent_search"});
    json!({
        "settings": {
            "index": {"knn": true, "number_of_shards": 1, "number_of_replicas": 0},
            "analysis": {
                "filter": {
                    "docent_stop": {"type": "stop", "stopwords": ["the", "of", "and", "a", "what"]},
                    "docent_stem": {"type": "stemmer", "language": "english"},
                },
                "analyzer": {
                    "docent_index": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "docent_stem"]},
                    "docent_search": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "docent_stop", "docent_stem"]},
                },
            },
        },
        "mappings": {"dynamic": "strict", "properties": {
            "tenant": {"type": "keyword"}, "bot": {"type": "keyword"}, "document": {"type": "keyword"},
            "doc_roles": {"type": "keyword"}, "n": {"type": "integer"}, "page": {"type": "integer", "index": false},
            "hidden": {"type": "boolean"}, "title": text, "text": text,
            "vector": {"type": "knn_vector", "dimension": dimension,
                "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"}},
        }},
    })
}

/// Pseudo-random numbers, the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    pub(super) fn vector(&mut self, dimension: usize) -> Vec<f64> {
        (0..dimension)
            .map(|_| (self.roll(2001) as f64 - 1000.0) / 1000.0)
            .collect()
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.roll(WORDS.len())]).collect();
        words.join(" ")
    }
}

/// The n-th sample document.
pub(super) fn document(n: usize) -> Value {
    let mut dice = Dice(n as u64);
    dice.roll(2);
    let (title, text) = (1 + dice.roll(4), 5 + dice.roll(60));
    let mut document = json!({
        "tenant": format!("t{}", n % 3), "bot": "b", "document": format!("d{}", n / 4), "n": n, "page": n / 2,
        "text": dice.words(text), "vector": dice.vector(DIMENSION),
        "doc_roles": if n.is_multiple_of(4) { json!(["*"]) } else { json!([format!("r{}", n % 5), "staff"]) },
    });
    if !n.is_multiple_of(7) {
        document["title"] = json!(dice.words(title));
    }
    document
}

/// Lines that index the documents of a range, each under its number.
pub(super) fn bulk(index: &str, range: std::ops::Range<usize>) -> String {
    range
        .map(|n| {
            format!(
                "{}\n{}\n",
                json!({"index": {"_index": index, "_id": n.to_string()}}),
                document(n)
            )
        })
        .collect()
}
