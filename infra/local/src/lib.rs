//! The local stack: everything that docent is on AWS, in one process. A gateway driven by template.yaml calls the real
//! functions, in-process or in processes of their own; DynamoDB with its stream, S3, SQS, SSM, SES, OpenSearch and Bedrock are embedded, durable where
//! it matters, and on ports of the system's choice, so that several stacks run side by side.

mod attach;
pub mod binaries;
pub mod cli;
pub mod cost;
pub mod data;
pub mod demo;
pub mod error;
pub mod functions;
pub mod gateway;
pub mod mailbox;
pub mod models;
pub mod options;
pub mod parts;
pub mod permissions;
#[cfg(test)]
mod samples;
pub mod sdk;
pub mod server;
pub mod services;
pub mod sources;
pub mod stack;
pub mod template;
mod variables;

pub use demo::Demo;
pub use error::Error;
pub use options::{Options, Progress};
pub use stack::Stack;
