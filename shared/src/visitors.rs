//! Visitors: end users of a page. Their ids are no secrets, so a page proves whose thread it goes on with: by the token that
//! the first answer gave, or by a hash that the team's own back end made.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};

use crate::{bots::Bot, ids::ConversationId};

/// Begins a visitor token.
const PREFIX: &str = "vt_";
/// Characters of a signature in hex.
const SIGNATURE: usize = 64;

/// The token for one visitor and one thread: a signature over tenant, bot, visitor and thread, and the thread's id.
#[must_use]
pub fn token(bot: &Bot, visitor: &str, thread: &ConversationId) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, bot.visitor_secret.as_bytes());
    let mut signed = hmac::Context::with_key(&key);
    for part in [bot.tenant.as_str(), bot.id.as_str(), visitor, thread.as_str()] {
        // Lengths keep the parts apart.
        signed.update(&(part.len() as u64).to_be_bytes());
        signed.update(part.as_bytes());
    }
    format!("{PREFIX}{}{thread}", hex::encode(signed.sign()))
}

/// The thread that a token names, whether or not it is genuine.
#[must_use]
pub fn thread_of(stated: &str) -> Option<ConversationId> {
    let (_, thread) = stated.strip_prefix(PREFIX)?.split_at_checked(SIGNATURE)?;
    ConversationId::parse(thread)
}

/// Whether a token is that of this visitor and thread.
#[must_use]
pub fn is_token(bot: &Bot, visitor: &str, thread: &ConversationId, stated: &str) -> bool {
    verify_slices_are_equal(token(bot, visitor, thread).as_bytes(), stated.as_bytes()).is_ok()
}

/// The proof of a visitor's id: its HMAC-SHA256 with the bot's identity secret, in hex.
#[must_use]
pub fn identity(bot: &Bot, visitor: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, bot.identity_secret.as_bytes());
    hex::encode(hmac::sign(&key, visitor.as_bytes()))
}

/// Whether `stated` is that proof, in either case.
#[must_use]
pub fn is_identified(bot: &Bot, visitor: &str, stated: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, bot.identity_secret.as_bytes());
    hex::decode(stated).is_ok_and(|tag| hmac::verify(&key, visitor.as_bytes(), &tag).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, ids::TenantId};

    #[test]
    fn a_token_opens_its_own_thread_only() {
        let now = Clock::default().now();
        let tenant = TenantId::new();
        let (bot, other) = (Bot::new(&tenant, "a", now), Bot::new(&tenant, "b", now));
        let (thread, another) = (ConversationId::new(), ConversationId::new());
        let given = token(&bot, "v1", &thread);
        assert!(is_token(&bot, "v1", &thread, &given));
        assert!(!is_token(&bot, "v2", &thread, &given));
        assert!(!is_token(&bot, "v1", &another, &given));
        assert!(!is_token(&other, "v1", &thread, &given));
        assert!(!is_token(&bot, "v1", &thread, ""));
        assert_eq!(thread_of(&given), Some(thread));
        assert_eq!((thread_of("vt_0"), thread_of(&given[..67])), (None, None));
    }

    #[test]
    fn an_identity_is_proved_with_the_bots_secret() {
        let bot = Bot::new(&TenantId::new(), "a", Clock::default().now());
        let hash = identity(&bot, "v1");
        assert!(is_identified(&bot, "v1", &hash) && is_identified(&bot, "v1", &hash.to_uppercase()));
        assert!(!is_identified(&bot, "v2", &hash) && !is_identified(&bot, "v1", "zz"));
    }
}
