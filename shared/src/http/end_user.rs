//! The end user on whose behalf a partner's back end calls the ai dialect: three headers, all required.

use axum::{extract::FromRequestParts, http::request::Parts};
use http::HeaderMap;

use crate::{
    access::{Access, MAX_ROLES},
    conversations::{Owner, Party},
    error::Error,
    http::Caller,
    ids::MAX_ID_CHARS,
};

const ORG: &str = "X-External-Org-Id";
const USER: &str = "X-External-User-Id";
const ROLES: &str = "X-External-Roles";

/// Organisation, user and roles as the partner states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndUser {
    /// The partner's organisation.
    pub org: String,
    /// The user in that organisation.
    pub user: String,
    /// The user's roles.
    pub roles: Vec<String>,
}

impl EndUser {
    /// Whose conversations these are: this user's with the caller's bot.
    #[must_use]
    pub fn owner(&self, caller: &Caller) -> Owner {
        Owner {
            bot: caller.bot().clone(),
            party: Party::EndUser {
                org: self.org.clone(),
                user: self.user.clone(),
            },
        }
    }

    /// The name under which this user is counted: no two pairs share one.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}{}", self.org.len(), self.org, self.user)
    }

    /// What this user may see.
    #[must_use]
    pub fn access(&self) -> Access {
        Access {
            org: Some(self.org.clone()),
            roles: self.roles.clone(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for EndUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        read(&parts.headers)
    }
}

fn read(headers: &HeaderMap) -> Result<EndUser, Error> {
    let org = id(headers, ORG)?;
    let user = id(headers, USER)?;
    let roles = roles(&text(headers, ROLES)?)?;
    Ok(EndUser { org, user, roles })
}

fn text(headers: &HeaderMap, name: &'static str) -> Result<String, Error> {
    let value = headers
        .get(name)
        .ok_or_else(|| Error::sentence("Missing required header", name, "is required"))?;
    let value = std::str::from_utf8(value.as_bytes()).map_err(|_| Error::field(name, "must be UTF-8"))?;
    Ok(value.trim().to_owned())
}

fn id(headers: &HeaderMap, name: &'static str) -> Result<String, Error> {
    let value = text(headers, name)?;
    if value.is_empty() {
        return Err(Error::sentence("Missing required header", name, "must not be empty"));
    }
    if value.chars().count() > MAX_ID_CHARS {
        return Err(Error::field(
            name,
            format!("must have at most {MAX_ID_CHARS} characters"),
        ));
    }
    Ok(value)
}

/// A JSON array of strings, or a comma-separated list; empty means no roles.
fn roles(text: &str) -> Result<Vec<String>, Error> {
    let listed: Vec<String> = if text.starts_with('[') {
        serde_json::from_str(text)
            .map_err(|_| Error::field(ROLES, "must be a JSON array of strings or a comma-separated list"))?
    } else {
        text.split(',').map(str::to_owned).collect()
    };
    let mut roles: Vec<String> = listed
        .iter()
        .map(|role| role.trim().to_owned())
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort();
    roles.dedup();
    if roles.len() > MAX_ROLES || roles.iter().any(|role| role.chars().count() > MAX_ID_CHARS) {
        return Err(Error::field(
            ROLES,
            format!("must list at most {MAX_ROLES} roles of at most {MAX_ID_CHARS} characters"),
        ));
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn roles_come_as_json_array_or_comma_list() {
        assert_eq!(roles(r#"["employee", "hr"]"#).unwrap(), ["employee", "hr"]);
        assert_eq!(roles("hr,employee, hr").unwrap(), ["employee", "hr"]);
        assert!(roles("").unwrap().is_empty());
        assert!(roles("[]").unwrap().is_empty());
        assert!(roles(r#"["employee", 1]"#).is_err());
        assert!(roles(r#"["employee"#).is_err());
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(text in ".{0,80}") {
            if let Ok(roles) = roles(&text) {
                prop_assert!(roles.iter().all(|role| !role.is_empty() && role.trim() == role));
            }
        }
    }
}
