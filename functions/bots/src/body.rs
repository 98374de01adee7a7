//! A bot as it is sent.

use serde::Deserialize;
use serde_json::{Map, Value};
use shared::{
    bots::{Bot, Budget},
    error::Error,
    http::origin,
    limits::RateLimits,
};
use utoipa::ToSchema;

use crate::insights_body::InsightsIn;

const MAX_DOMAIN: usize = 100;
const MAX_INSTRUCTIONS: usize = 20_000;
const MAX_MODEL: usize = 256;
const MAX_LANGUAGE: usize = 35;
const MAX_WELCOME: usize = 1_000;
const MAX_RETENTION: u32 = 3_650;
/// Most bytes of `widget`, as JSON.
const MAX_WIDGET: usize = 4_096;
const MIN_BUDGET: f64 = 0.000_001;
const MAX_BUDGET: f64 = 1_000_000.0;

/// When a bot hands over to people.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct HandoffIn {
    /// Whether it offers a person at all.
    enabled: Option<bool>,
}

/// A new bot.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct BotIn {
    /// What it is called.
    #[schema(value_type = String, required, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What it is about, in a word or two (`support`).
    #[schema(max_length = 100)]
    domain: Option<String>,
    /// What the model is told about it.
    #[schema(max_length = 20_000)]
    instructions: Option<String>,
    /// The model of its answers, one of those that the deployment offers; absent = the deployment's.
    #[schema(max_length = 256)]
    model: Option<String>,
    /// The language of its answers, as a BCP 47 tag (`de-CH`); absent = the question's.
    #[schema(max_length = 35)]
    language: Option<String>,
    /// What a widget says first.
    #[schema(max_length = 1_000)]
    welcome_message: Option<String>,
    /// When it hands over to people.
    handoff: Option<HandoffIn>,
    /// What is extracted from its conversations.
    insights: Option<InsightsIn>,
    /// Days after which a conversation without a new message is erased; absent = never.
    #[schema(minimum = 1, maximum = 3_650)]
    retention_days: Option<u32>,
    /// The origins of pages that may use its public token, widget keys and app keys (`https://app.example.com`,
    /// `https://*.example.com`); empty = any.
    #[schema(max_items = 50)]
    allowed_origins: Option<Vec<String>>,
    /// The look of its widget: any JSON object of at most 4,096 bytes.
    #[schema(value_type = Option<Object>)]
    widget: Option<Map<String, Value>>,
    /// The most that it may cost.
    budget: Option<BudgetIn>,
    /// Other rate limits than the usual ones for its visitors, by public token or widget key.
    rate_limits: Option<RateLimits>,
}

/// Changes of a bot: absent (or `null`) means unchanged, an empty text or list means none.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct BotPatch {
    /// What it is called.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What it is about, in a word or two (`support`).
    #[schema(max_length = 100)]
    domain: Option<String>,
    /// What the model is told about it.
    #[schema(max_length = 20_000)]
    instructions: Option<String>,
    /// The model of its answers, one of those that the deployment offers; empty = the deployment's.
    #[schema(max_length = 256)]
    model: Option<String>,
    /// The language of its answers, as a BCP 47 tag (`de-CH`); empty = the question's.
    #[schema(max_length = 35)]
    language: Option<String>,
    /// What a widget says first.
    #[schema(max_length = 1_000)]
    welcome_message: Option<String>,
    /// When it hands over to people.
    handoff: Option<HandoffIn>,
    /// What is extracted from its conversations.
    insights: Option<InsightsIn>,
    /// Days after which a conversation without a new message is erased; 0 = never.
    #[schema(minimum = 0, maximum = 3_650)]
    retention_days: Option<u32>,
    /// The origins of pages that may use its public token, widget keys and app keys (`https://app.example.com`,
    /// `https://*.example.com`); empty = any.
    #[schema(max_items = 50)]
    allowed_origins: Option<Vec<String>>,
    /// The look of its widget, in place of what it was: any JSON object of at most 4,096 bytes.
    #[schema(value_type = Option<Object>)]
    widget: Option<Map<String, Value>>,
    /// The most that it may cost; `{}` = no bound.
    budget: Option<BudgetIn>,
    /// Other rate limits than the usual ones for its visitors, by public token or widget key; `{}` = the usual ones.
    rate_limits: Option<RateLimits>,
}

