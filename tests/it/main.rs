//! End-to-end suites: behaviour through the public door, on a whole stack in this process.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that cannot go on ends by panicking, and some tell a long story"
)]

mod access;
mod ai_chat;
mod ai_conversations;
mod app_chat;
mod auth;
mod bad_input;
mod bots;
mod channel_examples;
mod cli;
mod clients;
mod cors;
mod deliveries;
mod documents;
mod erase;
mod events;
mod examples;
mod folders;
mod health;
mod idempotency;
mod insights;
mod isolation;
mod keys;
mod limits;
mod logs;
mod openapi;
mod platform_chat;
mod restart;
mod resume;
mod roles;
mod routines;
mod search;
mod support;
mod threads;
mod ticks;
mod uploads;
mod usage;
mod webhook_faults;
mod webhooks;
mod widget;
mod workers;
