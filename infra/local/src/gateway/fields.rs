//! Headers and query strings in the two forms that a proxy event carries: the last value, and all of them.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// The last value of each header.
pub struct Headers<'a>(pub &'a HeaderMap);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.keys_len()))?;
        for name in self.0.keys() {
            let value = self.0.get_all(name).iter().next_back();
            let value = value
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .unwrap_or_default();
            map.serialize_entry(name.as_str(), &value)?;
        }
        map.end()
    }
}

/// All values of each header.
pub struct MultiHeaders<'a>(pub &'a HeaderMap);

impl Serialize for MultiHeaders<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.keys_len()))?;
        for name in self.0.keys() {
            let values = self
                .0
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            map.serialize_entry(name.as_str(), &values.collect::<Vec<_>>())?;
        }
        map.end()
    }
}

/// A query string, decoded.
pub struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    /// Reads the text after the `?`.
    pub fn parse(text: &str) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plus = |text: &str| decoded(&text.replace('+', " "));
            values.entry(plus(name)).or_default().push(plus(value));
        }
        Self(values)
    }

    /// All values of each name; `None` when there are none.
    pub fn all(&self) -> Option<&BTreeMap<String, Vec<String>>> {
        (!self.0.is_empty()).then_some(&self.0)
    }

    /// The last value of each name; `None` when there are none.
    pub fn last(&self) -> Option<BTreeMap<&str, &str>> {
        let last = self
            .0
            .iter()
            .filter_map(|(name, values)| Some((name.as_str(), values.last()?.as_str())));
        (!self.0.is_empty()).then(|| last.collect())
    }
}

/// A percent-encoded text in plain.
pub fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&urlencoding::decode_binary(text.as_bytes())).into_owned()
}