/// The most that a bot may cost.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct BudgetIn {
    /// In a calendar month (UTC), in USD.
    #[schema(minimum = 0.000_001, maximum = 1_000_000)]
    monthly_usd: Option<f64>,
}

impl BotIn {
    /// The name, and everything else as changes of a bot with defaults.
    pub(crate) fn parts(self) -> Result<(String, BotPatch), Error> {
        let name = self.name.ok_or_else(|| Error::field("name", "is required"))?;
        if self.retention_days == Some(0) {
            return Err(retention());
        }
        let rest = BotPatch {
            name: Some(name.clone()),
            domain: self.domain,
            instructions: self.instructions,
            model: self.model,
            language: self.language,
            welcome_message: self.welcome_message,
            handoff: self.handoff,
            insights: self.insights,
            retention_days: self.retention_days,
            allowed_origins: self.allowed_origins,
            widget: self.widget,
            budget: self.budget,
            rate_limits: self.rate_limits,
        };
        Ok((name, rest))
    }
}

impl BotPatch {
    /// Checks everything that is stated; `models` are those that the deployment offers.
    pub(crate) fn check(&self, models: &[String]) -> Result<(), Error> {
        if self.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(Error::field("name", "must not be blank"));
        }
        at_most("name", self.name.as_deref(), Bot::MAX_NAME)?;
        at_most("domain", self.domain.as_deref(), MAX_DOMAIN)?;
        at_most("instructions", self.instructions.as_deref(), MAX_INSTRUCTIONS)?;
        at_most("model", self.model.as_deref(), MAX_MODEL)?;
        at_most("welcome_message", self.welcome_message.as_deref(), MAX_WELCOME)?;
        let offered = |model: &String| model.is_empty() || models.contains(model);
        if !self.model.as_ref().is_none_or(offered) {
            return Err(Error::field("model", format!("must be one of {}", models.join(", "))));
        }
        let tag = |language: &String| language.is_empty() || is_tag(language);
        if !self.language.as_ref().is_none_or(tag) {
            return Err(Error::field("language", "must be a BCP 47 tag like de or pt-BR"));
        }
        if self.retention_days.is_some_and(|days| days > MAX_RETENTION) {
            return Err(retention());
        }
        if let Some(origins) = &self.allowed_origins {
            origin::check(origins)?;
        }
        self.check_widget()?;
        self.insights.as_ref().map_or(Ok(()), InsightsIn::check)?;
        let amount = self.budget.as_ref().and_then(|budget| budget.monthly_usd);
        if amount.is_some_and(|usd| !(MIN_BUDGET..=MAX_BUDGET).contains(&usd)) {
            return Err(Error::field("budget.monthly_usd", "must be from 0.000001 to 1000000"));
        }
        self.rate_limits.as_ref().map_or(Ok(()), RateLimits::check)
    }

    fn check_widget(&self) -> Result<(), Error> {
        let Some(widget) = &self.widget else { return Ok(()) };
        let bytes = serde_json::to_string(widget).map_err(Error::internal)?.len();
        match bytes > MAX_WIDGET {
            true => Err(Error::field("widget", format!("must have at most {MAX_WIDGET} bytes"))),
            false => Ok(()),
        }
    }

    /// Changes what is stated.
    pub(crate) fn apply(&self, bot: &mut Bot) {
        if let Some(name) = &self.name {
            name.trim().clone_into(&mut bot.name);
        }
        if let Some(instructions) = &self.instructions {
            bot.instructions.clone_from(instructions);
        }
        for (stated, kept) in [
            (&self.domain, &mut bot.domain),
            (&self.model, &mut bot.model),
            (&self.language, &mut bot.language),
            (&self.welcome_message, &mut bot.welcome_message),
        ] {
            if let Some(text) = stated {
                *kept = (!text.is_empty()).then(|| text.clone());
            }
        }
        if let Some(enabled) = self.handoff.as_ref().and_then(|handoff| handoff.enabled) {
            bot.handoff.enabled = enabled;
        }
        if let Some(insights) = &self.insights {
            insights.apply(&mut bot.insights);
        }
        if let Some(days) = self.retention_days {
            bot.retention_days = (days > 0).then_some(days);
        }
        if let Some(origins) = &self.allowed_origins {
            bot.allowed_origins.clone_from(origins);
        }
        if let Some(widget) = &self.widget {
            bot.widget.clone_from(widget);
        }
        if let Some(budget) = &self.budget {
            bot.budget = budget.monthly_usd.map(|monthly_usd| Budget { monthly_usd });
        }
        if let Some(limits) = self.rate_limits {
            bot.rate_limits = stated_limits(limits);
        }
    }
}

