//! Who may talk to OpenSearch: those functions whose policies say so, and nobody else.

use std::collections::BTreeSet;

use super::*;

/// Ids of the functions whose policy holds a text.
fn functions_with(text: &str) -> BTreeSet<String> {
    let template = own();
    let functions = template.of_type("AWS::Serverless::Function").into_iter();
    let with = functions.filter(|(_, properties)| properties["Policies"].to_string().contains(text));
    with.map(|(id, _)| id.to_owned()).collect()
}

/// `${ChatFunctionRole.Arn}` and `["ChatFunctionRole", "Arn"]` → `ChatFunction`.
fn roles_in(text: &str) -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for (before, _) in text
        .match_indices("FunctionRole")
        .map(|(at, role)| text.split_at(at + role.len() - 4))
    {
        let begin = before.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1);
        functions.insert(before[begin..].to_owned());
    }
    functions
}

/// The data access policy of the stack's collection.
fn data_access() -> Vec<serde_json::Value> {
    let template = own();
    let policy = &template.root["Resources"]["SearchAccess"]["Properties"]["Policy"]["Fn::Sub"];
    serde_json::from_str(policy.as_str().unwrap()).unwrap()
}

/// The functions that the collection gives a permission.
fn given(permission: &str) -> BTreeSet<String> {
    let with = data_access()
        .into_iter()
        .filter(|part| part["Rules"].to_string().contains(permission));
    with.flat_map(|part| roles_in(&part["Principal"].to_string())).collect()
}

#[test]
fn the_collection_lets_exactly_those_functions_in_that_talk_to_it() {
    let talking = functions_with("aoss:APIAccessAll");
    assert_eq!(talking.len(), 6, "{talking:?}");
    assert_eq!(given("aoss:ReadDocument"), talking);
    assert_eq!(given("aoss:CreateIndex"), functions_with("es:ESHttpPut"));
    assert_eq!(
        given("aoss:WriteDocument"),
        ["EraseFunction", "IngestFunction"].map(str::to_owned).into()
    );
    assert!(given("aoss:DeleteIndex").is_empty() && given("aoss:*").is_empty());
}

#[test]
fn the_domain_lets_exactly_those_functions_in_that_talk_to_it() {
    let template = own();
    let policy = &template.root["Resources"]["SearchDomain"]["Properties"]["AccessPolicies"]["Statement"];
    let [all, makers] = [0, 1].map(|n| roles_in(&policy[n]["Principal"].to_string()));
    assert_eq!(all, functions_with("es:ESHttpPost"));
    assert_eq!(makers, functions_with("es:ESHttpPut"));
    assert_eq!(
        (&policy[0]["Action"], &policy[1]["Action"]),
        (&"es:ESHttpPost".into(), &"es:ESHttpPut".into())
    );
}

#[test]
fn who_brings_a_collection_is_told_whom_to_let_in() {
    let template = own();
    let [readers, writers] =
        ["SearchRoles", "IndexRoles"].map(|name| roles_in(&template.root["Outputs"][name].to_string()));
    assert_eq!(&readers | &writers, functions_with("aoss:APIAccessAll"));
    assert_eq!(writers, given("aoss:WriteDocument"));
}

#[test]
fn data_survives_the_stack() {
    let template = own();
    for id in ["Table", "Bucket"] {
        let resource = &template.root["Resources"][id];
        assert_eq!(
            (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]),
            (&"RetainExceptOnCreate".into(), &"Retain".into()),
            "{id}"
        );
    }
    let table = &template.root["Resources"]["Table"]["Properties"];
    assert_eq!(
        table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        true
    );
}
