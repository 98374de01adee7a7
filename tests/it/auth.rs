//! Signing up and in, through the gateway.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    codes::{self, Purpose},
    ids::EventId,
    logins::Email,
    secrets::Secrets,
    tokens::{PublicKey, SigningKey},
};

use crate::support::{
    expect,
    people::{PASSWORD, Person, elsewhere, fresh_email, parameters, totp},
    run, stack,
};

/// An error body without what differs from request to request.
fn plain(mut body: Value) -> Value {
    body.as_object_mut().unwrap().remove("request_id").unwrap();
    body
}

async fn now() -> i64 {
    stack().await.app().clock.now().second()
}

/// A code that is not `code`.
fn other_than(code: &str) -> &'static str {
    if code == "AAAAAAAA" { "BBBBBBBB" } else { "AAAAAAAA" }
}

#[test]
fn a_member_registers_signs_in_refreshes_and_signs_out() {
    run(async {
        let mut ann = Person::stranger().await;
        let body = json!({"email": format!(" {} ", ann.email.to_uppercase()), "password": PASSWORD, "name": " Ann ", "organization": "Acme"});
        let made = ann.post("register", body, 201).await;
        assert_eq!(made["expires_in"], 900);
        assert_eq!(made["refresh_token"].as_str().unwrap().len(), 46);
        let user = &made["user"];
        assert_eq!((&user["email"], &user["name"]), (&json!(ann.email), &json!("Ann")));
        assert_eq!(
            (&user["role"], &user["organization"]["name"]),
            (&json!("owner"), &json!("Acme"))
        );
        assert_eq!(
            (&user["email_verified"], &user["totp_enabled"]),
            (&json!(false), &json!(false))
        );
        assert!(user["default_bot_id"].is_string() && user["created_at"].is_string());
        ann.hold(&made);
        assert_eq!(ann.me(200).await, *user);

        let again = ann.login(json!({}), 200).await;
        assert_eq!(again["user"], *user);
        ann.hold(&again);
        let spent = ann.refresh.clone();
        let next = ann.post("refresh", json!({"refresh_token": spent}), 200).await;
        assert_eq!(next["user"], *user);
        ann.hold(&next);
        ann.me(200).await;
        ann.post("logout", json!({"refresh_token": ann.refresh}), 204).await;
        let refused = ann.me(401).await;
        assert_eq!(refused["code"], "invalid_token");
        ann.moves();
        ann.post("refresh", json!({"refresh_token": ann.refresh}), 401).await;
        ann.post("logout", json!({"refresh_token": ann.refresh}), 204).await;
        ann.post("logout", json!({"refresh_token": "nonsense"}), 204).await;
        // The session of the registration is another one.
        ann.hold(&made);
        ann.me(200).await;
    });
}

#[test]
fn a_registration_makes_a_bot_that_its_member_may_use() {
    run(async {
        let ann = Person::new().await;
        let answer = elsewhere()
            .get(format!("{}/api/v1/documents", stack().await.base_url))
            .bearer_auth(&ann.token)
            .send()
            .await
            .unwrap();
        assert_eq!(expect(answer, 200).await["data"], json!([]));
        let partner = elsewhere()
            .get(format!("{}/api/ai/conversations", stack().await.base_url))
            .bearer_auth(&ann.token)
            .send()
            .await
            .unwrap();
        expect(partner, 403).await;
    });
}

#[test]
fn a_spent_refresh_token_that_comes_back_ends_the_session() {
    run(async {
        let mut ann = Person::new().await;
        let stolen = ann.refresh.clone();
        let next = ann.post("refresh", json!({"refresh_token": stolen}), 200).await;
        ann.hold(&next);
        let refused = ann.post("refresh", json!({"refresh_token": stolen}), 401).await;
        assert_eq!(refused["code"], "invalid_refresh_token");
        ann.post("refresh", json!({"refresh_token": ann.refresh}), 401).await;
        ann.me(401).await;
    });
}

