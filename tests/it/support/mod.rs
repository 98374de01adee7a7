//! One stack for all tests; each test has a tenant of its own on it.

mod files;
pub mod people;
mod receiver;
mod rows;
mod tenant;

pub use files::{pdf, pdf_with_ballast};
pub use receiver::{Heard, Receiver};
pub use rows::{events_in, rows_here, rows_of};
pub use tenant::{Tenant, User, expect};

use std::{future::Future, path::PathBuf, sync::LazyLock, time::Duration};

use local::{options::Options, stack::Stack};
use shared::app::App;
use tokio::{runtime::Runtime, sync::OnceCell};

/// Longest wait for something that happens by itself.
pub const PATIENCE: Duration = Duration::from_secs(60);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static STACK: OnceCell<Stack> = OnceCell::const_new();

/// Runs a test on the runtime that the stack lives on.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// Lets something go on beside a test.
pub fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    RUNTIME.spawn(work)
}

/// A folder below the build's, empty.
pub fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

/// Where stacks note which permissions their functions used.
pub fn permissions() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("permissions.tsv")
}

/// The options of a test's stack: embedded services, or real ones where the environment names them; handlers in this
/// process, or with `DOCENT_TEST_BINARIES` the functions' real binaries.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by their environment which servers are real"
)]
pub fn options(name: &str) -> Options {
    let mut options = Options::new(folder(name));
    options.name = format!("docent-{}-{}", name, std::process::id());
    // The offline model costs nothing by itself; budgets and usage are about models that do.
    let prices = r#"{"offline": {"input": 1.0, "output": 10.0}}"#;
    options.parameters.insert("ModelPrices".to_owned(), prices.to_owned());
    // Nobody waits three minutes until an answer that was under way must have been stored.
    let settle = ("EraseSettleSeconds".to_owned(), "1".to_owned());
    options.parameters.extend([settle]);
    // Receivers of webhooks are servers of the tests.
    options.allow_local_webhooks = true;
    // Functions may do what their policies allow; the last test of all asks whether they need all of that.
    options.permissions = Some(permissions());
    options.opensearch_url = std::env::var("DOCENT_TEST_OPENSEARCH_URL").ok();
    options.dynamodb_url = std::env::var("DOCENT_TEST_DYNAMODB_URL").ok();
    options.sqs_url = std::env::var("DOCENT_TEST_SQS_URL").ok();
    options.binaries = std::env::var("DOCENT_TEST_BINARIES").is_ok();
    options
}

/// The stack that tests share.
pub async fn stack() -> &'static Stack {
    STACK
        .get_or_init(async || Stack::start(options("it")).await.unwrap())
        .await
}

/// The engine as a function of the template has it: what it asks of the services is asked in that function's name.
pub async fn function(name: &str) -> App {
    function_with(name, &[]).await
}

/// The same with other values of some of its variables.
pub async fn function_with(name: &str, changed: &[(&str, &str)]) -> App {
    let (mut variables, sdk) = stack().await.function(name).unwrap();
    variables.extend(
        changed
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    App::new(&variables, &sdk).unwrap()
}

/// Asks `condition` again and again until it gives something.
pub async fn until<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
