//! A deleted bot is gone at once, and soon from every store, whatever happens on the way.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    access::Access,
    app::App,
    bots::{Bot, PublicToken},
    conversations::{self, Conversation, Owner, Total},
    documents::{self, Document},
    erasures::Erasure,
    events::Job,
    folders::Folder,
    ids::{BotId, ConversationId, DocumentId, FolderId, TenantId},
    keys::{self, Opened, Secret},
    routines::{self, Routine, Run},
    search::SearchQuery,
    store::{Query, Row},
};

use crate::support::{Tenant, expect, function_with, run, stack, until};

const QUESTION: &str = "How long is the bridge?";

/// A bot with something in every store.
struct Full {
    tenant: Tenant,
    bot: Value,
    id: BotId,
    bound: Tenant,
    folder: FolderId,
    shared_folder: String,
    documents: Vec<Document>,
    conversations: Vec<(ConversationId, Owner)>,
}

async fn app() -> &'static App {
    stack().await.app()
}

async fn full() -> Full {
    let tenant = Tenant::new().await;
    let bot = tenant
        .send(Method::POST, "/api/v1/bots", json!({"name": "Bot"}), 201)
        .await;
    let id = BotId::parse(bot["id"].as_str().unwrap()).unwrap();
    let bound = tenant.key_of("full", &bot["id"]).await;
    let folder = bound
        .send(Method::POST, "/api/v1/folders", json!({"name": "F"}), 201)
        .await["id"]
        .clone();
    let shared_folder = tenant
        .send(Method::POST, "/api/v1/folders", json!({"name": "S"}), 201)
        .await["id"]
        .clone();
    let text = "The bridge is four hundred metres long.";
    let mut documents = Vec::new();
    for body in [
        json!({"title": "Bridge", "text": text}),
        json!({"title": "Bridge in a folder", "text": text, "folder_id": folder}),
        json!({"title": "Bridge elsewhere", "text": text, "folder_id": shared_folder, "bot_id": bot["id"]}),
    ] {
        let added = tenant.add_with(merged(body, &bot["id"])).await;
        let key = Document::key(&tenant.id, &DocumentId::parse(added).unwrap());
        documents.push(app().await.table.get::<Document>(&key).await.unwrap().unwrap());
    }
    let routines = format!("/api/agents/{id}/routines");
    for (name, delete) in [("Stays", false), ("Goes before", true)] {
        let routine = json!({"name": name, "prompt": QUESTION, "schedule": "cron(0 9 1 1 ? 2199)"});
        let routine = bound.send(Method::POST, &routines, routine, 201).await;
        let path = format!("{routines}/{}", routine["id"].as_str().unwrap());
        let run = bound.send(Method::POST, &format!("{path}/run"), json!({}), 202).await;
        let run = format!("{path}/runs/{}", run["runId"].as_str().unwrap());
        until("a run to end", async || {
            (bound.get(&run).await["status"] == "succeeded").then_some(())
        })
        .await;
        if delete {
            bound.send(Method::DELETE, &path, json!({}), 204).await;
        }
    }
    let mut conversations = Vec::new();
    for user in ["u1", "u2"] {
        let answer = bound.user("acme", user, &[]).ask(QUESTION).await;
        assert_ne!(answer["citations"], json!([]));
        let conversation = ConversationId::parse(answer["conversationId"].as_str().unwrap()).unwrap();
        let key = Conversation::key(&tenant.id, &conversation);
        let row: Conversation = app().await.table.get(&key).await.unwrap().unwrap();
        conversations.push((conversation, row.owner));
    }
    Full {
        folder: FolderId::parse(folder.as_str().unwrap()).unwrap(),
        shared_folder: shared_folder.as_str().unwrap().to_owned(),
        tenant,
        bot,
        id,
        bound,
        documents,
        conversations,
    }
}

fn merged(mut body: Value, bot: &Value) -> Value {
    body["bot_id"] = bot.clone();
    body
}

impl Full {
    async fn done(&self, erasure: &str) -> Value {
        until("the erasure to be done", async || {
            let erasure = self.tenant.get(&format!("/api/v1/erasures/{erasure}")).await;
            assert_ne!(erasure["status"], "failed");
            (erasure["status"] == "done").then_some(erasure)
        })
        .await
    }

