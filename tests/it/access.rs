//! Who may do what: every operation of the OpenAPI document × every kind of credential, in one table. An operation without a
//! row fails the suite.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use shared::{keys::Scope, members::Role};

use crate::{
    openapi::document,
    support::{Tenant, expect, people::Person, run},
};

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Read,
    Work,
    Manage,
    Partner,
    Chat,
    App,
    Session,
    SignedIn,
    Visit,
    Runs,
    Run,
}

/// Something that belongs to a tenant and a bot, named in an operation's path or body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Nothing,
    Document,
    Folder,
    Conversation,
    Thread,
    Answer,
    Bot,
    BotInBody,
    ApplicationInBody,
    Key,
    Erasure,
    /// `agent/routine`.
    Routine,
    /// `agent/routine/run`.
    Run,
    Webhook,
    /// `bot/delivery`.
    Delivery,
}

use Names as N;
use Needs::{App, Chat, Manage, Nothing, Partner, Read, Run, Runs, Session, SignedIn, Visit, Work};

/// The table: operation, what it needs, what it names.
const OPERATIONS: &[(&str, Needs, Names)] = &[
    ("get_health", Nothing, N::Nothing),
    ("get_usage", App, N::Nothing),
    ("search_documents", Read, N::ApplicationInBody),
    ("get_openapi", Nothing, N::Nothing),
    ("get_docs", Nothing, N::Nothing),
    ("send_message", Partner, N::Nothing),
    ("stream_message", Partner, N::Nothing),
    ("list_conversations", Partner, N::Nothing),
    ("get_conversation", Partner, N::Conversation),
    ("send_platform_message", Chat, N::BotInBody),
    ("stream_platform_message", Chat, N::BotInBody),
    ("resume_platform_stream", Chat, N::Answer),
    ("send_widget_message", Chat, N::Bot),
    ("get_widget_history", Visit, N::Bot),
    ("archive_widget_thread", Chat, N::Bot),
    ("get_widget_settings", Visit, N::Bot),
    ("list_thread_messages", Read, N::Thread),
    ("archive_thread", Work, N::Thread),
    ("get_latest_insights", Read, N::Thread),
    ("get_chat_history", App, N::Thread),
    ("list_chat_sessions", Read, N::Bot),
    ("delete_chat_session", Session, N::Thread),
    ("create_feedback", Chat, N::Thread),
    ("request_handoff", Chat, N::Thread),
    ("end_handoff", Work, N::Thread),
    ("list_app_sessions", App, N::Nothing),
    ("list_documents", Read, N::Nothing),
    ("create_document", Manage, N::Nothing),
    ("create_upload", Manage, N::Nothing),
    ("get_document", Read, N::Document),
    ("get_document_content", Read, N::Document),
    ("replace_document", Manage, N::Document),
    ("delete_document", Manage, N::Document),
    ("register_member", Nothing, N::Nothing),
    ("login_member", Nothing, N::Nothing),
    ("refresh_session", Nothing, N::Nothing),
    ("logout_session", Nothing, N::Nothing),
    ("forgot_password", Nothing, N::Nothing),
    ("reset_password", Nothing, N::Nothing),
    ("verify_email", Nothing, N::Nothing),
    ("resend_verification", Nothing, N::Nothing),
    ("get_me", SignedIn, N::Nothing),
    ("setup_totp", SignedIn, N::Nothing),
    ("verify_totp", SignedIn, N::Nothing),
    ("delete_totp", SignedIn, N::Nothing),
    ("list_bots", Read, N::Nothing),
    ("create_bot", Manage, N::Nothing),
    ("get_bot", Read, N::Bot),
    ("update_bot", Manage, N::Bot),
    ("delete_bot", Manage, N::Bot),
    ("activate_bot", Manage, N::Bot),
    ("deactivate_bot", Manage, N::Bot),
    ("duplicate_bot", Manage, N::Bot),
    ("rotate_public_token", Manage, N::Bot),
    ("list_keys", Manage, N::Nothing),
    ("create_key", Manage, N::Nothing),
    ("update_key", Manage, N::Key),
    ("rotate_key", Manage, N::Key),
    ("delete_key", Manage, N::Key),
    ("get_erasure", Read, N::Erasure),
    ("list_folders", Read, N::Nothing),
    ("create_folder", Manage, N::Nothing),
    ("get_folder", Read, N::Folder),
    ("update_folder", Manage, N::Folder),
    ("delete_folder", Manage, N::Folder),
    ("list_routines", Read, N::Bot),
    ("create_routine", Manage, N::Bot),
    ("get_routine", Read, N::Routine),
    ("update_routine", Manage, N::Routine),
    ("delete_routine", Manage, N::Routine),
    ("run_routine", Run, N::Routine),
    ("list_runs", Runs, N::Routine),
    ("get_run", Runs, N::Run),
    ("create_webhook", Manage, N::BotInBody),
    ("list_webhooks", Read, N::Bot),
    ("update_webhook", Manage, N::Webhook),
    ("delete_webhook", Manage, N::Webhook),
    ("rotate_webhook", Manage, N::Webhook),
    ("test_webhook", Manage, N::Webhook),
    ("list_deliveries", Read, N::Bot),
    ("get_delivery", Read, N::Delivery),
    ("redeliver", Manage, N::Delivery),
];

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum With {
    None,
    WrongScheme,
    Malformed,
    Expired,
    Revoked,
    WrongOrigin,
    Full,
    App,
    Widget,
    Routine,
    Public,
    Viewer,
    Agent,
    Admin,
    Owner,
}

