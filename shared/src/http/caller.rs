//! Who calls: the credential of a request, resolved once, and what it may do. A handler names what it asks of its caller by
//! the extractor that it takes (`Reader`, `Admin`, …); everything else follows.

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{
    app::App,
    bots::Bot,
    error::Error,
    http::{EndUser, Exchange, Permission, credential},
    ids::{BotId, TenantId},
    keys::{ApiKey, Scope},
    limits::{Class, Quota, RateLimits},
    members::Member,
};

/// Whose credential it is.
#[derive(Clone, Debug)]
pub enum Who {
    /// An API key.
    Key(Box<ApiKey>),
    /// A member who signed in.
    Member(Box<Member>),
    /// Anybody, with a bot's publishable token.
    Public,
}

/// A caller with a valid credential.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant that the caller acts for.
    pub tenant: TenantId,
    /// The bot that answers when the request names none.
    pub default_bot: BotId,
    /// Whose credential it is.
    pub who: Who,
    /// The caller's bot, for credentials that pages hold: its origins and limits are theirs too.
    pub bot: Option<Box<Bot>>,
    /// The caller's address, as API Gateway saw it.
    pub address: String,
    pub(super) exchange: Exchange,
}

impl Caller {
    /// The tenant that the caller acts for.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The only bot that the caller sees, when the credential is bound to one.
    #[must_use]
    pub fn bound(&self) -> Option<&BotId> {
        match &self.who {
            Who::Key(key) => key.bot.as_ref(),
            Who::Member(_) => None,
            Who::Public => self.bot.as_ref().map(|bot| &bot.id),
        }
    }

    /// The bot that answers when the request names none.
    #[must_use]
    pub fn bot(&self) -> &BotId {
        self.bound().unwrap_or(&self.default_bot)
    }

    /// Whether something of that bot (`None` = of all bots) may be seen.
    #[must_use]
    pub fn sees(&self, bot: Option<&BotId>) -> bool {
        match &self.who {
            Who::Member(member) => member.sees(bot),
            Who::Key(_) | Who::Public => self.bound().is_none_or(|bound| Some(bound) == bot),
        }
    }

    /// The bot with that id, when the caller may see it; `what` says in its dialect's word what is not found.
    ///
    /// # Errors
    /// 404: it never existed, as far as the caller may know.
    pub async fn find_bot(&self, app: &App, id: &str, what: &'static str) -> Result<Bot, Error> {
        let absent = || Error::NotFound(what);
        let id = BotId::parse(id).filter(|id| self.sees(Some(id))).ok_or_else(absent)?;
        let bot: Option<Bot> = app.table.get(&Bot::key(self.tenant(), &id)).await?;
        bot.ok_or_else(absent)
    }

    /// The credential's name, by which counters and idempotency keys are told apart.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.who {
            Who::Key(key) => format!("key:{}", key.id),
            Who::Member(member) => format!("member:{}", member.id),
            Who::Public => format!("public:{}", self.bot()),
        }
    }

    /// What kind of credential it is, for the log.
    pub(super) fn kind(&self) -> &'static str {
        match &self.who {
            Who::Key(key) => match key.scope {
                Scope::Full => "full_key",
                Scope::App => "app_key",
                Scope::Widget => "widget_key",
                Scope::Routine => "routine_key",
            },
            Who::Member(_) => "member",
            Who::Public => "publishable_token",
        }
    }

    /// Whether ids that the caller states about its end users are believed: a page's credential is no secret.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        match &self.who {
            Who::Key(key) => key.scope == Scope::Full,
            Who::Member(_) => true,
            Who::Public => false,
        }
    }

    /// Whether the credential is one that pages hold, and so anybody may have.
    #[must_use]
    pub fn is_page(&self) -> bool {
        match &self.who {
            Who::Key(key) => key.scope == Scope::Widget,
            Who::Member(_) => false,
            Who::Public => true,
        }
    }

    /// Counts this request, once however often this is asked, and refuses it when there were too many of its class.
    ///
    /// # Errors
    /// `Rate limit exceeded`, or the table does not answer.
    pub async fn limit(&self, app: &App, class: Class, user: Option<&EndUser>) -> Result<(), Error> {
        if self.exchange.counts() {
            return Ok(());
        }
        let quota = self.quota(class, user);
        let counted = app.limits.take(&app.table, &quota, app.clock.now()).await?;
        self.exchange.set_standing(counted.standing);
        counted.outcome
    }

    fn quota(&self, class: Class, user: Option<&EndUser>) -> Quota {
        let of_bot = || self.bot.as_ref().and_then(|bot| bot.rate_limits.as_ref());
        let own = match &self.who {
            Who::Key(key) if key.scope == Scope::Widget => key.rate_limits.as_ref().or_else(of_bot),
            Who::Key(key) => key.rate_limits.as_ref(),
            Who::Member(_) => None,
            Who::Public => of_bot(),
        };
        let none = RateLimits::default();
        let own = own.unwrap_or(&none);
        match (&self.who, user) {
            // Behind a page's credential is a whole audience: each visitor has a share, and the bot a cap.
            (Who::Public, _) => Quota::shared(&self.tenant, &self.visitors(), &self.address, class, own),
            (Who::Key(key), _) if key.scope == Scope::Widget => {
                Quota::shared(&self.tenant, &self.visitors(), &self.address, class, own)
            }
            (_, Some(user)) => Quota::shared(&self.tenant, &self.id(), &user.name(), class, own),
            (_, None) => Quota::single(&self.tenant, &self.id(), class, own),
        }
    }

    fn visitors(&self) -> String {
        format!("bot:{}", self.bot())
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        credential::caller(parts, app).await
    }
}

