//! The app dialect's usage: requests, tokens and cost of a range of days.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use shared::{
    app::App,
    error::Error,
    http::{AppReader, Caller, Query, Who},
    keys::Scope,
    usage::{Days, Of, Report, Sums, usd},
};

/// Which days, and how they are grouped.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageParams {
    /// The first day, `YYYY-MM-DD` in UTC; 29 days before the last when not said, and at most ten years before it.
    #[param(value_type = Option<String>, format = Date, example = "2024-01-01")]
    start_date: Option<String>,
    /// The last day, which is included; today when not said.
    #[param(value_type = Option<String>, format = Date)]
    end_date: Option<String>,
    /// `day` adds `by_day`.
    #[param(value_type = Option<GroupBy>, inline)]
    group_by: Option<String>,
    /// The key, where a header cannot carry it.
    #[serde(rename = "api_key")]
    #[expect(dead_code, reason = "read by the layer around the handlers")]
    api_key: Option<String>,
}

/// What figures can be grouped by besides models.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(
    dead_code,
    reason = "describes a parameter; it is read as text, so that an error can name it"
)]
enum GroupBy {
    Day,
}

/// What answers took.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UsageReport)]
pub(crate) struct UsageOut {
    /// Always `true`.
    success: bool,
    /// All of them.
    usage: TotalOut,
    /// By the model that wrote, in the order of their names.
    by_model: Vec<ModelOut>,
    /// With `group_by=day`: by day, those on which something was answered, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_day: Option<Vec<DayOut>>,
}

/// All answers of a range of days.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UsageTotal)]
struct TotalOut {
    /// Answers.
    total_requests: i64,
    /// Tokens of prompts.
    total_input_tokens: i64,
    /// Tokens of answers.
    total_output_tokens: i64,
    /// Both.
    total_tokens: i64,
    /// What they cost, in USD, to the nano-USD.
    total_cost: f64,
}

/// The answers of one model.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UsageOfModel)]
struct ModelOut {
    /// The model.
    model: String,
    #[serde(flatten)]
    sums: SumsOut,
}

/// The answers of one day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UsageOfDay)]
struct DayOut {
    /// The day, `YYYY-MM-DD` in UTC.
    #[schema(format = Date)]
    date: String,
    #[serde(flatten)]
    sums: SumsOut,
}

/// What some answers took.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UsageSums)]
struct SumsOut {
    /// Answers.
    requests: i64,
    /// Tokens of prompts.
    input_tokens: i64,
    /// Tokens of answers.
    output_tokens: i64,
    /// What they cost, in USD, to the nano-USD.
    cost: f64,
}

/// Read what answers took.
///
/// An app's key sees what was asked with it; a key or member of the whole tenant sees all bots, a key that is bound to a bot
/// that bot, and members who see some bots those. An answer counts a moment after it was given, for the day on which it was
/// stored, and keeps the cost that it had then: by the prices that the deployment states, or else the published ones of
/// Amazon Bedrock in us-east-1 on demand as of 2025-10-01; 0 for a model without a price.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", params(UsageParams),
    responses((status = 200, description = "Requests, tokens and cost", body = UsageOut)))]
pub(crate) async fn get_usage(
    State(app): State<App>,
    AppReader(caller): AppReader,
    Query(params): Query<UsageParams>,
) -> Result<Json<UsageOut>, Error> {
    let by_day = params.by_day()?;
    let days = Days::parse(
        params.start_date.as_deref(),
        params.end_date.as_deref(),
        app.clock.now(),
    )?;
    let sees = |bot: &_| caller.sees(Some(bot));
    let report = Report::read(&app.table, caller.tenant(), &of(&caller), days, &sees).await?;
    Ok(Json(UsageOut::new(report, by_day)))
}

/// Whose answers the caller is told of.
fn of(caller: &Caller) -> Of {
    match &caller.who {
        Who::Key(key) if key.scope != Scope::Full => Of::Credential(caller.id()),
        _ => match caller.bound() {
            Some(bot) => Of::Bot(bot.clone()),
            None => Of::Bots,
        },
    }
}

impl UsageParams {
    fn by_day(&self) -> Result<bool, Error> {
        match self.group_by.as_deref() {
            None => Ok(false),
            Some("day") => Ok(true),
            Some(_) => Err(Error::field("group_by", "must be day")),
        }
    }
}

impl UsageOut {
    fn new(report: Report, by_day: bool) -> Self {
        let total = report.total;
        let models = report.by_model.into_iter();
        let days = report.by_day.into_iter();
        Self {
            success: true,
            usage: TotalOut {
                total_requests: total.requests,
                total_input_tokens: total.input_tokens,
                total_output_tokens: total.output_tokens,
                total_tokens: total.input_tokens + total.output_tokens,
                total_cost: usd(total.nano_usd),
            },
            by_model: models
                .map(|(model, sums)| ModelOut {
                    model,
                    sums: sums.into(),
                })
                .collect(),
            by_day: by_day.then(|| {
                days.map(|(date, sums)| DayOut {
                    date: date.to_string(),
                    sums: sums.into(),
                })
                .collect()
            }),
        }
    }
}

impl From<Sums> for SumsOut {
    fn from(sums: Sums) -> Self {
        Self {
            requests: sums.requests,
            input_tokens: sums.input_tokens,
            output_tokens: sums.output_tokens,
            cost: usd(sums.nano_usd),
        }
    }
}
