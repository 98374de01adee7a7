//! A tenant with its key, and the end users of its partner.

use std::net::IpAddr;

use local::stack::Stack;
use reqwest::{Method, RequestBuilder, Response, StatusCode, multipart};
use serde_json::{Value, json};
use shared::{
    bots::Bot,
    ids::{BotId, TenantId},
    keys::{ApiKey, Scope, Secret},
    limits::RateLimits,
    store::Transaction,
    tenants,
};

use super::{people, stack, until};

/// A fresh tenant on the shared stack.
pub struct Tenant {
    /// Where its API answers.
    pub base: String,
    /// The secret of its full key.
    pub key: String,
    /// Its id.
    pub id: TenantId,
    http: reqwest::Client,
}

/// An end user of a tenant's partner.
pub struct User<'t> {
    tenant: &'t Tenant,
    org: String,
    user: String,
    roles: String,
}

impl Tenant {
    /// Makes one whose key may do as much as can be asked for.
    pub async fn new() -> Self {
        Self::with_limits(Some(RateLimits::HIGHEST)).await
    }

    /// Makes one that knows when a zoo opens and what a ticket costs.
    pub async fn zoo() -> Self {
        let tenant = Self::new().await;
        tenant
            .add("Zoo", "The zoo opens at nine. A ticket costs five euros.")
            .await;
        tenant
    }

    /// Makes one whose key has these rate limits.
    pub async fn with_limits(rate_limits: Option<RateLimits>) -> Self {
        Self::on(stack().await, rate_limits).await
    }

    /// Makes one on a stack of the test's own.
    pub async fn on(stack: &Stack, rate_limits: Option<RateLimits>) -> Self {
        let (secret, id) = (Secret::generate(), TenantId::new());
        tenants::seed(stack.app(), &id, "Test", &secret, rate_limits)
            .await
            .unwrap();
        Self {
            base: stack.base_url.clone(),
            key: secret.reveal().to_owned(),
            id,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Its default bot.
    pub async fn bot(&self) -> Bot {
        let app = stack().await.app();
        let tenant: Option<tenants::Tenant> = app.table.get(&tenants::Tenant::key(&self.id)).await.unwrap();
        let key = Bot::key(&self.id, &tenant.unwrap().default_bot);
        app.table.get(&key).await.unwrap().unwrap()
    }

    /// The same tenant through another key.
    pub async fn key_with(&self, scope: Scope, bot: Option<&BotId>) -> Self {
        let app = stack().await.app();
        let secret = Secret::generate();
        let key = ApiKey {
            bot: bot.cloned(),
            rate_limits: Some(RateLimits::HIGHEST),
            ..ApiKey::new(
                &self.id,
                &self.bot().await.id,
                "another",
                scope,
                &secret,
                app.clock.now(),
            )
        };
        let mut transaction = Transaction::default();
        key.create_in(&mut transaction).unwrap();
        app.table.transact(transaction).await.unwrap();
        self.with_key(secret.reveal())
    }

    /// The secret of a key that has ended.
    pub async fn expired_key(&self) -> String {
        let now = stack().await.app().clock.now();
        self.full_key(|key| key.expires = Some(now.plus(-1_000))).await
    }

    /// The secret of a full key for pages of one origin.
    pub async fn key_for_origin(&self, origin: &str) -> String {
        self.full_key(|key| key.allowed_origins = vec![origin.to_owned()]).await
    }

    /// The secret of a key that was deleted by the public door.
    pub async fn revoked_key(&self) -> String {
        let made = self
            .send(
                Method::POST,
                "/api/v1/keys",
                json!({"name": "gone", "scope": "full"}),
                201,
            )
            .await;
        let path = format!("/api/v1/keys/{}", made["id"].as_str().unwrap());
        expect(self.request(Method::DELETE, &path).send().await.unwrap(), 204).await;
        made["key"].as_str().unwrap().to_owned()
    }

    async fn full_key(&self, change: impl FnOnce(&mut ApiKey)) -> String {
        let app = stack().await.app();
        let secret = Secret::generate();
        let mut key = ApiKey::new(
            &self.id,
            &self.bot().await.id,
            "another",
            Scope::Full,
            &secret,
            app.clock.now(),
        );
        change(&mut key);
        let mut transaction = Transaction::default();
        key.create_in(&mut transaction).unwrap();
        app.table.transact(transaction).await.unwrap();
        secret.reveal().to_owned()
    }

    /// The same tenant from an address that nobody else has.
    pub fn somewhere(&self) -> Self {
        Self {
            http: people::elsewhere(),
            ..self.with_key(&self.key)
        }
    }

    /// The same tenant through a full key that is bound to a bot of its own.
    pub async fn bound_key(&self) -> Self {
        let app = stack().await.app();
        let bot = Bot::new(&self.id, "Second", app.clock.now());
        app.table.put(&bot).await.unwrap();
        self.key_with(Scope::Full, Some(&bot.id)).await
    }

    fn with_key(&self, key: &str) -> Self {
        Self {
            base: self.base.clone(),
            key: key.to_owned(),
            id: self.id.clone(),
            http: self.http.clone(),
        }
    }

    /// The same tenant from another address of this machine.
    pub fn at_address(&self, address: [u8; 4]) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .local_address(IpAddr::from(address));
        Self {
            http: client.build().unwrap(),
            ..self.with_key(&self.key)
        }
    }

    /// The same tenant through another key.
    pub fn keyed(&self, key: &Value) -> Self {
        Self {
            base: self.base.clone(),
            key: key.as_str().unwrap().to_owned(),
            id: self.id.clone(),
            http: self.http.clone(),
        }
    }

    /// The same tenant through a fresh key of this scope, bound to a bot, without narrow limits.
    pub async fn key_of(&self, scope: &str, bot: &Value) -> Self {
        let body = json!({"name": scope, "scope": scope, "bot_id": bot, "rate_limits": RateLimits::HIGHEST});
        self.keyed(&self.send(Method::POST, "/api/v1/keys", body, 201).await["key"])
    }

    /// The status that a harmless request gets.
    pub async fn status(&self) -> u16 {
        let sent = self.request(Method::GET, "/api/v1/bots?limit=1").send().await;
        sent.unwrap().status().as_u16()
    }

    /// A request with the tenant's key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path)
            .header("Authorization", format!("ApiKey {}", self.key))
    }

