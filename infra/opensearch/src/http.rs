//! The routes. Each handler reads its request, does the work off the serving threads, and answers in JSON.

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, body::Bytes};
use serde_json::{Value, json};

use crate::bulk::bulk;
use crate::error::Error;
use crate::node::{Node, blocking};
use crate::object::parse;
use crate::search;

/// Largest request in bytes (`http.max_content_length`).
const LARGEST_BODY: usize = 100 * 1024 * 1024;

/// The version whose behaviour this server follows.
const VERSION: &str = "3.6.0";

type Answer = Result<Json<Value>, Error>;

/// The HTTP interface of a node; bind it to a listener of your own.
pub fn router(node: Node) -> Router {
    Router::new()
        .route("/", get(information))
        .route("/_cluster/health", get(health))
        .route("/_bulk", post(write_bulk).put(write_bulk))
        .route("/_msearch", post(search_many).get(search_many))
        .route("/_aliases", post(update_aliases))
        .route("/_alias/{alias}", get(show_alias))
        .route("/{index}", put(create_index).head(check_index).delete(delete_index))
        .route("/{index}/_search", post(search_index).get(search_index))
        .route("/{index}/_count", post(count_documents).get(count_documents))
        .route("/{index}/_refresh", post(refresh_index).get(refresh_index))
        .fallback(no_handler)
        .method_not_allowed_fallback(no_handler)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(node)
}

/// `GET /`
async fn information() -> Json<Value> {
    Json(json!({
        "name": "local",
        "cluster_name": "local",
        "version": {"distribution": "opensearch", "number": VERSION},
        "tagline": "The OpenSearch Project: https://opensearch.org/",
    }))
}

/// `GET /_cluster/health`
async fn health() -> Json<Value> {
    Json(
        json!({"cluster_name": "local", "status": "green", "timed_out": false, "number_of_nodes": 1, "number_of_data_nodes": 1}),
    )
}

/// `POST /_bulk`. `refresh` needs no attention: a write is visible when it is acknowledged.
async fn write_bulk(State(node): State<Node>, body: Bytes) -> Answer {
    blocking(move || bulk(&node, &body)).await.map(Json)
}

/// `POST /_msearch`
async fn search_many(State(node): State<Node>, body: Bytes) -> Answer {
    blocking(move || search::msearch(&node, &body)).await.map(Json)
}

/// `POST /{index}/_search`
async fn search_index(State(node): State<Node>, Path(index): Path<String>, body: Bytes) -> Answer {
    blocking(move || search::search(&node, &index, &parse(&body)?))
        .await
        .map(Json)
}

/// `POST /{index}/_count`
async fn count_documents(State(node): State<Node>, Path(index): Path<String>, body: Bytes) -> Answer {
    blocking(move || search::count(&node, &index, &parse(&body)?))
        .await
        .map(Json)
}

/// `POST /{index}/_refresh`
async fn refresh_index(State(node): State<Node>, Path(index): Path<String>) -> Answer {
    search::refresh(&node, &index).map(Json)
}

/// `PUT /{index}`
async fn create_index(State(node): State<Node>, Path(index): Path<String>, body: Bytes) -> Answer {
    let answer = json!({"acknowledged": true, "shards_acknowledged": true, "index": index});
    blocking(move || node.create(&index, parse(&body)?)).await?;
    Ok(Json(answer))
}

/// `HEAD /{index}`
async fn check_index(State(node): State<Node>, Path(index): Path<String>) -> StatusCode {
    if node.exists(&index) {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }
}

/// `DELETE /{index}`
async fn delete_index(State(node): State<Node>, Path(index): Path<String>) -> Answer {
    blocking(move || node.delete(&index)).await?;
    Ok(Json(json!({"acknowledged": true})))
}

/// `POST /_aliases`
async fn update_aliases(State(node): State<Node>, body: Bytes) -> Answer {
    blocking(move || node.update_aliases(&parse(&body)?)).await?;
    Ok(Json(json!({"acknowledged": true})))
}

/// `GET /_alias/{alias}`
async fn show_alias(State(node): State<Node>, Path(alias): Path<String>) -> Response {
    match node.alias(&alias) {
        Some(indices) => Json(indices).into_response(),
        None => {
            let body = json!({"error": format!("alias [{alias}] missing"), "status": 404});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
    }
}

async fn no_handler(method: Method, uri: Uri) -> Response {
    Error::argument(format!("no handler found for uri [{uri}] and method [{method}]")).into_response()
}
