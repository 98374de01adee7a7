//! The clock of routines: whatever ticks come late, twice, at once or not at all, each occurrence has one run. The times
//! are far from now, so that the stack's own ticks have nothing to do with them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::{
    bots::Bot,
    clock::{Clock, Time},
    ids::RoutineId,
    routines::{Routine, Run, Status, Trigger},
    store::{Key, Partition, Query, Row},
};
use tokio::sync::Mutex;

use crate::support::{Tenant, function, run, stack, until};

/// A tick is about everybody's routines: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

const MINUTE: i64 = 60_000;

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

/// Puts a routine whose schedule counts from `from`.
async fn scheduled(bot: &Bot, schedule: &str, timezone: &str, from: Time) -> Routine {
    let mut routine = Routine {
        schedule: Some(schedule.to_owned()),
        timezone: timezone.to_owned(),
        ..Routine::new(&bot.tenant, &bot.id, schedule, "Hello", from)
    };
    routine.plan(from).unwrap();
    stack().await.app().table.put(&routine).await.unwrap();
    routine
}

async fn forget(routine: &Routine) {
    stack().await.app().table.delete(&Row::key(routine)).await.unwrap();
}

async fn runs(routine: &Routine) -> Vec<Run> {
    let mut query = Query::newest(Run::partition(&routine.tenant, &routine.id), Run::KIND);
    query.newest_first = false;
    stack().await.app().table.query(query).await.unwrap().items
}

async fn tick(now: Time) -> usize {
    tick::routines::run(&function("tick").await, now).await.unwrap()
}

#[test]
fn an_hour_of_bad_ticks_gives_exactly_the_expected_runs() {
    run(async {
        let _alone = ALONE.lock().await;
        let (tenant, other) = (Tenant::new().await, Tenant::new().await);
        let (bot, other_bot) = (tenant.bot().await, other.bot().await);
        let begin = at("2031-05-05T10:00:00Z");
        let from = begin.plus(30_000);
        let minutes = |all: &mut dyn Iterator<Item = i64>, second: i64| -> Vec<Time> {
            all.map(|minute| begin.plus(minute * MINUTE + second * 1000)).collect()
        };
        let mut off = scheduled(&bot, "rate(1 minute)", "UTC", from).await;
        off.enabled = false;
        off.plan(from).unwrap();
        stack().await.app().table.put(&off).await.unwrap();
        let expected = [
            (
                scheduled(&bot, "rate(1 minute)", "UTC", from).await,
                minutes(&mut (1..60), 30),
            ),
            (
                scheduled(&bot, "cron(0/7 * * * ? *)", "Europe/Berlin", from).await,
                minutes(&mut (7..60).step_by(7).chain([60]), 0),
            ),
            (
                scheduled(&other_bot, "rate(25 minutes)", "UTC", from).await,
                minutes(&mut [25, 50].into_iter(), 30),
            ),
            // 10:13 in UTC, 20:43 on Lord Howe in its winter.
            (
                scheduled(&bot, "cron(43 20 ? * MON 2031)", "Australia/Lord_Howe", from).await,
                minutes(&mut std::iter::once(13), 0),
            ),
            (
                scheduled(&other_bot, "cron(13 9 * * ? *)", "UTC", from).await,
                Vec::new(),
            ),
            (off, Vec::new()),
        ];
        for minute in 0..=60 {
            let now = begin.plus(minute * MINUTE);
            match minute {
                // Nothing came, once for a while.
                20..=31 | 47 => {}
                60 => {
                    tick(now).await;
                    assert_eq!(tick(now).await, 0, "nothing is left");
                }
                _ if minute % 5 == 0 => {
                    // Three at once, one of them by a clock that is behind.
                    let behind = now.plus(-2 * MINUTE);
                    futures::join!(tick(now), tick(now), tick(behind));
                }
                _ if minute % 3 == 0 => {
                    tick(now).await;
                    tick(now).await;
                }
                _ => {
                    tick(now).await;
                }
            }
        }
        for (routine, times) in &expected {
            let made = runs(routine).await;
            let due: Vec<Time> = made.iter().filter_map(|run| run.scheduled_for).collect();
            assert_eq!(&due, times, "{}", routine.name);
            let ids: BTreeSet<_> = made.iter().map(|run| run.id.as_str()).collect();
            assert_eq!(ids.len(), made.len());
            assert!(made.iter().all(|run| run.trigger == Trigger::Schedule));
            forget(routine).await;
        }
    });
}

#[test]
fn scheduled_runs_end_each_once() {
    run(async {
        let _alone = ALONE.lock().await;
        let bot = Tenant::new().await.bot().await;
        let begin = at("2032-05-05T10:00:00Z");
        let routine = scheduled(&bot, "rate(2 minutes)", "UTC", begin).await;
        let app = shared::app::App {
            clock: Clock::fixed(begin.plus(9 * MINUTE).timestamp()),
            ..function("tick").await
        };
        tick::handle(&app).await.unwrap();
        let made = until("all runs to end", async || {
            let made = runs(&routine).await;
            made.iter().all(Run::is_over).then_some(made)
        })
        .await;
        assert_eq!(made.len(), 4);
        for run in made {
            assert_eq!((run.status, run.attempt), (Status::Succeeded, 1), "{:?}", run.error);
            assert!(run.output.is_some());
        }
        forget(&routine).await;
    });
}

