//! Trying a webhook out.

use axum::{Extension, Json, extract::State};
use serde_json::{Value, json};
use shared::{
    app::App,
    deliveries::{Delivery, Trigger},
    error::Error,
    events::{Event, EventType, Sender},
    http::{Admin, JsonOrNothing, Path},
    ids::WebhookId,
};

use crate::{body::TestIn, place, wire::DeliveryOut};

/// What stands for an id in a test: none that we issue.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

/// Try a webhook out.
///
/// Sends it an event now, once, and answers with what came of it: at most 15 seconds later. The event's `data` has
/// `"test": true`, and its ids name nothing. A disabled webhook is tried out, too, and
/// whatever comes of it changes nothing about the webhook.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", request_body = Option<TestIn>,
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 200, description = "What came of it", body = DeliveryOut)))]
pub(crate) async fn test_webhook(
    State(app): State<App>,
    Extension(sender): Extension<Sender>,
    Admin(caller): Admin,
    Path(id): Path,
    JsonOrNothing(body): JsonOrNothing<TestIn>,
) -> Result<Json<DeliveryOut>, Error> {
    let webhook = place::webhook(&app, &caller, &id).await?;
    let (kind, now) = (body.event(&webhook)?, app.clock.now());
    let event = Event::new(&webhook.tenant, Some(&webhook.bot), kind, now, sample(kind));
    let told = event.told()?.pop();
    let told = told.ok_or_else(|| Error::internal("a public event tells nothing"))?;
    let mut delivery = Delivery::new(&webhook, told, Trigger::Test, now);
    let attempt = sender.attempt(&app.clock, &webhook, &delivery, 1).await;
    delivery.note(attempt, false, app.clock.now(), &app.delivery_retries);
    app.table.put(&delivery).await?;
    Ok(Json(DeliveryOut::whole(delivery)))
}

/// Data like that of a real event.
fn sample(kind: EventType) -> Value {
    let mut data = match kind {
        EventType::NewMessage => json!({"session_id": NOTHING, "message_id": NOTHING, "role": "user"}),
        EventType::FeedbackReceived => {
            json!({"session_id": NOTHING, "message_id": NOTHING, "rating": "up", "csat": null})
        }
        EventType::KbUpdated => json!({"document_id": NOTHING, "action": "updated"}),
        EventType::ContactUpdated => json!({"contact_id": NOTHING, "action": "updated"}),
        EventType::InsightsReady => json!({"session_id": NOTHING, "insight_id": NOTHING}),
        EventType::RoutineFinished => {
            json!({"routine_id": NOTHING, "run_id": NOTHING, "status": "succeeded", "trigger": "manual",
                "scheduled_for": null, "error": null, "error_code": null})
        }
        EventType::TicketCreated => json!({"ticket_id": NOTHING}),
        EventType::TaskCreated => json!({"task_id": NOTHING}),
        _ => json!({"session_id": NOTHING}),
    };
    data["test"] = json!(true);
    data
}
