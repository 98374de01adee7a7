//! Cold starts: each function's real binary behind a Lambda Runtime API, side by side with the smallest HTTP function.

use std::{io::Write, path::Path, time::Instant};

use flate2::{Compression, write::DeflateEncoder};
use local::{
    Options,
    binaries::{Child, Program, build},
    data::Data,
    parts,
    server::Layer,
    template::Function,
};

use crate::{Outcome, serve::resident};

/// The profile that functions are deployed in.
const PROFILE: &str = "deploy";

/// A binary and its starts.
struct Subject {
    name: String,
    program: Program,
    /// Megabytes, compressed as a zip file has it.
    zipped: f64,
    /// Milliseconds from the start of the process until it asks for its first event.
    ready: Vec<f64>,
    /// Resident megabytes then.
    memory: Vec<f64>,
}

/// Starts each binary so many times, those of all functions unless some are named, and prints the table.
pub async fn run(runs: usize, only: &[String]) -> Outcome {
    let folder = std::env::temp_dir().join(format!("docent-cold-{}", std::process::id()));
    let options = Options::new(&folder);
    let data = Data::hold(&folder, false)?;
    let mut layer = Layer::default();
    let parts = parts::start(&options, "http://127.0.0.1", &data, &mut layer).await?;
    let named = |function: &&Function| only.is_empty() || only.contains(&function.name);
    let functions: Vec<&Function> = parts.functions.iter().filter(named).collect();
    let first = *functions.first().ok_or("there is no function of that name")?;
    let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    // These alone: the local stack's own program is among the packages, and links for longer than any function.
    let mut wanted = vec!["--package", "tests", "--example", "hello"];
    wanted.extend(names.iter().flat_map(|name| ["--bin", name]));
    let built = build(&names, &wanted, Some(PROFILE), &options.listener).await?;
    let hello = (first, "hello".to_owned(), built.join("examples/hello"));
    let each = functions
        .into_iter()
        .map(|function| (function, function.name.clone(), built.join(&function.name)));
    let subjects = std::iter::once(hello).chain(each).map(|(function, name, path)| {
        Ok(Subject {
            name,
            zipped: zipped(&path)?,
            program: Program::new(function, path, &parts.access(function)),
            ready: Vec::new(),
            memory: Vec::new(),
        })
    });
    let mut subjects = subjects.collect::<Outcome<Vec<_>>>()?;
    // In turns, so that what else the machine does meets all alike; the first start only fills the page cache.
    for run in 0..=runs {
        for subject in &mut subjects {
            subject.start(run > 0).await?;
        }
    }
    print(&subjects);
    layer.end().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

impl Subject {
    async fn start(&mut self, counts: bool) -> Outcome {
        let begun = Instant::now();
        let mut child = Child::start(&self.program).await?;
        child.ready().await?;
        let ready = begun.elapsed().as_secs_f64() * 1000.0;
        if counts {
            self.ready.push(ready);
            self.memory.push(resident(child.id().ok_or("ended")?)?);
        }
        Ok(())
    }
}

fn zipped(path: &Path) -> Outcome<f64> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&std::fs::read(path)?)?;
    Ok(encoder.finish()?.len() as f64 / 1e6)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn print(subjects: &[Subject]) {
    let Some(hello) = subjects.first() else { return };
    let (base_ready, base_memory) = (median(&hello.ready), median(&hello.memory));
    println!("| binary | zipped MB | ready ms | × hello | memory MB | × hello |\n|---|---|---|---|---|---|");
    for subject in subjects {
        let (ready, memory) = (median(&subject.ready), median(&subject.memory));
        println!(
            "| `{}` | {:.1} | {ready:.1} | {:.2} | {memory:.1} | {:.2} |",
            subject.name,
            subject.zipped,
            ready / base_ready,
            memory / base_memory
        );
    }
}
