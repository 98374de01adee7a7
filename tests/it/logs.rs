//! What the log says of requests and jobs, what it never says, and the metrics, which are lines of it.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Receiver, Tenant, expect,
    people::{PASSWORD, Person},
    run, until,
};

/// What the stack's functions wrote since the first of these tests began, those of other tests too.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The one that everything is written to from now on.
    fn begin() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let writer = log.clone();
            shared::telemetry::start("info", move || writer.clone());
            log
        });
        &LOG
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines that say this of a member. Every line is a JSON object.
    fn with(&self, member: &str, value: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line[member] == value).collect()
    }

    /// The lines of a request, once it has ended.
    async fn of_request(&self, id: &str) -> Vec<Value> {
        until("a request's line", async || {
            let lines = self.with("request_id", id);
            lines.iter().any(|line| line["message"] == "request").then_some(lines)
        })
        .await
    }

    /// The lines of jobs of a kind of a tenant, once there are some.
    async fn of_jobs(&self, tenant: &Tenant, kind: &str) -> Vec<Value> {
        until("a job's line", async || {
            let mut lines = self.with("tenant", tenant.id.as_str());
            lines.retain(|line| line["message"] == "job" && line["kind"] == kind);
            (!lines.is_empty()).then_some(lines)
        })
        .await
    }
}

/// The line of the request itself: the only one.
fn request(lines: &[Value]) -> &Value {
    let mut requests = lines.iter().filter(|line| line["message"] == "request");
    let request = requests.next().unwrap();
    assert!(requests.next().is_none(), "{lines:?}");
    request
}

#[test]
fn a_streamed_answer_is_one_line_and_its_metrics_are_what_usage_counts() {
    run(async {
        let log = Log::begin();
        let tenant = Tenant::zoo().await;
        let user = tenant.user("acme", "u1", &[]);
        let answer = user
            .request(Method::POST, "/api/ai/chat/stream")
            .json(&json!({"message": "When does the zoo open?"}))
            .send()
            .await
            .unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        answer.text().await.unwrap();
        let lines = log.of_request(&id).await;
        let bot = tenant.bot().await.id;
        for line in &lines {
            let whose = json!([line["tenant"], line["bot"], line["credential"]]);
            assert_eq!(whose, json!([tenant.id, bot, "full_key"]), "{line}");
        }
        let request = request(&lines);
        let said = json!([request["method"], request["route"], request["status"], request["cut"]]);
        assert_eq!(said, json!(["POST", "/api/ai/chat/stream", 200, null]));
        let milliseconds = |name: &str| request[name].as_f64().unwrap();
        assert!(milliseconds("first_piece_ms") <= milliseconds("duration_ms"));

        let usage = until("the answer to be counted", async || {
            let usage = tenant.get("/api/v1/usage").await["usage"].take();
            (usage["total_requests"] == 1).then_some(usage)
        })
        .await;
        let of = |operation: &str| {
            let lines = lines
                .iter()
                .filter(move |line| line["gen_ai.operation.name"] == operation);
            lines.cloned().collect::<Vec<_>>()
        };
        let tokens = |kind: &str| {
            let of_chat = of("chat");
            let mut lines = of_chat.iter().filter(|line| line["gen_ai.token.type"] == kind);
            (
                lines.next().unwrap()["gen_ai.client.token.usage"].clone(),
                lines.count(),
            )
        };
        assert_eq!(tokens("input"), (usage["total_input_tokens"].clone(), 0));
        assert_eq!(tokens("output"), (usage["total_output_tokens"].clone(), 0));
        let (called, embedded) = (&of("chat")[0], &of("embeddings")[0]);
        assert_eq!(called["_aws"]["CloudWatchMetrics"][0]["Namespace"], "docent/tests");
        assert_eq!(called["gen_ai.response.finish_reasons"], json!(["end_turn"]));
        assert!(called["gen_ai.client.operation.time_to_first_chunk"].is_number());
        assert!(embedded["gen_ai.client.operation.duration"].is_number() && embedded["gen_ai.usage.input_tokens"] != 0);
    });
}