const KINDS: [With; 15] = [
    With::None,
    With::WrongScheme,
    With::Malformed,
    With::Expired,
    With::Revoked,
    With::WrongOrigin,
    With::Full,
    With::App,
    With::Widget,
    With::Routine,
    With::Public,
    With::Viewer,
    With::Agent,
    With::Admin,
    With::Owner,
];

/// What is expected: 401, 403, or 200 for "gets past the door".
fn expected(needs: Needs, with: With) -> u16 {
    use With::{
        Admin, Agent, Expired, Full, Malformed, None, Owner, Public, Revoked, Routine, Viewer, Widget, WrongOrigin,
        WrongScheme,
    };
    match (needs, with) {
        (Needs::Nothing, _) => 200,
        (_, None | WrongScheme | Malformed | Expired | Revoked) => 401,
        (_, WrongOrigin) => 403,
        (Read, Full | Viewer | Agent | Admin | Owner) => 200,
        (Read, With::App | Widget | Routine | Public) => 403,
        (Work, Full | Agent | Admin | Owner) => 200,
        (Work, With::App | Widget | Routine | Public | Viewer) => 403,
        (App, Full | With::App | Viewer | Agent | Admin | Owner) => 200,
        (App, Widget | Routine | Public) => 403,
        (Visit, Full | With::App | Widget | Public | Viewer | Agent | Admin | Owner) => 200,
        (Visit, Routine) => 403,
        (Runs, Full | Routine | Viewer | Agent | Admin | Owner) => 200,
        (Runs, With::App | Widget | Public) => 403,
        (Session, Full | With::App | Agent | Admin | Owner) => 200,
        (Session, Widget | Routine | Public | Viewer) => 403,
        (Manage, Full | Admin | Owner) => 200,
        (Manage, With::App | Widget | Routine | Public | Viewer | Agent) => 403,
        (Partner, Full) => 200,
        (Partner, With::App | Widget | Routine | Public | Viewer | Agent | Admin | Owner) => 403,
        (Chat, Full | With::App | Widget | Public | Agent | Admin | Owner) => 200,
        (Run, Full | Routine | Admin | Owner) => 200,
        (Run, With::App | Widget | Public | Viewer | Agent) => 403,
        (Chat, Routine | Viewer) => 403,
        (SignedIn, Viewer | Agent | Admin | Owner) => 200,
        (SignedIn, Full | With::App | Widget | Routine | Public) => 403,
    }
}

/// An operation as the document describes it.
struct Operation {
    id: String,
    method: Method,
    path: String,
    has_body: bool,
}

fn operations() -> Vec<Operation> {
    let document = document();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                has_body: operation.get("requestBody").is_some(),
            });
        }
    }
    all
}

fn row(operation: &Operation) -> (Needs, Names) {
    let found = OPERATIONS.iter().find(|(id, ..)| *id == operation.id);
    let (_, needs, names) = found.unwrap_or_else(|| panic!("{} has no row in the table", operation.id));
    (*needs, *names)
}

/// Puts a credential on a request.
type Sign = Box<dyn Fn(RequestBuilder) -> RequestBuilder>;

