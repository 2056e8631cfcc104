//! `POST /v1/batches`: who sends, whether there is room, and then the protocol.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{self, HeaderMap, StatusCode, request::Parts};
use axum::response::Response;
use bytes::Bytes;
use ingest_protocol::frame::{Header, Limits, Opener};
use ingest_protocol::http::{Call, Endpoint, FRAME_TYPE, respond};
use ingest_protocol::receiver::{Receiver, Reception, not_json};
use ingest_protocol::{Answer, Audience, Code, KeyId, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Sender, bearer};
use crate::journal::not_yours;
use crate::streams::single;
use crate::tenant::{Tenant, receiver};

/// Seconds to wait when batches under way take all the room there is.
const BUSY: u64 = 5;
/// Seconds to wait when a tenant's memory is full: what is old goes by the clock.
const FULL: u64 = 60;
/// Seconds to wait while the journal is read.
const STARTING: u64 = 10;
/// Bytes of a trailer: a key's name, then the HMAC (SPEC section 2.4).
const TRAILER: usize = 48;

/// Room for the bytes of batches under way, in KiB.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Semaphore::new((bytes >> 10) as usize)))
    }

    fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from((bytes >> 10) + 1).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(kib).ok()
    }
}

/// The handler.
pub async fn batches(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = receive(&app, parts, body).await;
    let response = answered.unwrap_or_else(|problem| respond(&Answer::Problem(problem)));
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        app.metrics.throttled.fetch_add(1, Ordering::Relaxed);
    }
    response.map(Body::from)
}

/// `GET /v1/limits`: what is accepted; and with a token, whether it is.
pub async fn limits(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let endpoint = Endpoint::new(app.tenants[0].id, Limits::default());
    let known = |token| app.keys.sender(token).is_some();
    let response = match headers.contains_key(http::header::AUTHORIZATION) {
        true if !bearer(&headers).is_some_and(known) => respond(&Answer::Problem(unknown())),
        _ => endpoint.limits_response(),
    };
    response.map(Body::from)
}

type Answered = Result<http::Response<Bytes>, Problem>;

#[allow(clippy::result_large_err, reason = "once for each request")]
async fn receive(app: &Arc<App>, parts: Parts, body: Body) -> Answered {
    let by_token = match bearer(&parts.headers) {
        Some(token) => Some(app.keys.sender(token).ok_or_else(unknown)?.clone()),
        None if parts.headers.contains_key(http::header::AUTHORIZATION) => return Err(unknown()),
        None if !is_frame(&parts.headers) || !app.keys.has_any_signer() => return Err(unknown()),
        None => None,
    };
    // Who has no token shares room with all others that have none, until a signature is verified.
    let limits = Limits::default();
    let length = length(&parts.headers).unwrap_or(u64::from(limits.frame_bytes));
    let budget = match &by_token {
        Some(sender) => {
            let tenant = tenant(app, sender.tenant)?;
            ready(tenant)?;
            &tenant.budget
        }
        None => &app.unknown,
    };
    if length > u64::from(limits.frame_bytes) {
        let detail = format!(
            "the body has {length} bytes, at most {} are accepted",
            limits.frame_bytes
        );
        return Err(Problem::new(Code::TOO_LARGE)
            .with_detail(detail)
            .with_limits(limits));
    }
    let room = budget
        .take(length)
        .ok_or_else(|| busy("too many batches at once", BUSY))?;
    let body = read(app, body, limits).await?;
    let app = Arc::clone(app);
    let decided = tokio::task::spawn_blocking(move || {
        let _room = room;
        decide(&app, by_token, &parts, body)
    });
    let decided = decided.await.map_err(|_| Problem::new(Code::UNAVAILABLE))?;
    match decided? {
        Decided::Answer(response) => Ok(response),
        Decided::Waiting(answer) => {
            let stopping = |_| Problem::new(Code::UNAVAILABLE).with_detail("the service stops");
            Ok(respond(&answer.await.map_err(stopping)?))
        }
    }
}

enum Decided {
    Answer(http::Response<Bytes>),
    Waiting(tokio::sync::oneshot::Receiver<Answer>),
}