/// Rate limits, when any is stated.
pub(crate) fn stated_limits(limits: RateLimits) -> Option<RateLimits> {
    (limits != RateLimits::default()).then_some(limits)
}

/// Refuses a text that is too long.
pub(crate) fn at_most(name: &str, text: Option<&str>, most: usize) -> Result<(), Error> {
    match text.is_some_and(|text| text.chars().count() > most) {
        true => Err(Error::field(name, format!("must have at most {most} characters"))),
        false => Ok(()),
    }
}

fn retention() -> Error {
    Error::field("retention_days", format!("must be from 1 to {MAX_RETENTION}"))
}

/// Whether it has the form of a language tag. It goes into prompts, so nothing else may.
fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts
        .next()
        .is_some_and(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= MAX_LANGUAGE && language && parts.all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::{clock::Clock, ids::TenantId};

    fn patch(body: Value) -> BotPatch {
        serde_json::from_value(body).unwrap()
    }

    fn refused(body: Value) -> String {
        let Err(Error::Invalid { fields, .. }) = patch(body.clone()).check(&["a".to_owned()]) else {
            panic!("{body} is accepted")
        };
        fields.into_keys().next().unwrap()
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (field, value) in [
            ("name", json!(" ")),
            ("name", json!("x".repeat(101))),
            ("domain", json!("x".repeat(101))),
            ("instructions", json!("x".repeat(20_001))),
            ("model", json!("b")),
            ("language", json!("german language")),
            ("language", json!("d")),
            ("language", json!("de-")),
            ("welcome_message", json!("x".repeat(1_001))),
            ("retention_days", json!(3_651)),
            ("allowed_origins", json!(["example.com"])),
            ("widget", json!({"css": "x".repeat(4_096)})),
        ] {
            assert_eq!(refused(json!({field: value})), field);
        }
        assert_eq!(refused(json!({"budget": {"monthly_usd": 0.0}})), "budget.monthly_usd");
        assert_eq!(refused(json!({"rate_limits": {"chat": 0}})), "rate_limits.chat");
    }

    #[test]
    fn only_what_is_stated_changes_and_empty_means_none() {
        let mut bot = Bot::new(&TenantId::new(), "Bot", Clock::default().now());
        let all = json!({"domain": "support", "model": "a", "language": "pt-BR", "retention_days": 30,
            "allowed_origins": ["https://app.example.com"], "widget": {"colour": "#123456"},
            "budget": {"monthly_usd": 5.5}, "rate_limits": {"chat": 3}, "insights": {"mode": "archive"}});
        let all = patch(all);
        all.check(&["a".to_owned()]).unwrap();
        all.apply(&mut bot);
        let before = serde_json::to_value(&bot).unwrap();
        patch(json!({"domain": null})).apply(&mut bot);
        assert_eq!(serde_json::to_value(&bot).unwrap(), before);
        let none = json!({"domain": "", "model": "", "language": "", "retention_days": 0, "allowed_origins": [],
            "widget": {}, "budget": {}, "rate_limits": {}});
        patch(none).apply(&mut bot);
        assert!(bot.domain.is_none() && bot.model.is_none() && bot.language.is_none());
        assert!(bot.retention_days.is_none() && bot.budget.is_none() && bot.rate_limits.is_none());
        assert!(bot.allowed_origins.is_empty() && bot.widget.is_empty());
        assert_eq!(bot.insights.mode, shared::bots::InsightsMode::Archive);
    }
}
