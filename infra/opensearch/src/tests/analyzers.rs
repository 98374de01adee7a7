//! Terms must be those of a real OpenSearch, when the environment names one in `OPENSEARCH_URL`.

use serde_json::json;

use super::{cranfield, samples, send};
use crate::analysis::Analyzers;

const INDEX: &str = "analyzers";

const TEXTS: &[&str] = &[
    "The O'Neil's plan, v2.5: 3,000.50 e.g. x_y __ _a (a-b) a:b 1:2 a,b 1;2 don’t",
    "generously generalizations relational conditional hopefully goodness sized skies dying",
    "agreed feed controlling rolled falling hissing fizzed failing filing activate probate",
    "naïve café Straße ÉCOLE Ελληνικά Привет мир 한국어 日本語 カタカナ ひらがな ภาษาไทย नमस्ते",
    "e\u{301}cole ½ x² № 10€ 5% C++ C# .NET foo@bar.example https://example.org/a/b?c=d#e",
    "ﬁle İstanbul \u{200b}zero\u{200d}width soft\u{ad}hyphen \u{feff}mark १२३ ٣٫٥ Ⅷ ⓐ",
];

#[tokio::test]
async fn terms_are_those_of_a_real_opensearch() {
    let Some(real) = std::env::var_os("OPENSEARCH_URL").and_then(|url| url.into_string().ok()) else {
        return;
    };
    let mut body = samples::index(2);
    body["settings"]["analysis"]["filter"]["snowball"] = json!({"type": "stemmer", "language": "porter2"});
    body["settings"]["analysis"]["analyzer"]["snowball"] =
        json!({"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "snowball"]});
    let analyzers = Analyzers::parse(body["settings"].get("analysis")).unwrap();
    send(&real, "DELETE", &format!("/{INDEX}"), "").await;
    let (status, answer) = send(&real, "PUT", &format!("/{INDEX}"), body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    let abstracts = cranfield::read("cran_docs.json").unwrap_or_default();
    // Of Snowball English there are several editions, which differ in a few words (`added`).
    let own = ["docent_index", "docent_search"].as_slice();
    let all = ["standard", "docent_index", "docent_search", "snowball"].as_slice();
    let abstracts = abstracts
        .iter()
        .filter_map(|document| Some((document["body"].as_str()?, own)));
    let mut different = Vec::new();
    for (text, names) in TEXTS.iter().map(|text| (*text, all)).chain(abstracts) {
        for analyzer in names.iter().copied() {
            let request = json!({"analyzer": analyzer, "text": text}).to_string();
            let (_, answer) = send(&real, "POST", &format!("/{INDEX}/_analyze"), request).await;
            let tokens = answer["tokens"].as_array().unwrap().iter();
            let theirs: Vec<&str> = tokens.filter_map(|token| token["token"].as_str()).collect();
            let ours = analyzers.get(analyzer).unwrap().terms(text);
            if ours != theirs {
                let pairs = ours.iter().zip(&theirs).find(|(a, b)| a != b);
                different.push(format!("{analyzer}: {pairs:?} in {ours:?} {theirs:?}"));
            }
        }
    }
    send(&real, "DELETE", &format!("/{INDEX}"), "").await;
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}
