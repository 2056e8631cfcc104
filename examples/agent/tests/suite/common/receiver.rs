//! A service as far as the protocol goes: stores durably, and plays all that a network and a
//! service may do.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{AUTHORIZATION, DATE};
use hybrid_examples::envelope::{Envelope, Kind};
use ingest_protocol::frame::{Frame, KeyRing, Limits, MacKey, Opener};
use ingest_protocol::http::{Call, Endpoint, respond};
use ingest_protocol::journal::{FsStorage, Options};
use ingest_protocol::receiver::{Receiver as Machine, ReceiverLog};
use ingest_protocol::{Answer, Code, Problem, Rejected};
use uuid::Uuid;

use super::http::{Handler, Request, Response, serve};

pub(crate) const TENANT: &str = "6f1d2c3b-4a59-4e8f-9b70-112233445566";
pub(crate) const TOKEN: &str = "a-token-of-the-test-s3cr3t";

/// What the receiver plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Play {
    Up,
    /// Connections are closed without an answer.
    Down,
    /// 503 with `Retry-After`.
    Busy,
    /// No key is accepted.
    RefusesKeys,
    /// One answer in three is not given, and what was sent is stored.
    Unanswered,
}

/// What was received, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) documents: Vec<String>,
    pub(crate) kinds: Vec<Option<Kind>>,
    pub(crate) ids: Vec<Option<Uuid>>,
    pub(crate) lost: u64,
    pub(crate) rejected: u64,
    pub(crate) requests: u64,
    pub(crate) refused: u64,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    endpoint: Endpoint,
    wants_token: bool,
    log: Mutex<ReceiverLog>,
    play: Mutex<Play>,
    /// How far this clock is ahead of the machine's.
    ahead: Mutex<TimeDelta>,
    received: Mutex<Received>,
}

impl Receiver {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::with_limits(folder, Limits::default())
    }

    /// One that takes no more than `limits`.
    pub(crate) fn with_limits(folder: &Path, limits: Limits) -> Self {
        Self::of(Inner::new(folder, limits, None))
    }

    /// One that knows who sends by the key that signs batches, instead of a token.
    pub(crate) fn with_key(folder: &Path, key: MacKey) -> Self {
        Self::of(Inner::new(folder, Limits::default(), Some(key)))
    }

    fn of(inner: Arc<Inner>) -> Self {
        Self {
            address: serve(inner.handler()),
            inner,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn play(&self, play: Play) {
        *self.inner.play.lock().unwrap() = play;
    }

    /// Sets the service's clock, by which streams are too old after a month.
    pub(crate) fn set_clock(&self, ahead: TimeDelta) {
        *self.inner.ahead.lock().unwrap() = ahead;
    }

    pub(crate) fn received(&self) -> Received {
        self.inner.received()
    }

    /// Counts anew.
    #[cfg(target_os = "linux")]
    pub(crate) fn forget(&self) {
        *self.inner.received.lock().unwrap() = Received::default();
    }
}

impl Inner {
    pub(crate) fn new(folder: &Path, limits: Limits, key: Option<MacKey>) -> Arc<Self> {
        let tenant = TENANT.parse().unwrap();
        let wants_token = key.is_none();
        let mut opener = Opener::new(limits).with_audience(tenant);
        if let Some(key) = key {
            opener = opener.with_mac_keys(KeyRing::from_iter([(tenant, key)]));
        }
        let machine = Machine::new(opener);
        let storage = FsStorage::create(folder).unwrap();
        let options = Options::new(Uuid::new_v4().into_bytes());
        let (log, _) = ReceiverLog::open(storage, options, machine).unwrap();
        Arc::new(Self {
            endpoint: Endpoint::new(tenant, limits),
            wants_token,
            log: Mutex::new(log),
            play: Mutex::new(Play::Up),
            ahead: Mutex::new(TimeDelta::zero()),
            received: Mutex::default(),
        })
    }

    pub(crate) fn received(&self) -> Received {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn handler(self: &Arc<Self>) -> Handler {
        let inner = Arc::clone(self);
        Arc::new(move |request| {
            let mut response = inner.answer(request)?;
            let date = inner.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            response.headers_mut().insert(DATE, date.parse().unwrap());
            Some(response)
        })
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from(SystemTime::now()) + *self.ahead.lock().unwrap()
    }

    fn answer(&self, request: Request) -> Option<Response> {
        let play = *self.play.lock().unwrap();
        let problem = |problem: Problem| Some(respond(&Answer::Problem(problem)));
        let (parts, body) = request.into_parts();
        let token = parts
            .headers
            .get(AUTHORIZATION)
            .map(|value| value.as_bytes());
        let is_known = match self.wants_token {
            true => token == Some(format!("Bearer {TOKEN}").as_bytes()),
            false => token.is_none(),
        };
        let number = {
            let mut received = self.received.lock().unwrap();
            received.requests += 1;
            received.refused += u64::from(!is_known || play == Play::RefusesKeys);
            received.requests
        };
        match play {
            Play::Down => return None,
            Play::Busy => return problem(Problem::new(Code::UNAVAILABLE).with_retry_after(1)),
            _ if !is_known || play == Play::RefusesKeys => {
                return problem(Problem::new(Code::UNAUTHENTICATED));
            }
            _ => {}
        }
        match self.endpoint.read(&parts, body, || Uuid::now_v7().into()) {
            Ok(Call::Frame(frame)) => {
                let answer = self.store(frame);
                (play != Play::Unanswered || number % 3 != 0).then(|| respond(&answer))
            }
            Ok(_) => Some(self.endpoint.limits_response()),
            Err(refused) => Some(refused.response()),
        }
    }

    fn store(&self, frame: Bytes) -> Answer {
        let mut log = self.log.lock().unwrap();
        let horizon = self.now() - TimeDelta::days(31);
        let (answer, stored) = log.receive(frame, Some(horizon), rejected).unwrap();
        if let Some((frame, _)) = stored {
            let mut received = self.received.lock().unwrap();
            received.lost += frame.header().lost();
            received.rejected += rejected(&frame).len() as u64;
            for record in &frame {
                let text = String::from_utf8(record.payload().to_vec()).unwrap();
                let envelope = Envelope::read(text.as_bytes()).ok();
                let document = envelope.as_ref().map(|envelope| envelope.document.get());
                received
                    .documents
                    .push(document.unwrap_or(&text).to_owned());
                received.kinds.push(envelope.map(|envelope| envelope.kind));
                received.ids.push(record.id());
            }
        }
        answer
    }
}

/// A document with the member `reject` can't be used.
fn rejected(frame: &Frame) -> Vec<Rejected> {
    let is_bad = |payload: &[u8]| payload.windows(9).any(|nine| nine == b"\"reject\":");
    let bad = frame.records().filter(|record| is_bad(record.payload()));
    bad.map(|record| Rejected::new(record.seq(), Code::INVALID))
        .collect()
}
