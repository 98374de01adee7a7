//! The `docent` command, on the stack's table and parameters.

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
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

#[test]
fn a_restored_table_gives_back_what_is_lacking_and_nothing_else() {
    run(async {
        let stack = stack().await;
        let client = Client::new(stack.sdk());
        let names = ["kept", "restored"].map(|name| format!("{name}-{}", std::process::id()));
        for name in &names {
            let created = client
                .create_table()
                .table_name(name)
                .billing_mode(BillingMode::PayPerRequest);
            let [pk, sk] = ["pk", "sk"].map(|name| {
                let attribute = AttributeDefinition::builder().attribute_name(name);
                attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
            });
            let [hash, range] = [("pk", KeyType::Hash), ("sk", KeyType::Range)].map(|(name, kind)| {
                KeySchemaElement::builder()
                    .attribute_name(name)
                    .key_type(kind)
                    .build()
                    .unwrap()
            });
            let created = created.attribute_definitions(pk).attribute_definitions(sk);
            created.key_schema(hash).key_schema(range).send().await.unwrap();
        }
        let put = async |table: &str, sk: &str, value: &str| {
            let text = |value: &str| AttributeValue::S(value.to_owned());
            let put = client.put_item().table_name(table).item("pk", text("T#t"));
            put.item("sk", text(sk))
                .item("value", text(value))
                .send()
                .await
                .unwrap();
        };
        put(&names[0], "BOT#1", "new").await;
        for (sk, value) in [("BOT#1", "old"), ("BOT#2", "lost"), ("EVENT", "told long ago")] {
            put(&names[1], sk, value).await;
        }
        let line = ["docent", "admin", "fill", "--table", &names[0], "--from", &names[1]];
        assert_eq!(cli::execute(&line, stack.sdk()).await.unwrap(), "1 rows were put back.");
        let rows = client.scan().table_name(&names[0]).send().await.unwrap().items.unwrap();
        let mut values: Vec<&str> = rows.iter().map(|row| row["value"].as_s().unwrap().as_str()).collect();
        values.sort_unstable();
        assert_eq!(values, ["lost", "new"]);
        assert_eq!(cli::execute(&line, stack.sdk()).await.unwrap(), "0 rows were put back.");
    });
}
