//! The services that AWS would provide, each on a loopback port of the system's choice.

mod dynamodb;
mod journal;
mod queues;
mod s3;

pub use dynamodb::DynamoDb;
pub use journal::{Journal, Read, Record, position};
pub use queues::create_queues;
pub use s3::{Notification, s3};
