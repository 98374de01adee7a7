//! Whether the time of an answer tells if an e-mail address has an account: the same requests for addresses that have one
//! and for addresses that do not, interleaved, and Welch's t test on each pair of samples.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use local::{Options, Stack};
use reqwest::Client;
use serde_json::{Value, json};
use shared::{
    accounts::Account,
    codes::{self, Purpose},
    ids::{self, EventId},
    logins::{Email, Password},
};

use crate::Outcome;

/// Above this |t| a difference is real with a probability of 99.999 % (the threshold of TVLA leakage tests).
const LEAKS: f64 = 4.5;
/// Rounds before the first that counts.
const WARM_UP: usize = 10;

/// What is asked.
struct Question {
    path: &'static str,
    body: fn(&str) -> Value,
    expected: u16,
}

const QUESTIONS: [Question; 4] = [
    Question {
        path: "login",
        body: |email| json!({"email": email, "password": "wrong password"}),
        expected: 401,
    },
    Question {
        path: "forgot-password",
        body: |email| json!({"email": email}),
        expected: 202,
    },
    Question {
        path: "verify-email",
        body: |email| json!({"email": email, "code": "AAAAAAAA"}),
        expected: 400,
    },
    Question {
        path: "reset-password",
        body: |email| json!({"email": email, "code": "AAAAAAAA", "password": "another password"}),
        expected: 400,
    },
];

/// Measures `samples` of each kind and question, and prints a table.
pub async fn run(samples: usize) -> Outcome {
    let folder = std::env::temp_dir().join(format!("docent-enumeration-{}", std::process::id()));
    let stack = Stack::start(Options::new(&folder)).await?;
    let outcome = measure(&stack, samples).await;
    stack.shutdown().await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn measure(stack: &Stack, samples: usize) -> Outcome {
    println!("| POST /api/v1/auth/… | with an account | without | difference | Welch's t | verdict |");
    println!("|---|---|---|---|---|---|");
    let mut addresses = 0;
    for question in &QUESTIONS {
        let known = accounts(stack, samples + WARM_UP).await?;
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for (round, email) in known.iter().enumerate() {
            let nobody = fresh();
            // Which one comes first changes from round to round, so that neither always follows the other.
            let order = [(email.as_str(), true), (nobody.as_str(), false)];
            for at in [round % 2, (round + 1) % 2] {
                let (email, is_known) = order[at];
                addresses += 1;
                let took = ask(&stack.base_url, question, email, addresses).await?;
                match (round < WARM_UP, is_known) {
                    (true, _) => {}
                    (false, true) => with.push(took),
                    (false, false) => without.push(took),
                }
            }
        }
        report(question.path, &with, &without);
    }
    Ok(())
}

/// People who registered, and to whom codes were sent.
async fn accounts(stack: &Stack, count: usize) -> Outcome<Vec<String>> {
    let app = stack.app();
    let email = parsed(&fresh())?;
    let hash = Password::new("correct horse battery staple".to_owned(), &email);
    let hash = hash.map_err(said)?.hash().await.map_err(said)?;
    let mut made = Vec::new();
    for _ in 0..count {
        let email = parsed(&fresh())?;
        let now = app.clock.now();
        let account = Account::new(email.clone(), hash.clone(), "Ann".to_owned(), "Acme", now);
        let transaction = account.create().map_err(said)?;
        app.table.transact(transaction).await.map_err(|e| e.to_string())?;
        for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword] {
            codes::issue(app, purpose, &email, &EventId::new())
                .await
                .map_err(said)?;
        }
        made.push(email.as_str().to_owned());
    }
    Ok(made)
}

/// Asks from an address of its own, on a connection that is open already.
async fn ask(base: &str, question: &Question, email: &str, address: u32) -> Outcome<f64> {
    let [_, b, c, d] = (address + 2).to_be_bytes();
    let address = IpAddr::V4(Ipv4Addr::new(127, 100 + b, c, d));
    let client = Client::builder().no_proxy().local_address(address).build()?;
    client
        .get(format!("{base}/_local/mail?to=nobody"))
        .send()
        .await?
        .bytes()
        .await?;
    let request = client.post(format!("{base}/api/v1/auth/{}", question.path));
    let request = request.json(&(question.body)(email)).build()?;
    let begun = Instant::now();
    let answer = client.execute(request).await?;
    let status = answer.status().as_u16();
    answer.bytes().await?;
    let took = begun.elapsed();
    // What the answer sets off (a mail, say) is over before the next one is measured.
    tokio::time::sleep(Duration::from_millis(30)).await;
    if status == question.expected {
        Ok(took.as_secs_f64() * 1000.0)
    } else {
        Err(format!("{} answered {status}, not {}", question.path, question.expected).into())
    }
}

fn report(path: &str, with: &[f64], without: &[f64]) {
    let (a, b) = (median(with), median(without));
    let t = welch(with, without);
    let verdict = if t.abs() < LEAKS { "the same" } else { "DIFFERENT" };
    println!(
        "| {path} | {a:.3} ms | {b:.3} ms | {:+.3} ms ({:+.1} %) | {t:+.2} | {verdict} (n = {} + {}) |",
        a - b,
        (a / b - 1.0) * 100.0,
        with.len(),
        without.len()
    );
}

fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Welch's t of the samples without their slowest and fastest tenth: a machine that does something else now and then is not
/// what is measured.
fn welch(a: &[f64], b: &[f64]) -> f64 {
    let ((mean_a, error_a), (mean_b, error_b)) = (trimmed(a), trimmed(b));
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

/// Mean, and its squared standard error.
fn trimmed(sample: &[f64]) -> (f64, f64) {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let kept = &sorted[sorted.len() / 10..sorted.len() - sorted.len() / 10];
    let n = kept.len() as f64;
    let mean = kept.iter().sum::<f64>() / n;
    let variance = kept.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance / n)
}

fn fresh() -> String {
    format!("{}@example.com", ids::fresh())
}

fn parsed(email: &str) -> Outcome<Email> {
    Ok(Email::parse(email).map_err(said)?)
}

fn said(error: shared::error::Error) -> String {
    error.to_string()
}
