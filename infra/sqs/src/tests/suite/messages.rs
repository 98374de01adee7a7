//! Sending, receiving and deleting.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue as Value, MessageSystemAttributeName as System, QueueAttributeName as Name,
};

use super::{remove, unique};
use crate::tests::server::{attribute, create, receive};

/// `md5sum` of the body in UTF-8.
const BODY: &str = "Grüße, 世界 😀\n\t<&\"";
const BODY_MD5: &str = "c346c0550540a5a0c4d5b58fb0340160";

fn system<'a>(message: &'a Message, name: &System) -> Option<&'a str> {
    message.attributes().and_then(|all| all.get(name)).map(String::as_str)
}

pub(super) async fn a_message_comes_back_as_sent_until_it_is_deleted(client: &Client) {
    let url = create(client, &unique("message"), &[]).await;
    let sent = client
        .send_message()
        .queue_url(&url)
        .message_body(BODY)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.md5_of_message_body(), Some(BODY_MD5));

    let received = receive(client, &url, 5).await;
    let [message] = &received[..] else {
        panic!("{received:?}")
    };
    assert_eq!(message.body(), Some(BODY));
    assert_eq!(message.md5_of_body(), Some(BODY_MD5));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(system(message, &System::ApproximateReceiveCount), Some("1"));
    let time = |name| system(message, &name).unwrap().parse::<i64>().unwrap();
    assert!(time(System::SentTimestamp) > 1_700_000_000_000);
    assert!(time(System::ApproximateFirstReceiveTimestamp) >= time(System::SentTimestamp));
    assert_eq!(attribute(client, &url, Name::ApproximateNumberOfMessages).await, "0");
    assert_eq!(
        attribute(client, &url, Name::ApproximateNumberOfMessagesNotVisible).await,
        "1"
    );

    let handle = message.receipt_handle().unwrap();
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(handle)
        .send()
        .await
        .unwrap();
    assert_eq!(
        attribute(client, &url, Name::ApproximateNumberOfMessagesNotVisible).await,
        "0"
    );
    remove(client, &url).await;
}

pub(super) async fn attributes_come_as_asked_with_their_sum(client: &Client) {
    let url = create(client, &unique("attributes"), &[(Name::VisibilityTimeout, "0")]).await;
    let text = Value::builder()
        .data_type("String")
        .string_value("été")
        .build()
        .unwrap();
    let number = Value::builder()
        .data_type("Number.int")
        .string_value("7")
        .build()
        .unwrap();
    let bytes = Value::builder()
        .data_type("Binary")
        .binary_value(Blob::new([0, 255, 1]))
        .build()
        .unwrap();
    let request = client.send_message().queue_url(&url).message_body("x");
    let request = request
        .message_attributes("trace.id", text.clone())
        .message_attributes("trace.n", number)
        .message_attributes("blob", bytes);
    let sent = request.send().await.unwrap();

    let ask = |name: &str| {
        client
            .receive_message()
            .queue_url(&url)
            .wait_time_seconds(5)
            .message_attribute_names(name)
    };
    let all = ask("All").send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(all.message_attributes().unwrap().len(), 3);
    assert!(all.md5_of_message_attributes().is_some());
    assert_eq!(all.md5_of_message_attributes(), sent.md5_of_message_attributes());
    assert_eq!(all.message_attributes().unwrap()["trace.id"], text);
    assert_eq!(
        all.message_attributes().unwrap()["blob"]
            .binary_value()
            .unwrap()
            .as_ref(),
        [0, 255, 1]
    );
    assert!(all.attributes().is_none(), "system attributes were not asked for");
    let none = receive(client, &url, 5).await.remove(0);
    assert!(none.message_attributes().is_none());
    remove(client, &url).await;
}

pub(super) async fn a_group_id_is_carried_on_a_standard_queue(client: &Client) {
    let url = create(client, &unique("group"), &[]).await;
    for body in ["a", "b"] {
        let request = client
            .send_message()
            .queue_url(&url)
            .message_body(body)
            .message_group_id("tenant-1");
        request.send().await.unwrap();
    }
    // Unlike on a FIFO queue, a message in flight does not hold back its group.
    for _ in 0..2 {
        let request = client.receive_message().queue_url(&url).wait_time_seconds(5);
        let request = request.message_system_attribute_names(System::MessageGroupId);
        let message = request.send().await.unwrap().messages.unwrap().remove(0);
        assert_eq!(system(&message, &System::MessageGroupId), Some("tenant-1"));
        assert_eq!(message.attributes().unwrap().len(), 1);
    }
    remove(client, &url).await;
}
