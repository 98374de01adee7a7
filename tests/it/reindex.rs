//! The index, written again: into one for another embedding model, or where it was lost.

use std::{collections::BTreeSet, path::Path};

use local::stack::Stack;
use reqwest::Method;
use serde_json::json;
use shared::{
    access::Access,
    documents::Document,
    events::EventType,
    ids::{BotId, DocumentId},
    limits::RateLimits,
    search::SearchQuery,
};

use crate::support::{Tenant, events_in, expect, folder, options, rows_of, run, until};

/// What every document of the test is about.
const QUAY: &str = "What happens at the quay?";

/// Starts the stack on the same data as before.
async fn start(data: &Path, parameters: &[(&str, &str)]) -> Stack {
    let mut options = options("reindexed");
    options.data = data.to_owned();
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    options.parameters.extend(parameters);
    Stack::start(options).await.unwrap()
}

async fn reindex(stack: &Stack) {
    let line = ["docent", "admin", "reindex", "--table", &table()];
    let said = cli::execute(&line, stack.sdk()).await.unwrap();
    assert!(said.contains("documents will be written"), "{said}");
}

fn table() -> String {
    format!("docent-reindexed-{}", std::process::id())
}

/// The documents that a search of the present index finds.
async fn found(tenant: &Tenant) -> BTreeSet<String> {
    let answer = tenant
        .send(Method::POST, "/api/search", json!({"query": QUAY}), 200)
        .await;
    let results = answer["results"].as_array().unwrap().iter();
    results
        .map(|result| result["documentId"].as_str().unwrap().to_owned())
        .collect()
}

/// The documents that a search of the next index finds.
async fn found_next(stack: &Stack, tenant: &Tenant) -> BTreeSet<String> {
    let app = stack.app();
    let vector = app.models.next().unwrap().embed(QUAY).await.unwrap();
    let query = SearchQuery {
        tenant: &tenant.id,
        bot: &BotId::new(),
        text: QUAY,
        context: None,
        vector: &vector,
        access: &Access::default(),
        documents: &[],
        folders: &[],
    };
    let hits = app.search.next().unwrap().search(&query).await.unwrap();
    hits.into_iter().map(|hit| hit.chunk.document).collect()
}

#[test]
fn another_embedding_model_comes_without_a_pause_and_a_lost_index_comes_back() {
    run(async {
        let data = folder("reindex");
        let first = start(&data, &[]).await;
        let mut tenant = Tenant::on(&first, Some(RateLimits::HIGHEST)).await;
        let tides = tenant.add("Tides", "High water comes to the quay twice a day.").await;
        let gulls = tenant.add("Gulls", "Gulls steal chips at the quay.").await;
        first.shutdown().await;

        let next = [
            ("NextEmbeddingModelId", "offline-next"),
            ("NextEmbeddingDimensions", "256"),
        ];
        let second = start(&data, &next).await;
        tenant.base.clone_from(&second.base_url);
        let ferries = tenant.add("Ferries", "Ferries leave the quay at noon.").await;
        let all = BTreeSet::from([tides.clone(), gulls.clone(), ferries.clone()]);
        let left = BTreeSet::from([tides.clone(), ferries.clone()]);
        assert_eq!(
            found_next(&second, &tenant).await,
            BTreeSet::from([ferries.clone()]),
            "both from now on"
        );
        reindex(&second).await;
        until("all of them in the next index", async || {
            assert_eq!(found(&tenant).await, all, "searches go on in the present one");
            (found_next(&second, &tenant).await == all).then_some(())
        })
        .await;
        expect(
            tenant
                .request(Method::DELETE, &format!("/api/v1/documents/{gulls}"))
                .send()
                .await
                .unwrap(),
            204,
        )
        .await;
        until("the deleted one gone from both", async || {
            let gone = found_next(&second, &tenant).await == left && found(&tenant).await == left;
            gone.then_some(())
        })
        .await;
        let events = events_in(rows_of(second.sdk(), &table(), &tenant.id).await);
        let asked: Vec<_> = events
            .iter()
            .filter(|event| event.kind == EventType::ReindexRequested)
            .collect();
        assert!(
            asked.len() == 1 && asked[0].told().unwrap().is_empty(),
            "webhooks hear nothing of it"
        );
        second.shutdown().await;

        let third = start(
            &data,
            &[("EmbeddingModelId", "offline-next"), ("EmbeddingDimensions", "256")],
        )
        .await;
        tenant.base.clone_from(&third.base_url);
        assert_eq!(found(&tenant).await, left);
        let (app, id) = (third.app(), DocumentId::parse(tides.as_str()).unwrap());
        let lost: Document = app.table.get(&Document::key(&tenant.id, &id)).await.unwrap().unwrap();
        let lost = lost.current.unwrap();
        app.search
            .drop_version(&tenant.id, &id, lost.n, lost.chunks)
            .await
            .unwrap();
        assert_eq!(found(&tenant).await, BTreeSet::from([ferries]));
        reindex(&third).await;
        until("the lost one", async || (found(&tenant).await == left).then_some(())).await;
        third.shutdown().await;
    });
}
