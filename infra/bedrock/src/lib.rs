//! Amazon Bedrock's runtime on the wire, for the local stack: Converse, ConverseStream and InvokeModel, answered by an
//! offline model that quotes the documents, or relayed to any OpenAI-compatible server.

mod conversation;
mod converse;
mod embed;
mod fault;
mod frames;
mod handlers;
mod hash;
mod model;
mod offline;
mod prompt;
mod relay;
#[cfg(test)]
mod tests;
mod tools;

pub use fault::Fault;
pub use handlers::router;
pub use hash::embedding;
pub use model::Model;
pub use relay::RelayError;
