//! Keys with two constructors only: a tenant's and, for the few things outside tenants, a global one. A key without its
//! tenant cannot be spelled by accident; the places that call [`Partition::global`] are the whole security review.

use serde::{Deserialize, Serialize};

use crate::{clock::Time, ids::TenantId};

/// A partition key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(String);

impl Partition {
    /// The partition `T#<tenant>[#<part>…]`. Parts are escaped, so that no id can reach into another partition.
    #[must_use]
    pub fn tenant(tenant: &TenantId, parts: &[&str]) -> Self {
        Self(join("T", std::iter::once(tenant.as_str()).chain(parts.iter().copied())))
    }

    /// A partition outside all tenants: `<kind>#<part>…`.
    #[must_use]
    pub fn global(kind: &str, parts: &[&str]) -> Self {
        Self(join(kind, parts.iter().copied()))
    }

    /// The item of this partition with that sort key.
    #[must_use]
    pub fn at(self, sk: String) -> Key {
        Key { pk: self, sk }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A sort key `<kind>#<part>…`, its parts escaped.
#[must_use]
pub fn sort(kind: &str, parts: &[&str]) -> String {
    join(kind, parts.iter().copied())
}

/// The end of what lies up to `time`, and at it, in a partition whose sort keys begin with a [`Time`].
#[must_use]
pub fn sort_until(time: Time) -> String {
    format!("{time}#~")
}

/// The place of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pk: Partition,
    sk: String,
}

impl Key {
    pub(crate) fn pk(&self) -> &str {
        self.pk.as_str()
    }

    /// Both parts, for maps and logs.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.pk.as_str(), self.sk)
    }

    pub(crate) fn sk(&self) -> &str {
        &self.sk
    }
}

fn join<'p>(kind: &str, parts: impl Iterator<Item = &'p str>) -> String {
    let mut joined = kind.to_owned();
    for part in parts {
        joined.push('#');
        for c in part.chars() {
            match c {
                '#' => joined.push_str("%23"),
                '%' => joined.push_str("%25"),
                _ => joined.push(c),
            }
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Different ids never share a partition, whatever characters they hold.
        #[test]
        fn partitions_are_apart(a in "[a#%U]{1,6}", b in "[a#%U]{1,6}", c in "[a#%U]{1,6}", d in "[a#%U]{1,6}") {
            let tenant = TenantId::parse("t").unwrap();
            let same = Partition::tenant(&tenant, &["O", &a, "U", &b]) == Partition::tenant(&tenant, &["O", &c, "U", &d]);
            prop_assert_eq!(same, (a, b) == (c, d));
        }
    }
}
