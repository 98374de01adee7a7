//! Event sources: what Lambda does between a queue or a table's stream and a function.

pub mod backoff;
mod checkpoint;
mod deliver;
mod filter;
mod message;
mod queue;
mod remote;
mod schedule;
mod stream;

pub use checkpoint::Checkpoint;
pub use filter::Filter;
pub use queue::{Poller, poll_queue};
pub use remote::{Remote, follow_remote};
pub use schedule::{Timer, keep_time};
pub use stream::{Follower, follow_journal};
