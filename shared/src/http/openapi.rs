//! The OpenAPI document of all functions: what is the same for many operations is added here, once.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

const DESCRIPTION: &str = "\
Upload documents, ask questions, get streamed answers with citations. Every answer has an `X-Request-Id`; every error has the \
body `Error`. Requests are counted per minute in three classes (standard 100, chat 30, sign-in 5; keys and bots may have \
other numbers): `RateLimit` says what is left, 429 carries `Retry-After`. Any POST outside sign-in takes an \
`Idempotency-Key`: sent again within 24 hours, the request gets its first answer again.";

const TAGS: [(&str, &str); 15] = [
    ("auth", "Signing up and in, second factors, codes by mail."),
    (
        "bots",
        "Assistants with their instructions, model, knowledge and settings.",
    ),
    ("keys", "API keys: what they open, for whom, how long."),
    ("erasures", "Erasures that go on in the background."),
    ("documents", "What answers are drawn from."),
    ("folders", "Documents that share an audience."),
    ("chat", "Asking a bot by its id: members, servers and pages."),
    (
        "ai",
        "Asking on behalf of a partner's end users, named in three headers.",
    ),
    (
        "channels",
        "What a page's widget sends, and the threads that come of it.",
    ),
    ("app", "One app and its sessions."),
    ("search", "Finding passages without asking for an answer."),
    ("usage", "What answers took: requests, tokens, cost."),
    ("routines", "Saved prompts of a bot, run on demand or on a schedule."),
    (
        "webhooks",
        "Who is told what happens, signed as Standard Webhooks 1.0.0 says, with a log of every attempt.",
    ),
    ("health", "Whether the service is there."),
];

/// Name, status and meaning of errors.
const ERRORS: [(&str, &str, &str); 10] = [
    (
        "Invalid",
        "400",
        "The request cannot be understood; `fields` says which part and why",
    ),
    ("Unauthorized", "401", "No credential, or one that opens nothing"),
    ("Forbidden", "403", "The credential may not do this"),
    ("NotFound", "404", "Nothing there that the caller may know of"),
    ("Conflict", "409", "The state of things does not allow it"),
    ("TooLarge", "413", "Too large; the sentence names the limit"),
    ("UnsupportedMediaType", "415", "A media type that is not read here"),
    (
        "RateLimited",
        "429",
        "Rate limit exceeded; try again after `Retry-After`",
    ),
    ("Internal", "500", "Our fault; the log has the cause under `request_id`"),
    (
        "Unavailable",
        "503",
        "A back end throttles or wakes up; try again after `Retry-After`",
    ),
];

/// The whole document: what handlers say, with errors, credentials, headers and tags.
///
/// # Errors
/// Never in practice: the document can be written as JSON.
pub fn finish(document: &OpenApi) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(document)?;
    document["info"] = json!({
        "title": "docent",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["tags"] = TAGS
        .iter()
        .map(|(name, description)| json!({"name": name, "description": description}))
        .collect();
    document["components"]["securitySchemes"] = schemes();
    document["components"]["headers"] = headers();
    document["components"]["responses"] = errors();
    document["components"]["schemas"]["Error"] = error_schema();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            finish_operation(path, method, operation);
        }
    }
    Ok(document)
}

