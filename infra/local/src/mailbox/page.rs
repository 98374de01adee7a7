//! The mailbox over HTTP: JSON for tests, a page for people.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Mail, Mailbox};

/// Where the mailbox is on the API's port.
pub const PATH: &str = "/_local/mail";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;\
color-scheme:light dark}article{border-top:1px solid #8888;padding:1rem 0}h2{font-size:1.1rem;margin:0}\
p{margin:.2rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere}";

impl Mailbox {
    /// Answers a request for [`PATH`]. Nobody but this machine's user is meant to read mail: no other origin may.
    pub fn answer(&self, request: &Parts, request_id: &str) -> Response<Bytes> {
        let mut response = match request.method {
            Method::GET | Method::HEAD => {
                let mails = self.list(wanted(request.uri.query().unwrap_or_default()).as_deref());
                if wants_html(request) {
                    html(&mails)
                } else {
                    json(StatusCode::OK, &json!({ "data": mails }))
                }
            }
            Method::DELETE => match self.clear() {
                Ok(()) => status(StatusCode::NO_CONTENT),
                Err(why) => {
                    tracing::error!(%why, "the mailbox could not be emptied");
                    let message = "The mailbox could not be emptied";
                    refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, request_id)
                }
            },
            _ => {
                let message = "The mailbox takes GET and DELETE";
                let mut refusal = refusal(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    message,
                    request_id,
                );
                set(&mut refusal, header::ALLOW, "GET, HEAD, DELETE");
                refusal
            }
        };
        set(&mut response, header::CACHE_CONTROL, "no-store");
        set(&mut response, header::VARY, "accept");
        set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        response
    }
}

/// The address in `?to=`. A `+` is one: addresses have them, and no spaces.
fn wanted(query: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, address) = pairs.find(|(name, address)| *name == "to" && !address.is_empty())?;
    Some(String::from_utf8_lossy(&urlencoding::decode_binary(address.as_bytes())).into_owned())
}

fn wants_html(request: &Parts) -> bool {
    let accept = request
        .headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"))
}

fn html(mails: &[Mail]) -> Response<Bytes> {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Mail</title><style>{STYLE}</style><h1>Mail</h1><p>Nothing leaves this machine: what docent would have \
         sent is here, newest first.</p>"
    );
    if mails.is_empty() {
        page.push_str("<p>There is none yet.</p>");
    }
    for mail in mails {
        page.push_str(&article(mail));
    }
    let mut response = Response::new(Bytes::from(page));
    set(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    set(&mut response, header::CONTENT_SECURITY_POLICY, &policy);
    response
}

fn article(mail: &Mail) -> String {
    let mut article = format!(
        "<article id=\"{}\"><h2>{}</h2><p>{} → {}</p><p>{}</p>",
        escaped(&mail.id),
        escaped(&mail.subject),
        escaped(&mail.from),
        escaped(&mail.to.join(", ")),
        escaped(&mail.sent_at),
    );
    if let Some(text) = &mail.text {
        article.push_str(&format!("<pre>{}</pre>", escaped(text)));
    }
    if let Some(html) = &mail.html {
        let html = escaped(html);
        article.push_str(&format!("<details><summary>HTML</summary><pre>{html}</pre></details>"));
    }
    article.push_str("</article>");
    article
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

fn json(code: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = status(code);
    *response.body_mut() = Bytes::from(body.to_string());
    set(&mut response, header::CONTENT_TYPE, "application/json");
    response
}

fn refusal(status: StatusCode, code: &str, message: &str, request_id: &str) -> Response<Bytes> {
    json(
        status,
        &json!({ "error": message, "code": code, "request_id": request_id }),
    )
}

fn set(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
