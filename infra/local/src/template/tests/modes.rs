//! Whatever the parameters leave out, nothing that is left refers to it.

use std::collections::BTreeSet;

use super::*;

/// The parameters that decide what there is, with a value for each way.
const CHOICES: [(&str, &[&str]); 8] = [
    ("OpenSearchTarget", &["serverless", "domain"]),
    ("OpenSearchUrl", &["", "https://search.example.com"]),
    ("AccessLogs", &["no", "yes", "with-role"]),
    ("Waf", &["no", "yes"]),
    ("DeletionProtection", &["no", "yes"]),
    ("Dashboard", &["no", "yes"]),
    ("AlarmEmail", &["", "ann@example.com"]),
    ("MonthlyBudget", &["0", "50"]),
];

#[test]
fn every_combination_of_choices_refers_to_what_is_there() {
    let mut template = Template::parse(OWN, "here").unwrap();
    let combinations: usize = CHOICES.iter().map(|(_, values)| values.len()).product();
    let mut seen = BTreeSet::new();
    for mut number in 0..combinations {
        for (parameter, values) in CHOICES {
            template.set(parameter, values[number % values.len()]);
            number /= values.len();
        }
        let dangling = dangling(&template);
        assert!(dangling.is_empty(), "{:?}: {dangling:?}", template.parameters);
        seen.insert(present(&template));
    }
    assert!(seen.len() > 8, "the choices change something");
}

#[test]
fn every_condition_is_among_the_choices() {
    let template = Template::parse(OWN, "here").unwrap();
    let mut referred = BTreeSet::new();
    for (name, condition) in template.root["Conditions"].as_object().unwrap() {
        template.references_of(condition, &mut referred);
        assert!(
            OWN.contains(&format!("Condition: {name}")) || OWN.contains(&format!("!Condition {name}")) || used(name),
            "{name} decides nothing"
        );
    }
    let chosen = CHOICES.map(|(parameter, _)| parameter.to_owned());
    assert!(
        referred.iter().all(|parameter| chosen.contains(parameter)),
        "{referred:?}"
    );
}

#[test]
fn by_default_nothing_that_runs_day_and_night_is_made() {
    let template = Template::parse(OWN, "here").unwrap();
    let made = present(&template);
    let kinds: BTreeSet<&str> = made
        .iter()
        .map(|id| template.root["Resources"][id]["Type"].as_str().unwrap())
        .collect();
    for kind in [
        "AWS::OpenSearchService::Domain",
        "AWS::WAFv2::WebACL",
        "AWS::EC2::NatGateway",
        "AWS::KMS::Key",
    ] {
        assert!(!kinds.contains(kind), "{kind}");
    }
    assert!(made.contains("SearchCollection"));
    let group = &template.root["Resources"]["SearchGroup"]["Properties"];
    assert_eq!(group["Generation"], "NEXTGEN");
    for least in ["MinIndexingCapacityInOcu", "MinSearchCapacityInOcu"] {
        assert_eq!(group["CapacityLimits"][least], 0);
    }
}

#[test]
fn a_reference_to_what_is_left_out_is_found() {
    let text = "Conditions: {Never: !Equals [a, b]}\nResources:\n  \
                Gone: {Type: T, Condition: Never}\n  \
                Fine: {Type: T, Properties: {A: !If [Never, !Ref Gone, !Ref AWS::Region]}}\n  \
                Wrong: {Type: T, Properties: {A: !Ref Gone, B: !Sub \"x${Gone.Arn}${!Not}\", C: !GetAtt Other.Arn}}\n";
    let template = Template::parse(text, "here").unwrap();
    let found = dangling(&template);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["Wrong: Gone", "Wrong: Other"]);
}

fn used(condition: &str) -> bool {
    OWN.contains(&format!("!If [{condition},")) || OWN.contains(&format!("- {condition}\n"))
}

/// The resources that there are.
fn present(template: &Template) -> BTreeSet<String> {
    let resources = template.root["Resources"].as_object().unwrap();
    let present = resources.iter().filter(|(_, resource)| is_there(template, resource));
    present.map(|(id, _)| id.clone()).collect()
}

fn is_there(template: &Template, resource: &Value) -> bool {
    resource["Condition"]
        .as_str()
        .is_none_or(|condition| template.condition(condition).unwrap())
}

/// What is referred to and not there, by who refers to it.
fn dangling(template: &Template) -> BTreeSet<String> {
    let there = present(template);
    let mut dangling = BTreeSet::new();
    for section in ["Resources", "Outputs"] {
        for (id, thing) in template.root[section].as_object().into_iter().flatten() {
            if !is_there(template, thing) {
                continue;
            }
            let mut referred = BTreeSet::new();
            template.references_of(thing, &mut referred);
            let missing = referred.into_iter().filter(|name| !is_known(template, &there, name));
            dangling.extend(missing.map(|name| format!("{id}: {name}")));
        }
    }
    dangling
}

/// Whether a name is a parameter, a pseudo parameter, a resource that is there, or one that SAM makes of such a resource.
fn is_known(template: &Template, there: &BTreeSet<String>, name: &str) -> bool {
    let of_sam = name.strip_suffix("Role").or_else(|| name.strip_suffix("ProdStage"));
    let kind = |id: &str| {
        template.root["Resources"][id]["Type"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    template.declares(name)
        || name.starts_with("AWS::")
        || there.contains(name)
        || of_sam.is_some_and(|id| there.contains(id) && kind(id).starts_with("AWS::Serverless::"))
}

impl Template {
    /// The names that a value refers to, by the branches that its conditions take. `DependsOn` is no reference:
    /// CloudFormation waits for what is not there no longer than for what is.
    fn references_of(&self, value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.references_of(item, into)),
            Value::Object(object) => {
                for (key, argument) in object {
                    match (key.as_str(), argument) {
                        ("Ref", Value::String(name)) => drop(into.insert(name.clone())),
                        ("Fn::GetAtt", path) => drop(into.insert(path[0].as_str().unwrap().to_owned())),
                        ("Fn::Sub", Value::String(text)) => into.extend(substituted(text)),
                        ("Fn::If", branches) => {
                            let holds = self.condition(branches[0].as_str().unwrap()).unwrap();
                            self.references_of(&branches[if holds { 1 } else { 2 }], into);
                        }
                        _ => self.references_of(argument, into),
                    }
                }
            }
            _ => {}
        }
    }
}

/// The resources and parameters between `${` and `}`.
fn substituted(text: &str) -> impl Iterator<Item = String> {
    let names = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    names
        .map(|(name, _)| name.split('.').next().unwrap_or_default().to_owned())
        .filter(|name| !name.starts_with('!'))
}
