//! A routine as it is sent.

use serde::Deserialize;
use shared::{clock::Time, error::Error, ids::BotId, ids::TenantId, logins::Email, routines::Routine};
use utoipa::ToSchema;

/// A new routine.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RoutineIn {
    /// What it is called.
    #[schema(value_type = String, required, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What the bot is asked.
    #[schema(value_type = String, required, min_length = 1, max_length = 16_000)]
    prompt: Option<String>,
    /// When it runs by itself: `rate(5 minutes)`, or `cron(0 9 ? * MON-FRI *)` with minute, hour, day of month, month, day
    /// of week and year as AWS writes them; absent = only on demand.
    #[schema(max_length = 256)]
    schedule: Option<String>,
    /// The IANA name of the time zone of a `cron(…)`, `UTC` when not said.
    timezone: Option<String>,
    /// Whether it runs at all, `true` when not said.
    enabled: Option<bool>,
    /// Who gets what a run says.
    deliver: Option<DeliverIn>,
}

/// Changes of a routine: absent (or `null`) means unchanged, an empty text or list means none.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RoutinePatch {
    /// What it is called.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What the bot is asked.
    #[schema(min_length = 1, max_length = 16_000)]
    prompt: Option<String>,
    /// When it runs by itself; empty = only on demand. A rate counts from this change on.
    #[schema(max_length = 256)]
    schedule: Option<String>,
    /// The IANA name of the time zone of a `cron(…)`; empty = `UTC`.
    timezone: Option<String>,
    /// Whether it runs at all.
    enabled: Option<bool>,
    /// Who gets what a run says.
    deliver: Option<DeliverIn>,
}

/// Who gets what a run says; absent means unchanged, or nobody for a new routine.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct DeliverIn {
    /// The webhooks that listen to `routine_finished`.
    webhook: Option<bool>,
    /// Addresses.
    #[schema(max_items = 10)]
    email: Option<Vec<String>>,
}

/// What a run on demand adds to the prompt.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RunIn {
    /// Comes behind the prompt.
    #[schema(max_length = 16_000)]
    input: Option<String>,
}

impl RoutineIn {
    /// A new routine of a bot.
    pub(crate) fn routine(self, tenant: &TenantId, bot: &BotId, now: Time) -> Result<Routine, Error> {
        let required = |name: &str| Error::field(name, "is required");
        let name = self.name.ok_or_else(|| required("name"))?;
        let prompt = self.prompt.ok_or_else(|| required("prompt"))?;
        let mut routine = Routine::new(tenant, bot, "", "", now);
        let all = RoutinePatch {
            name: Some(name),
            prompt: Some(prompt),
            schedule: self.schedule,
            timezone: self.timezone,
            enabled: self.enabled,
            deliver: self.deliver,
        };
        all.apply(&mut routine, now)?;
        Ok(routine)
    }
}

impl RoutinePatch {
    /// Checks what is stated and changes it; what says when the routine runs counts from `now`.
    pub(crate) fn apply(&self, routine: &mut Routine, now: Time) -> Result<(), Error> {
        if let Some(name) = &self.name {
            routine.name = text("name", name, Routine::MAX_NAME)?;
        }
        if let Some(prompt) = &self.prompt {
            routine.prompt = text("prompt", prompt, Routine::MAX_PROMPT)?;
        }
        let timing = |routine: &Routine| (routine.schedule.clone(), routine.timezone.clone(), routine.enabled);
        let before = timing(routine);
        if let Some(schedule) = self.schedule.as_deref().map(str::trim) {
            routine.schedule = (!schedule.is_empty()).then(|| schedule.to_owned());
        }
        if let Some(timezone) = self.timezone.as_deref().map(str::trim) {
            routine.timezone = if timezone.is_empty() { "UTC" } else { timezone }.to_owned();
        }
        if let Some(enabled) = self.enabled {
            routine.enabled = enabled;
        }
        if timing(routine) != before {
            routine.plan(now)?;
        }
        self.deliver.as_ref().map_or(Ok(()), |deliver| deliver.apply(routine))
    }
}

