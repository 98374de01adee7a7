//! Mail with what a run said.

use shared::{
    app::App,
    ids::{RoutineId, RunId, TenantId},
    mail::{self, Letter, NotSent},
    routines::{Routine, Run, Status},
    store::{Condition, Row, Update},
    worker::JobError,
};

/// Mails what a run said to those whom its routine names. Who has got it is noted as soon as it is sent; a crash in between
/// sends it again.
pub(crate) async fn mail(app: &App, tenant: &TenantId, routine: &RoutineId, run: &RunId) -> Result<(), JobError> {
    let run: Option<Run> = app.table.get(&Run::key(tenant, routine, run)).await?;
    let routine: Option<Routine> = app.table.get(&Routine::key(tenant, routine)).await?;
    let (Some(mut run), Some(routine)) = (run.filter(|run| run.status == Status::Succeeded), routine) else {
        // Erased or deleted meanwhile.
        return Ok(());
    };
    for address in &routine.deliver.email {
        if run.mailed.contains(address) {
            continue;
        }
        if !mail::may_send(app, tenant).await? {
            tracing::warn!(run = %run.id, "the tenant's mails of this day are used up; the output is not mailed");
            return Ok(());
        }
        match app.mail.send(address, letter(&routine, &run)).await {
            Ok(()) => {}
            Err(NotSent::Yet(error)) => return Err(JobError::Retry(error)),
            Err(NotSent::Ever(why)) => tracing::error!(run = %run.id, why, "the output of a run cannot be mailed"),
        }
        run.mailed.push(address.clone());
        let noted = Update::at(Row::key(&run))
            .when(Condition::Exists)
            .set("mailed", &run.mailed)?;
        if !app.table.update(noted).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// The output, and below it what it rests on.
fn letter(routine: &Routine, run: &Run) -> Letter {
    let mut text = run.output.clone().unwrap_or_default();
    for (n, citation) in run.citations.iter().enumerate() {
        let begin = if n == 0 { "\n\nSources:" } else { "" };
        let page = citation.page.map_or_else(String::new, |page| format!(", page {page}"));
        text.push_str(&format!("{begin}\n[{}] {}{page}", n + 1, citation.title));
    }
    text.push('\n');
    Letter::text(&routine.name, text)
}