/// The part that computes: opens the frame, and hands it over to be stored.
#[allow(clippy::result_large_err, reason = "once for each request")]
fn decide(
    app: &App,
    by_token: Option<Sender>,
    parts: &Parts,
    body: Bytes,
) -> Result<Decided, Problem> {
    let (sender, receiver) = match by_token {
        Some(sender) => {
            let receiver = receiver(sender.tenant);
            (sender, receiver)
        }
        None => signed(app, &body)?,
    };
    let tenant = tenant(app, sender.tenant)?;
    ready(tenant)?;
    // Lines expand into a frame; a frame expands to what its header says.
    let expands = match Header::peek(&body, &Limits::MAX) {
        Ok(header) if is_frame(&parts.headers) => u64::from(header.raw_len()),
        _ if parts.headers.contains_key(CONTENT_ENCODING) => u64::from(Limits::default().raw_bytes),
        _ => body.len() as u64,
    };
    let room = tenant
        .budget
        .take(expands.min(u64::from(Limits::default().raw_bytes)));
    let room = room.ok_or_else(|| busy("too many batches at once", BUSY))?;
    let endpoint = Endpoint::new(sender.tenant, Limits::default());
    let mut is_single = false;
    let fresh = || {
        is_single = true;
        single(&sender.name)
    };
    let frame = match endpoint.read(parts, body, fresh) {
        Ok(Call::Frame(frame)) => frame,
        Ok(_) => return Ok(Decided::Answer(endpoint.limits_response())),
        Err(refused) => return Ok(Decided::Answer(refused.response())),
    };
    let stream = receiver.header(&frame)?.stream();
    if tenant
        .journal
        .owner(stream)
        .is_some_and(|owner| owner != sender.name)
    {
        return Err(not_yours());
    }
    let state = tenant.journal.state(stream);
    let horizon = tenant.retention.cut(tenant.now());
    Ok(match receiver.receive(frame, state.as_ref(), horizon) {
        Reception::Commit(frame, commit) => {
            let rejected = not_json(&frame);
            let answer =
                tenant
                    .journal
                    .store(frame, commit, rejected, sender.name, is_single, Some(room));
            Decided::Waiting(answer)
        }
        Reception::Duplicate(ack) => Decided::Answer(respond(&Answer::Ack(ack))),
        Reception::Refuse(problem) => return Err(problem),
    })
}

/// Who signed a frame that came without a token, and how such frames are received.
#[allow(clippy::result_large_err, reason = "once for each request")]
fn signed(app: &App, body: &Bytes) -> Result<(Sender, Receiver), Problem> {
    let header = Header::peek(body, &Limits::default()).map_err(|error| Problem::from(&error))?;
    if !header.has_mac() {
        return Err(unknown());
    }
    let opener = Opener::new(Limits::default())
        .with_audience(header.audience())
        .with_mac_keys(app.keys.macs().clone());
    opener.check(body).map_err(|error| Problem::from(&error))?;
    // It was verified, so the trailer is there.
    let trailer = body
        .len()
        .checked_sub(TRAILER)
        .and_then(|at| body.get(at..at + 16));
    let key = trailer
        .and_then(|bytes| Uuid::from_slice(bytes).ok())
        .map(KeyId);
    let sender = key.and_then(|key| app.keys.signer(header.audience(), key));
    let sender = sender.ok_or_else(unknown)?.clone();
    Ok((sender, Receiver::new(opener)))
}

#[allow(clippy::result_large_err, reason = "once for each request")]
async fn read(app: &App, body: Body, limits: Limits) -> Result<Bytes, Problem> {
    let seconds = Duration::from_secs(app.config.limits.body_seconds);
    let most = limits.frame_bytes as usize;
    match tokio::time::timeout(seconds, to_bytes(body, most)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_too_long(&error) => {
            let detail = format!("the body has more than the {most} bytes that are accepted");
            Err(Problem::new(Code::TOO_LARGE)
                .with_detail(detail)
                .with_limits(limits))
        }
        Ok(Err(_)) => Err(Problem::new(Code::CORRUPT).with_detail("the body was cut off")),
        Err(_) => {
            let mut problem = Problem::new(Code::from_static("timeout"));
            problem.status = 408;
            Err(problem.with_detail(format!(
                "the body did not come within {} s",
                seconds.as_secs()
            )))
        }
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    use std::error::Error as _;
    error
        .source()
        .is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

#[allow(clippy::result_large_err, reason = "once for each request")]
fn tenant(app: &App, id: Audience) -> Result<&Arc<Tenant>, Problem> {
    app.tenant(id).ok_or_else(unknown)
}

/// Whether the tenant takes batches now.
#[allow(clippy::result_large_err, reason = "once for each request")]
fn ready(tenant: &Tenant) -> Result<(), Problem> {
    if !tenant.journal.is_running() || !tenant.is_ready() {
        let problem = Problem::new(Code::UNAVAILABLE).with_detail("the service starts or stops");
        return Err(problem.with_retry_after(STARTING));
    }
    if tenant.is_full() {
        return Err(busy("the tenant's memory is full", FULL));
    }
    Ok(())
}

fn busy(detail: &'static str, seconds: u64) -> Problem {
    Problem::new(Code::THROTTLED)
        .with_detail(detail)
        .with_retry_after(seconds)
}

fn unknown() -> Problem {
    Problem::new(Code::UNAUTHENTICATED)
        .with_detail("the sender's token or key is missing or not known")
}

fn is_frame(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let media = kind.and_then(|kind| kind.split(';').next());
    media.is_some_and(|media| media.trim().eq_ignore_ascii_case(FRAME_TYPE))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}
