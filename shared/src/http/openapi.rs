//! The OpenAPI document of all functions: what handlers do not say themselves is added here, once.

use utoipa::openapi::OpenApi;

/// Adds what is the same for every operation.
#[must_use]
pub fn finish(document: OpenApi) -> OpenApi {
    document
}
