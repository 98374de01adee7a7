//! The worker that extracts insights from archived conversations. Every message may come twice, at the same time too: the
//! first to find something ends it.

use std::{future::Future, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::{
    answer,
    app::App,
    bots::Bot,
    error::Error,
    events::Job,
    insights::{Findings, Insight, Spoken, Status, prompt, tool},
    messages::Usage,
    models::{Extracted, Prompt},
    queue::Destination,
    store::{Transaction, TransactionError},
    telemetry,
    usage::Spent,
    worker::{self, JobError, is_last_try, run_messages},
};

/// Longest time that the model may take for one form: an invocation has room for two.
const FORM_WITHIN: Duration = Duration::from_secs(80);
/// Who asks the model, where usage is counted by credential.
const CREDENTIAL: &str = "insights";

/// Handles one batch of the queue; gives back what is to be delivered again.
///
/// # Errors
/// Never for a single message: those are reported one by one.
pub async fn handle(app: &App, batch: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    Ok(run_messages(&app.queue, Destination::Insights, batch, |message| run(app, message)).await)
}

async fn run(app: &App, message: SqsMessage) -> Result<(), JobError> {
    let job = worker::job(&message)?;
    let Job::Insights {
        tenant,
        conversation,
        insight,
    } = &job
    else {
        return Err(worker::misled(&job));
    };
    let known: Option<Insight> = app.table.get(&Insight::key(tenant, conversation, insight)).await?;
    let Some(insight) = known.filter(|known| known.status != Status::Ready) else {
        return Ok(());
    };
    let outcome = extract(app, &insight).await;
    let given_up = match &outcome {
        Ok(()) => false,
        Err(JobError::Fail(_)) => true,
        Err(JobError::Retry(_)) => is_last_try(&message),
    };
    if given_up && !app.table.update(insight.failed()?).await? {
        tracing::debug!(insight = %insight.id, "another delivery has extracted these insights, or they are gone");
    }
    outcome
}

/// Extracts and stores what the conversation says.
async fn extract(app: &App, insight: &Insight) -> Result<(), JobError> {
    let bot: Option<Bot> = app.table.get(&Bot::key(&insight.tenant, &insight.bot)).await?;
    let Some(bot) = bot else {
        // Its conversations are about to be erased.
        return Ok(());
    };
    telemetry::bot(&bot.id);
    let spoken = Spoken::read(&app.table, insight).await?;
    if spoken.messages.is_empty() {
        let nothing = Findings::of_nothing(&bot.insights.custom);
        return Ok(store(app, insight, &nothing, None).await?);
    }
    match answer::check_budget(app, &bot).await {
        Err(Error::Forbidden { message, .. }) => return Err(JobError::Fail(message)),
        checked => checked?,
    }
    let (findings, spent) = fill_in(app, &bot, &spoken).await?;
    Ok(store(app, insight, &findings, Some(spent)).await?)
}

/// Lets the model fill in the form; once more, saying what was wrong, when it cannot be used.
async fn fill_in(app: &App, bot: &Bot, spoken: &Spoken) -> Result<(Findings, Spent), JobError> {
    let mut taken = Usage::default();
    let mut complaint = None;
    for _ in 0..2 {
        let prompt = prompt(bot, spoken, complaint.as_deref());
        let model = app.models.name(&prompt).to_owned();
        let Extracted { input, usage } = within(form(app, bot, prompt)).await?;
        taken.input_tokens += usage.input_tokens;
        taken.output_tokens += usage.output_tokens;
        let read = input.ok_or_else(|| "the tool was not used".to_owned());
        match read.and_then(|form| Findings::read(&form, &bot.insights.custom)) {
            Ok(findings) => return Ok((findings, spent(app, bot, model, taken))),
            Err(why) => complaint = Some(why),
        }
    }
    let why = complaint.unwrap_or_default();
    Err(JobError::Fail(format!("the model's form cannot be used: {why}")))
}

async fn form(app: &App, bot: &Bot, prompt: Prompt) -> Result<Extracted, Error> {
    app.models.extract(prompt, tool(&bot.insights.custom)).await
}

/// What `asked` gives, unless it takes too long: the invocation must have time left to say so.
async fn within<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let answered = tokio::time::timeout(FORM_WITHIN, asked).await;
    answered.map_err(Error::unavailable)?
}

fn spent(app: &App, bot: &Bot, model: String, taken: Usage) -> Spent {
    Spent {
        credential: CREDENTIAL.to_owned(),
        bot: bot.id.clone(),
        nano_usd: app.prices.nano_usd(&model, taken),
        model,
        input_tokens: taken.input_tokens,
        output_tokens: taken.output_tokens,
    }
}

/// Stores the findings with the event that tells of them; of several deliveries the first one's.
async fn store(app: &App, insight: &Insight, findings: &Findings, spent: Option<Spent>) -> Result<(), Error> {
    let now = app.clock.now();
    let mut event = insight.ready_event(now);
    event.spent = spent;
    let mut transaction = Transaction::default();
    transaction.update(insight.ready(findings, now)?).create(&event)?;
    match app.table.transact(transaction).await {
        Err(TransactionError::Condition(_)) => {
            tracing::debug!(insight = %insight.id, "another delivery has extracted these insights, or they are gone");
            Ok(())
        }
        outcome => Ok(outcome?),
    }
}
