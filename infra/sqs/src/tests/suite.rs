//! What a standard queue does, for any server; every case has queues of its own, so that they run at the same time.

mod batches;
mod fairness;
mod messages;
mod queues;
mod redrive;
mod refusals;
mod strict;
mod timing;

use std::panic::AssertUnwindSafe;

use aws_sdk_sqs::Client;
use futures::FutureExt;
use futures::future::LocalBoxFuture;

/// Runs the cases that every server should pass, and fails with the names of those that failed.
pub(super) async fn suite(client: &Client) {
    run(cases(client)).await;
}

/// Runs the cases that follow the AWS documentation where other servers do not.
pub(super) async fn strict_suite(client: &Client) {
    run(strict_cases(client)).await;
}

type Cases<'a> = Vec<LocalBoxFuture<'a, Option<&'static str>>>;

async fn run(cases: Cases<'_>) {
    let failed: Vec<_> = futures::future::join_all(cases).await.into_iter().flatten().collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

macro_rules! cases {
    ($client:ident: $($case:path,)*) => {
        vec![$(judge(stringify!($case), $case($client)).boxed_local()),*]
    };
}

fn cases(client: &Client) -> Cases<'_> {
    cases![client:
        queues::a_queue_is_created_once_described_changed_and_deleted,
        queues::a_purged_queue_is_empty,
        messages::a_message_comes_back_as_sent_until_it_is_deleted,
        messages::attributes_come_as_asked_with_their_sum,
        messages::a_group_id_is_carried_on_a_standard_queue,
        timing::a_received_message_is_hidden_for_its_timeout,
        timing::a_timeout_can_be_prolonged,
        timing::a_timeout_can_be_ended,
        timing::a_delayed_message_comes_later,
        timing::a_long_poll_ends_with_the_first_message,
        timing::a_message_received_too_often_goes_to_the_dead_letter_queue,
        batches::a_batch_is_sent_received_and_deleted,
        batches::a_batch_of_timeouts_is_ended,
        batches::one_bad_entry_does_not_harm_the_others,
        batches::a_malformed_batch_is_refused_as_a_whole,
        refusals::an_unknown_queue_is_named_by_its_own_code,
        refusals::a_handle_that_is_none_is_refused,
    ]
}

fn strict_cases(client: &Client) -> Cases<'_> {
    cases![client:
        strict::deleting_again_succeeds,
        strict::an_earlier_handle_deletes_nothing,
        strict::a_message_out_of_flight_keeps_its_visibility,
        strict::attributes_can_be_asked_for_by_prefix,
        strict::empty_requests_are_refused,
        strict::receives_outside_their_range_are_refused,
        strict::a_queue_needs_a_proper_name,
        strict::a_redrive_policy_needs_a_queue_that_exists,
        strict::a_batch_entry_needs_a_proper_id,
        strict::a_message_over_the_limits_is_refused,
        strict::a_batch_weighs_no_more_than_one_message,
        strict::a_delay_has_a_limit,
        strict::a_queue_tells_its_defaults,
        strict::errors_arrive_typed,
        fairness::a_backlog_of_one_group_does_not_delay_another,
        fairness::a_receive_takes_from_groups_in_turn,
        fairness::the_group_with_the_fewest_messages_in_flight_goes_first,
        fairness::a_group_is_not_busy_with_what_is_back_deleted_or_delayed,
        fairness::nothing_is_withheld_from_a_group_that_is_alone,
        fairness::a_group_stays_first_in_first_out_within,
        fairness::a_message_without_a_group_is_one_of_its_own,
        fairness::a_poll_ends_when_a_message_of_a_group_is_visible_again,
        fairness::a_group_id_goes_with_a_delay,
        fairness::a_group_id_has_to_be_well_formed,
        redrive::dead_letters_go_back_to_the_queues_that_they_came_from,
        redrive::a_message_that_was_moved_is_a_new_one_of_its_group,
        redrive::dead_letters_can_be_moved_to_another_queue,
        redrive::dead_letters_without_a_way_back_stay,
        redrive::tasks_are_listed_newest_first,
        redrive::a_move_that_cannot_be_made_is_refused,
        redrive::a_task_that_is_over_cannot_be_cancelled,
    ]
}

async fn judge(name: &'static str, case: impl Future<Output = ()>) -> Option<&'static str> {
    AssertUnwindSafe(case).catch_unwind().await.err().map(|_| name)
}

/// A name that no other run has used.
fn unique(name: &str) -> String {
    format!("{name}-{:08x}", rand::random::<u32>())
}

async fn remove(client: &Client, queue: &str) {
    client.delete_queue().queue_url(queue).send().await.unwrap();
}