#[test]
fn of_two_refreshes_at_once_one_wins_and_the_session_ends() {
    run(async {
        let ann = Person::new().await;
        let body = json!({"refresh_token": ann.refresh});
        let (one, two) = tokio::join!(
            ann.try_post("refresh", body.clone()),
            ann.try_post("refresh", body.clone())
        );
        let mut statuses = [one.status().as_u16(), two.status().as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        ann.me(401).await;
    });
}

#[test]
fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    run(async {
        let ann = Person::new().await;
        let wrong = ann.login(json!({"password": "wrong password"}), 401).await;
        let unknown = ann.login(json!({"email": fresh_email()}), 401).await;
        assert_eq!(plain(wrong.clone()), plain(unknown));
        assert_eq!(wrong["code"], "invalid_credentials");
    });
}

#[test]
fn bad_input_is_named_and_an_address_registers_once() {
    run(async {
        let mut ann = Person::stranger().await;
        let good = json!({"email": ann.email, "password": PASSWORD, "name": "Ann"});
        for (field, bad) in [
            ("email", json!("ann")),
            ("email", Value::Null),
            ("password", json!("short")),
            ("password", json!(ann.email)),
            ("name", json!(" ")),
            ("organization", json!("x".repeat(201))),
        ] {
            let mut body = good.clone();
            body[field] = bad;
            let refused = ann.post("register", body, 400).await;
            assert!(refused["fields"][field].is_string(), "{refused}");
            ann.moves();
            ann.email = fresh_email();
        }
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove("password");
        let refused = ann.post("register", body, 400).await;
        assert_eq!(refused["fields"]["password"], "is required");
        ann.moves();
        let made = ann
            .post(
                "register",
                json!({"email": ann.email, "password": PASSWORD, "name": "Ann"}),
                201,
            )
            .await;
        assert_eq!(made["user"]["organization"]["name"], "Ann");
        let taken = json!({"email": ann.email.to_uppercase(), "password": PASSWORD, "name": "Eve"});
        assert_eq!(ann.post("register", taken, 409).await["code"], "email_exists");
    });
}

#[test]
fn a_sixth_login_in_a_minute_is_too_many() {
    run(async {
        let mut ann = Person::stranger().await;
        let wrong = json!({"email": ann.email, "password": "wrong password"});
        // Sliding: what a minute's turn lets through is refused within the next five.
        let mut refused = None;
        for n in 1..=12 {
            let answer = ann.try_post("login", wrong.clone()).await;
            assert!(answer.headers().contains_key("ratelimit") && answer.headers().contains_key("ratelimit-policy"));
            assert!(
                answer.headers()["ratelimit-policy"]
                    .to_str()
                    .unwrap()
                    .contains("\"auth\";q=5;w=60")
            );
            if answer.status() == 429 {
                assert!(n > 5, "refused at {n}");
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.expect("never refused");
        let wait: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=120).contains(&wait));
        assert_eq!(expect(refused, 429).await["error"], "Rate limit exceeded");
        // The address is counted, whoever it asks for,
        ann.post(
            "login",
            json!({"email": fresh_email(), "password": "wrong password"}),
            429,
        )
        .await;
        // and the e-mail address, wherever from.
        ann.moves();
        ann.post("login", wrong, 429).await;
        ann.post(
            "login",
            json!({"email": fresh_email(), "password": "wrong password"}),
            401,
        )
        .await;
    });
}

