//! YAML's short forms (`!Ref`, `!Sub`, `!GetAtt` …) turned into the long forms, so that the rest deals with JSON only.

use serde_json::{Map, Value, json};
use yaml_serde::Value as Yaml;

use crate::error::Error;

/// The JSON of a template in which `!X y` became `{"Fn::X": y}`.
pub(super) fn long_form(yaml: Yaml) -> Result<Value, Error> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(it) => Value::Bool(it),
        Yaml::Number(it) => number(&it),
        Yaml::String(it) => Value::String(it),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(long_form).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = key
                    .as_str()
                    .ok_or_else(|| Error::Template(format!("{key:?} is no text for a key")))?;
                object.insert(key.to_owned(), long_form(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => tag(tagged.tag.to_string().trim_start_matches('!'), long_form(tagged.value)?),
    })
}

fn number(it: &yaml_serde::Number) -> Value {
    match (it.as_i64(), it.as_f64()) {
        (Some(whole), _) => json!(whole),
        (None, Some(real)) => json!(real),
        (None, None) => Value::Null,
    }
}

fn tag(name: &str, value: Value) -> Value {
    let (name, value) = match (name, value) {
        ("Ref" | "Condition", value) => (name.to_owned(), value),
        ("GetAtt", Value::String(path)) => {
            let parts: Vec<&str> = path.splitn(2, '.').collect();
            ("Fn::GetAtt".to_owned(), json!(parts))
        }
        (name, value) => (format!("Fn::{name}"), value),
    };
    Value::Object(Map::from_iter([(name, value)]))
}
