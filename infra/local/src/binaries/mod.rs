//! The functions as they are deployed: their own binaries, each in processes of its own behind a Lambda Runtime API.

mod build;
mod child;
mod pool;
mod runtime_api;
#[cfg(test)]
mod tests;

pub use build::build;
pub use child::{Child, Program};
pub use pool::{MOST_CHILDREN, Pool};
pub use runtime_api::{Answer, Invocation, Pieces};

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use shared::clock::Clock;

use crate::error::{Cause, Error};
use crate::functions::{Functions, HttpFunction};
use crate::options::Listener;
use crate::parts::Parts;
use crate::template::{ACCOUNT, Event, Function, REGION};

/// Builds the binaries of a stack's functions. A process is started when there is an event for it.
///
/// # Errors
/// When they cannot be built.
pub async fn start(parts: &Parts, listener: &Listener) -> Result<Functions, Error> {
    let names: Vec<&str> = parts.functions.iter().map(|function| function.name.as_str()).collect();
    let folder = build(&names, &[], None, listener).await?;
    let mut functions = Functions {
        most_at_once: Some(MOST_CHILDREN),
        ..Functions::default()
    };
    for function in &parts.functions {
        let program = Program::new(function, folder.join(&function.name), &parts.access(function));
        functions.add_binary(function, &Pool::new(program));
    }
    Ok(functions)
}

impl Functions {
    fn add_binary(&mut self, function: &Function, pool: &Pool) {
        for event in &function.events {
            let (name, pool) = (function.name.clone(), pool.clone());
            match event {
                Event::Api(_) => {
                    self.http.insert(name, HttpFunction::Binary(pool));
                }
                Event::Queue(_) => {
                    self.queue_workers
                        .insert(name, Arc::new(move |event| work(pool.clone(), event)));
                }
                Event::Stream(_) => {
                    self.stream_workers
                        .insert(name, Arc::new(move |event| work(pool.clone(), event)));
                }
                Event::Schedule(_) => {
                    self.schedule_workers
                        .insert(name, Arc::new(move || work(pool.clone(), scheduled())));
                }
            }
        }
    }
}

/// Brings an event to a worker and reads its answer.
fn work<E, R>(pool: Pool, event: E) -> BoxFuture<'static, Result<R, Cause>>
where
    E: Serialize + Send + 'static,
    R: DeserializeOwned,
{
    async move {
        let event = serde_json::to_vec(&event)?;
        let answer = pool.whole(pool.invocation(event)).await?;
        Ok(serde_json::from_slice(&answer)?)
    }
    .boxed()
}

/// What EventBridge sends when it is time.
fn scheduled() -> serde_json::Value {
    json!({
        "version": "0",
        "id": shared::ids::fresh(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": Clock::default().now(),
        "region": REGION,
        "resources": [],
        "detail": {},
    })
}
