//! The operations of the API, by the name in `X-Amz-Target`.

mod delete;
mod moves;
mod queues;
mod receive;
mod send;
mod visibility;

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Sqs;
use crate::fault::{Code, Fault};

/// A request's surroundings.
pub(crate) struct Call {
    pub sqs: Sqs,
    /// Scheme and host that the client used, without a slash at the end.
    pub base: String,
    /// The region that the client signed for.
    pub region: String,
}

/// Does one operation; body and answer are JSON.
pub(crate) async fn perform(call: Call, operation: &str, body: &[u8]) -> Result<Vec<u8>, Fault> {
    match operation {
        "CreateQueue" => run(call, body, queues::create).await,
        "GetQueueUrl" => run(call, body, queues::url).await,
        "GetQueueAttributes" => run(call, body, queues::attributes).await,
        "SetQueueAttributes" => run(call, body, queues::change).await,
        "ListQueues" => run(call, body, queues::list).await,
        "DeleteQueue" => run(call, body, queues::delete).await,
        "PurgeQueue" => run(call, body, queues::purge).await,
        "SendMessage" => run(call, body, send::one).await,
        "SendMessageBatch" => run(call, body, send::batch).await,
        "ReceiveMessage" => run(call, body, receive::receive).await,
        "DeleteMessage" => run(call, body, delete::one).await,
        "DeleteMessageBatch" => run(call, body, delete::batch).await,
        "ChangeMessageVisibility" => run(call, body, visibility::one).await,
        "ChangeMessageVisibilityBatch" => run(call, body, visibility::batch).await,
        "StartMessageMoveTask" => run(call, body, moves::start).await,
        "ListMessageMoveTasks" => run(call, body, moves::list).await,
        "CancelMessageMoveTask" => run(call, body, moves::cancel).await,
        _ => {
            let message = format!("This server does not offer the operation {operation}.");
            Err(Fault::new(Code::UnsupportedOperation, message))
        }
    }
}

async fn run<I, O, F>(call: Call, body: &[u8], operation: impl FnOnce(Call, I) -> F) -> Result<Vec<u8>, Fault>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Future<Output = Result<O, Fault>>,
{
    let input = serde_json::from_slice(body).map_err(|cause| unreadable(&cause))?;
    let output = operation(call, input).await?;
    serde_json::to_vec(&output).map_err(Fault::internal)
}

/// Tells a missing member from a body that is wrong in another way.
fn unreadable(cause: &serde_json::Error) -> Fault {
    let message = cause.to_string();
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    match missing {
        Some(name) => Fault::missing(name),
        None => Fault::new(Code::Serialization, message),
    }
}

/// The answer of operations that have nothing to tell.
#[derive(Serialize)]
pub(crate) struct Empty {}