    /// Nothing is left in the table, the index and S3.
    async fn assert_gone(&self) {
        let (app, tenant) = (app().await, &self.tenant.id);
        assert!(
            app.table
                .get::<Bot>(&Bot::key(tenant, &self.id))
                .await
                .unwrap()
                .is_none()
        );
        let token = Secret::parse(self.bot["public_token"].as_str().unwrap()).unwrap();
        assert!(
            app.table
                .get::<PublicToken>(&PublicToken::key(&token.hash()))
                .await
                .unwrap()
                .is_none()
        );
        assert!(keys::of_bot(&app.table, tenant, &self.id).await.unwrap().is_empty());
        let secret = Secret::parse(&self.bound.key).unwrap();
        assert!(
            app.table
                .get::<Opened>(&Opened::key(&secret.hash()))
                .await
                .unwrap()
                .is_none()
        );
        for document in &self.documents {
            assert!(app.table.get::<Document>(&Row::key(document)).await.unwrap().is_none());
            assert!(app.blobs.get(&document.latest.blob).await.unwrap().is_none());
        }
        assert!(
            app.table
                .get::<Folder>(&Folder::key(tenant, &self.folder))
                .await
                .unwrap()
                .is_none()
        );
        for (conversation, owner) in &self.conversations {
            let partition = conversations::partition(tenant, conversation);
            assert!(
                app.table
                    .query_items(Query::whole(partition))
                    .await
                    .unwrap()
                    .items
                    .is_empty()
            );
            assert!(
                app.table
                    .get::<Total>(&owner.total_key(tenant))
                    .await
                    .unwrap()
                    .is_none()
            );
        }
        let page = app
            .table
            .index2_page::<Conversation>(&conversations::of_bot(tenant, &self.id), 10, None)
            .await;
        assert!(page.unwrap().items.is_empty());
        let page = app
            .table
            .index1_page::<Document>(&documents::of_bot(tenant, &self.id), 10, None)
            .await;
        assert!(page.unwrap().items.is_empty());
        let routines = routines::of_bot(tenant, &self.id);
        let routines = app.table.index1_page::<Routine>(&routines, 10, None).await;
        assert!(routines.unwrap().items.is_empty());
        let runs = routines::runs_of_bot(tenant, &self.id);
        let runs = app.table.index1_page::<Run>(&runs, 10, None).await;
        assert!(runs.unwrap().items.is_empty());
        let shared = self
            .tenant
            .get(&format!("/api/v1/folders/{}", self.shared_folder))
            .await;
        assert_eq!(
            shared["documents"],
            json!(0),
            "the other documents of a folder are still counted right"
        );
        assert_eq!(hits(app, tenant, &self.id).await, 0);
    }
}

async fn hits(app: &App, tenant: &TenantId, bot: &BotId) -> usize {
    let vector = app.models.embed_all(vec![QUESTION.to_owned()]).await.unwrap().remove(0);
    let query = SearchQuery {
        tenant,
        bot,
        text: QUESTION,
        context: None,
        vector: &vector,
        access: &Access::default(),
        documents: &[],
        folders: &[],
    };
    app.search.search(&query).await.unwrap().len()
}

fn message(tenant: &TenantId, erasure: &Erasure) -> SqsEvent {
    let job = Job::Erase {
        tenant: tenant.clone(),
        erasure: erasure.id.clone(),
    };
    let mut message = SqsMessage::default();
    message.message_id = Some("m".to_owned());
    message.body = serde_json::to_string(&job).ok();
    let mut event = SqsEvent::default();
    event.records.push(message);
    event
}

