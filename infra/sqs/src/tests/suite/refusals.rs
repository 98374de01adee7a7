//! What is refused, and under which name.

use aws_sdk_sqs::Client;

use super::{remove, unique};
use crate::tests::server::{create, refused};

const NO_QUEUE: &str = "QueueDoesNotExist";
const NO_HANDLE: &str = "ReceiptHandleIsInvalid";

pub(super) async fn an_unknown_queue_is_named_by_its_own_code(client: &Client) {
    let known = create(client, &unique("known"), &[]).await;
    let url = format!("{known}-not");
    let send = client.send_message().queue_url(&url).message_body("x");
    refused(NO_QUEUE, send.send()).await;
    let receive = client.receive_message().queue_url(&url);
    refused(NO_QUEUE, receive.wait_time_seconds(20).send()).await;
    refused(NO_QUEUE, client.get_queue_attributes().queue_url(&url).send()).await;
    refused(NO_QUEUE, client.purge_queue().queue_url(&url).send()).await;
    refused(NO_QUEUE, client.get_queue_url().queue_name("none").send()).await;
    remove(client, &known).await;
}

pub(super) async fn a_handle_that_is_none_is_refused(client: &Client) {
    let url = create(client, &unique("handle"), &[]).await;
    let delete = client.delete_message().queue_url(&url);
    refused(NO_HANDLE, delete.receipt_handle("no handle").send()).await;
    let change = client.change_message_visibility().queue_url(&url);
    let change = change.receipt_handle("no handle").visibility_timeout(5);
    refused(NO_HANDLE, change.send()).await;
    remove(client, &url).await;
}
