//! The form that a model fills in about a conversation, and what of a filled-in form is kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Findings, Sentiment};
use crate::{models::Tool, text::shortened};

/// The name of the form's tool.
pub const TOOL: &str = "record_insights";

/// Most topics.
const MAX_TOPICS: usize = 10;
/// Most questions, and most actions.
const MAX_ITEMS: usize = 20;
/// Most characters of the summary.
const MAX_SUMMARY: usize = 2_000;
/// Most characters of a topic.
const MAX_TOPIC: usize = 80;
/// Most characters of a question, an action, or what a bot's makers ask for.
const MAX_ITEM: usize = 500;

/// The form; `custom` is what the bot's makers ask for besides, by name.
#[must_use]
pub fn tool(custom: &BTreeMap<String, String>) -> Tool {
    let list = |what: &str| json!({"type": "array", "items": {"type": "string"}, "description": what});
    let mut properties = json!({
        "summary": {"type": "string", "description": "What the conversation was about and how it ended, in two to five sentences."},
        "topics": list("Its topics, a word or a few each; at most 10."),
        "sentiment": {
            "type": "string",
            "enum": ["positive", "neutral", "negative", "mixed"],
            "description": "How the user felt, judged by the user's own messages.",
        },
        "resolved": {"type": "boolean", "description": "Whether the user got what they came for."},
        "unansweredQuestions": list("The user's questions that were not answered, in their words; at most 20."),
        "actionItems": list("What somebody promised or was asked to do and is still to do; at most 20."),
    });
    let mut required: Vec<&str> = FIELDS.to_vec();
    if !custom.is_empty() {
        let fields = custom.iter().map(|(name, what)| {
            let what = format!(
                "{}. Empty when the conversation does not say it.",
                what.trim().trim_end_matches('.')
            );
            (name.clone(), json!({"type": "string", "description": what}))
        });
        properties["custom"] = json!({"type": "object", "properties": fields.collect::<Map<_, _>>()});
        required.push("custom");
    }
    Tool {
        name: TOOL,
        description: "Records what a conversation says.",
        schema: json!({"type": "object", "properties": properties, "required": required}),
    }
}

/// The fields that every form has.
const FIELDS: [&str; 6] = [
    "summary",
    "topics",
    "sentiment",
    "resolved",
    "unansweredQuestions",
    "actionItems",
];

impl Findings {
    /// What a filled-in form says, trimmed, and cut where it is too long. Of `custom` only the names that were asked for
    /// are kept; what is absent or empty there was not found.
    ///
    /// # Errors
    /// Says which field is missing or of another type, without quoting it.
    pub fn read(form: &Value, custom: &BTreeMap<String, String>) -> Result<Self, String> {
        let summary = shortened(text(form, "summary")?, MAX_SUMMARY - 1);
        if summary.is_empty() {
            return Err("summary must not be empty".to_owned());
        }
        let sentiment: Sentiment = serde_json::from_value(json!(text(form, "sentiment")?.trim().to_lowercase()))
            .map_err(|_| "sentiment must be positive, neutral, negative or mixed".to_owned())?;
        Ok(Self {
            summary,
            topics: list(form, "topics", MAX_TOPICS, MAX_TOPIC)?,
            sentiment,
            resolved: form["resolved"].as_bool().ok_or("resolved must be true or false")?,
            unanswered_questions: list(form, "unansweredQuestions", MAX_ITEMS, MAX_ITEM)?,
            action_items: list(form, "actionItems", MAX_ITEMS, MAX_ITEM)?,
            custom: custom
                .keys()
                .map(|name| Ok((name.clone(), stated(&form["custom"], name)?)))
                .collect::<Result<_, String>>()?,
        })
    }

    /// The findings of a conversation in which nobody said anything.
    #[must_use]
    pub fn of_nothing(custom: &BTreeMap<String, String>) -> Self {
        Self {
            summary: "Nothing was said.".to_owned(),
            topics: Vec::new(),
            sentiment: Sentiment::Neutral,
            resolved: false,
            unanswered_questions: Vec::new(),
            action_items: Vec::new(),
            custom: custom.keys().map(|name| (name.clone(), None)).collect(),
        }
    }
}

fn text<'f>(form: &'f Value, name: &str) -> Result<&'f str, String> {
    form[name].as_str().ok_or_else(|| format!("{name} must be a text"))
}

