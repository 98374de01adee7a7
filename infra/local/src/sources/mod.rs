//! Event sources: what Lambda does between a queue or a table's stream and a function.

mod backoff;
mod deliver;
mod filter;
mod queue;
mod stream;

use deliver::GivenUp;
pub use filter::Filter;
pub use queue::{Poller, poll_queue};
pub use stream::{Checkpoint, Follower, follow_stream};
