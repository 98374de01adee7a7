//! Nothing in the default template is paid for being there; what would be, or has no price yet, is named.

use super::*;

fn template(resources: &str) -> Template {
    let mut template = Template::parse(resources, "t").unwrap();
    template.fill_in();
    template
}

#[test]
fn the_default_template_has_nothing_that_is_paid_for_being_there() {
    let paid = always_on(&own().unwrap()).unwrap();
    assert!(
        paid.is_empty(),
        "always-on in the default template:\n{}",
        paid.join("\n")
    );
}

#[test]
fn every_resource_of_the_template_has_a_price() {
    let template = own().unwrap();
    let items = items(&template).unwrap();
    assert!(items.len() > 50 && items.iter().any(|item| item.idle.usd() > 0.0));
}

#[test]
fn a_nat_gateway_is_named_with_its_price() {
    let template = template("Resources:\n  Way:\n    Type: AWS::EC2::NatGateway\n    Properties: {SubnetId: s}");
    let paid = always_on(&template).unwrap();
    assert_eq!(paid, ["Way (AWS::EC2::NatGateway): 32.85 USD a month, by the hour"]);
}

#[test]
fn provisioned_concurrency_is_seen_at_a_function_and_in_globals() {
    let ready = "ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}";
    let function = "Type: AWS::Serverless::Function";
    let own = format!("Resources:\n  F:\n    {function}\n    Properties: {{MemorySize: 512, {ready}}}");
    let everywhere = format!(
        "Globals: {{Function: {{MemorySize: 512, {ready}}}}}\nResources:\n  F:\n    {function}\n    Properties: {{Handler: x}}"
    );
    for text in [own, everywhere] {
        // 2 × 0.5 GB × 730 h × 3,600 s × 0.0000033334 USD
        let paid = always_on(&template(&text)).unwrap();
        assert_eq!(paid.len(), 1, "{text}");
        assert!(
            paid[0].starts_with("F (AWS::Serverless::Function): 8.76 USD"),
            "{paid:?}"
        );
    }
}

#[test]
fn a_type_that_nobody_priced_is_refused() {
    let template = template("Resources:\n  Odd:\n    Type: AWS::Bespoke::Thing\n    Properties: {}");
    let error = always_on(&template).unwrap_err().to_string();
    assert!(
        error.contains("Odd") && error.contains("AWS::Bespoke::Thing"),
        "{error}"
    );
}

#[test]
fn what_a_condition_switches_off_is_priced_and_does_not_count() {
    let text = "Parameters:\n  Search: {Type: String, Default: existing}\n  Waf: {Type: String, Default: 'no'}\n\
        Conditions:\n  Domain: !Equals [!Ref Search, domain]\n  Guarded: !And [!Not [!Equals [!Ref Waf, 'no']], !Or [!Condition Domain, !Condition Domain]]\n\
        Resources:\n  Node:\n    Type: AWS::OpenSearchService::Domain\n    Condition: Domain\n    Properties:\n      \
        ClusterConfig: {InstanceType: t3.small.search, InstanceCount: 1}\n      EBSOptions: {VolumeSize: 10}\n  \
        Wall:\n    Type: AWS::WAFv2::WebACL\n    Condition: Guarded\n    Properties: {Rules: [a, b, !If [Domain, c, !Ref AWS::NoValue]]}";
    let mut template = template(text);
    assert!(always_on(&template).unwrap().is_empty());
    template.set("Search", "domain");
    let node = "Node (AWS::OpenSearchService::Domain): 27.50 USD a month, its instances by the hour, and its disk";
    assert_eq!(always_on(&template).unwrap(), [node]);
    template.set("Waf", "yes");
    let paid = always_on(&template).unwrap();
    assert_eq!(
        paid,
        [
            node,
            "Wall (AWS::WAFv2::WebACL): 8.00 USD a month, by the month, and each rule"
        ]
    );
}

#[test]
fn a_collection_sleeps_only_in_a_group_of_the_next_generation() {
    let asleep = "Resources:\n  G:\n    Type: AWS::OpenSearchServerless::CollectionGroup\n    Properties: {Name: g, StandbyReplicas: ENABLED, Generation: NEXTGEN}\n  \
        C:\n    Type: AWS::OpenSearchServerless::Collection\n    Properties: {Name: c, CollectionGroupName: g}";
    assert!(always_on(&template(asleep)).unwrap().is_empty());
    let classic = "Resources:\n  C:\n    Type: AWS::OpenSearchServerless::Collection\n    Properties: {Name: c}";
    let paid = always_on(&template(classic)).unwrap();
    assert!(paid[0].contains("350.40 USD"), "{paid:?}");
    let awake = asleep.replace(
        "Generation: NEXTGEN",
        "Generation: NEXTGEN, CapacityLimits: {MinSearchCapacityInOcu: 1}",
    );
    let paid = always_on(&template(&awake)).unwrap();
    assert!(paid[0].contains("175.20 USD"), "{paid:?}");
}

#[test]
fn a_table_of_provisioned_capacity_is_named_and_one_on_demand_is_not() {
    let of = |mode: &str| {
        template(&format!(
            "Resources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties: {{BillingMode: {mode}}}"
        ))
    };
    assert!(always_on(&of("PAY_PER_REQUEST")).unwrap().is_empty());
    assert_eq!(always_on(&of("PROVISIONED")).unwrap().len(), 1);
}

#[test]
fn every_price_names_its_page_and_where_it_was_read() {
    for price in prices::ALL {
        assert!(
            price.usd > 0.0 && price.page.starts_with('/') && !price.seen.is_empty(),
            "{price:?}"
        );
    }
    assert!(prices::SQS_REQUEST.beyond_free(1_000_000.0).abs() < 1e-9);
    assert!((prices::SQS_REQUEST.beyond_free(2_000_000.0) - 0.40).abs() < 1e-9);
}