impl DeliverIn {
    fn apply(&self, routine: &mut Routine) -> Result<(), Error> {
        if let Some(webhook) = self.webhook {
            routine.deliver.webhook = webhook;
        }
        let Some(stated) = &self.email else { return Ok(()) };
        if stated.len() > Routine::MAX_ADDRESSES {
            let reason = format!("must have at most {} addresses", Routine::MAX_ADDRESSES);
            return Err(Error::field("deliver.email", reason));
        }
        let mut all: Vec<Email> = Vec::new();
        for (n, address) in stated.iter().enumerate() {
            let wrong = |_| {
                Error::field(
                    format!("deliver.email[{n}]"),
                    "must be an e-mail address like ann@example.com",
                )
            };
            let address = Email::parse(address).map_err(wrong)?;
            if !all.contains(&address) {
                all.push(address);
            }
        }
        routine.deliver.email = all;
        Ok(())
    }
}

impl RunIn {
    /// The input, when there is one.
    pub(crate) fn input(self) -> Result<Option<String>, Error> {
        let input = self.input.filter(|input| !input.trim().is_empty());
        match &input {
            Some(text) if text.chars().count() > Routine::MAX_INPUT => Err(too_long("input", Routine::MAX_INPUT)),
            _ => Ok(input),
        }
    }
}

fn text(field: &str, stated: &str, most: usize) -> Result<String, Error> {
    let text = stated.trim();
    match text.chars().count() {
        0 => Err(Error::field(field, "must not be blank")),
        n if n > most => Err(too_long(field, most)),
        _ => Ok(text.to_owned()),
    }
}

fn too_long(field: &str, most: usize) -> Error {
    Error::field(field, format!("must have at most {most} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn made(body: Value) -> Result<Routine, Error> {
        let body: RoutineIn = serde_json::from_value(body).unwrap();
        body.routine(&TenantId::new(), &BotId::new(), at("2026-01-15T10:30:00Z"))
    }

    fn daily() -> Routine {
        let body =
            json!({"name": "Daily", "prompt": "News?", "schedule": "cron(0 9 * * ? *)", "timezone": "Europe/Berlin"});
        made(body).unwrap()
    }

    fn changed(routine: &mut Routine, body: Value) {
        let patch: RoutinePatch = serde_json::from_value(body).unwrap();
        patch.apply(routine, at("2026-01-20T10:30:00Z")).unwrap();
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (field, value) in [
            ("name", Value::Null),
            ("name", json!(" ")),
            ("name", json!("x".repeat(101))),
            ("prompt", Value::Null),
            ("prompt", json!("\n")),
            ("prompt", json!("x".repeat(16_001))),
            ("schedule", json!("every day")),
            ("schedule", json!("cron(0 0 30 2 ? *)")),
            ("timezone", json!("Mars/Phobos")),
        ] {
            let mut body = json!({"name": "N", "prompt": "P", "enabled": false});
            body[field] = value;
            let Err(Error::Invalid { fields, .. }) = made(body.clone()) else {
                panic!("{body} is accepted")
            };
            assert_eq!(fields.into_keys().next().unwrap(), field);
        }
    }

    #[test]
    fn addresses_are_checked_and_each_is_there_once() {
        let to = |email: Value| made(json!({"name": "N", "prompt": "P", "deliver": {"email": email}}));
        let refused = |email: Value| match to(email) {
            Err(Error::Invalid { fields, .. }) => fields.into_keys().next().unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(json!(["a@example.com", "b"])), "deliver.email[1]");
        assert_eq!(refused(json!(vec!["a@example.com"; 11])), "deliver.email");
        assert_eq!(
            to(json!(["A@example.com", "a@example.com "]))
                .unwrap()
                .deliver
                .email
                .len(),
            1
        );
    }

    #[test]
    fn the_next_run_moves_only_when_what_it_depends_on_does() {
        let mut routine = daily();
        assert_eq!(routine.next_run, Some(at("2026-01-16T08:00:00Z")));
        changed(
            &mut routine,
            json!({"name": "Other", "schedule": "cron(0 9 * * ? *)", "enabled": true}),
        );
        assert_eq!(routine.next_run, Some(at("2026-01-16T08:00:00Z")));
        changed(&mut routine, json!({"timezone": ""}));
        assert_eq!(routine.next_run, Some(at("2026-01-21T09:00:00Z")));
        changed(&mut routine, json!({"enabled": false}));
        assert_eq!(routine.next_run, None);
        changed(&mut routine, json!({"enabled": true, "schedule": "rate(2 hours)"}));
        assert_eq!(routine.next_run, Some(at("2026-01-20T12:30:00Z")));
        changed(&mut routine, json!({"schedule": ""}));
        assert!(routine.next_run.is_none() && routine.schedule.is_none() && routine.enabled);
    }
}