async fn permitted(parts: &mut Parts, app: &App, needed: Permission) -> Result<Caller, Error> {
    let caller = Caller::from_request_parts(parts, app).await?;
    if needed.is_held_by(&caller.who) {
        return Ok(caller);
    }
    let reason = match &caller.who {
        Who::Key(key) if key.scope == Scope::Full => "Only a signed-in member may do this",
        Who::Key(_) => "This key's scope does not allow this",
        Who::Member(_) => "Your role does not allow this",
        Who::Public => "A publishable token can only chat",
    };
    Err(Error::forbidden(reason))
}

macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident: $permission:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub Caller);

        impl FromRequestParts<App> for $name {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
                let caller = permitted(parts, app, Permission::$permission).await?;
                caller.limit(app, Class::Standard, None).await?;
                Ok(Self(caller))
            }
        }
    )*};
}

callers! {
    /// A caller who may read the tenant's things, keys excepted.
    Reader: Read;
    /// A caller who may answer people.
    Agent: Work;
    /// A caller who may change bots, documents, keys and webhooks.
    Admin: Manage;
    /// The owner of the account.
    AccountOwner: Account;
    /// A caller who may read an app's usage and sessions.
    AppReader: App;
    /// A caller who may chat, with something else than a question.
    Chatter: Chat;
    /// A caller who may read what a widget shows.
    Visiting: Visit;
    /// A caller who may erase sessions.
    SessionKeeper: Session;
    /// A caller who may read runs of routines.
    RunReader: Runs;
}

/// A member who signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The caller.
    pub caller: Caller,
    /// The member.
    pub member: Member,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = permitted(parts, app, Permission::SignedIn).await?;
        caller.limit(app, Class::Standard, None).await?;
        match &caller.who {
            Who::Member(member) => Ok(Self {
                member: (**member).clone(),
                caller,
            }),
            Who::Key(_) | Who::Public => Err(Error::unauthorized()),
        }
    }
}

/// A partner's back end, and the end user that it acts for.
#[derive(Clone, Debug)]
pub struct Partner {
    /// The caller.
    pub caller: Caller,
    /// Its end user.
    pub user: EndUser,
}

impl FromRequestParts<App> for Partner {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let PartnerAsking { caller, user } = PartnerAsking::from_request_parts(parts, app).await?;
        caller.limit(app, Class::Standard, Some(&user)).await?;
        Ok(Self { caller, user })
    }
}

/// [`Partner`] with a question, which is counted when it is asked: [`Caller::limit`].
#[derive(Clone, Debug)]
pub struct PartnerAsking {
    /// The caller.
    pub caller: Caller,
    /// Its end user.
    pub user: EndUser,
}

impl FromRequestParts<App> for PartnerAsking {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = permitted(parts, app, Permission::Partner).await?;
        let user = EndUser::from_request_parts(parts, app).await?;
        Ok(Self { caller, user })
    }
}

/// A caller with a question to a bot, which is counted when it is asked: [`Caller::limit`].
#[derive(Clone, Debug)]
pub struct Asker(pub Caller);

impl FromRequestParts<App> for Asker {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        Ok(Self(permitted(parts, app, Permission::Chat).await?))
    }
}

/// A caller who may read and searches, which is counted as a question is: [`Caller::limit`].
#[derive(Clone, Debug)]
pub struct Searcher(pub Caller);

impl FromRequestParts<App> for Searcher {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        Ok(Self(permitted(parts, app, Permission::Read).await?))
    }
}

/// A caller who has a routine run, which is counted as a question: [`Caller::limit`].
#[derive(Clone, Debug)]
pub struct RoutineAsker(pub Caller);

impl FromRequestParts<App> for RoutineAsker {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = permitted(parts, app, Permission::Routine).await?;
        caller.limit(app, Class::Chat, None).await?;
        Ok(Self(caller))
    }
}
