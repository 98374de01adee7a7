//! The `docent` command, on the stack's table and parameters.

use serde_json::json;
use shared::{secrets::Secrets, tokens};

use crate::support::{
    people::{Person, fresh_email, parameters},
    run, stack,
};

#[test]
fn the_first_owner_is_made_and_signs_in() {
    run(async {
        let (stack, email) = (stack().await, fresh_email());
        let table = "docent-it-".to_owned() + &std::process::id().to_string();
        let line = [
            "docent",
            "admin",
            "create-owner",
            "--table",
            &table,
            "--email",
            &email,
            "--name",
            "Ann",
            "--organization",
            "Acme",
        ];
        let said = cli::execute(&line, stack.sdk()).await.unwrap();
        let password = said.rsplit(": ").next().unwrap();
        assert_eq!(password.len(), 20);
        let mut ann = Person::stranger().await;
        ann.email.clone_from(&email);
        let signed_in = ann.login(json!({"password": password}), 200).await;
        let user = &signed_in["user"];
        assert_eq!(
            (&user["role"], &user["email_verified"]),
            (&json!("owner"), &json!(true))
        );
        assert_eq!(user["organization"]["name"], "Acme");
        let again = cli::execute(&line, stack.sdk()).await.unwrap_err();
        assert_eq!(again.status().1, "email_exists");
    });
}

#[test]
fn a_rotated_key_signs_and_the_old_one_is_believed_unless_it_is_revoked() {
    run(async {
        let stack = stack().await;
        let mut app = stack.app().clone();
        app.clock = shared::clock::Clock::fixed(app.clock.now().to_string().parse().unwrap());
        let start = app.clock.now();
        let after = |app: &shared::app::App, minutes: i64| {
            app.clock.set(start.plus(minutes * 60_000).to_string().parse().unwrap());
        };
        let secrets = Secrets::new(&parameters("rotation"), stack.sdk()).unwrap();
        let claims = tokens::Claims {
            tenant: shared::ids::TenantId::new(),
            member: shared::ids::MemberId::new(),
            session: shared::ids::SessionId::new(),
        };
        let sign = async || {
            let key = secrets.signing_key(&app).await.unwrap();
            let token = key.sign(&claims, app.clock.now()).unwrap();
            (key.kid().to_owned(), token)
        };
        let believed = async |token: &str| tokens::verify(&app, token).await.unwrap() == Some(claims.clone());
        let (first, token) = sign().await;
        let table = "docent-it-".to_owned() + &std::process::id().to_string();
        let mut line = vec![
            "docent",
            "admin",
            "rotate-signing-key",
            "--table",
            &table,
            "--parameter",
            "/docent/rotation/signing-key",
        ];
        cli::execute(&line, stack.sdk()).await.unwrap();
        assert_eq!(sign().await.0, first, "a process goes on with it for five minutes");
        after(&app, 6);
        let (second, newer) = sign().await;
        assert_ne!(second, first);
        assert!(believed(&token).await && believed(&newer).await);
        line.push("--revoke-old");
        cli::execute(&line, stack.sdk()).await.unwrap();
        after(&app, 12);
        assert!(!believed(&newer).await, "revoked");
        let (third, newest) = sign().await;
        assert!(third != second && believed(&newest).await);
        line[6] = "/docent/mistyped/signing-key";
        let refused = cli::execute(&line, stack.sdk()).await.unwrap_err();
        assert!(refused.to_string().contains("parameter"), "{refused}");
    });
}
