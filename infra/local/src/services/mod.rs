//! The services that AWS would provide, each on a loopback port of the system's choice.

mod dynamodb;
mod journal;
mod notify;
mod parameters;
mod queues;
mod remote_table;
mod s3;
mod ses;
mod ssm;
#[cfg(test)]
mod tests;

pub use dynamodb::DynamoDb;
pub use journal::{Journal, Read, Record, position, sequence};
pub use notify::Notification;
pub use parameters::{Parameter, Parameters, Refused};
pub use queues::create_queues;
pub use remote_table::ensure_table;
pub use s3::{ensure_bucket, s3};
pub use ses::ses;
pub use ssm::ssm;
