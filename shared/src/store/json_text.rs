//! Objects that callers make up, kept as JSON text: their names need not be such as the table takes (an empty one is none).

use serde::{Deserialize, Deserializer, Serializer, de::Error as _, ser::Error as _};
use serde_json::{Map, Value};

pub(crate) fn serialize<S: Serializer>(object: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&serde_json::to_string(object).map_err(S::Error::custom)?)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
