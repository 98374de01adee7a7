//! The one access rule for documents: a document and its folder each may name an organisation and roles; empty means
//! everybody, and all that is named must match.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The index value of an access field that names nobody, and so lets everybody in.
pub const EVERYBODY: &str = "*";

/// Most roles that a caller may state, or that a document or folder may list.
pub const MAX_ROLES: usize = 100;

/// On whose behalf a question is asked. The default (no organisation, no roles) sees only what is open to everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The organisation, when one is stated.
    pub org: Option<String>,
    /// The roles, when any are stated.
    pub roles: Vec<String>,
}

/// Whom a document or a folder is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Only this organisation; absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Only callers with one of these roles; empty = any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_roles: Vec<String>,
}

impl Audience {
    /// Whether `access` is part of this audience.
    #[must_use]
    pub fn admits(&self, access: &Access) -> bool {
        let org = self.org.is_none() || self.org == access.org;
        let role = self.allowed_roles.is_empty() || self.allowed_roles.iter().any(|role| access.roles.contains(role));
        org && role
    }

    /// The organisation as an index field.
    #[must_use]
    pub fn org_field(&self) -> &str {
        self.org.as_deref().unwrap_or(EVERYBODY)
    }

    /// The roles as an index field.
    #[must_use]
    pub fn roles_field(&self) -> Vec<&str> {
        if self.allowed_roles.is_empty() {
            return vec![EVERYBODY];
        }
        self.allowed_roles.iter().map(String::as_str).collect()
    }
}

impl Access {
    /// The filter clauses that the index applies before it ranks: document's and folder's, organisation and roles.
    #[must_use]
    pub fn filters(&self) -> Vec<Value> {
        let orgs: Vec<&str> = self.org.as_deref().into_iter().chain([EVERYBODY]).collect();
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).chain([EVERYBODY]).collect();
        vec![
            json!({"terms": {"doc_org": orgs}}),
            json!({"terms": {"folder_org": orgs}}),
            json!({"terms": {"doc_roles": roles}}),
            json!({"terms": {"folder_roles": roles}}),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn audience(org: Option<&str>, roles: &[&str]) -> Audience {
        Audience {
            org: org.map(str::to_owned),
            allowed_roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        }
    }

    fn access(org: Option<&str>, roles: &[&str]) -> Access {
        Access {
            org: org.map(str::to_owned),
            roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        }
    }

    #[test]
    fn empty_means_everybody_and_what_is_named_must_match() {
        assert!(audience(None, &[]).admits(&Access::default()));
        assert!(!audience(Some("acme"), &[]).admits(&Access::default()));
        assert!(!audience(None, &["hr"]).admits(&access(Some("acme"), &["employee"])));
        assert!(audience(Some("acme"), &["hr", "it"]).admits(&access(Some("acme"), &["it"])));
        assert!(!audience(Some("acme"), &["hr"]).admits(&access(Some("other"), &["hr"])));
    }

    proptest! {
        /// The index filter and the rule agree: what one lets through, the other does.
        #[test]
        fn the_filter_says_what_the_rule_says(
            doc_org in proptest::option::of("[ab]"), doc_roles in proptest::collection::vec("[xyz]", 0..3),
            org in proptest::option::of("[ab]"), roles in proptest::collection::vec("[xyz]", 0..3),
        ) {
            let audience = Audience { org: doc_org, allowed_roles: doc_roles };
            let access = Access { org, roles };
            let filters = access.filters();
            let listed = |at: usize, field: &str, value: &str| {
                filters[at]["terms"][field].as_array().unwrap().iter().any(|v| v == value)
            };
            let by_filter = listed(0, "doc_org", audience.org_field())
                && audience.roles_field().iter().any(|role| listed(2, "doc_roles", role));
            prop_assert_eq!(by_filter, audience.admits(&access));
        }
    }
}