#[test]
fn an_address_is_proved_by_the_code_that_was_sent_there_once() {
    run(async {
        let mut ann = Person::new().await;
        let code = ann.code(1).await;
        let mail = &ann.mails(1).await[0];
        assert_eq!(mail["from"], "docent@localhost");
        assert!(mail["html"].as_str().unwrap().contains(&code));
        let body = |code: &str| json!({"email": ann.email, "code": code});
        let wrong = ann.post("verify-email", body(other_than(&code)), 400).await;
        let nobody = ann
            .post("verify-email", json!({"email": fresh_email(), "code": code}), 400)
            .await;
        assert_eq!(plain(wrong.clone()), plain(nobody));
        assert!(wrong["fields"]["code"].is_string());
        // A code of one purpose is none of another.
        let reset = json!({"email": ann.email, "code": code, "password": "another password"});
        ann.post("reset-password", reset, 400).await;
        let typed = format!("{}-{}", code[..4].to_lowercase(), &code[4..]);
        let proved = ann.post("verify-email", body(&typed), 200).await;
        assert_eq!(proved, json!({"email_verified": true}));
        let body = body(&code);
        ann.moves();
        ann.post("verify-email", body, 400).await;
        assert_eq!(ann.me(200).await["email_verified"], true);
    });
}

#[test]
fn a_code_is_tried_five_times() {
    run(async {
        let mut ann = Person::new().await;
        let code = ann.code(1).await;
        let app = stack().await.app();
        let email = Email::parse(&ann.email).unwrap();
        for _ in 0..5 {
            assert!(
                codes::redeem(app, Purpose::VerifyEmail, &email, other_than(&code))
                    .await
                    .is_err()
            );
        }
        ann.post("verify-email", json!({"email": ann.email, "code": code}), 400)
            .await;
        ann.moves();
        // Another code has five tries of its own, but a day has ten wrong ones.
        assert_eq!(
            ann.post("verify-email/resend", json!({"email": ann.email}), 202).await["message"],
            "If this address has an account, a code is on its way to it"
        );
        let second = ann.code(2).await;
        for _ in 0..4 {
            assert!(
                codes::redeem(app, Purpose::VerifyEmail, &email, other_than(&second))
                    .await
                    .is_err()
            );
        }
        assert!(
            codes::redeem(app, Purpose::VerifyEmail, &email, &second).await.is_err(),
            "the eleventh of a day"
        );
    });
}

#[test]
fn a_code_expires_and_an_account_has_five_an_hour() {
    run(async {
        let mut app = stack().await.app().clone();
        let start = app.clock.now();
        app.clock = shared::clock::Clock::fixed(start.to_string().parse().unwrap());
        let after = |minutes: i64| app.clock.set(start.plus(minutes * 60_000).to_string().parse().unwrap());
        let email = Email::parse(&fresh_email()).unwrap();
        let issue = async || {
            codes::issue(&app, Purpose::ResetPassword, &email, &EventId::new())
                .await
                .unwrap()
        };
        let first = issue().await.unwrap();
        after(14);
        assert!(
            codes::redeem(&app, Purpose::ResetPassword, &email, &first)
                .await
                .is_ok()
        );
        after(15);
        assert!(
            codes::redeem(&app, Purpose::ResetPassword, &email, &first)
                .await
                .is_err()
        );
        let second = issue().await.unwrap();
        let third = issue().await.unwrap();
        assert!(
            codes::redeem(&app, Purpose::ResetPassword, &email, &second)
                .await
                .is_err(),
            "replaced"
        );
        assert!(
            codes::redeem(&app, Purpose::ResetPassword, &email, &third)
                .await
                .is_ok()
        );
        assert!(issue().await.is_some() && issue().await.is_some());
        assert!(issue().await.is_none(), "the sixth");
        after(60);
        assert!(issue().await.is_some());
    });
}

#[test]
fn an_event_that_comes_again_sends_no_second_code() {
    run(async {
        let app = stack().await.app();
        let email = Email::parse(&fresh_email()).unwrap();
        let event = EventId::new();
        let issue = async || codes::issue(app, Purpose::ResetPassword, &email, &event).await.unwrap();
        let begun = issue().await.unwrap();
        assert_ne!(issue().await.unwrap(), begun, "not sent, so made anew");
        codes::sent(&app.table, &email, &event).await.unwrap();
        assert_eq!(issue().await, None);
    });
}