fn finish_operation(path: &str, method: &str, operation: &mut Value) {
    // `{}` stands for no credential: alone nobody needs one, among others it depends on what is asked for.
    let stated = operation["security"].as_array();
    let optional = stated.is_some_and(|listed| listed.contains(&json!({})));
    let public = optional && stated.is_some_and(|listed| listed.len() == 1);
    if !public {
        let mut listed = security(method, path);
        if optional {
            listed.insert(0, json!({}));
        }
        operation["security"] = Value::Array(listed);
    }
    let has_body = operation.get("requestBody").is_some();
    let has_input = has_body || operation["parameters"].as_array().is_some_and(|all| !all.is_empty());
    let signs_in = path.starts_with("/api/v1/auth/");
    if method == "post" && !signs_in {
        let header = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The request can be sent again under this key and gets its first answer again",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        });
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(header),
            None => operation["parameters"] = json!([header]),
        }
    }
    let knows_caller = !public || signs_in;
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    for response in responses.values_mut() {
        // A schema would be one of each event, and they differ; the description says which come.
        let content = response.get_mut("content");
        if let Some(stream) = content.and_then(|content| content.get_mut("text/event-stream")) {
            *stream = json!({});
        }
        add_headers(response, knows_caller);
    }
    for (name, status, _) in ERRORS {
        let holds = match status {
            "400" => has_input || method == "post",
            "401" | "403" | "429" => knows_caller,
            "404" => !optional,
            "409" => method != "get",
            "413" | "415" => has_body,
            _ => true,
        };
        if holds {
            let reference = json!({"$ref": format!("#/components/responses/{name}")});
            responses.entry(status).or_insert(reference);
        }
    }
}

fn errors() -> Value {
    let written = ERRORS.iter().map(|(name, status, meaning)| {
        let mut response = json!({
            "description": meaning,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
        });
        if matches!(*status, "429" | "503") {
            response["headers"]["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
        }
        ((*name).to_owned(), response)
    });
    Value::Object(written.collect())
}

fn add_headers(response: &mut Value, limited: bool) {
    let mut names = vec!["X-Request-Id"];
    if limited {
        names.extend(["RateLimit", "RateLimit-Policy"]);
    }
    let mut headers = match response["headers"].take() {
        Value::Object(headers) => headers,
        _ => Map::new(),
    };
    for name in names {
        headers.insert(name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    }
    response["headers"] = Value::Object(headers);
}

/// Which credentials an operation takes; what each may do is decided by its scope or role.
fn security(method: &str, path: &str) -> Vec<Value> {
    let mut listed = vec![json!({"api_key": []}), json!({"api_key_header": []})];
    if !path.starts_with("/api/ai/") {
        listed.push(json!({"bearer": []}));
    }
    if takes_publishable(method, path) {
        listed.push(json!({"public_token": []}));
    }
    listed
}

/// Whether a bot's publishable token may: what visitors of a page do.
fn takes_publishable(method: &str, path: &str) -> bool {
    let asks = path == "/api/v1/chat" || path.starts_with("/api/v1/chat/stream");
    let says = method == "post" && path.starts_with("/api/v1/chat/sessions/");
    asks || says || path.starts_with("/api/channels/widget/")
}

fn schemes() -> Value {
    json!({
        "api_key": {"type": "http", "scheme": "ApiKey", "description": "`Authorization: ApiKey sk_…`"},
        "api_key_header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "`sk_…`"},
        "bearer": {
            "type": "http", "scheme": "bearer",
            "description": "A member's access token, or where it may chat a bot's publishable token `pk_…`",
        },
        "public_token": {"type": "apiKey", "in": "query", "name": "token", "description": "A bot's publishable token `pk_…`"},
    })
}

fn headers() -> Value {
    json!({
        "X-Request-Id": {"description": "The id under which the log has this request", "schema": {"type": "string"}},
        "RateLimit": {
            "description": "What is left (`r`) and in how many seconds more is (`t`), for each limit that applies: \
                draft-ietf-httpapi-ratelimit-headers",
            "schema": {"type": "string"},
        },
        "RateLimit-Policy": {
            "description": "The limits that apply: requests (`q`) in so many seconds (`w`)",
            "schema": {"type": "string"},
        },
        "Retry-After": {"description": "Seconds after which to try again", "schema": {"type": "integer", "minimum": 1}},
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "The body of every error",
        "required": ["error", "code", "request_id"],
        "properties": {
            "success": {"const": false, "description": "On `/api/v1/chat`, `/usage` and `/sessions`"},
            "error": {"type": "string", "description": "A sentence that says what to change"},
            "code": {"type": "string", "description": "Machine-readable kind"},
            "request_id": {"type": "string", "description": "The id under which the log has the cause"},
            "fields": {
                "type": "object",
                "description": "Reason by field, for bad input",
                "additionalProperties": {"type": "string"},
            },
        },
    })
}