#[test]
fn a_deleted_bot_is_gone_from_every_store() {
    run(async {
        let full = full().await;
        let (tenant, app) = (&full.tenant, app().await);
        assert!(hits(app, &tenant.id, &full.id).await > 0);
        let widget = tenant.key_of("widget", &full.bot["id"]).await;
        let path = format!("/api/v1/bots/{}", full.id);
        let answer = tenant.request(Method::DELETE, &path).send().await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let erasure = expect(answer, 202).await;
        let id = erasure["id"].as_str().unwrap();
        assert_eq!(location, format!("/api/v1/erasures/{id}"));
        assert_eq!(
            (&erasure["what"], &erasure["bot_id"], &erasure["status"]),
            (&json!("bot"), &full.bot["id"], &json!("queued"))
        );

        tenant.send(Method::GET, &path, json!({}), 404).await;
        tenant.send(Method::DELETE, &path, json!({}), 404).await;
        assert_eq!((full.bound.status().await, widget.status().await), (401, 401));
        let token = full.bot["public_token"].as_str().unwrap();
        let public = tenant
            .bare(Method::GET, "/api/v1/bots")
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(public.status(), 401);

        // An answer that was under way is stored after the deletion.
        let (_, owner) = full.conversations[0].clone();
        let late = Conversation {
            id: ConversationId::new(),
            tenant: tenant.id.clone(),
            title: "Late".to_owned(),
            created_at: app.clock.now(),
            updated_at: app.clock.now(),
            message_count: 2,
            owner,
            person: None,
            preview: String::new(),
            status: conversations::Status::Open,
            archived_at: None,
            handoff: None,
            tokens: 0,
        };
        app.table.put(&late).await.unwrap();

        let done = full.done(id).await;
        assert_eq!(
            done["counts"],
            json!({"documents": 3, "folders": 1, "conversations": 3, "routines": 1, "runs": 2, "webhooks": 0, "deliveries": 0, "keys": 2}),
            "{done}"
        );
        assert!(done["finished_at"].is_string());
        full.assert_gone().await;
        assert!(app.table.get::<Conversation>(&Row::key(&late)).await.unwrap().is_none());
        let other = Tenant::new().await;
        other.send(Method::GET, &location, json!({}), 404).await;
    });
}

#[test]
fn an_erasure_that_is_broken_off_and_comes_twice_ends_the_same() {
    run(async {
        let full = full().await;
        let (tenant, app) = (&full.tenant.id, app().await);
        // A file that was promised and never came.
        let upload = json!({"filename": "a.txt", "content_type": "text/plain", "size": 3, "bot_id": full.id});
        full.tenant
            .send(Method::POST, "/api/v1/documents/uploads", upload, 201)
            .await;
        let bot: Bot = app.table.get(&Bot::key(tenant, &full.id)).await.unwrap().unwrap();
        let erasure = Erasure::of_bot(tenant, &full.id, 0, app.clock.now());
        app.table.put(&erasure).await.unwrap();
        app.table.delete(&Row::key(&bot)).await.unwrap();
        app.table.delete(&Row::key(&bot.public_row().unwrap())).await.unwrap();
        let long = app.clock.now().plus(900_000);
        let worker = &function_with("erase", &[]).await;

        let first = Row::key(&full.documents[0]);
        let begun = until("the first document to be gone", async || {
            app.table.get::<Document>(&first).await.unwrap().is_none().then_some(())
        });
        // Killed somewhere: what it was doing then is half done.
        tokio::select! {
            biased;
            () = begun => {}
            ended = erase::handle(worker, message(tenant, &erasure), long) => {
                assert!(ended.unwrap().batch_item_failures.is_empty());
            }
        }
        // Out of time from the beginning: it goes on in another invocation.
        let short = erase::handle(worker, message(tenant, &erasure), app.clock.now())
            .await
            .unwrap();
        assert!(short.batch_item_failures.is_empty());
        let (one, two) = futures::join!(
            erase::handle(worker, message(tenant, &erasure), long),
            erase::handle(worker, message(tenant, &erasure), long),
        );
        assert!(one.unwrap().batch_item_failures.is_empty() && two.unwrap().batch_item_failures.is_empty());

        let done = full.done(erasure.id.as_str()).await;
        full.assert_gone().await;
        let again = erase::handle(worker, message(tenant, &erasure), long).await.unwrap();
        assert!(again.batch_item_failures.is_empty());
        assert_eq!(full.tenant.get(&format!("/api/v1/erasures/{}", erasure.id)).await, done);
    });
}

#[test]
fn an_erasure_whose_index_is_away_comes_again() {
    run(async {
        let tenant = Tenant::new().await;
        let bot = tenant.bot().await;
        let id = tenant
            .add_with(json!({"title": "A", "text": "The bridge is long.", "bot_id": bot.id}))
            .await;
        let app = app().await;
        let erasure = Erasure::of_bot(&tenant.id, &bot.id, 0, app.clock.now());
        app.table.put(&erasure).await.unwrap();
        let until = app.clock.now().plus(900_000);
        let cut_off = function_with("erase", &[("OPENSEARCH_URL", "http://127.0.0.1:1")]).await;
        let answer = erase::handle(&cut_off, message(&tenant.id, &erasure), until)
            .await
            .unwrap();
        assert_eq!(answer.batch_item_failures.len(), 1);
        assert_eq!(tenant.get(&format!("/api/v1/documents/{id}")).await["id"], id);
    });
}