#[test]
fn a_forgotten_password_is_reset_and_every_session_ends() {
    run(async {
        let mut ann = Person::new().await;
        ann.code(1).await;
        let known = ann.post("forgot-password", json!({"email": ann.email}), 202).await;
        let unknown = Person::stranger().await;
        let answer = ann.post("forgot-password", json!({"email": unknown.email}), 202).await;
        assert_eq!(known, answer);
        let code = ann.code(2).await;
        let body = json!({"email": ann.email, "code": code, "password": "another password"});
        ann.post("reset-password", body, 204).await;
        ann.me(401).await;
        ann.moves();
        ann.post("refresh", json!({"refresh_token": ann.refresh}), 401).await;
        let email = Email::parse(&ann.email).unwrap();
        let again = codes::redeem(stack().await.app(), Purpose::ResetPassword, &email, &code).await;
        assert!(again.is_err(), "used up");
        assert_eq!(ann.login(json!({}), 401).await["code"], "invalid_credentials");
        let signed_in = ann.login(json!({"password": "another password"}), 200).await;
        ann.hold(&signed_in);
        assert_eq!(ann.me(200).await["email_verified"], true);
        assert!(unknown.mails(0).await.is_empty());
    });
}

#[test]
fn the_second_factor_is_asked_for_from_its_first_code_on() {
    run(async {
        let mut ann = Person::new().await;
        let verify = json!({"code": "123456"});
        let none = ann.signed(Method::POST, "totp/verify", verify.clone(), 409).await;
        assert_eq!(none["code"], "totp_not_set_up");
        let setup = ann.signed(Method::POST, "totp/setup", json!({}), 200).await;
        let url = setup["otpauth_url"].as_str().unwrap();
        assert!(url.starts_with("otpauth://totp/docent:") && url.contains(setup["secret"].as_str().unwrap()));
        assert!(setup["qr_png_base64"].as_str().unwrap().starts_with("iVBOR"), "a PNG");
        ann.moves();
        // Not yet verified: not asked for, and set up anew as often as one likes.
        ann.login(json!({}), 200).await;
        // The e-mail address has one request of this minute left.
        assert_eq!(ann.me(200).await["totp_enabled"], false);
    });
}

#[test]
fn a_second_factor_is_due_once_it_is_on() {
    run(async {
        let mut ann = Person::new().await;
        let step = now().await;
        let (secret, _) = ann.turn_totp_on(step - 30).await;
        assert_eq!(ann.me(200).await["totp_enabled"], true);
        ann.moves();
        assert_eq!(ann.login(json!({}), 401).await["code"], "totp_required");
        let code = totp(&secret, now().await);
        let signed_in = ann.login(json!({"totp_code": code}), 200).await;
        assert_eq!(signed_in["user"]["totp_enabled"], true);
        ann.hold(&signed_in);
        ann.me(200).await;
    });
}

