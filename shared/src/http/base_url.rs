//! Where callers reach this API.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use lambda_http::{RequestExt, request::RequestContext};

use crate::app::App;

/// The URL before the API's paths, without a slash at its end: the deployment's parameter, else what API Gateway says of the
/// request. Never what the request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(pub String);

impl FromRequestParts<App> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        if let Some(url) = &app.public_url {
            return Ok(Self(url.to_string()));
        }
        let context = parts.extensions.request_context_ref();
        let (domain, path) = match context {
            Some(RequestContext::ApiGatewayV1(context)) => (context.domain_name.as_deref(), context.path.as_deref()),
            _ => (None, None),
        };
        Ok(Self(of_request(domain, path, parts.uri.path())))
    }
}

/// The path that API Gateway saw begins with the stage, or with a domain's base path; ours does not.
fn of_request(domain: Option<&str>, seen: Option<&str>, ours: &str) -> String {
    let before = seen.and_then(|seen| seen.strip_suffix(ours)).unwrap_or_default();
    format!("https://{}{before}", domain.unwrap_or("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_and_a_base_path_are_part_of_it() {
        let url = |seen| of_request(Some("a1.execute-api.eu-west-1.amazonaws.com"), seen, "/api/health");
        assert_eq!(
            url(Some("/Prod/api/health")),
            "https://a1.execute-api.eu-west-1.amazonaws.com/Prod"
        );
        assert_eq!(
            url(Some("/api/health")),
            "https://a1.execute-api.eu-west-1.amazonaws.com"
        );
        assert_eq!(url(None), "https://a1.execute-api.eu-west-1.amazonaws.com");
    }
}
