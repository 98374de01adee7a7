//! Analyzers: how a text becomes the terms that are indexed or searched, as the index's `settings.analysis` says.

mod porter;
mod standard;

use std::collections::{BTreeMap, HashSet};

use rust_stemmers::{Algorithm, Stemmer};
use serde_json::Value;
use tantivy::tokenizer::{PreTokenizedString, Token};

use crate::error::Error;
use crate::object::{Object, list, object, text};

/// The analyzers of one index by name; `standard` is always among them.
pub(crate) struct Analyzers(BTreeMap<String, Analyzer>);

/// The standard tokenizer followed by filters in order.
#[derive(Clone)]
pub(crate) struct Analyzer(Vec<Filter>);

#[derive(Clone)]
enum Filter {
    Lowercase,
    Stop(HashSet<String>),
    /// `english`: the original Porter algorithm.
    Porter,
    /// `porter2`: Snowball English.
    Snowball,
}

impl Analyzers {
    /// Reads `settings.analysis`.
    pub(crate) fn parse(analysis: Option<&Value>) -> Result<Analyzers, Error> {
        let mut analyzers = BTreeMap::from([("standard".to_owned(), Analyzer(vec![Filter::Lowercase]))]);
        let none = Object::new();
        let analysis = analysis.map_or(Ok(&none), |value| object(value, "analysis"))?;
        if let Some(kind) = analysis
            .keys()
            .find(|kind| !["filter", "analyzer"].contains(&kind.as_str()))
        {
            return Err(Error::argument(format!(
                "analysis of kind [{kind}] is not supported here"
            )));
        }
        let filters = analysis
            .get("filter")
            .map_or(Ok(&none), |value| object(value, "filter"))?;
        let defined = analysis
            .get("analyzer")
            .map_or(Ok(&none), |value| object(value, "analyzer"))?;
        for (name, definition) in defined {
            analyzers.insert(name.clone(), Analyzer::parse(name, object(definition, name)?, filters)?);
        }
        Ok(Analyzers(analyzers))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Analyzer> {
        self.0.get(name)
    }
}

impl Analyzer {
    fn parse(name: &str, definition: &Object, filters: &Object) -> Result<Analyzer, Error> {
        let kind = definition.get("type").and_then(Value::as_str).unwrap_or("custom");
        let tokenizer = definition.get("tokenizer").and_then(Value::as_str);
        if kind != "custom" || tokenizer != Some("standard") {
            let reason = format!("analyzer [{name}] must be of type [custom] with the tokenizer [standard]");
            return Err(Error::argument(reason));
        }
        if let Some(key) = definition
            .keys()
            .find(|key| !["type", "tokenizer", "filter"].contains(&key.as_str()))
        {
            return Err(Error::argument(format!(
                "analyzer [{name}] has an unsupported setting [{key}]"
            )));
        }
        let chain = list(definition.get("filter")).iter().map(|filter| {
            let filter = text(filter, "filter")?;
            Filter::parse(filter, filters.get(filter)).map_err(|reason| {
                Error::argument(format!(
                    "Custom Analyzer [{name}] failed to use filter [{filter}]: {reason}"
                ))
            })
        });
        Ok(Analyzer(chain.collect::<Result<_, Error>>()?))
    }

    /// The terms of a text, in order.
    pub(crate) fn terms(&self, text: &str) -> Vec<String> {
        let snowball = Stemmer::create(Algorithm::English);
        let mut terms = Vec::new();
        standard::tokens(text, |token| {
            if let Some(term) = self.filter(token.to_owned(), &snowball) {
                terms.push(term);
            }
        });
        terms
    }

    /// The terms of a text as tantivy takes them ready-made.
    pub(crate) fn pre_tokenized(&self, text: &str) -> PreTokenizedString {
        let tokens = self.terms(text).into_iter().enumerate();
        let tokens = tokens.map(|(position, text)| Token {
            position,
            text,
            ..Token::default()
        });
        PreTokenizedString {
            text: String::new(),
            tokens: tokens.collect(),
        }
    }

    fn filter(&self, mut term: String, snowball: &Stemmer) -> Option<String> {
        for filter in &self.0 {
            match filter {
                Filter::Lowercase => term = lower(&term),
                Filter::Stop(words) if words.contains(&term) => return None,
                Filter::Stop(_) => {}
                Filter::Porter => term = porter::stem(&term),
                Filter::Snowball => term = snowball.stem(&term).into_owned(),
            }
        }
        Some(term)
    }
}

/// Lower case character by character, each staying one: Lucene knows no final sigma and no dotted capital I.
fn lower(term: &str) -> String {
    term.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

impl Filter {
    fn parse(name: &str, definition: Option<&Value>) -> Result<Filter, String> {
        let Some(definition) = definition else {
            return match name {
                "lowercase" => Ok(Filter::Lowercase),
                "porter_stem" => Ok(Filter::Porter),
                _ => Err("it is not defined".into()),
            };
        };
        let setting = |key: &str| definition.get(key).and_then(Value::as_str);
        match (setting("type"), setting("language")) {
            (Some("lowercase"), _) => Ok(Filter::Lowercase),
            (Some("stemmer"), Some("english") | None) => Ok(Filter::Porter),
            (Some("stemmer"), Some("porter2")) => Ok(Filter::Snowball),
            (Some("stemmer"), Some(language)) => Err(format!("no stemmer for [{language}] here")),
            (Some("stop"), _) => match definition.get("stopwords").and_then(Value::as_array) {
                Some(words) => Ok(Filter::Stop(
                    words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                )),
                None => Err("give [stopwords] as a list".into()),
            },
            (kind, _) => Err(format!("type [{}] is not supported here", kind.unwrap_or("none"))),
        }
    }
}
