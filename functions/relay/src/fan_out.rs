//! Who is told of an event: one message for each webhook that listens, and none where nobody does.

use std::{collections::HashMap, sync::Arc};

use shared::{
    app::App,
    error::Error,
    events::{Deliver, Event, EventType, Job},
    ids::{BotId, RoutineId, RunId, TenantId},
    routines::{Routine, Run},
    webhooks::{self, Webhook},
};
use tokio::sync::{Mutex, OnceCell};

/// Whose webhooks: a bot's, or all of a tenant's.
type Whose = (TenantId, Option<BotId>);

/// The webhooks that a batch of events asks for, each list read once.
pub(crate) struct Listeners<'a> {
    app: &'a App,
    known: Mutex<HashMap<Whose, Arc<OnceCell<Vec<Webhook>>>>>,
}

impl<'a> Listeners<'a> {
    /// Nobody's yet.
    pub(crate) fn new(app: &'a App) -> Self {
        Self {
            app,
            known: Mutex::default(),
        }
    }

    /// The messages that tell of an event whoever listens.
    pub(crate) async fn tell(&self, event: &Event) -> Result<Vec<Job>, Error> {
        if !event.kind.is_public() {
            return Ok(Vec::new());
        }
        let webhooks = self.webhooks(event).await?;
        let webhooks = webhooks.get().into_iter().flatten();
        let listening: Vec<&Webhook> = webhooks.filter(|webhook| webhook.listens_to(event.kind)).collect();
        if listening.is_empty() {
            return Ok(Vec::new());
        }
        let mut messages = Vec::new();
        for told in with_output(self.app, event).await?.told()? {
            let first = |webhook: &&Webhook| Job::Deliver(Box::new(Deliver::first(webhook, told.clone())));
            messages.extend(listening.iter().map(first));
        }
        Ok(messages)
    }

    /// The webhooks of the event's bot; of all bots for what is about all of them.
    async fn webhooks(&self, event: &Event) -> Result<Arc<OnceCell<Vec<Webhook>>>, Error> {
        let whose = (event.tenant.clone(), event.bot.clone());
        let list = Arc::clone(self.known.lock().await.entry(whose).or_default());
        let read = webhooks::of_bot(&self.app.table, &event.tenant, event.bot.as_ref());
        list.get_or_try_init(|| read).await?;
        Ok(list)
    }
}

/// An event as it is told: what a run of a routine said goes along where its routine says so. It is read only now, so that no
/// text lies in the outbox.
async fn with_output(app: &App, event: &Event) -> Result<Event, Error> {
    let mut event = event.clone();
    if event.kind != EventType::RoutineFinished {
        return Ok(event);
    }
    let id = |name: &str| event.data[name].as_str().unwrap_or_default().to_owned();
    let (Some(routine), Some(run)) = (RoutineId::parse(id("routine_id")), RunId::parse(id("run_id"))) else {
        return Ok(event);
    };
    let keys = [
        Routine::key(&event.tenant, &routine),
        Run::key(&event.tenant, &routine, &run),
    ];
    let [routine, run] = app.table.get_each(keys).await?;
    let routine = routine.map(|found| found.into::<Routine>()).transpose()?;
    let run = run.map(|found| found.into::<Run>()).transpose()?;
    if let (Some(_), Some(run)) = (routine.filter(|routine| routine.deliver.webhook), run) {
        event.data["output"] = serde_json::to_value(&run.output).map_err(Error::internal)?;
    }
    Ok(event)
}
