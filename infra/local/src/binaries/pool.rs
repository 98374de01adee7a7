//! The processes of one function: as many as there are events at once, within a bound.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use lambda_http::lambda_runtime::StreamResponse;
use shared::clock::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::child::{Child, Program};
use super::runtime_api::{Answer, Invocation, Pieces};
use crate::error::Cause;
use crate::sources::backoff;

/// The most processes of one function. More events at once wait for one of them.
pub const MOST_CHILDREN: usize = 8;
/// How long a process that has nothing to do is kept.
const IDLE: Duration = Duration::from_secs(60);

/// A function in processes of its own. Cloning shares them.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    program: Program,
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Child>,
    /// Processes that ended by themselves since one answered, and when the next may start.
    failures: u32,
    not_before: Option<Instant>,
}

impl Pool {
    /// A function that runs when there is an event for it.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self(Arc::new(Shared {
            program,
            room: Arc::new(Semaphore::new(MOST_CHILDREN)),
            state: Mutex::default(),
        }))
    }

    /// An event that may take as long as the template says, from now on.
    #[must_use]
    pub fn invocation(&self, event: Vec<u8>) -> Invocation {
        let now = u64::try_from(Clock::default().now().millisecond()).unwrap_or_default();
        let timeout = u64::try_from(self.0.program.timeout.as_millis()).unwrap_or_default();
        Invocation {
            id: shared::ids::fresh(),
            deadline: now + timeout,
            event: event.into(),
        }
    }

    /// Runs the function; its answer comes whole. The process is killed when this is dropped half-way.
    ///
    /// # Errors
    /// When the function fails, or streams.
    pub async fn whole(&self, invocation: Invocation) -> Result<Bytes, Cause> {
        let mut busy = self.busy().await?;
        let answer = busy.invoke(invocation).await?;
        match answer {
            Answer::Whole(answer) => {
                busy.done();
                Ok(answer)
            }
            Answer::Failed(why) => {
                busy.done();
                Err(why.into())
            }
            Answer::Stream(_) => Err("it streams, and its route does not".into()),
        }
    }

    /// Runs the function until status and headers of its answer are there. The process is killed when the stream is
    /// dropped before its end.
    ///
    /// # Errors
    /// When the function fails, or does not stream.
    pub async fn streamed(&self, invocation: Invocation) -> Result<StreamResponse<Occupied>, Cause> {
        let mut busy = self.busy().await?;
        match busy.invoke(invocation).await? {
            Answer::Stream(StreamResponse {
                metadata_prelude,
                stream: pieces,
            }) => Ok(StreamResponse {
                metadata_prelude,
                stream: Occupied {
                    pieces,
                    busy: Some(busy),
                },
            }),
            Answer::Failed(why) => {
                busy.done();
                Err(why.into())
            }
            Answer::Whole(_) => {
                busy.done();
                Err("it does not stream, and its route does".into())
            }
        }
    }

    /// A process that has nothing to do, or a new one.
    async fn busy(&self) -> Result<Busy, Cause> {
        let room = Arc::clone(&self.0.room).acquire_owned().await?;
        let child = match self.0.idle() {
            Some(child) => child,
            None => {
                let not_before = self.0.state().not_before;
                if let Some(start) = not_before {
                    tokio::time::sleep_until(start).await;
                }
                Child::start(&self.0.program).await?
            }
        };
        Ok(Busy {
            child: Some(child),
            shared: Arc::clone(&self.0),
            _room: room,
        })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process that last had something to do, so that those which are not needed can be told.
    fn idle(&self) -> Option<Child> {
        loop {
            let mut child = self.state().idle.pop()?;
            match child.ended() {
                None => return Some(child),
                Some(status) => self.failed(&format!("ended with nothing to do: {status}")),
            }
        }
    }

    fn failed(&self, why: &str) {
        let mut state = self.state();
        state.failures += 1;
        let wait = backoff::before(state.failures);
        state.not_before = Some(Instant::now() + wait);
        drop(state);
        let function = &self.program.name;
        tracing::error!(
            function,
            why,
            ?wait,
            "a function's process failed; another may start after the wait"
        );
    }

    fn give_back(&self, mut child: Child) {
        let now = Instant::now();
        child.idle_since = now;
        let mut state = self.state();
        (state.failures, state.not_before) = (0, None);
        state.idle.retain(|other| now.duration_since(other.idle_since) < IDLE);
        state.idle.push(child);
    }
}

/// A process with an event in hand.
struct Busy {
    child: Option<Child>,
    shared: Arc<Shared>,
    _room: OwnedSemaphorePermit,
}

impl Busy {
    async fn invoke(&mut self, invocation: Invocation) -> Result<Answer, Cause> {
        let child = self.child.as_mut().ok_or("no process")?;
        let answer = child.invoke(invocation).await;
        if let Err(why) = &answer {
            self.child = None;
            self.shared.failed(&why.to_string());
        }
        answer
    }

    /// The process may have the next event.
    fn done(mut self) {
        if let Some(child) = self.child.take() {
            self.shared.give_back(child);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.child.is_some() {
            let function = &self.shared.program.name;
            tracing::warn!(function, "a function's process was killed in the middle of an event");
        }
    }
}

/// A streamed answer, and the process that is occupied with it.
pub struct Occupied {
    pieces: Pieces,
    busy: Option<Busy>,
}

impl Stream for Occupied {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.pieces.as_mut().poll_next(cx);
        if let Poll::Ready(None) = next
            && let Some(busy) = self.busy.take()
        {
            busy.done();
        }
        next
    }
}
