//! Mail, sent by SES. Only `relay` and `run-routine` send.

use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
    types::{Body, Content, Destination, EmailContent, Message},
};
use aws_types::SdkConfig;

use crate::{
    app::App,
    codes::Purpose,
    error::Error,
    ids::TenantId,
    logins::Email,
    sdk::OnUse,
    store::{Counted, Partition},
};

/// Most mails of a tenant in a day, codes aside: addresses are anybody's.
const MAILS_A_DAY: u32 = 500;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// The post.
#[derive(Clone, Debug)]
pub struct Mailer {
    client: OnUse<Client>,
    from: Option<String>,
}

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    subject: String,
    text: String,
    html: String,
}

/// Why a letter was not sent.
#[derive(Debug)]
pub enum NotSent {
    /// Another try may succeed.
    Yet(Error),
    /// No try can.
    Ever(String),
}

impl Mailer {
    /// The post, where this function may send in the name of `from`.
    #[must_use]
    pub fn new(from: Option<String>, sdk: &SdkConfig) -> Self {
        Self {
            client: OnUse::new(sdk),
            from,
        }
    }

    /// Sends a letter.
    ///
    /// # Errors
    /// Whether it makes sense to try again.
    pub async fn send(&self, to: &Email, letter: Letter) -> Result<(), NotSent> {
        let from = self
            .from
            .as_deref()
            .ok_or_else(|| NotSent::Yet(Error::internal("MAIL_FROM is not set")))?;
        let message = letter
            .message()
            .map_err(|why| NotSent::Ever(format!("a letter cannot be written: {why}")))?;
        self.client
            .get(Client::new)
            .send_email()
            .from_email_address(from)
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map(|_| ())
            .map_err(not_sent)
    }
}

/// Counts a mail of the tenant's; `false` when there were enough for the day (UTC).
///
/// # Errors
/// When the table does not answer.
pub async fn may_send(app: &App, tenant: &TenantId) -> Result<bool, Error> {
    let day = app.clock.now().second() / DAY;
    let key = Partition::tenant(tenant, &["RATE", "mail"]).at(format!("D#{day}"));
    let bounds = [("mails".to_owned(), MAILS_A_DAY)];
    let counted = app.table.count(&key, &bounds, (day + 2) * DAY).await?;
    Ok(matches!(counted, Counted::Taken(_)))
}

/// What SES says about the message or our right to send it stays as it is; a throttle or a pause passes.
fn not_sent<R>(error: SdkError<SendEmailError, R>) -> NotSent
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let for_good = match error.code() {
        Some(code) => !matches!(
            code,
            "TooManyRequestsException"
                | "LimitExceededException"
                | "SendingPausedException"
                | "ThrottlingException"
                | "Throttling"
                | "InternalServiceErrorException"
                | "InternalFailure"
                | "ServiceUnavailable"
        ),
        None => false,
    };
    match for_good {
        true => NotSent::Ever(error.code().unwrap_or_default().to_owned()),
        false => NotSent::Yet(Error::unavailable(error)),
    }
}

impl Letter {
    /// The letter that brings a code. Nothing that a stranger could write is part of it: whoever registers may state
    /// somebody else's address.
    #[must_use]
    pub fn code(purpose: Purpose, code: &str) -> Self {
        let (subject, why) = match purpose {
            Purpose::VerifyEmail => (
                "Confirm your e-mail address",
                "Enter this code to confirm that this address is yours:",
            ),
            Purpose::ResetPassword => ("Reset your password", "Enter this code to choose a new password:"),
        };
        let rest = "It works once, for 15 minutes. If you did not ask for it, ignore this mail: nothing has changed.";
        Self {
            subject: subject.to_owned(),
            text: format!("{why}\n\n    {code}\n\n{rest}\n"),
            html: format!(
                "<!doctype html><html lang=\"en\"><body><p>{why}</p>\
                 <p style=\"font:bold 1.5em monospace;letter-spacing:.15em\">{code}</p><p>{rest}</p></body></html>"
            ),
        }
    }

    /// A letter that says a text of several lines. The subject is made one line.
    #[must_use]
    pub fn text(subject: &str, text: String) -> Self {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        Self {
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            html: format!(
                "<!doctype html><html><body><div style=\"white-space:pre-wrap\">{escaped}</div></body></html>"
            ),
            text,
        }
    }

    fn message(self) -> Result<Message, aws_sdk_sesv2::error::BuildError> {
        let content = |text: String| Content::builder().data(text).charset("UTF-8").build();
        let body = Body::builder().text(content(self.text)?).html(content(self.html)?);
        Ok(Message::builder()
            .subject(content(self.subject)?)
            .body(body.build())
            .build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sesv2::error::ErrorMetadata;

    fn refused(code: &str) -> NotSent {
        let meta = ErrorMetadata::builder().code(code).build();
        not_sent(SdkError::service_error(SendEmailError::generic(meta), ()))
    }

    #[test]
    fn a_throttle_is_retried_and_a_refusal_is_not() {
        for code in [
            "TooManyRequestsException",
            "SendingPausedException",
            "ThrottlingException",
        ] {
            assert!(matches!(refused(code), NotSent::Yet(_)), "{code}");
        }
        for code in [
            "MessageRejected",
            "MailFromDomainNotVerifiedException",
            "BadRequestException",
        ] {
            assert!(matches!(refused(code), NotSent::Ever(_)), "{code}");
        }
        let unreachable = SdkError::<SendEmailError, ()>::timeout_error("no answer");
        assert!(matches!(not_sent(unreachable), NotSent::Yet(_)));
    }

    #[test]
    fn a_text_is_no_html_and_a_subject_one_line() {
        let letter = Letter::text("Daily\r\nBcc: eve@example.com", "1 < 2\n<img src=x>".to_owned());
        assert_eq!(letter.subject, "Daily Bcc: eve@example.com");
        assert!(letter.html.contains("1 &lt; 2\n&lt;img src=x&gt;") && letter.text.contains("<img"));
    }

    #[test]
    fn both_bodies_of_a_letter_hold_the_code() {
        for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword] {
            let letter = Letter::code(purpose, "ABCD2345");
            assert!(letter.text.contains("ABCD2345") && letter.html.contains("ABCD2345"));
            assert!(
                !letter.subject.contains("ABCD2345"),
                "subjects are shown on locked screens"
            );
            assert!(letter.message().is_ok());
        }
    }
}
