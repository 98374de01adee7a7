//! People who sign up and in, each from an address of their own: sign-in is counted by address, and tests run at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use shared::{
    ids::{MemberId, TenantId},
    members::{Member, Role},
    store::Update,
};
use totp_rs::{Builder, Secret};

use super::{expect, stack, until};

/// The password of everybody, at first.
pub const PASSWORD: &str = "correct horse battery staple";

/// Somebody at an address.
pub struct Person {
    /// What they sign in with.
    pub email: String,
    /// Their access token.
    pub token: String,
    /// Their refresh token.
    pub refresh: String,
    base: String,
    http: reqwest::Client,
}

/// An HTTP client that comes from an address that no other has.
pub fn elsewhere() -> reqwest::Client {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed) + 2;
    let [_, b, c, d] = n.to_be_bytes();
    let address = Ipv4Addr::new(127, 77_u8.wrapping_add(b), c, d);
    let client = reqwest::Client::builder().no_proxy();
    client.local_address(IpAddr::V4(address)).build().unwrap()
}

/// An e-mail address that nobody else has.
pub fn fresh_email() -> String {
    format!("{}@example.com", shared::ids::fresh())
}

impl Person {
    /// Somebody who has not registered.
    pub async fn stranger() -> Self {
        Self {
            email: fresh_email(),
            token: String::new(),
            refresh: String::new(),
            base: stack().await.base_url.clone(),
            http: elsewhere(),
        }
    }

    /// Somebody who just registered.
    pub async fn new() -> Self {
        let mut person = Self::stranger().await;
        let body = json!({"email": person.email, "password": PASSWORD, "name": "Ann", "organization": "Acme"});
        let made = person.post("register", body, 201).await;
        person.hold(&made);
        // Whoever registers and signs in five times in a minute is one too many.
        person.moves();
        person
    }

    /// Gives them another role in their organisation.
    pub async fn becomes(&self, role: Role) {
        let me = self.me(200).await;
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        let tenant = TenantId::parse(id(&me["organization"]["id"])).unwrap();
        let member = MemberId::parse(id(&me["id"])).unwrap();
        let update = Update::at(Member::key(&tenant, &member)).set("role", &role).unwrap();
        assert!(stack().await.app().table.update(update).await.unwrap());
    }

    /// Goes to another address.
    pub fn moves(&mut self) {
        self.http = elsewhere();
    }

    /// Holds the tokens of an answer.
    pub fn hold(&mut self, answer: &Value) {
        self.token = answer["token"].as_str().unwrap().to_owned();
        self.refresh = answer["refresh_token"].as_str().unwrap().to_owned();
    }

    /// A request without a credential.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1/auth/{path}", self.base))
    }

    /// Posts without a credential.
    pub async fn try_post(&self, path: &str, body: Value) -> Response {
        self.bare(Method::POST, path).json(&body).send().await.unwrap()
    }

    /// Posts without a credential, expecting `status`.
    pub async fn post(&self, path: &str, body: Value, status: u16) -> Value {
        expect(self.try_post(path, body).await, status).await
    }

    /// Sends with the access token, expecting `status`.
    pub async fn signed(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        let request = self.bare(method, path).bearer_auth(&self.token).json(&body);
        expect(request.send().await.unwrap(), status).await
    }

    /// `GET /api/v1/auth/me`, expecting `status`.
    pub async fn me(&self, status: u16) -> Value {
        let request = self.bare(Method::GET, "me").bearer_auth(&self.token);
        expect(request.send().await.unwrap(), status).await
    }

    /// Signs in with the usual password and what else is stated, expecting `status`.
    pub async fn login(&self, more: Value, status: u16) -> Value {
        let mut body = json!({"email": self.email, "password": PASSWORD});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        self.post("login", body, status).await
    }

    /// The mails to this person, oldest first, once there are so many.
    pub async fn mails(&self, count: usize) -> Vec<Value> {
        until("mail", async || {
            let page = format!("{}/_local/mail?to={}", self.base, self.email);
            let found: Value = self.http.get(page).send().await.unwrap().json().await.unwrap();
            let mut mails = found["data"].as_array().unwrap().clone();
            mails.sort_by_key(|mail| mail["sent_at"].as_str().unwrap_or_default().to_owned());
            (mails.len() >= count).then_some(mails)
        })
        .await
    }

    /// The code of the mail with this number, from 1.
    pub async fn code(&self, number: usize) -> String {
        let mails = self.mails(number).await;
        let text = mails[number - 1]["text"].as_str().unwrap();
        let code = text
            .lines()
            .map(str::trim)
            .find(|line| line.len() == 8 && line.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
        code.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
    }

    /// Turns the second factor on with the code of `second`; gives the secret and the recovery codes.
    pub async fn turn_totp_on(&self, second: i64) -> (String, Vec<String>) {
        let setup = self.signed(Method::POST, "totp/setup", json!({}), 200).await;
        let secret = setup["secret"].as_str().unwrap().to_owned();
        let body = json!({"code": totp(&secret, second)});
        let on = self.signed(Method::POST, "totp/verify", body, 200).await;
        assert_eq!(on["enabled"], true);
        let codes = on["recovery_codes"].as_array().unwrap();
        (
            secret,
            codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect(),
        )
    }
}

/// The code of an authenticator app at a second.
pub fn totp(secret: &str, second: i64) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let app = Builder::new().with_secret(secret).build().unwrap();
    app.generate(u64::try_from(second).unwrap()).to_string()
}

/// The variables that name the secrets of a deployment of this name.
pub fn parameters(name: &str) -> HashMap<String, String> {
    let variable = |key: &str| {
        (
            format!("{key}_KEY_PARAMETER"),
            format!("/docent/{name}/{}-key", key.to_lowercase()),
        )
    };
    ["SIGNING", "SEALING"].map(variable).into()
}
