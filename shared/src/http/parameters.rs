//! Parameters that several operations share, for the OpenAPI document.

use utoipa::IntoParams;

/// The end user on whose behalf a partner asks.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes headers; they are read by `EndUser`")]
pub struct EndUserHeaders {
    /// The partner's organisation.
    #[param(rename = "X-External-Org-Id", min_length = 1, max_length = 128)]
    org: String,
    /// The user in that organisation.
    #[param(rename = "X-External-User-Id", min_length = 1, max_length = 128)]
    user: String,
    /// The user's roles: a JSON array of strings, or a comma-separated list; empty = no roles.
    #[param(rename = "X-External-Roles", example = "[\"employee\"]")]
    roles: String,
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters; they are read by `PageParams`")]
pub struct PageQuery {
    /// Items of a page, 20 when not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}
