//! Resolvers that say what a test wants.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::receivers::locked;

/// A resolver that gives these answers one after the other, whatever the name. Then it knows nothing any more.
pub struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    pub fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }

    pub fn left(&self) -> usize {
        locked(&self.0).len()
    }
}

impl Resolve for Answers {
    fn resolve(&self, _: Name) -> Resolving {
        let answer = locked(&self.0).pop_front();
        Box::pin(async move {
            let addresses = answer.ok_or("no such name")?;
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// A resolver that never answers.
pub struct Silent;

impl Resolve for Silent {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::pending())
    }
}
