//! The MD5 sums by which clients check that a message arrived whole.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use crate::attributes::Attribute;

/// The sum of a message body, in lower-case hex.
pub(crate) fn of_body(body: &str) -> String {
    hex(Md5::digest(body.as_bytes()).as_slice())
}

/// The sum of the message attributes, none when there are none: for each in the order of their names its name, type and value, each
/// preceded by its length, and between type and value one byte that tells text (1) from bytes (2).
pub(crate) fn of_attributes(attributes: &BTreeMap<String, Attribute>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut sum = Md5::new();
    for (name, attribute) in attributes {
        let (kind, value) = attribute.bytes();
        field(&mut sum, name.as_bytes());
        field(&mut sum, attribute.data_type.as_bytes());
        sum.update([kind]);
        field(&mut sum, &value);
    }
    Some(hex(sum.finalize().as_slice()))
}

fn field(sum: &mut Md5, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    sum.update(length.to_be_bytes());
    sum.update(bytes);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