    /// A request without any credential.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends JSON, expects `status`, gives the answer.
    pub async fn send(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        expect(self.request(method, path).json(&body).send().await.unwrap(), status).await
    }

    /// Reads, expects 200.
    pub async fn get(&self, path: &str) -> Value {
        expect(self.request(Method::GET, path).send().await.unwrap(), 200).await
    }

    /// Adds a text and waits until answers see it; gives its id.
    pub async fn add(&self, title: &str, text: &str) -> String {
        self.add_with(json!({"title": title, "text": text})).await
    }

    /// Adds a document and waits until answers see it; gives its id.
    pub async fn add_with(&self, body: Value) -> String {
        let made = self.send(Method::POST, "/api/v1/documents", body, 201).await;
        let id = made["id"].as_str().unwrap().to_owned();
        self.ready(&id).await;
        id
    }

    /// Uploads a file by multipart; gives the answer.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>, fields: &[(&str, &str)]) -> Response {
        let mut form = multipart::Form::new().part("file", multipart::Part::bytes(bytes).file_name(name.to_owned()));
        for (field, value) in fields {
            form = form.text((*field).to_owned(), (*value).to_owned());
        }
        self.request(Method::POST, "/api/v1/documents")
            .multipart(form)
            .send()
            .await
            .unwrap()
    }

    /// Waits until a document's newest version is no longer on its way; gives the document.
    pub async fn settled(&self, id: &str) -> Value {
        until("a document to settle", async || {
            let document = self.get(&format!("/api/v1/documents/{id}")).await;
            matches!(document["status"].as_str(), Some("ready" | "failed")).then_some(document)
        })
        .await
    }

    /// Waits until a document is ready; gives it.
    pub async fn ready(&self, id: &str) -> Value {
        let document = self.settled(id).await;
        assert_eq!(document["status"], "ready", "{document}");
        document
    }

    /// An end user.
    pub fn user(&self, org: &str, user: &str, roles: &[&str]) -> User<'_> {
        User {
            tenant: self,
            org: org.to_owned(),
            user: user.to_owned(),
            roles: json!(roles).to_string(),
        }
    }
}

impl User<'_> {
    /// A request on this user's behalf.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.tenant
            .request(method, path)
            .header("X-External-Org-Id", &self.org)
            .header("X-External-User-Id", &self.user)
            .header("X-External-Roles", &self.roles)
    }

    /// Asks and expects an answer.
    pub async fn ask(&self, message: &str) -> Value {
        self.chat(json!({"message": message}), 200).await
    }

    /// `POST /api/ai/chat`, expecting `status`.
    pub async fn chat(&self, body: Value, status: u16) -> Value {
        expect(
            self.request(Method::POST, "/api/ai/chat")
                .json(&body)
                .send()
                .await
                .unwrap(),
            status,
        )
        .await
    }

    /// Reads, expecting `status`.
    pub async fn get(&self, path: &str, status: u16) -> Value {
        expect(self.request(Method::GET, path).send().await.unwrap(), status).await
    }
}

/// The JSON of an answer that must have this status; an error must have the one error body.
pub async fn expect(answer: Response, status: u16) -> Value {
    let got = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(got, StatusCode::from_u16(status).unwrap(), "{text}");
    if got == StatusCode::NO_CONTENT {
        return Value::Null;
    }
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    if !got.is_success() {
        assert!(
            body["error"].is_string() && body["code"].is_string() && body["request_id"].is_string(),
            "{body}"
        );
    }
    body
}
