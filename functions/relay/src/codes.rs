//! Codes by mail: made here, behind the answer to whoever asked, so that asking takes the same whether or not somebody
//! signs in with that address.

use shared::{
    app::App,
    codes::{self, Purpose},
    ids::EventId,
    logins::{Email, Login},
    mail::{Letter, NotSent},
    members::Member,
    worker::JobError,
};

/// Sends the code that `event` asks for, once, when somebody signs in with the address.
pub(crate) async fn send(app: &App, event: &EventId, email: &Email, purpose: Purpose) -> Result<(), JobError> {
    let Some(login) = app.table.get::<Login>(&Login::key(email)).await? else {
        return Ok(());
    };
    if purpose == Purpose::VerifyEmail {
        let member: Option<Member> = app.table.get(&Member::key(&login.tenant, &login.member)).await?;
        if member.is_none_or(|member| member.email_verified) {
            return Ok(());
        }
    }
    let Some(code) = codes::issue(app, purpose, email, event).await? else {
        tracing::info!("no code: one was sent for this event, or the account had enough for this hour");
        return Ok(());
    };
    match app.mail.send(email, Letter::code(purpose, &code)).await {
        Ok(()) => Ok(codes::sent(&app.table, email, event).await?),
        Err(NotSent::Yet(error)) => Err(JobError::Retry(error)),
        Err(NotSent::Ever(why)) => Err(JobError::Fail(format!("SES refuses the mail of event {event}: {why}"))),
    }
}