async fn credentials() -> BTreeMap<With, Sign> {
    let tenant = Tenant::new().await;
    let bot = tenant.bot().await;
    let key = |secret: String| -> Sign { Box::new(move |r| r.header("Authorization", format!("ApiKey {secret}"))) };
    let bearer = |token: String| -> Sign { Box::new(move |r| r.bearer_auth(&token)) };
    let scoped = async |scope| tenant.key_with(scope, Some(&bot.id)).await.key;
    let mut all: BTreeMap<With, Sign> = BTreeMap::new();
    all.insert(With::None, Box::new(|r| r));
    let secret = tenant.key.clone();
    all.insert(
        With::WrongScheme,
        Box::new(move |r| r.header("Authorization", format!("Token {secret}"))),
    );
    let mut mistyped = tenant.key.clone();
    mistyped.replace_range(8..9, if &mistyped[8..9] == "x" { "y" } else { "x" });
    all.insert(With::Malformed, key(mistyped));
    all.insert(With::Expired, key(tenant.expired_key().await));
    all.insert(With::Revoked, key(tenant.revoked_key().await));
    let listed = tenant.key_for_origin("https://app.example.com").await;
    let wrong = move |r: RequestBuilder| {
        r.header("Authorization", format!("ApiKey {listed}"))
            .header("Origin", "https://evil.test")
    };
    all.insert(With::WrongOrigin, Box::new(wrong));
    all.insert(With::Full, key(tenant.key.clone()));
    all.insert(With::App, key(scoped(Scope::App).await));
    all.insert(With::Widget, key(scoped(Scope::Widget).await));
    all.insert(With::Routine, key(scoped(Scope::Routine).await));
    all.insert(With::Public, bearer(bot.public_token.clone()));
    for (with, role) in [
        (With::Viewer, Role::Viewer),
        (With::Agent, Role::Agent),
        (With::Admin, Role::Admin),
        (With::Owner, Role::Owner),
    ] {
        let person = Person::new().await;
        person.becomes(role).await;
        all.insert(with, bearer(person.token));
    }
    all
}

