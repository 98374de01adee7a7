//! Who may do what: the one table of it.

use crate::{http::caller::Who, keys::Scope, members::Role};

/// What an endpoint asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Reading the tenant's things, keys excepted.
    Read,
    /// Answering people: inbox, tickets, tasks, contacts, notes.
    Work,
    /// Changing bots, documents, keys, webhooks, teams, automations and routines.
    Manage,
    /// The account itself.
    Account,
    /// A member's own sign-in.
    SignedIn,
    /// Acting for a partner's end users.
    Partner,
    /// Asking a bot.
    Chat,
    /// An app's own usage and sessions.
    App,
    /// Erasing sessions.
    Session,
    /// Reading what a widget shows.
    Visit,
    /// Running routines.
    Routine,
    /// Reading runs of routines.
    Runs,
}

impl Permission {
    /// Whether `who` has it.
    #[must_use]
    pub fn is_held_by(self, who: &Who) -> bool {
        match who {
            Who::Member(member) => match self {
                Self::Read | Self::App | Self::SignedIn | Self::Visit | Self::Runs => true,
                Self::Work | Self::Chat | Self::Session => member.role >= Role::Agent,
                Self::Manage | Self::Routine => member.role >= Role::Admin,
                Self::Account => member.role == Role::Owner,
                Self::Partner => false,
            },
            Who::Key(key) => match key.scope {
                Scope::Full => !matches!(self, Self::Account | Self::SignedIn),
                Scope::App => matches!(self, Self::Chat | Self::App | Self::Session | Self::Visit),
                Scope::Widget => matches!(self, Self::Chat | Self::Visit),
                Scope::Routine => matches!(self, Self::Routine | Self::Runs),
            },
            Who::Public => matches!(self, Self::Chat | Self::Visit),
        }
    }
}
