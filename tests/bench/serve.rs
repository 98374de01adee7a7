//! A stack in a process of its own, so that its CPU and memory can be read apart from the client's.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
};

use local::{Options, Stack};
use serde_json::{Value, json};
use shared::{ids::TenantId, keys::Secret, limits::RateLimits, tenants};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::Outcome;

/// Runs until its standard input ends.
pub async fn run(data: PathBuf, model_url: String) -> Outcome {
    // Lines cost the same as in a function, but for the writing.
    shared::telemetry::start("info", std::io::sink);
    let mut options = Options::new(data);
    options.model_url = Some(model_url);
    options.model = Some("mock".to_owned());
    options.allow_local_webhooks = true;
    let stack = Stack::start(options).await?;
    let secret = Secret::generate();
    tenants::seed(
        stack.app(),
        &TenantId::new(),
        "Bench",
        &secret,
        Some(RateLimits::HIGHEST),
    )
    .await
    .map_err(|e| e.to_string())?;
    println!("{}", json!({"url": stack.base_url, "key": secret.reveal()}));
    std::io::stdout().flush()?;
    let mut end = String::new();
    BufReader::new(tokio::io::stdin()).read_line(&mut end).await?;
    stack.shutdown().await;
    Ok(())
}

/// A stack in a child process.
pub struct Served {
    /// Where it answers.
    pub url: String,
    /// A full key.
    pub key: String,
    child: Child,
}

impl Served {
    /// Starts one.
    pub async fn start(data: &Path, model_url: &str) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .args([data.as_os_str(), model_url.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().ok_or("no output")?;
        let line = BufReader::new(out)
            .lines()
            .next_line()
            .await?
            .ok_or("the stack did not start")?;
        let told: Value = serde_json::from_str(&line)?;
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            url: text("url"),
            key: text("key"),
            child,
        })
    }

    /// CPU seconds so far, user and system.
    pub fn cpu(&self) -> Outcome<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().ok_or("ended")?))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|field| field.parse::<f64>().ok())
                .unwrap_or_default()
        };
        // Linux counts in hundredths of a second (USER_HZ).
        Ok((ticks(11) + ticks(12)) / 100.0)
    }

    /// Resident memory in MB.
    pub fn memory(&self) -> Outcome<f64> {
        resident(self.child.id().ok_or("ended")?)
    }
}

/// Resident memory of a process in MB.
pub fn resident(process: u32) -> Outcome<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<f64>()? / 1024.0)
}
