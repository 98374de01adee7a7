//! The same requests to this server and, when the environment names one in `OPENSEARCH_URL`, to a real OpenSearch:
//! statuses, kinds of errors, ids and scores must agree.

use serde_json::{Value, json};

use super::samples::{self, DIMENSION, Dice};
use super::{run, send};

const INDEX: &str = "conformance-1";
const ALIAS: &str = "conformance";
/// Allowed relative difference of scores.
const TOLERANCE: f64 = 0.02;

/// What was asked, and the part of the answer that must be the same everywhere.
type Transcript = Vec<(String, Value)>;

/// Plays all requests and writes down what matters of the answers.
async fn conformance(base_url: &str) -> Transcript {
    let mut transcript = Vec::new();
    send(base_url, "DELETE", &format!("/{INDEX}"), "").await;
    for (method, path, body) in steps() {
        let (status, answer) = send(base_url, method, &path, body.clone()).await;
        let short: String = body.chars().take(300).collect();
        transcript.push((format!("{method} {path} {short}"), essence(status, &answer)));
    }
    send(base_url, "DELETE", &format!("/{INDEX}"), "").await;
    transcript
}

type Step = (&'static str, String, String);

fn steps() -> Vec<Step> {
    let mut steps = administration();
    let searches = || scored().into_iter().chain(unscored());
    steps.extend(searches().map(one));
    steps.push(post(
        "/_msearch",
        searches().map(|search| pair(ALIAS, &search)).collect(),
    ));
    steps.push(post(
        "/_msearch",
        pair("nowhere", &json!({})) + &pair(INDEX, &json!({"size": 0})),
    ));
    for search in unreadable() {
        steps.push(post("/_msearch", pair(ALIAS, &json!({})) + &pair(ALIAS, &search)));
        steps.push(one(search));
    }
    let none = json!({"vector": Dice(5).vector(DIMENSION), "k": 0});
    steps.push(one(json!({"query": {"knn": {"vector": none}}})));
    steps.push(post("/_bulk?refresh=true", changes()));
    steps.push(post(&format!("/{ALIAS}/_refresh"), String::new()));
    steps.push(post("/nowhere/_refresh", String::new()));
    steps.extend(unscored().into_iter().map(one));
    for query in [
        json!({"match_all": {}}),
        json!({"terms": {"tenant": ["t0", "t2"]}}),
        json!({"exists": {"field": "title"}}),
    ] {
        let count = json!({"query": query}).to_string();
        steps.push(post(&format!("/{INDEX}/_count"), count));
    }
    steps
}

/// Making the index and its alias, the documents, and requests that are refused.
fn administration() -> Vec<Step> {
    let create = samples::index(DIMENSION).to_string();
    let aliases = |verb: &str, index: &str, alias: &str| {
        let action = json!({verb: {"index": index, "alias": alias}});
        post("/_aliases", json!({"actions": [action]}).to_string())
    };
    let nothing = String::new;
    vec![
        ("HEAD", format!("/{INDEX}"), nothing()),
        ("POST", format!("/{INDEX}/_search"), nothing()),
        ("PUT", format!("/{INDEX}"), create.clone()),
        ("PUT", format!("/{INDEX}"), create),
        ("PUT", "/Upper".into(), nothing()),
        ("HEAD", format!("/{INDEX}"), nothing()),
        ("GET", format!("/_alias/{ALIAS}"), nothing()),
        aliases("add", INDEX, ALIAS),
        aliases("remove", INDEX, "other"),
        aliases("add", "nowhere", ALIAS),
        ("GET", format!("/_alias/{ALIAS}"), nothing()),
        ("HEAD", format!("/{ALIAS}"), nothing()),
        ("DELETE", format!("/{ALIAS}"), nothing()),
        post("/_bulk?refresh=true", samples::bulk(INDEX, 0..150)),
        post("/_bulk?refresh=wait_for", odd_writes()),
        post("/_bulk", "{\"index\":{\"_index\":\"x\",\"_id\":\"1\"}}".into()),
        post("/_bulk", "{\"frobnicate\":{\"_index\":\"x\"}}\n{}\n".into()),
    ]
}

fn post(path: &str, body: String) -> Step {
    ("POST", path.to_owned(), body)
}

fn one(search: Value) -> Step {
    post(&format!("/{ALIAS}/_search"), search.to_string())
}

fn pair(index: &str, search: &Value) -> String {
    format!("{}\n{search}\n", json!({"index": index}))
}

/// Writes that are refused or find nothing.
fn odd_writes() -> String {
    let at = |verb: &str, id: &str| json!({verb: {"_index": INDEX, "_id": id}});
    let lines = [
        at("index", "x1"),
        json!({"tenant": "t0", "colour": "red"}),
        at("index", "x2"),
        json!({"tenant": "t0", "vector": [1, 2]}),
        at("index", "x3"),
        json!({"tenant": "t0", "vector": vec![0; DIMENSION]}),
        at("index", "x4"),
        json!({"n": "many"}),
        at("index", "x5"),
        json!({"n": 3_000_000_000_u64}),
        at("index", "x6"),
        json!({"hidden": "perhaps"}),
        at("index", "x7"),
        json!({"title": {"a": 1}}),
        at("update", "x8"),
        json!({"doc": {"n": 1}}),
        at("update", "3"),
        json!({"doc": {"n": 3}}),
        at("update", "3"),
        json!({"doc": {"colour": "red"}}),
        at("delete", "x9"),
    ];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Writes that change documents: scores by BM25 are not compared afterwards, because what was deleted counts until it is merged away.
fn changes() -> String {
    let at = |verb: &str, id: &str| json!({verb: {"_index": INDEX, "_id": id}});
    let lines = [
        at("update", "1"),
        json!({"doc": {"tenant": "t9", "doc_roles": ["staff", "*"]}}),
        at("update", "2"),
        json!({"doc": {"vector": Dice(77).vector(DIMENSION), "hidden": true}}),
        at("index", "4"),
        samples::document(400),
        at("update", "4"),
        json!({"doc": {"n": 4}}),
        at("delete", "8"),
        at("delete", "8"),
        at("index", "8"),
        samples::document(8),
    ];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn search(query: Value) -> Value {
    json!({"size": 200, "_source": ["n", "tenant"], "track_total_hits": true, "query": query})
}

/// Searches whose scores depend on the statistics of the index.
fn scored() -> Vec<Value> {
    let access = json!([{"term": {"tenant": "t1"}}, {"terms": {"doc_roles": ["*", "r2", "r3"]}}]);
    let question =
        json!({"query": "What is the vacation policy?", "fields": ["title^1.5", "text"], "type": "best_fields"});
    let with = |key: &str, value: Value| {
        let mut question = question.clone();
        question[key] = value;
        question
    };
    [
        json!({"match": {"text": "vacation policy"}}),
        json!({"match": {"text": {"query": "The general organizations of hopped layers", "analyzer": "docent_index"}}}),
        json!({"match": {"text": {"query": "travel approvals requests", "operator": "and"}}}),
        json!({"match": {"text": {"query": "paid paid v2.5 O'Neil's", "boost": 2.5}}}),
        json!({"match": {"title": "boundary layer security"}}),
        json!({"multi_match": question}),
        json!({"multi_match": with("type", json!("most_fields"))}),
        json!({"multi_match": with("operator", json!("and"))}),
        json!({"multi_match": with("analyzer", json!("docent_index"))}),
        json!({"bool": {"must": {"multi_match": question}, "filter": access}}),
        json!({"bool": {"must": [{"match": {"text": "wing"}}], "should": [{"match": {"title": "holiday"}}, {"term": {"tenant": "t2"}}]}}),
        json!({"bool": {"should": [{"match": {"text": "wing"}}, {"match": {"text": "day"}}, {"match": {"title": "work"}}], "minimum_should_match": 2}}),
        json!({"bool": {"should": {"match": {"text": "wing"}}, "must_not": {"terms": {"document": ["d1", "d5", "d9"]}}, "filter": {"exists": {"field": "title"}}}}),
        json!({"term": {"text": "vacat"}}),
        json!({"bool": {"should": [{"match": {"text": "badge"}}, {"knn": {"vector": {"vector": Dice(9).vector(DIMENSION), "k": 20}}}]}}),
    ]
    .map(search)
    .to_vec()
}

/// Searches whose scores do not, and searches that do not fit the index.
fn unscored() -> Vec<Value> {
    let vector = Dice(5).vector(DIMENSION);
    let access = json!([{"term": {"tenant": "t1"}}, {"terms": {"doc_roles": ["*", "r2", "r3"]}}]);
    let many: Vec<String> = (0..5000).map(|n| format!("d{}", n * 3)).collect();
    let mut searches = [
        json!({"match_all": {}}),
        json!({"match_none": {}}),
        json!({"bool": {}}),
        json!({"bool": {"filter": access}}),
        json!({"bool": {"must_not": {"term": {"tenant": "t1"}}}}),
        json!({"bool": {"must": [{"term": {"tenant": {"value": "t1", "boost": 3}}}, {"match_all": {}}], "should": {"term": {"n": 4}}}}),
        json!({"term": {"n": 7}}),
        json!({"terms": {"n": [7, 9, 1000]}}),
        json!({"term": {"doc_roles": "staff"}}),
        json!({"terms": {"document": many}}),
        json!({"bool": {"filter": {"term": {"hidden": true}}}}),
        json!({"ids": {"values": ["1", "2", "99", "nobody"]}}),
        json!({"exists": {"field": "title"}}),
        json!({"exists": {"field": "vector"}}),
        json!({"exists": {"field": "nothing"}}),
        json!({"constant_score": {"filter": {"match": {"text": "wing"}}, "boost": 1.5}}),
        json!({"match": {"text": "the of and"}}),
        json!({"match": {"text": {"query": "the of and", "zero_terms_query": "all"}}}),
        json!({"match": {"nothing": "wing"}}),
        json!({"match": {"tenant": "t1"}}),
        json!({"term": {"nothing": "wing"}}),
        json!({"knn": {"vector": {"vector": vector, "k": 17}}}),
        json!({"knn": {"vector": {"vector": vector, "k": 5, "filter": {"bool": {"filter": access}}}}}),
        json!({"knn": {"vector": {"vector": vector, "k": 5, "filter": {"terms": {"document": ["d1", "d2"]}}}}}),
        json!({"bool": {"must": {"knn": {"vector": {"vector": vector, "k": 9, "boost": 2.0}}}, "filter": {"term": {"tenant": "t0"}}}}),
        json!({"knn": {"vector": {"vector": [1, 2], "k": 3}}}),
        json!({"knn": {"nothing": {"vector": [1, 2], "k": 3}}}),
        json!({"term": {"n": "many"}}),
        json!({"match": {"text": {"query": "wing", "analyzer": "nobody"}}}),
    ]
    .map(search)
    .to_vec();
    let all = json!({"match_all": {}});
    searches.extend([
        json!({"query": all, "size": 0}),
        json!({"query": all, "from": 9_999, "size": 2}),
        json!({"query": all, "size": 3, "sort": [{"_id": "desc"}], "_source": false}),
        json!({"query": all, "size": 3, "from": 2, "sort": [{"_id": {"order": "asc"}}], "_source": {"excludes": ["vec*", "text"]}}),
        json!({"query": {"ids": {"values": ["2"]}}, "_source": {"includes": ["vector", "n"]}}),
        json!({"query": {"ids": {"values": ["2"]}}, "_source": "doc_*"}),
        json!({"query": all, "size": 0, "track_total_hits": 10}),
        json!({"query": all, "size": 0, "track_total_hits": false}),
    ]);
    searches
}

/// Searches that cannot be read.
fn unreadable() -> Vec<Value> {
    let clauses = [
        json!({"frobnicate": {}}),
        json!({"match": {"text": {"query": "wing", "colour": "red"}}}),
        json!({"term": {"tenant": "t1", "bot": "b"}}),
        json!({"bool": {"perhaps": []}}),
    ];
    clauses
        .map(search)
        .into_iter()
        .chain([json!({"colour": "red"})])
        .collect()
}

/// Status, kind of error, and what a caller reads of an answer.
fn essence(status: u16, answer: &Value) -> Value {
    if let Some(responses) = answer["responses"].as_array() {
        let status = |response: &Value| response["status"].as_u64().unwrap_or_default() as u16;
        return responses
            .iter()
            .map(|response| essence(status(response), response))
            .collect();
    }
    if let Some(items) = answer["items"].as_array() {
        let item = |item: &Value| {
            let (verb, done) = item.as_object().unwrap().iter().next().unwrap();
            json!([verb, done["_id"], done["status"], done["result"], done["error"]["type"]])
        };
        return json!({"status": status, "errors": answer["errors"], "items": items.iter().map(item).collect::<Vec<_>>()});
    }
    if answer.get("error").is_some() {
        return json!({"status": status, "kind": answer["error"]["root_cause"][0]["type"]});
    }
    if let Some(hits) = answer["hits"]["hits"].as_array() {
        let mut hits: Vec<Value> = hits
            .iter()
            .map(|hit| json!({"id": hit["_id"], "score": hit["_score"], "source": hit["_source"]}))
            .collect();
        if hits.iter().all(|hit| !hit["score"].is_null()) {
            // Documents with equal scores come in any order.
            hits.sort_by_key(|hit| hit["id"].as_str().unwrap().to_owned());
        }
        return json!({"status": status, "total": answer["hits"]["total"], "max": answer["hits"]["max_score"], "hits": hits});
    }
    json!({"status": status, "count": answer["count"]})
}

/// Where two answers differ, numbers within the tolerance aside.
fn difference(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..a.len()).find_map(|at| difference(&a[at], &b[at], &format!("{path}/{at}")))
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => a
            .iter()
            .find_map(|(key, value)| difference(value, b.get(key).unwrap_or(&Value::Null), &format!("{path}/{key}"))),
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            let far = (a - b).abs() > TOLERANCE * a.abs().max(b.abs());
            far.then(|| format!("{path}: {a} here, {b} there"))
        }
        _ => (ours != theirs).then(|| format!("{path}: {ours} here, {theirs} there")),
    }
}

#[tokio::test]
async fn answers_are_those_of_a_real_opensearch() {
    let dir = tempfile::tempdir().unwrap();
    let ours = conformance(&run(dir.path()).await.url).await;
    let first_search = ours
        .iter()
        .find(|(asked, _)| asked.contains("vacation policy"))
        .unwrap();
    assert!(
        first_search.1["hits"].as_array().is_some_and(|hits| hits.len() > 50),
        "{first_search:?}"
    );
    let Some(real) = std::env::var_os("OPENSEARCH_URL").and_then(|url| url.into_string().ok()) else {
        return;
    };
    let theirs = conformance(&real).await;
    let different: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter_map(|((asked, ours), (_, theirs))| Some(format!("{asked}\n    {}", difference(ours, theirs, "")?)))
        .collect();
    assert!(
        different.is_empty(),
        "{} of {} differ:\n{}",
        different.len(),
        ours.len(),
        different.join("\n")
    );
}
