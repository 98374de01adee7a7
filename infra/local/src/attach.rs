//! The event sources between the services and the workers.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodbstreams::Client as StreamsClient;
use aws_sdk_sqs::Client as Sqs;
use tokio::sync::Notify;

use crate::data::Data;
use crate::error::{During, Error};
use crate::functions::Functions;
use crate::parts::{Parts, Table};
use crate::server::Layer;
use crate::sources::{
    Checkpoint, Follower, Poller, Remote, Timer, follow_journal, follow_remote, keep_time, poll_queue,
};
use crate::template::Event;

impl Parts {
    /// Starts what feeds the workers.
    ///
    /// # Errors
    /// When a source listens to nothing, or its filter cannot be understood.
    pub fn attach(
        &self,
        functions: &Functions,
        data: &Data,
        changed: &Arc<Notify>,
        front: &mut Layer,
    ) -> Result<(), Error> {
        let sqs = Sqs::new(&self.sdk);
        for function in &self.functions {
            for event in &function.events {
                match event {
                    Event::Api(_) => {}
                    Event::Queue(source) => {
                        let Some(worker) = functions.queue_workers.get(&function.name).cloned() else {
                            continue;
                        };
                        let (sqs, url) = (sqs.clone(), self.queue_url(&source.queue)?);
                        let source = source.with_at_most(functions.most_at_once);
                        let changed = Arc::clone(changed);
                        let on_write = Arc::new(move || changed.notify_one());
                        let poller = Poller {
                            sqs,
                            url,
                            source,
                            worker,
                            timeout: function.timeout,
                            on_write,
                        };
                        front.tasks.spawn(poll_queue(poller, front.stop.subscribe()));
                    }
                    Event::Schedule(source) => {
                        let Some(worker) = functions.schedule_workers.get(&function.name).cloned() else {
                            continue;
                        };
                        let timer = Timer::new(&source.schedule, function.timeout, worker)?;
                        front.tasks.spawn(keep_time(timer, front.stop.subscribe()));
                    }
                    Event::Stream(source) => {
                        let Some(worker) = functions.stream_workers.get(&function.name).cloned() else {
                            continue;
                        };
                        let failures = source.destination_config.on_failure.as_ref();
                        let dead_letters = failures
                            .map(|to| Ok((sqs.clone(), self.queue_url(&to.destination)?)))
                            .transpose()?;
                        let source = source.clone();
                        let follower = Follower {
                            source,
                            worker,
                            timeout: function.timeout,
                            dead_letters,
                        };
                        self.follow(follower, &data.path("checkpoints").join(&function.name), changed, front)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn follow(
        &self,
        follower: Follower,
        checkpoints: &Path,
        changed: &Arc<Notify>,
        front: &mut Layer,
    ) -> Result<(), Error> {
        std::fs::create_dir_all(checkpoints).during("the checkpoints")?;
        let stop = front.stop.subscribe();
        match &self.table {
            Table::Embedded(_, journal) => {
                let checkpoint = Checkpoint::load(&checkpoints.join("embedded"));
                front.tasks.spawn(follow_journal(
                    journal.clone(),
                    follower,
                    checkpoint,
                    Arc::clone(changed),
                    stop,
                )?);
            }
            Table::Remote(arn) => {
                let streams = StreamsClient::new(&self.sdk);
                let remote = Remote {
                    streams,
                    arn: arn.clone(),
                    checkpoints: checkpoints.to_owned(),
                };
                front.tasks.spawn(follow_remote(remote, follower, stop)?);
            }
        }
        Ok(())
    }

    fn queue_url(&self, arn: &str) -> Result<String, Error> {
        let found = self.queue_urls.get(&self.template.queue_of(arn));
        found
            .cloned()
            .ok_or_else(|| Error::Template(format!("{arn} is no queue of the template")))
    }
}
