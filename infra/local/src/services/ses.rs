//! SES v2: sending simple mail, which goes into the mailbox and nowhere else.

#[cfg(test)]
mod tests;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;

use crate::mailbox::{Mail, Mailbox, bare};

/// Receivers that SES takes in one mail.
const MAX_RECEIVERS: usize = 50;

/// The service, in front of a mailbox.
pub fn ses(mailbox: Mailbox) -> Router {
    let unknown = || async {
        refusal(
            StatusCode::NOT_FOUND,
            "NotFoundException",
            "The local SES only sends mail",
        )
    };
    Router::new()
        .route("/v2/email/outbound-emails", post(send).fallback(unknown))
        .fallback(unknown)
        .with_state(mailbox)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendIn {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Destination {
    to_addresses: Vec<String>,
    cc_addresses: Vec<String>,
    bcc_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Part,
    body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Part>,
    html: Option<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    data: String,
}

async fn send(State(mailbox): State<Mailbox>, body: Bytes) -> Response {
    let mail = match mail(&body) {
        Ok(mail) => mail,
        Err(message) => return refusal(StatusCode::BAD_REQUEST, "BadRequestException", &message),
    };
    let id = mail.id.clone();
    match tokio::task::spawn_blocking(move || mailbox.add(mail)).await {
        Ok(Ok(())) => Json(json!({ "MessageId": id })).into_response(),
        failed => {
            tracing::error!(?failed, "a mail could not be kept");
            let message = "The mail could not be kept";
            refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServiceErrorException",
                message,
            )
        }
    }
}

/// Reads a request as strictly as SES does.
fn mail(body: &[u8]) -> Result<Mail, String> {
    let sent: SendIn = serde_json::from_slice(body).map_err(|why| format!("The request is malformed: {why}"))?;
    let from = sent.from_email_address.ok_or("FromEmailAddress is required.")?;
    let destination = sent.destination.unwrap_or_default();
    let receivers = [
        destination.to_addresses,
        destination.cc_addresses,
        destination.bcc_addresses,
    ]
    .concat();
    if receivers.is_empty() {
        return Err("At least one receiver is required.".to_owned());
    }
    if receivers.len() > MAX_RECEIVERS {
        return Err(format!("Recipient count exceeds {MAX_RECEIVERS}."));
    }
    for address in std::iter::once(&from).chain(&receivers) {
        if !is_address(address) {
            return Err(format!("{address:?} is no e-mail address."));
        }
    }
    let simple = sent.content.simple.ok_or("The local SES takes Content.Simple only.")?;
    if simple.subject.data.contains(['\r', '\n']) {
        return Err("The subject has a line break.".to_owned());
    }
    let (text, html) = (simple.body.text, simple.body.html);
    if text.is_none() && html.is_none() {
        return Err("The body needs Text or Html.".to_owned());
    }
    let data = |part: Option<Part>| part.map(|part| part.data);
    Ok(Mail::now(from, receivers, simple.subject.data, data(text), data(html)))
}

/// Whether this is `local@domain`, alone or as `Name <local@domain>`. Like SES, it takes no other than ASCII before the `@`.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = bare(text).rsplit_once('@') else {
        return false;
    };
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "@<>,;\"()".contains(c));
    let labels = domain
        .split('.')
        .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    let length = bare(text).len() <= 320 && local.len() <= 64;
    !text.contains(char::is_control) && plain(local) && local.is_ascii() && plain(domain) && labels && length
}

fn refusal(status: StatusCode, code: &'static str, message: &str) -> Response {
    let body = json!({ "message": message }).to_string();
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json"),
        ("x-amzn-errortype", code),
    ];
    (status, headers, body).into_response()
}
