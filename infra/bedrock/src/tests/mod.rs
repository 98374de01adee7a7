//! The endpoint as its clients see it, and the offline model's answers as a reader does.

mod judged;
mod offline;
mod relay;
mod server;
mod sources;
mod tools;