#[test]
fn a_late_tick_runs_an_hour_and_says_what_was_missed_before() {
    run(async {
        let _alone = ALONE.lock().await;
        let bot = Tenant::new().await.bot().await;
        let begin = at("2033-01-01T00:00:00Z");
        let often = scheduled(&bot, "rate(10 minutes)", "UTC", begin).await;
        let once = scheduled(&bot, "cron(30 0 1 1 ? 2033-2034)", "UTC", begin).await;
        let last = scheduled(&bot, "cron(40 0 1 1 ? 2033)", "UTC", begin).await;
        let now = at("2033-01-01T02:05:00Z");
        tick(now).await;
        assert_eq!(tick(now).await, 0);
        let made = runs(&often).await;
        let (missed, late) = made.split_first().unwrap();
        assert_eq!(missed.status, Status::Failed);
        let why = missed.error.as_ref().unwrap();
        assert_eq!(why.code, "missed");
        assert!(
            why.message
                .contains("6 runs from 2033-01-01T00:10:00.000Z to 2033-01-01T01:00:00.000Z"),
            "{}",
            why.message
        );
        let due: Vec<Option<Time>> = late.iter().map(|run| run.scheduled_for).collect();
        let expected = (7..=12).map(|n| Some(begin.plus(n * 10 * MINUTE)));
        assert_eq!(due, expected.collect::<Vec<_>>());
        assert!(late.iter().all(|run| run.status != Status::Failed));

        let made = runs(&once).await;
        assert_eq!(made.len(), 1);
        assert!(
            made[0]
                .error
                .as_ref()
                .unwrap()
                .message
                .contains("2033-01-01T00:30:00.000Z was missed")
        );
        let next = |routine: &Routine| {
            let key = Row::key(routine);
            async move {
                let known: Option<Routine> = stack().await.app().table.get(&key).await.unwrap();
                known.unwrap().next_run
            }
        };
        assert_eq!(next(&once).await, Some(at("2034-01-01T00:30:00Z")));
        assert_eq!(next(&often).await, Some(at("2033-01-01T02:10:00Z")));
        assert_eq!(next(&last).await, None, "there is no other");
        assert_eq!(runs(&last).await.len(), 1);
        for routine in [often, once, last] {
            forget(&routine).await;
        }
    });
}

#[test]
fn an_occurrence_that_is_planned_again_has_no_second_run() {
    run(async {
        let _alone = ALONE.lock().await;
        let bot = Tenant::new().await.bot().await;
        let begin = at("2034-06-01T00:00:00Z");
        let routine = scheduled(&bot, "rate(10 minutes)", "UTC", begin).await;
        let now = begin.plus(10 * MINUTE);
        tick(now).await;
        assert_eq!(runs(&routine).await.len(), 1);
        // By a clock that is behind.
        stack().await.app().table.put(&routine).await.unwrap();
        tick(now).await;
        assert_eq!(runs(&routine).await.len(), 1);
        tick(now.plus(10 * MINUTE)).await;
        assert_eq!(runs(&routine).await.len(), 2);
        forget(&routine).await;
    });
}

/// Something among what is due that is no routine.
#[derive(Serialize, Deserialize)]
struct Rubbish(std::collections::BTreeMap<String, String>);

impl Row for Rubbish {
    fn key(&self) -> Key {
        Partition::global("TEST", &["rubbish"]).at("RUBBISH".to_owned())
    }

    fn gsi2(&self) -> Option<Key> {
        Some(Routine::due().at("1999-01-01T00:00:00.000Z#-#-".to_owned()))
    }
}

#[test]
fn a_routine_that_cannot_be_run_does_not_hold_up_the_others() {
    run(async {
        let _alone = ALONE.lock().await;
        let bot = Tenant::new().await.bot().await;
        let table = &stack().await.app().table;
        let begin = at("2035-06-01T00:00:00Z");
        table.put(&Rubbish(std::collections::BTreeMap::new())).await.unwrap();
        let bad = Routine {
            id: RoutineId::new(),
            schedule: Some("whenever".to_owned()),
            ..scheduled(&bot, "rate(9 minutes)", "UTC", begin).await
        };
        table.put(&bad).await.unwrap();
        let good = scheduled(&bot, "rate(10 minutes)", "UTC", begin).await;
        tick(begin.plus(10 * MINUTE)).await;
        assert_eq!((runs(&bad).await.len(), runs(&good).await.len()), (0, 1));
        table
            .delete(&Row::key(&Rubbish(std::collections::BTreeMap::new())))
            .await
            .unwrap();
        for routine in [bad, good] {
            forget(&routine).await;
        }
    });
}
