//! The engine that every function of docent shares: entities with their rules, the table and its keys, one seam per
//! outside service, and the three parts with substance of their own: `knowledge`, `answer` and `events`.

pub mod access;
pub mod answer;
pub mod app;
pub mod blobs;
pub mod bots;
pub mod clock;
pub mod config;
pub mod conversations;
pub mod documents;
pub mod erasures;
pub mod error;
pub mod events;
pub mod folders;
pub mod http;
pub mod ids;
pub mod keys;
pub mod knowledge;
pub mod limits;
pub mod members;
pub mod messages;
pub mod models;
pub mod queue;
pub mod search;
pub mod sessions;
pub mod store;
pub mod telemetry;
pub mod tenants;
pub mod text;
pub mod tokens;
pub mod worker;
