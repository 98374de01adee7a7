//! Looking a name up and judging what it stands for, at once: a connection goes to the addresses that were judged and
//! to no others. There is no second look-up that could answer something else (DNS rebinding).

use std::{net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use super::{
    Unanswered,
    address::{Allowed, Found},
};

/// A resolver that gives only addresses that a request may go to.
pub(super) struct Guard<R> {
    inner: Arc<R>,
    allowed: Allowed,
}

impl<R: Resolve> Guard<R> {
    /// Judges what `inner` answers.
    pub fn new(inner: Arc<R>, allowed: Allowed) -> Self {
        Self { inner, allowed }
    }
}

impl<R: Resolve> Resolve for Guard<R> {
    /// All addresses of a name, when all of them are allowed. One that is not condemns the name: which address is taken
    /// is not ours to choose, and nobody honest mixes them.
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, allowed) = (self.inner.resolve(name), self.allowed);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = answer.await.map_err(|_| Unanswered::Unresolved)?.collect();
            if addresses.is_empty() {
                return Err(Unanswered::Unresolved.into());
            }
            for address in &addresses {
                let judged = allowed.judge(Found::Resolved, address.ip());
                judged.map_err(Unanswered::Refused)?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The operating system's resolver.
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0: the URL's takes its place.
            let addresses: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