/// The texts of a list, without empty and repeated ones.
fn list(form: &Value, name: &str, most: usize, chars: usize) -> Result<Vec<String>, String> {
    let wrong = || format!("{name} must be a list of texts");
    let mut kept: Vec<String> = Vec::new();
    for item in form[name].as_array().ok_or_else(wrong)? {
        let item = shortened(item.as_str().ok_or_else(wrong)?, chars - 1);
        if !item.is_empty() && !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept.truncate(most);
    Ok(kept)
}

fn stated(custom: &Value, name: &str) -> Result<Option<String>, String> {
    if !custom.is_object() && !custom.is_null() {
        return Err("custom must be an object".to_owned());
    }
    match &custom[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(shortened(text, MAX_ITEM - 1)).filter(|text| !text.is_empty())),
        _ => Err(format!("custom.{name} must be a text or null")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> BTreeMap<String, String> {
        let fields = [("order", "The number of the order."), ("plan", "The plan.")];
        fields.map(|(name, what)| (name.to_owned(), what.to_owned())).into()
    }

    fn form() -> Value {
        json!({
            "summary": " It was about\n vacation. ", "topics": ["vacation", " ", "vacation"], "sentiment": "Positive",
            "resolved": true, "unansweredQuestions": [], "actionItems": ["Send the form."],
            "custom": {"order": " 4711 ", "plan": "", "invented": "x"},
        })
    }

    #[test]
    fn the_form_asks_for_every_finding_and_for_what_the_bots_makers_want() {
        let tool = tool(&asked());
        let found = serde_json::to_value(Findings::of_nothing(&asked())).unwrap();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&tool.schema["properties"]), names(&found));
        assert_eq!(names(&tool.schema), ["properties", "required", "type"]);
        assert_eq!(tool.schema["required"].as_array().unwrap().len(), 7);
        let order = &tool.schema["properties"]["custom"]["properties"]["order"];
        assert!(
            order["description"]
                .as_str()
                .unwrap()
                .starts_with("The number of the order.")
        );
        let plain = super::tool(&BTreeMap::new());
        assert!(plain.schema["properties"]["custom"].is_null());
        assert_eq!(plain.schema["required"], json!(FIELDS));
    }

    #[test]
    fn a_filled_in_form_is_trimmed_and_keeps_only_what_was_asked_for() {
        let found = Findings::read(&form(), &asked()).unwrap();
        assert_eq!(found.summary, "It was about vacation.");
        assert_eq!(
            (found.topics, found.sentiment),
            (vec!["vacation".to_owned()], Sentiment::Positive)
        );
        let custom = BTreeMap::from([("order".to_owned(), Some("4711".to_owned())), ("plan".to_owned(), None)]);
        assert_eq!(found.custom, custom);
        let mut without = form();
        without.as_object_mut().unwrap().remove("custom");
        assert_eq!(Findings::read(&without, &asked()).unwrap().custom["order"], None);
        assert!(Findings::read(&form(), &BTreeMap::new()).unwrap().custom.is_empty());
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_refused_by_name_and_not_quoted() {
        for (field, bad) in [
            ("summary", json!(" ")),
            ("summary", json!(null)),
            ("topics", json!("secret")),
            ("topics", json!([1])),
            ("sentiment", json!("secret")),
            ("resolved", json!("true")),
            ("unansweredQuestions", json!(null)),
            ("actionItems", json!({})),
            ("custom", json!("secret")),
            ("custom.order", json!({"order": 4711})),
        ] {
            let mut form = form();
            form[field.split('.').next().unwrap()] = bad;
            let why = Findings::read(&form, &asked()).unwrap_err();
            assert!(why.starts_with(field) && !why.contains("secret"), "{why}");
        }
        for nonsense in [json!(null), json!([]), json!("text"), json!({})] {
            assert!(Findings::read(&nonsense, &asked()).is_err());
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let mut long = form();
        long["summary"] = json!("word ".repeat(1_000));
        long["topics"] = (0..30).map(|n| format!("{n} {}", "x".repeat(100))).collect();
        long["actionItems"] = (0..30).map(|n| format!("{n} {}", "y ".repeat(400))).collect();
        long["custom"]["plan"] = json!("z ".repeat(400));
        let found = Findings::read(&long, &asked()).unwrap();
        assert!(found.summary.chars().count() <= 2_000 && found.summary.len() > 1_900);
        assert!(found.topics.len() == 10 && found.topics.iter().all(|topic| topic.chars().count() <= 80));
        assert!(found.action_items.len() == 20 && found.action_items.iter().all(|item| item.chars().count() <= 500));
        assert!(found.custom["plan"].as_ref().unwrap().chars().count() <= 500);
    }
}
