//! Cursors of lists: they carry the sort key only (the partition comes from the caller) and a checksum over both, so that
//! one of another list, or one that was edited, is refused.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::Partition;
use crate::error::Error;

const CHECKSUM_BYTES: usize = 8;

/// The last sort key of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    pub(crate) fn after(sk: &str) -> Self {
        Self(sk.to_owned())
    }

    pub(crate) fn sk(&self) -> &str {
        &self.0
    }

    /// The last item of a page of an index: its place there, and its key.
    pub(super) fn joined(parts: [&str; 3]) -> Self {
        Self(parts.join("\0"))
    }

    /// What [`Cursor::joined`] joined.
    pub(super) fn parts(&self) -> [&str; 3] {
        let mut parts = self.0.splitn(3, '\0');
        std::array::from_fn(|_| parts.next().unwrap_or_default())
    }

    /// Reads a caller's cursor for this partition of an index.
    ///
    /// # Errors
    /// 400 naming `cursor` when we did not issue it for this list.
    pub fn decode_index(text: &str, partition: &Partition) -> Result<Self, Error> {
        let cursor = Self::opened(text, partition)?;
        if cursor.parts().contains(&"") {
            return Err(refused());
        }
        Ok(cursor)
    }

    /// The cursor as callers see it.
    #[must_use]
    pub fn encode(&self, partition: &Partition) -> String {
        let mut bytes = checksum(partition, &self.0);
        bytes.extend_from_slice(self.0.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a caller's cursor for the rows of one kind in this partition.
    ///
    /// # Errors
    /// 400 naming `cursor` when we did not issue it for this list.
    pub fn decode(text: &str, partition: &Partition, kind: &str) -> Result<Self, Error> {
        let cursor = Self::opened(text, partition)?;
        let of_kind = cursor.0.strip_prefix(kind).is_some_and(|rest| rest.starts_with('#'));
        if of_kind { Ok(cursor) } else { Err(refused()) }
    }

    fn opened(text: &str, partition: &Partition) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
        let (sum, sk) = bytes.split_at_checked(CHECKSUM_BYTES).ok_or_else(refused)?;
        let sk = std::str::from_utf8(sk).map_err(|_| refused())?;
        if checksum(partition, sk) == sum {
            Ok(Self(sk.to_owned()))
        } else {
            Err(refused())
        }
    }
}

fn refused() -> Error {
    Error::field("cursor", "is not one that this list gave")
}

fn checksum(partition: &Partition, sk: &str) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(partition.as_str());
    digest.update([0]);
    digest.update(sk);
    digest.finalize()[..CHECKSUM_BYTES].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cursor_of_an_index_keeps_its_three_parts() {
        let here = Partition::global("A", &["x"]);
        let cursor = Cursor::joined(["2026#1", "T#t#C#1", "MSG~"]);
        let read = Cursor::decode_index(&cursor.encode(&here), &here).unwrap();
        assert_eq!(read.parts(), ["2026#1", "T#t#C#1", "MSG~"]);
        assert!(Cursor::decode_index(&Cursor::after("DOC#1").encode(&here), &here).is_err());
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_back_by_its_own_list_only(tail in ".{1,40}", flip in 0usize..200, other in "[a-z]{1,3}") {
            let sk = format!("DOC#{tail}");
            let here = Partition::global("A", &["x"]);
            let there = Partition::global("B", &[&other]);
            let text = Cursor::after(&sk).encode(&here);
            prop_assert_eq!(Cursor::decode(&text, &here, "DOC").unwrap(), Cursor(sk.clone()));
            prop_assert!(Cursor::decode(&text, &there, "DOC").is_err());
            prop_assert!(Cursor::decode(&text, &here, "FOLDER").is_err());
            let mut bytes = text.into_bytes();
            let at = flip % bytes.len();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            // Bits behind the last whole byte may change without a meaning; nothing else may.
            let read = Cursor::decode(std::str::from_utf8(&bytes).unwrap(), &here, "DOC");
            prop_assert!(read.is_err() || read.is_ok_and(|cursor| cursor.sk() == sk));
        }
    }
}
