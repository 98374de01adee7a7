//! One run of a routine: the bot answers its prompt.

use std::time::Duration;

use shared::{
    answer::{self, Scope},
    app::App,
    bots::Bot,
    error::Error,
    events::Job,
    ids::{RoutineId, RunId, TenantId},
    queue::Destination,
    routines::{Failure, Routine, Run, Status},
    usage::Spent,
    worker::JobError,
};

use crate::claim::{Claim, Output, claim, fail, release, succeed};

/// Longest time that an answer may take: the function ends soon after.
const WITHIN: Duration = Duration::from_secs(165);

/// Tries of a run, also where each message tells of one only.
const MAX_ATTEMPTS: u32 = 5;

/// How a try ends that did not succeed.
enum Trouble {
    /// No other try can succeed.
    ForGood(Failure),
    /// Another try may.
    Passing(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Forbidden { code, message } | Error::Conflict { code, message } => {
                Self::ForGood(Failure::new(code, message))
            }
            passing => Self::Passing(passing),
        }
    }
}

/// Runs a routine once; `last` says that there is no other try.
pub(crate) async fn run(
    app: &App,
    tenant: &TenantId,
    routine: &RoutineId,
    run: &RunId,
    last: bool,
) -> Result<(), JobError> {
    let Some(known) = app.table.get::<Run>(&Run::key(tenant, routine, run)).await? else {
        // Erased with its bot.
        return Ok(());
    };
    // Whoever was at it left without a word, and there is no other try: asking again would risk the same.
    let last = last || known.attempt + 1 >= MAX_ATTEMPTS;
    let abandoned = last && known.status == Status::Running;
    let run = match claim(app, &known).await? {
        Claim::Over => return Ok(()),
        // Looked at again when whoever has it must have ended, by a message of its own: one that is given back again and
        // again is given up.
        Claim::Held(seconds) => {
            let job = Job::Run {
                tenant: tenant.clone(),
                routine: routine.clone(),
                run: run.clone(),
            };
            return Ok(app.queue.send_in(Destination::Routines, &job, seconds).await?);
        }
        Claim::Taken(run) => *run,
    };
    if abandoned {
        let why = Failure::new("internal", "The run began several times and never came to an end");
        return fail(app, &run, &why).await.map_err(JobError::Retry);
    }
    let outcome = match attempt(app, &run).await {
        Ok(output) => succeed(app, &run, output).await.map_err(Trouble::Passing),
        Err(trouble) => Err(trouble),
    };
    match outcome {
        Ok(()) => Ok(()),
        Err(Trouble::ForGood(why)) => Ok(fail(app, &run, &why).await?),
        Err(Trouble::Passing(error)) if last => {
            error.log();
            let why = Failure::new(error.status().1, format!("{error}; given up after several tries"));
            Ok(fail(app, &run, &why).await?)
        }
        Err(Trouble::Passing(error)) => match release(app, &run).await? {
            true => Err(JobError::Retry(error)),
            false => Ok(()),
        },
    }
}

/// Lets the bot answer.
async fn attempt(app: &App, run: &Run) -> Result<Output, Trouble> {
    let keys = [Routine::key(&run.tenant, &run.routine), Bot::key(&run.tenant, &run.bot)];
    let [routine, bot] = app.table.get_each(keys).await?;
    let routine = routine.map(|found| found.into::<Routine>()).transpose()?;
    let bot = bot.map(|found| found.into::<Bot>()).transpose()?;
    let refused = |code: &str, message: &str| Trouble::ForGood(Failure::new(code, message));
    let routine = routine.ok_or_else(|| refused("routine_deleted", "The routine was deleted before this run began"))?;
    if !routine.enabled {
        let message = "The routine was disabled before this run began";
        return Err(refused("routine_disabled", message));
    }
    let bot = bot.ok_or_else(|| refused("bot_deleted", "The bot was deleted before this run began"))?;
    if !bot.active {
        return Err(refused("bot_inactive", "This bot is not active"));
    }
    answer::check_budget(app, &bot).await?;
    let scope = Scope::open(&run.tenant, &bot.id);
    let question = question(&routine, run);
    let written = tokio::time::timeout(WITHIN, answer::once(app, &bot, &scope, &question)).await;
    let written = written.map_err(Error::unavailable)??;
    let spent = Spent {
        credential: format!("routine:{}", routine.id),
        bot: bot.id.clone(),
        nano_usd: app.prices.nano_usd(&written.model, written.usage),
        model: written.model,
        input_tokens: written.usage.input_tokens,
        output_tokens: written.usage.output_tokens,
    };
    let mail = Job::MailRun {
        tenant: run.tenant.clone(),
        routine: run.routine.clone(),
        run: run.id.clone(),
    };
    Ok(Output {
        text: written.content,
        citations: written.citations,
        spent,
        jobs: if routine.deliver.email.is_empty() {
            Vec::new()
        } else {
            vec![mail]
        },
    })
}

fn question(routine: &Routine, run: &Run) -> String {
    match run.input.as_deref().filter(|input| !input.trim().is_empty()) {
        Some(input) => format!("{}\n\nInput:\n{input}", routine.prompt),
        None => routine.prompt.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::{clock::Clock, ids::BotId};

    #[test]
    fn what_a_run_adds_comes_behind_the_prompt() {
        let now = Clock::default().now();
        let routine = Routine::new(&TenantId::new(), &BotId::new(), "N", "Sum it up.", now);
        let asked = |input: Option<&str>| question(&routine, &Run::manual(&routine, input.map(str::to_owned), now));
        assert_eq!(asked(None), "Sum it up.");
        assert_eq!(asked(Some(" ")), "Sum it up.");
        assert_eq!(asked(Some("Only May.")), "Sum it up.\n\nInput:\nOnly May.");
    }
}
