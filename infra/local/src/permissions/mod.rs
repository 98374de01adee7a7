//! IAM, as far as it concerns functions: each has an access key of its own, and a service does for it what its policy in
//! the template allows and nothing else. What was used is noted, so that what is not needed can be told.
//!
//! Who has another key, like the stack itself or an operator, may do everything.

mod call;
mod note;
mod refusal;
#[cfg(test)]
mod tests;

pub use call::{OPENSEARCH_ARN, Service};
pub use note::{Noted, noted};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::header,
    middleware::{self, Next},
    response::Response,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use self::call::{Call, listing};
use self::note::Notes;
use crate::error::Error;
use crate::sdk::function_of;
use crate::template::Statement;

/// DynamoDB's largest request; the other services' are smaller.
const LARGEST_BODY: usize = 16 << 20;

/// What stands before the services of one stack. Cloning shares it.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    /// Absent while the stack starts, when no function asks yet.
    policies: OnceLock<BTreeMap<String, Vec<Statement>>>,
    notes: Notes,
}

impl Guard {
    /// One that appends what is used to the file `notes`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(notes: &Path) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            policies: OnceLock::new(),
            notes: Notes::open(notes)?,
        })))
    }

    /// From now on functions may do what these policies allow.
    pub fn follow(&self, policies: BTreeMap<String, Vec<Statement>>) {
        // A stack has one template: there is no second time.
        let _ = self.0.policies.set(policies);
    }

    /// The same service, behind this.
    pub fn before(&self, service: Service, router: Router) -> Router {
        let state = (self.clone(), service);
        router.layer(middleware::from_fn_with_state(state, guarded))
    }

    /// A service at `url` that is not a router of ours, behind this.
    pub fn before_url(&self, service: Service, url: &str) -> Router {
        let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
        let forward = Forward {
            client,
            url: url.to_owned(),
        };
        self.before(service, Router::new().fallback(pass_on).with_state(forward))
    }

    /// Whether the function may do all of that; what it uses is noted. The error is what it may not.
    fn allow(&self, function: &str, calls: &[Call]) -> Result<(), String> {
        let Some(policies) = self.0.policies.get() else {
            return Ok(());
        };
        let policy = policies.get(function).map(Vec::as_slice).unwrap_or_default();
        for call in calls {
            let mut allowed = false;
            for (statement, grant) in policy.iter().enumerate() {
                if let Some(resource) = grant.allows(&call.action, &call.resource, &call.context) {
                    self.0.notes.used(function, statement, &call.action, resource);
                    allowed = true;
                }
            }
            if !allowed {
                self.0.notes.denied(function, &call.action, &call.resource);
                return Err(format!(
                    "{function} is not authorized to perform {} on {}",
                    call.action, call.resource
                ));
            }
        }
        Ok(())
    }
}

async fn guarded(State((guard, service)): State<(Guard, Service)>, request: Request, next: Next) -> Response {
    let Some(function) = function_behind(&request) else {
        return next.run(request).await;
    };
    let (head, body) = request.into_parts();
    let (body, calls) = if service.asks_in_body() {
        let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
            return refusal::of(service, "the request is too large or broke off");
        };
        let calls = service.calls(&head, &body);
        (Body::from(body), calls)
    } else {
        let calls = service.calls(&head, b"");
        (body, calls)
    };
    let Some(calls) = calls else {
        let what = format!("{} {}", head.method, head.uri);
        guard.0.notes.denied(&function, "?", &what);
        return refusal::of(service, &format!("what {what} needs is not known here"));
    };
    if let Err(why) = guard.allow(&function, &calls) {
        tracing::error!(why, "template.yaml does not allow this");
        return refusal::of(service, &why);
    }
    let response = next.run(Request::from_parts(head, body)).await;
    match (response.status(), calls.iter().find_map(listing)) {
        (http::StatusCode::NOT_FOUND, Some(list)) if service == Service::S3 => match guard.allow(&function, &[list]) {
            Ok(()) => response,
            Err(why) => refusal::of(service, &why),
        },
        _ => response,
    }
}

/// The function whose access key signed a request, in its head or, of a presigned URL, in its query.
fn function_behind(request: &Request) -> Option<String> {
    let signed = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let credential = match signed {
        Some(signed) => signed.split_once("Credential=")?.1.to_owned(),
        None => {
            let mut pairs = request.uri().query()?.split('&');
            let pair = pairs.find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
            urlencoding::decode(pair).ok()?.into_owned()
        }
    };
    function_of(credential.split('/').next()?).map(str::to_owned)
}

/// Where requests are passed on to.
#[derive(Clone)]
struct Forward {
    client: Client<HttpConnector, Body>,
    url: String,
}

async fn pass_on(State(forward): State<Forward>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let answer = match format!("{}{path}", forward.url).parse() {
        Ok(uri) => {
            *request.uri_mut() = uri;
            forward.client.request(request).await.map_err(|why| why.to_string())
        }
        Err(why) => Err(why.to_string()),
    };
    match answer {
        Ok(answer) => answer.map(Body::new),
        Err(why) => {
            tracing::error!(why, "a service behind the guard did not answer");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = http::StatusCode::BAD_GATEWAY;
            response
        }
    }
}
