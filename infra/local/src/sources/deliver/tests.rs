//! What becomes of a batch with a record that fails.

use std::sync::{Arc, Mutex};

use futures::FutureExt;

use super::*;

fn records(count: usize) -> Vec<Record> {
    let record = |n: usize| {
        let keys = json!({"sk": {"S": format!("{n}")}});
        let change = json!({"Keys": keys, "SequenceNumber": format!("{n:021}"), "SizeBytes": 1});
        let json = json!({"eventID": n.to_string(), "eventName": "INSERT", "awsRegion": "x", "dynamodb": change});
        Record {
            sequence: format!("{n:021}"),
            json,
        }
    };
    (0..count).map(record).collect()
}

fn source(retries: u32) -> StreamSource {
    serde_json::from_value(json!({
        "Stream": "arn", "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": retries,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }))
    .unwrap()
}

/// Runs a batch whose record `poison` fails, by report or by error; returns what was seen, done and given up.
async fn run(poison: usize, by_report: bool) -> (Vec<String>, Vec<String>, Vec<GivenUp>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let worker: StreamWorker = Arc::new(move |event: Event| {
        let noted = Arc::clone(&noted);
        async move {
            let mut response = DynamoDbEventResponse::default();
            for record in &event.records {
                let sequence = record.change.sequence_number.clone().unwrap();
                if sequence.parse::<usize>().unwrap() == poison {
                    if !by_report {
                        return Err("poison".into());
                    }
                    let mut failure = aws_lambda_events::streams::DynamoDbBatchItemFailure::default();
                    failure.item_identifier = Some(sequence);
                    response.batch_item_failures.push(failure);
                    return Ok(response);
                }
                noted.lock().unwrap().push(sequence);
            }
            Ok(response)
        }
        .boxed()
    });
    let (done, given_up) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let source = source(1);
    let delivery = Delivery {
        source: &source,
        worker: &worker,
        timeout: Duration::from_secs(5),
    };
    let note = |sequence: &str| done.lock().unwrap().push(sequence.to_owned());
    delivery
        .run(&records(5), note, |what| {
            given_up.lock().unwrap().push(what);
            std::future::ready(())
        })
        .await;
    let seen = seen.lock().unwrap().clone();
    (seen, done.into_inner().unwrap(), given_up.into_inner().unwrap())
}

#[tokio::test]
async fn a_reported_record_is_tried_again_and_given_up_alone() {
    let (seen, done, given_up) = run(2, true).await;
    assert_eq!(seen, ["0", "1", "3", "4"].map(|n| format!("{n:0>21}")));
    assert_eq!(done.last().unwrap(), &format!("{:021}", 4));
    assert_eq!(given_up.len(), 1);
    assert_eq!(
        (given_up[0].records, given_up[0].first.as_str()),
        (1, format!("{:021}", 2).as_str())
    );
}

#[tokio::test]
async fn a_failing_batch_is_halved_until_the_poison_is_alone() {
    let (seen, done, given_up) = run(3, false).await;
    assert!(seen.contains(&format!("{:021}", 4)), "{seen:?}");
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0].first, format!("{:021}", 3));
    assert!(done.is_sorted());
}
