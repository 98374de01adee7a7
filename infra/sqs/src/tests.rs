//! The server behind the real AWS client. With `SQS_URL` set, the behaviour suite runs against the server there as well,
//! for instance ElasticMQ; only `suite::strict_suite` is kept to ours.

mod durability;
mod measure;
mod polling;
mod server;
mod suite;
mod wire;

use server::Server;

#[tokio::test]
async fn this_server_behaves_like_sqs() {
    let server = Server::start().await;
    futures::join!(suite::suite(&server.client), suite::strict_suite(&server.client));
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the address of another server is for this test alone"
)]
async fn the_server_at_sqs_url_behaves_like_sqs() {
    if let Ok(url) = std::env::var("SQS_URL") {
        suite::suite(&server::client(&url)).await;
    }
}
