//! Least privilege: what the template's policies give functions is what they use. That nothing is missing shows in every
//! other test: the stack's services refuse what a policy does not allow.

use std::collections::BTreeSet;

use local::{
    permissions::{Noted, noted},
    template::{OWN, Template},
};

use crate::support;

/// What functions need although it is not seen in every run: function, action and the end of the resource.
const SOMETIMES: [(&str, &str, &str); 4] = [
    // Whichever of the two needs the key first makes it.
    ("auth", "ssm:PutParameter", "/sealing-key"),
    ("webhooks", "ssm:PutParameter", "/sealing-key"),
    // An identity may have a configuration set by default, which then is part of every mail.
    ("relay", "ses:SendEmail", ":configuration-set/*"),
    ("run-routine", "ses:SendEmail", ":configuration-set/*"),
];

#[test]
#[ignore = "reads what all other tests noted: run it after them"]
fn functions_may_do_what_they_do_and_no_more() {
    let mut template = Template::parse(OWN, "STACK").unwrap();
    for (name, value) in [
        ("MailFrom", "MAIL"),
        ("OpenSearchTarget", "domain"),
        ("OpenSearchUrl", "http://OPENSEARCH"),
        ("OpenSearchArn", "OPENSEARCH"),
    ] {
        template.set(name, value);
    }
    let noted = noted(&support::permissions()).unwrap();
    let denied: Vec<_> = noted
        .iter()
        .filter(|note| matches!(note, Noted::Denied { .. }))
        .collect();
    assert!(denied.is_empty(), "missing in template.yaml: {denied:#?}");
    let mut unused = BTreeSet::new();
    for (function, statements) in template.policies().unwrap() {
        for (statement, granted) in statements.iter().enumerate() {
            for action in &granted.actions {
                for (resource, arn) in granted.resources.iter().enumerate() {
                    let used = Noted::Used {
                        function: function.clone(),
                        statement,
                        action: action.clone(),
                        resource,
                    };
                    let excused = SOMETIMES
                        .iter()
                        .any(|(who, what, end)| (*who, *what) == (&function, action) && arn.ends_with(end));
                    if !noted.contains(&used) && !excused {
                        unused.insert(format!("{function}: {action} on {arn}"));
                    }
                }
            }
        }
    }
    assert!(unused.is_empty(), "in template.yaml, and never used: {unused:#?}");
}