#[test]
fn a_code_of_the_app_is_good_once_also_for_two_at_once() {
    run(async {
        let mut ann = Person::new().await;
        let (secret, _) = ann.turn_totp_on(now().await - 30).await;
        ann.moves();
        let body = json!({"email": ann.email, "password": PASSWORD, "totp_code": totp(&secret, now().await)});
        let (one, two) = tokio::join!(ann.try_post("login", body.clone()), ann.try_post("login", body.clone()));
        let mut statuses = [one.status().as_u16(), two.status().as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
    });
}

#[test]
fn a_code_that_was_used_and_a_wrong_password_open_nothing() {
    run(async {
        let mut ann = Person::new().await;
        let used = now().await;
        let (secret, recovery) = ann.turn_totp_on(used).await;
        ann.moves();
        let replayed = ann.login(json!({"totp_code": totp(&secret, used)}), 401).await;
        assert_eq!(replayed["code"], "invalid_credentials");
        let wrong = json!({"password": "wrong password", "recovery_code": recovery[0]});
        let wrong = ann.login(wrong, 401).await;
        assert_eq!(plain(wrong), plain(replayed));
    });
}

#[test]
fn a_recovery_code_signs_in_once() {
    run(async {
        let mut ann = Person::new().await;
        let (_, recovery) = ann.turn_totp_on(now().await).await;
        assert_eq!(recovery.len(), 10);
        ann.moves();
        ann.login(json!({"recovery_code": recovery[0].to_lowercase()}), 200)
            .await;
        ann.login(json!({"recovery_code": recovery[0]}), 401).await;
    });
}

#[test]
fn the_second_factor_is_turned_off_with_both_factors() {
    run(async {
        let mut ann = Person::new().await;
        let (_, recovery) = ann.turn_totp_on(now().await).await;
        ann.moves();
        let wrong = json!({"password": "wrong password", "code": recovery[0]});
        assert_eq!(
            ann.signed(Method::DELETE, "totp", wrong, 401).await["code"],
            "invalid_credentials"
        );
        let right = json!({"password": PASSWORD, "code": recovery[0]});
        ann.signed(Method::DELETE, "totp", right, 204).await;
        assert_eq!(ann.me(200).await["totp_enabled"], false);
    });
}

#[test]
fn tokens_that_we_did_not_sign_are_refused() {
    run(async {
        let mut ann = Person::new().await;
        let app = stack().await.app();
        let parts: Vec<String> = ann.token.split('.').map(str::to_owned).collect();
        let (stranger, _) = SigningKey::generate().unwrap();
        let claims = shared::tokens::verify(app, &ann.token).await.unwrap().unwrap();
        let header: Value = serde_json::from_slice(&decoded(&parts[0])).unwrap();
        assert_eq!(header["alg"], "EdDSA");
        let kid = header["kid"].as_str().unwrap().to_owned();
        let key: PublicKey = app.table.get(&PublicKey::key(&kid)).await.unwrap().unwrap();
        let symmetric = Header {
            kid: Some(kid.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let payload: Value = serde_json::from_slice(&decoded(&parts[1])).unwrap();
        let tampered = encoded(&json!({"alg": "EdDSA", "kid": kid, "typ": "JWT"}));
        let mut owner = payload.clone();
        owner["sub"] = json!(shared::ids::fresh());
        for token in [
            // by another key,
            stranger.sign(&claims, app.clock.now()).unwrap(),
            // not at all,
            format!("{}.{}.", encoded(&json!({"alg": "none", "kid": kid})), parts[1]),
            // with the public key as a shared secret,
            jsonwebtoken::encode(&symmetric, &payload, &EncodingKey::from_secret(key.public.as_bytes())).unwrap(),
            // for somebody else,
            format!("{tampered}.{}.{}", encoded(&owner), parts[2]),
            // with a signature that lacks its end,
            ann.token[..ann.token.len() - 4].to_owned(),
            // or what is no token.
            "nonsense".to_owned(),
            "..".to_owned(),
        ] {
            ann.token = token;
            assert_eq!(ann.me(401).await["code"], "invalid_token", "{}", ann.token);
        }
    });
}

fn decoded(part: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

fn encoded(value: &Value) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn where_registration_is_closed_nobody_registers() {
    run(async {
        let stack = stack().await;
        let mut app = stack.app().clone();
        app.open_registration = false;
        let router = auth::router(app, Secrets::new(&parameters("closed"), stack.sdk()).unwrap());
        let body = json!({"email": fresh_email(), "password": PASSWORD, "name": "Ann"}).to_string();
        let request = http::Request::post("/api/v1/auth/register")
            .body(axum::body::Body::from(body))
            .unwrap();
        let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
        assert_eq!(answer.status(), 403);
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], "registration_closed");
    });
}