/// A path about the thing with this id: where it has several parameters, the id has as many parts.
fn filled(path: &str, id: &str) -> String {
    let mut ids: Vec<&str> = id.split('/').collect();
    let parts = path.split('/').map(|part| match part.starts_with('{') {
        true if ids.len() > 1 => ids.remove(0),
        true => ids[0],
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A request of the operation about the thing with this id.
fn request(tenant: &Tenant, operation: &Operation, names: Names, id: &str) -> RequestBuilder {
    let path = filled(&operation.path, id);
    // Sign-in is counted by address.
    let mut request = match path.starts_with("/api/v1/auth/") {
        true => tenant.somewhere().bare(operation.method.clone(), &path),
        false => tenant.bare(operation.method.clone(), &path),
    };
    if operation.path.starts_with("/api/ai/") {
        request = request
            .header("X-External-Org-Id", "acme")
            .header("X-External-User-Id", "ann")
            .header("X-External-Roles", "[]");
    }
    match (names, operation.has_body) {
        (N::BotInBody, _) if !id.is_empty() => request.json(&json!({"bot_id": id, "message": "Hello"})),
        (N::ApplicationInBody, _) if !id.is_empty() => request.json(&json!({"applicationId": id, "query": "Hello"})),
        (_, true) => request.json(&json!({"messages": [{"role": "user", "content": "Hello"}]})),
        (_, false) => request,
    }
}

#[test]
fn every_operation_refuses_whom_it_must_and_nobody_else() {
    run(async {
        let tenant = Tenant::new().await;
        let credentials = credentials().await;
        let mut wrong = Vec::new();
        for operation in operations() {
            let (needs, names) = row(&operation);
            let unknown = if matches!(names, N::BotInBody | N::ApplicationInBody) {
                ""
            } else {
                "0192f0c1-0000-7000-8000-000000000000"
            };
            for with in KINDS {
                let signed = credentials[&with](request(&tenant, &operation, names, unknown));
                let answer = signed.send().await.unwrap();
                let (status, expected) = (answer.status().as_u16(), expected(needs, with));
                let fine = match expected {
                    200 => status < 500 && !matches!(status, 401 | 403 | 405 | 429),
                    refused => status == refused,
                };
                if !fine || !has_headers(&answer, needs, status) {
                    let text = answer.text().await.unwrap();
                    wrong.push(format!(
                        "{} with {with:?}: {status} for {expected}: {text}",
                        operation.id
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// Who is counted is told how they stand; refusals can be read by every page.
fn has_headers(answer: &Response, needs: Needs, status: u16) -> bool {
    let has = |name: &str| answer.headers().contains_key(name);
    let readable = !matches!(status, 401 | 403) || answer.headers()["access-control-allow-origin"] == "*";
    // A question is counted when it is asked: one that cannot be understood is not.
    let counted = matches!(needs, Read | Work | Manage | App | Session) && status < 400;
    readable && has("x-request-id") && (!counted || (has("ratelimit") && has("ratelimit-policy")))
}

#[test]
fn the_document_says_where_a_publishable_token_will_do() {
    let document = document();
    let items = document["paths"].as_object().unwrap().values();
    for said in items.flat_map(|item| item.as_object().unwrap().values()) {
        let id = said["operationId"].as_str().unwrap();
        let (_, needs, _) = OPERATIONS.iter().find(|(known, ..)| *known == id).unwrap();
        let security = said["security"].as_array().unwrap();
        let listed = security.iter().any(|scheme| scheme.get("public_token").is_some());
        assert_eq!(listed, matches!(needs, Chat | Visit), "{id}");
    }
}

#[test]
fn no_row_is_about_an_operation_that_is_not_there() {
    let there: Vec<String> = operations().into_iter().map(|operation| operation.id).collect();
    for (id, ..) in OPERATIONS {
        assert!(there.iter().any(|there| there == id), "{id}");
    }
}

/// One thing of each kind that belongs to the tenant's default bot.
async fn things(tenant: &Tenant) -> Vec<(Names, String)> {
    let bot = tenant.bot().await.id;
    let made = async |path: &str, body: Value, status| {
        let made = tenant.send(Method::POST, path, body, status).await;
        made["id"].as_str().unwrap().to_owned()
    };
    let routines = format!("/api/agents/{bot}/routines");
    let routine = made(&routines, json!({"name": "R", "prompt": "Hello"}), 201).await;
    let run = tenant
        .send(Method::POST, &format!("{routines}/{routine}/run"), json!({}), 202)
        .await;
    let document = json!({"title": "Zoo", "text": "The zoo opens at nine.", "bot_id": bot});
    let conversation = tenant.user("acme", "ann", &[]).ask("Hello").await;
    let spare = made("/api/v1/bots", json!({"name": "Spare"}), 201).await;
    let erasure = expect(
        tenant
            .request(Method::DELETE, &format!("/api/v1/bots/{spare}"))
            .send()
            .await
            .unwrap(),
        202,
    )
    .await;
    let session = tenant
        .send(
            Method::POST,
            "/api/v1/chat",
            json!({"bot_id": bot, "message": "Hello"}),
            200,
        )
        .await;
    let thread = session["session_id"].as_str().unwrap().to_owned();
    let history = tenant.get(&format!("/api/v1/chat/history/{thread}")).await;
    let answer = history["messages"][1]["id"].as_str().unwrap().to_owned();
    let body = json!({"bot_id": bot, "url": "http://127.0.0.1:9/", "events": ["mention"]});
    let webhook = made("/api/v1/webhooks", body, 201).await;
    let test = format!("/api/v1/webhooks/{webhook}/test");
    let delivery = made(&test, json!({}), 200).await;
    vec![
        (N::Webhook, webhook),
        (N::Delivery, format!("{bot}/{delivery}")),
        (N::Thread, thread),
        (N::Answer, answer),
        (N::Document, made("/api/v1/documents", document, 201).await),
        (
            N::Folder,
            made("/api/v1/folders", json!({"name": "Animals", "bot_id": bot}), 201).await,
        ),
        (
            N::Conversation,
            conversation["conversationId"].as_str().unwrap().to_owned(),
        ),
        (
            N::Key,
            made(
                "/api/v1/keys",
                json!({"name": "k", "scope": "widget", "bot_id": bot}),
                201,
            )
            .await,
        ),
        (N::Erasure, erasure["id"].as_str().unwrap().to_owned()),
        (N::BotInBody, bot.to_string()),
        (N::ApplicationInBody, bot.to_string()),
        (N::Bot, bot.to_string()),
        (N::Routine, format!("{bot}/{routine}")),
        (N::Run, format!("{bot}/{routine}/{}", run["runId"].as_str().unwrap())),
    ]
}

#[test]
fn what_belongs_to_others_looks_as_if_it_had_never_been() {
    run(async {
        let tenant = Tenant::new().await;
        let things = things(&tenant).await;
        let (stranger, other_bot) = (Tenant::new().await, tenant.bound_key().await);
        let mut wrong = Vec::new();
        for operation in operations() {
            let (needs, names) = row(&operation);
            let Some((_, id)) = things.iter().find(|(kind, _)| *kind == names) else {
                continue;
            };
            for (who, caller) in [("another tenant", &stranger), ("another bot", &other_bot)] {
                let ask = async |id: &str| {
                    let request = request(caller, &operation, names, id);
                    let request = request.header("Authorization", format!("ApiKey {}", caller.key));
                    let answer = request.send().await.unwrap();
                    let status = answer.status().as_u16();
                    let mut body: Value = answer.json().await.unwrap_or_default();
                    body["request_id"] = Value::Null;
                    (status, body)
                };
                let (theirs, nobodys) = (ask(id).await, ask("0192f0c1-0000-7000-8000-000000000000").await);
                if theirs.0 != 404 || theirs != nobodys {
                    wrong.push(format!(
                        "{} ({needs:?}) by {who}: {theirs:?}, never made: {nobodys:?}",
                        operation.id
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
        // Nothing was harmed on the way.
        for (kind, id) in things {
            let path = match kind {
                N::Document => format!("/api/v1/documents/{id}"),
                N::Folder => format!("/api/v1/folders/{id}"),
                N::Bot => format!("/api/v1/bots/{id}"),
                _ => continue,
            };
            tenant.get(&path).await;
        }
    });
}