#[test]
fn a_refused_request_says_why_and_whose_it_was() {
    run(async {
        let log = Log::begin();
        let tenant = Tenant::new().await;
        let absent = "/api/v1/documents/not-there?token=pk_never_written";
        let answer = expect(tenant.request(Method::GET, absent).send().await.unwrap(), 404).await;
        let lines = log.of_request(answer["request_id"].as_str().unwrap()).await;
        let request = request(&lines);
        let said = json!([request["route"], request["status"], request["error"], request["tenant"]]);
        assert_eq!(said, json!(["/api/v1/documents/{id}", 404, "not_found", tenant.id]));
        let stranger = expect(tenant.bare(Method::GET, "/api/v1/documents").send().await.unwrap(), 401).await;
        let lines = log.of_request(stranger["request_id"].as_str().unwrap()).await;
        assert_eq!(lines[0]["error"], "unauthorized");
        assert!(lines[0]["tenant"].is_null() && lines[0]["credential"].is_null());
        assert!(!log.text().contains("never_written"));
    });
}

#[test]
fn each_job_is_one_line_that_says_what_it_was_about() {
    run(async {
        let log = Log::begin();
        let tenant = Tenant::new().await;
        let id = tenant.add("Zoo", "The zoo opens at nine.").await;
        let jobs = log.of_jobs(&tenant, "ingest").await;
        assert_eq!((&jobs[0]["about"], &jobs[0]["outcome"]), (&json!(id), &json!("done")));
        assert!(jobs[0]["record"].is_string() && jobs[0]["duration_ms"].is_number());
        let events = log.of_jobs(&tenant, "kb_updated").await;
        assert!(events.iter().all(|line| line["about"].is_string()));
    });
}

#[test]
fn no_secret_no_address_and_nothing_that_was_said_is_in_any_line() {
    run(async {
        let log = Log::begin();
        let mut person = Person::new().await;
        person.moves();
        let wrong = json!({"email": person.email, "password": "a wrong pass phrase"});
        person.post("login", wrong, 401).await;
        let signed_in = person.login(json!({}), 200).await;
        person.hold(&signed_in);
        let code = person.code(1).await;
        let mut tenant = Tenant::new().await;
        let key = json!({"name": "Key of Ann", "scope": "full"});
        let made = tenant.send(Method::POST, "/api/v1/keys", key, 201).await;
        let first = std::mem::replace(&mut tenant.key, made["key"].as_str().unwrap().to_owned());
        let receiver = Receiver::new().await;
        let address = format!("{}?secret=of-the-address", receiver.url);
        let webhook = json!({"url": address, "events": ["new_message"]});
        let webhook = tenant.send(Method::POST, "/api/v1/webhooks", webhook, 201).await;
        tenant.add("Xylophones", "A xylophone lives in the quiet drawer.").await;
        let answer = tenant
            .user("acme", "u1", &[])
            .ask("Where does my xylophone live?")
            .await;
        receiver.hears(2).await;
        // Both deliveries are over once their worker has said so.
        until("deliveries to be over", async || {
            (log.of_jobs(&tenant, "deliver").await.len() >= 2).then_some(())
        })
        .await;
        assert!(!log.with("outcome", "delivered").is_empty());

        let text = log.text();
        assert!(text.contains(tenant.id.as_str()) && text.contains("/api/v1/auth/login"));
        let held = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let never = [
            PASSWORD.to_owned(),
            "a wrong pass phrase".to_owned(),
            person.email.clone(),
            person.token.clone(),
            person.refresh.clone(),
            code,
            first,
            tenant.key.clone(),
            held(&webhook, "secret"),
            "of-the-address".to_owned(),
            "my xylophone".to_owned(),
            "quiet drawer".to_owned(),
            held(&answer, "content"),
        ];
        for secret in never {
            assert!(secret.len() >= 8 && !text.contains(&secret), "{secret}");
        }
    });
}
