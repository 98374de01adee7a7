//! The functions' variables, written down for tools that start the binaries themselves: SAM and cargo-lambda.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::data::{Data, write_private};
use crate::error::{During, Error};
use crate::parts::Parts;

/// A JSON object from each function's logical id to its variables, as `sam local invoke --env-vars` takes it.
const BY_FUNCTION: &str = "functions.json";
/// Those of all functions as `NAME=value` lines, as `cargo lambda watch --env-file` takes them.
const ALL: &str = "functions.env";

/// Writes both files into the data folder, for as long as this stack runs: its services are elsewhere the next time.
/// Somebody's AWS credentials are not written down.
///
/// # Errors
/// When a file cannot be written.
pub fn write(parts: &Parts, data: &Data) -> Result<(), Error> {
    if parts.identity.is_real() {
        for name in [BY_FUNCTION, ALL] {
            let _ = fs::remove_file(data.path(name));
        }
        return Ok(());
    }
    let (mut by_function, mut all) = (BTreeMap::new(), BTreeMap::new());
    for function in &parts.functions {
        let own = function.environment.clone().into_iter();
        let own: BTreeMap<String, String> = own.chain(parts.access(function)).collect();
        all.extend(own.clone());
        by_function.insert(&function.logical_id, own);
    }
    // Where all have the same, they are nobody in particular.
    all.extend(parts.identity.variables(&parts.endpoints));
    let json = serde_json::to_string_pretty(&by_function).during(BY_FUNCTION)?;
    write_private(&data.path(BY_FUNCTION), &json).during(BY_FUNCTION)?;
    write_private(&data.path(ALL), &lines(&all)).during(ALL)
}

fn lines(variables: &BTreeMap<String, String>) -> String {
    variables.iter().fold(String::new(), |mut lines, (name, value)| {
        let _ = writeln!(lines, "{name}={value}");
        lines
    })
}
