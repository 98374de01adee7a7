//! The whole stack in one process: services, functions, gateway and event sources.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use aws_types::SdkConfig;
use http::Request;
use hyper::body::Incoming;
use shared::app::App;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::binaries;
use crate::data::Data;
use crate::demo::{self, Demo};
use crate::error::{During, Error};
use crate::functions::Functions;
use crate::gateway::Gateway;
use crate::options::{Options, Progress};
use crate::parts::{self, Table};
use crate::sdk::{Endpoints, Identity};
use crate::server::{self, Layer};
use crate::template::Function;
use crate::variables;

/// A running stack. Dropping it ends it at once; [`Stack::shutdown`] lets open requests finish.
pub struct Stack {
    /// Where the API answers, without a slash at the end.
    pub base_url: String,
    /// Where the services answer.
    pub endpoints: Endpoints,
    /// The URLs of the queues by their logical ids.
    pub queue_urls: HashMap<String, String>,
    /// The demo tenant, when it was asked for.
    pub demo: Option<Demo>,
    sdk: SdkConfig,
    identity: Identity,
    functions: Vec<Function>,
    app: App,
    front: Layer,
    back: Layer,
    table: Option<Table>,
    _data: Data,
}

impl Stack {
    /// Starts everything and returns when it is ready: `GET /api/health` answers 200.
    ///
    /// # Errors
    /// Says what to change, or which part failed.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let data = Data::hold(&options.data, options.fresh)?;
        let listener = bind((options.address, options.port).into()).await?;
        let base_url = format!("http://{}", listener.local_addr().during("the API's port")?);
        let mut back = Layer::at(options.address);
        let parts = parts::start(&options, &base_url, &data, &mut back).await?;
        variables::write(&parts, &data)?;
        let functions = if options.binaries {
            binaries::start(&parts, &options.listener).await?
        } else {
            Functions::start(&parts)?
        };
        let changed = Arc::new(Notify::new());
        let ring = {
            let changed = Arc::clone(&changed);
            move || changed.notify_one()
        };
        let gateway = Gateway::new(&parts.template, &parts.functions, &functions.http, ring);
        let gateway = Arc::new(gateway.with_mailbox(parts.mailbox.clone()));
        let mut front = Layer::default();
        parts.attach(&functions, &data, &changed, &mut front)?;
        let app = parts.app()?;
        let served = Arc::clone(&gateway);
        let handler = move |request: Request<Incoming>, peer: IpAddr| {
            let gateway = Arc::clone(&served);
            async move { gateway.handle(request, peer).await }
        };
        front
            .tasks
            .spawn(server::serve(handler, listener, front.stop.subscribe()));
        (options.listener)(Progress::Serving(base_url.clone()));
        let demo = if options.demo {
            Some(demo::prepare(&app, &data, &base_url, &options.listener).await?)
        } else {
            None
        };
        gateway.set_ready();
        Ok(Self {
            base_url,
            endpoints: parts.endpoints,
            queue_urls: parts.queue_urls,
            demo,
            sdk: parts.sdk,
            identity: parts.identity,
            functions: parts.functions,
            app,
            front,
            back,
            table: Some(parts.table),
            _data: data,
        })
    }

    /// SDK settings that reach this stack's services.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// The engine on this stack's services, with the variables of all functions.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The variables of a function of the template, and SDK settings that make its services take the caller for it.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<(HashMap<String, String>, SdkConfig)> {
        let function = self.functions.iter().find(|function| function.name == name)?;
        let sdk = self.identity.of_function(name).config(self.endpoints.clone());
        Some((function.environment.clone(), sdk))
    }

    /// Lets open requests finish, for a second or two, and ends everything.
    pub async fn shutdown(mut self) {
        self.front.end().await;
        self.back.end().await;
        if let Some(Table::Embedded(mut dynamodb, _)) = self.table.take() {
            dynamodb.stop();
        }
    }

    /// Ends the API and the event sources, and leaves the services: for whoever calls the functions by hand and wants nobody
    /// else to act on what they write.
    pub async fn quiet(&mut self) {
        self.front.end().await;
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|why| match why.kind() {
        ErrorKind::AddrInUse => Error::PortTaken(address.port()),
        _ => Error::part(address, why),
    })
}
