//! A rule of EventBridge and the function that it invokes.

use std::time::Duration;

use jiff::tz::TimeZone;
use shared::clock::{Clock, Time};
use shared::routines::schedule::Schedule;

use crate::error::Error;
use crate::functions::ScheduleWorker;
use crate::server::{Stop, stopped};

const MINUTE: i64 = 60_000;

/// All that bringing the time to a function takes.
pub struct Timer {
    schedule: Schedule,
    timeout: Duration,
    worker: ScheduleWorker,
}

impl Timer {
    /// Invokes `worker` at the times of `schedule`, each time for at most `timeout`.
    ///
    /// # Errors
    /// When the schedule cannot be understood.
    pub fn new(schedule: &str, timeout: Duration, worker: ScheduleWorker) -> Result<Self, Error> {
        let schedule = Schedule::parse(schedule).map_err(|why| Error::Template(format!("{schedule} {why}")))?;
        Ok(Self {
            schedule,
            timeout,
            worker,
        })
    }

    /// The first time behind `now`. Rates count from whole minutes.
    fn next(&self, now: Time) -> Option<Time> {
        let minute = Time::at_millisecond(now.millisecond().div_euclid(MINUTE) * MINUTE);
        self.schedule.next(minute, &TimeZone::UTC)
    }

    async fn run(&self) {
        let clock = Clock::default();
        while let Some(next) = self.next(clock.now()) {
            let wait = u64::try_from(next.millisecond() - clock.now().millisecond()).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(wait)).await;
            match tokio::time::timeout(self.timeout, (self.worker)()).await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => tracing::error!(%why, "a scheduled invocation failed"),
                Err(_) => tracing::error!("a scheduled invocation took too long"),
            }
        }
    }
}

/// Invokes a function when it is time to, until `stop`.
pub async fn keep_time(timer: Timer, mut stop: Stop) {
    tokio::select! {
        () = timer.run() => {}
        () = stopped(&mut stop) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_rate_is_aligned_to_the_minute() {
        let timer = |schedule: &str| {
            let worker: ScheduleWorker = Arc::new(|| Box::pin(async { Ok(()) }));
            Timer::new(schedule, Duration::ZERO, worker)
        };
        let now = Time::parse("2026-01-15T10:30:12.345Z").unwrap();
        let next = timer("rate(1 minute)").unwrap().next(now);
        assert_eq!(next, Time::parse("2026-01-15T10:31:00Z"));
        let next = timer("cron(0 12 * * ? *)").unwrap().next(now);
        assert_eq!(next, Time::parse("2026-01-15T12:00:00Z"));
        assert!(timer("every minute").is_err());
    }
}
