//! What a page needs to know of a widget, and requests that work as they are.

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    app::App,
    error::Error,
    http::{BaseUrl, Path, Visiting},
    ids::BotId,
};

use crate::{
    examples::{Example, examples},
    thread,
};

/// The public look and feel of a widget, and how to talk to its bot.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WidgetSettings)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsOut {
    /// The bot.
    application_id: BotId,
    /// What it is called.
    name: String,
    /// What a widget says first.
    welcome_message: Option<String>,
    /// The language of its answers, as a BCP 47 tag; `null` = the question's.
    language: Option<String>,
    /// The look of the widget, as the bot's makers wrote it.
    #[schema(value_type = Object)]
    widget: Map<String, Value>,
    /// Whether it offers people.
    handoff: bool,
    /// Whether it answers.
    active: bool,
    /// Its publishable token, which may stand in a page.
    public_token: String,
    /// Requests that work as they are, with the publishable token: a shell, Node.js and Python need nothing else.
    examples: Vec<Example>,
}

/// Read a widget's settings.
#[utoipa::path(
    get, path = "/api/channels/widget/{applicationId}/settings", tag = "channels",
    params(("applicationId" = String, Path, description = "The bot")),
    responses((status = 200, description = "The settings and examples", body = SettingsOut))
)]
pub(crate) async fn get_widget_settings(
    State(app): State<App>,
    Visiting(caller): Visiting,
    base: BaseUrl,
    Path(application): Path,
) -> Result<Json<SettingsOut>, Error> {
    let bot = thread::bot(&app, &caller, application).await?;
    Ok(Json(SettingsOut {
        examples: examples(&base.0, &bot),
        application_id: bot.id,
        name: bot.name,
        welcome_message: bot.welcome_message,
        language: bot.language,
        widget: bot.widget,
        handoff: bot.handoff.enabled,
        active: bot.active,
        public_token: bot.public_token,
    }))
}
