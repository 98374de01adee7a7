//! The deep check: each back end is touched once, all at the same time, and none is waited for longer than a moment.

use std::{future::Future, time::Duration};

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use shared::{
    app::App,
    error::{Error, chain},
    http::{Admin, Caller, Query},
    queue::Destination,
    tenants::Tenant,
};
use tokio::time::{Instant, timeout};

/// Longest wait for one back end.
const WITHIN: Duration = Duration::from_secs(5);

/// Who asks for the deep check, when it is asked for: a full key, an admin or the owner.
pub(crate) struct Deep(pub(crate) Option<Caller>);

/// `?deep=`.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HealthParams {
    /// `1` touches each back end, which needs a full key, an admin or the owner.
    #[param(value_type = Option<DeepParam>, inline)]
    deep: Option<String>,
}

/// Whether the check is deep.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "describes a parameter; it is read as text, so that an error can name it"
)]
enum DeepParam {
    #[schema(rename = "0")]
    No,
    #[schema(rename = "1")]
    Yes,
}

impl FromRequestParts<App> for Deep {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Query(HealthParams { deep }) = Query::from_request_parts(parts, app).await?;
        match deep.as_deref() {
            None | Some("0") => Ok(Self(None)),
            Some("1") => {
                let Admin(caller) = Admin::from_request_parts(parts, app).await?;
                Ok(Self(Some(caller)))
            }
            Some(_) => Err(Error::field("deep", "must be 0 or 1")),
        }
    }
}

/// How a service or a back end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CheckStatus)]
enum Status {
    /// It answered.
    Ok,
    /// It did not, or refused; the log says why.
    Failed,
}

/// A back end.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckOut {
    /// Whether it answered within 5 seconds.
    status: Status,
    /// How long that took, in milliseconds.
    duration_ms: u64,
}

/// The back ends.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Checks)]
pub(crate) struct ChecksOut {
    /// DynamoDB.
    table: CheckOut,
    /// OpenSearch.
    search: CheckOut,
    /// S3.
    files: CheckOut,
    /// SQS.
    queue: CheckOut,
    /// Bedrock's embeddings.
    model: CheckOut,
}

impl ChecksOut {
    /// Touches each back end.
    pub(crate) async fn run(app: &App, caller: &Caller) -> Self {
        let key = Tenant::key(caller.tenant());
        let (table, search, files, queue, model) = tokio::join!(
            check("table", app.table.get::<IgnoredAny>(&key)),
            check("search", app.search.ping()),
            check("files", app.blobs.ping()),
            check("queue", app.queue.ping(Destination::Ingest)),
            check("model", app.models.embed("health")),
        );
        Self {
            table,
            search,
            files,
            queue,
            model,
        }
    }

    /// Whether all of them answered.
    pub(crate) fn all_ok(&self) -> bool {
        let all = [&self.table, &self.search, &self.files, &self.queue, &self.model];
        all.iter().all(|check| check.status == Status::Ok)
    }
}

async fn check<T>(name: &str, touch: impl Future<Output = Result<T, Error>>) -> CheckOut {
    let began = Instant::now();
    let status = match timeout(WITHIN, touch).await {
        Ok(Ok(_)) => Status::Ok,
        Ok(Err(error)) => {
            tracing::error!(check = name, cause = %chain(&error), "a back end failed its check");
            Status::Failed
        }
        Err(_) => {
            tracing::error!(check = name, within = ?WITHIN, "a back end did not answer its check");
            Status::Failed
        }
    };
    CheckOut {
        status,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
