//! Requests over HTTP: frames to the service, questions to it, pages from Graph.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use chrono::DateTime;
use http::header::{ACCEPT, AUTHORIZATION, DATE, HeaderValue};
use http::{Request, Response, Uri};
use ingest_protocol::Answer;
use ingest_protocol::frame::Limits;
use ingest_protocol::http::{ANSWER_BYTES, BATCHES_PATH, LIMITS_PATH, answer, request};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::clock;
use crate::config::{Config, Http};
use crate::keys::Credentials;
use crate::secrets::Place;
use crate::status::now;

/// The most bytes of a page of Graph.
const PAGE_BYTES: u64 = 64 << 20;

/// A question is answered at once, or it is done without.
const QUESTION: Duration = Duration::from_secs(10);

/// Speaks to the service.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
    batches: Uri,
    limits: Uri,
    token: Option<Place>,
}

/// What the service says of itself.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) status: u16,
    /// By how many seconds this machine's clock is ahead of the service's, by its `Date` header.
    pub(crate) ahead: Option<i64>,
    pub(crate) limits: Option<Limits>,
}

/// What came back for a frame.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    /// As of [`Service`].
    pub(crate) ahead: Option<i64>,
}

/// An agent as the configuration wants it: without redirects, which would get the credentials,
/// and without a proxy of the environment.
pub(crate) fn agent(http: &Http) -> Result<Agent> {
    let mut builder = Agent::config_builder()
        .timeout_global(Some(http.timeout.0))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("hybrid-agent/", env!("CARGO_PKG_VERSION")))
        .proxy(None);
    if let Some(proxy) = &http.proxy {
        // What is wrong with it may show a password.
        let Ok(proxy) = ureq::Proxy::new(proxy.expose()) else {
            bail!("[http] `proxy` is written http://host:port")
        };
        builder = builder.proxy(Some(proxy));
    }
    if let Some(path) = &http.ca {
        let pem = std::fs::read(path).with_context(|| format!("[http] ca {}", path.display()))?;
        let certificates = certificates(&pem);
        if certificates.is_empty() {
            bail!("[http] ca {}: no certificate in it", path.display());
        }
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates));
        builder = builder.tls_config(tls.build());
    }
    Ok(builder.build().into())
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = parse_pem(pem).filter_map(Result::ok);
    items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect()
}

impl Client {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let base = config.url.to_string();
        let base = base.trim_end_matches('/');
        Ok(Self {
            agent: agent(&config.http)?,
            batches: format!("{base}{BATCHES_PATH}").parse()?,
            limits: format!("{base}{LIMITS_PATH}").parse()?,
            token: match config.key.credentials()? {
                Credentials::Token(place) => Some(place),
                Credentials::Hmac(..) => None,
            },
        })
    }

    /// Sends a frame; the error says why there is no answer.
    pub(crate) fn send(&self, frame: &[u8]) -> Result<Answered> {
        let mut request = request(self.batches.clone(), frame);
        self.authorize(&mut request)?;
        let response = self.agent.run(request).map_err(no_answer)?;
        let response = whole(response, ANSWER_BYTES as u64 + 1)?;
        Ok(Answered {
            answer: answer(&response, SystemTime::now().into()),
            ahead: ahead(&response),
        })
    }

    /// Asks for the limits, which also shows whether the key is accepted.
    pub(crate) fn service(&self) -> Result<Service> {
        let mut request = Request::get(self.limits.clone()).body(())?;
        self.authorize(&mut request)?;
        let timeout = self.agent.config().timeouts().global;
        let request = self.agent.configure_request(request);
        let request = request.timeout_global(Some(timeout.unwrap_or(QUESTION).min(QUESTION)));
        let response = self.agent.run(request.build()).map_err(no_answer)?;
        let response = whole(response, ANSWER_BYTES as u64)?;
        Ok(Service {
            status: response.status().as_u16(),
            ahead: ahead(&response),
            limits: Some(response.body())
                .filter(|_| response.status() == 200)
                .and_then(|body| serde_json::from_slice(body).ok()),
        })
    }

    /// The token is read for each request: it may have been exchanged.
    fn authorize<B>(&self, request: &mut Request<B>) -> Result<()> {
        match &self.token {
            Some(place) => authorize(request, place),
            None => Ok(()),
        }
    }
}

/// Gets a page of Graph.
pub(crate) fn page(agent: &Agent, uri: &Uri, token: Option<&Place>) -> Result<Response<Vec<u8>>> {
    let mut request = Request::get(uri.clone()).body(())?;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json);
    if let Some(place) = token {
        authorize(&mut request, place)?;
    }
    // A body that breaks off is a page as far as it came.
    let response = agent.run(request).map_err(no_answer)?;
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut reader = body.with_config().limit(PAGE_BYTES).reader();
    if let Err(error) = std::io::Read::read_to_end(&mut reader, &mut bytes) {
        tracing::debug!(bytes = bytes.len(), kind = ?error.kind(), "the page broke off");
    }
    Ok(Response::from_parts(parts, bytes))
}

fn authorize<B>(request: &mut Request<B>, place: &Place) -> Result<()> {
    let secret = place.read()?;
    let mut value = HeaderValue::try_from(format!("Bearer {}", secret.expose()))?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(())
}

fn whole(response: Response<ureq::Body>, limit: u64) -> Result<Response<Vec<u8>>> {
    let (parts, mut body) = response.into_parts();
    let bytes = body.with_config().limit(limit).read_to_vec();
    Ok(Response::from_parts(parts, bytes.map_err(no_answer)?))
}

/// By how many seconds this machine's clock is ahead of the one that answered.
pub(crate) fn ahead(response: &Response<Vec<u8>>) -> Option<i64> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    let date = DateTime::parse_from_rfc2822(date).ok()?;
    Some(clock::ahead(now(), date.to_utc()))
}

/// Why there was no answer, without the address, in which a token could stand.
fn no_answer(error: ureq::Error) -> anyhow::Error {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => {
            anyhow::anyhow!("the address can't be used")
        }
        other => anyhow::Error::new(other),
    }
}
