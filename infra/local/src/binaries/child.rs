//! One process of a function. It works on one event at a time, as an execution environment of Lambda does.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use shared::config::Config;
use tokio::process::{self, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::runtime_api::{Answer, Handed, Invocation, RuntimeApi};
use crate::error::{Cause, During, Error};
use crate::server::{Layer, on_loopback};
use crate::template::{ACCOUNT, Function, REGION};

/// What a function's process is started with.
#[derive(Clone, Debug)]
pub struct Program {
    /// The function.
    pub name: String,
    /// How long one invocation may take.
    pub timeout: std::time::Duration,
    path: PathBuf,
    variables: Vec<(String, String)>,
}

impl Program {
    /// A function whose binary is at `path`; `access` says where the services are and who asks.
    #[must_use]
    pub fn new(function: &Function, path: PathBuf, access: &[(String, String)]) -> Self {
        let given = function.environment.clone().into_iter();
        let mut variables: Vec<_> = given.chain(access.iter().cloned()).collect();
        // All that Lambda says but AWS_LAMBDA_INITIALIZATION_TYPE, by which functions know that they are on AWS.
        let by_lambda = [
            ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
            ("_HANDLER", "bootstrap".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ];
        variables.extend(by_lambda.map(|(name, value)| (name.to_owned(), value)));
        // Whoever asks this stack for more or fewer log lines means those of its functions. They come to the same terminal.
        let level = Config::environment().remove("RUST_LOG");
        variables.push(("RUST_LOG".to_owned(), level.unwrap_or_else(|| "warn".to_owned())));
        Self {
            name: function.name.clone(),
            timeout: function.timeout,
            path,
            variables,
        }
    }

    fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.name)
    }
}

/// A running process with a Runtime API of its own. Dropping it ends both.
pub struct Child {
    /// When it last had nothing more to do.
    pub idle_since: Instant,
    process: process::Child,
    events: mpsc::Sender<Handed>,
    asked: watch::Receiver<bool>,
    _api: Layer,
}

impl Child {
    /// Starts a process. It has nothing of this one's environment.
    ///
    /// # Errors
    /// When there is no such binary.
    pub async fn start(program: &Program) -> Result<Self, Error> {
        let (events, handed) = mpsc::channel(1);
        let mut layer = Layer::default();
        let api = RuntimeApi::new(program.arn(), handed);
        let asked = api.asked();
        let url = on_loopback(api.router(), &mut layer).await?;
        let process = Command::new(&program.path)
            .env_clear()
            .envs(program.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", url.trim_start_matches("http://"))
            .stdin(Stdio::null())
            // Ctrl-C at the terminal is for this process, which ends its children itself.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .during(program.path.display())?;
        Ok(Self {
            idle_since: Instant::now(),
            process,
            events,
            asked,
            _api: layer,
        })
    }

    /// Its process id, until it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until it is ready: it asks for its first event.
    ///
    /// # Errors
    /// When it ends before.
    pub async fn ready(&mut self) -> Result<(), Cause> {
        tokio::select! {
            asked = self.asked.wait_for(|asked| *asked) => Ok(asked.map(|_| ())?),
            status = self.process.wait() => Err(format!("its process ended before its first event: {}", status?).into()),
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Hands it an event and waits for its answer.
    ///
    /// # Errors
    /// When the process ends before it answers.
    pub async fn invoke(&mut self, invocation: Invocation) -> Result<Answer, Cause> {
        let (answer, answered) = oneshot::channel();
        self.events.send((invocation, answer)).await?;
        tokio::select! {
            biased;
            Ok(answer) = answered => Ok(answer),
            status = self.process.wait() => Err(format!("its process ended without an answer: {}", status?).into()),
        }
    }
}
