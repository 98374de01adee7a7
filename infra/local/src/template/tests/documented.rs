//! Each parameter is in the documents, with the default that it has.

use std::collections::BTreeMap;

use super::*;

const OPERATIONS: &str = include_str!("../../../../../docs/operations.md");

#[test]
fn the_table_of_parameters_is_the_templates() {
    let table = OPERATIONS
        .split("\n### Parameters\n")
        .nth(1)
        .unwrap()
        .split("\n##")
        .next()
        .unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeMap<String, String> = rows
        .map(|row| {
            let mut cells = row
                .split(" | ")
                .map(|cell| cell.trim_matches(['|', ' ', '`']).to_owned());
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    let template = Template::parse(OWN, "here").unwrap();
    let parameters = template.root["Parameters"].as_object().unwrap();
    let declared: BTreeMap<String, String> = parameters
        .iter()
        .map(|(name, parameter)| {
            let default = match parameter.get("Default").map(resolve::plain) {
                None => "required".to_owned(),
                Some(default) if default.is_empty() => "empty".to_owned(),
                Some(default) => default,
            };
            assert!(parameter["Description"].is_string(), "{name}");
            (name.clone(), default)
        })
        .collect();
    assert_eq!(documented, declared);
}

#[test]
fn every_output_is_named() {
    let template = Template::parse(OWN, "here").unwrap();
    for output in template.root["Outputs"].as_object().unwrap().keys() {
        assert!(OPERATIONS.contains(&format!("`{output}`")), "{output}");
    }
}
