//! [`Endpoint`]: requests to a receiver.

use std::fmt;

use ::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue,
};
use ::http::request::Parts;
use ::http::{HeaderMap, Method, Response, StatusCode};
use bytes::Bytes;

use super::content::{CODINGS, Coding, Fault, Media};
use super::ndjson::{not_sealed, records, too_large};
use super::respond::{JSON, json, respond, response};
use super::{BATCHES_PATH, FRAME_TYPE, IDEMPOTENCY_KEY, LIMITS_PATH, LINES_TYPES};
use crate::frame::{Limits, Sealer, Stamp};
use crate::{Answer, Audience, Code, Problem, StreamId};

/// Reads requests to a receiver: for whom, within which limits. See the [module](super).
///
/// The paths are compared whole: a router that serves them below another path takes
/// that off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    audience: Audience,
    limits: Limits,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// To receive this frame. One that was posted is as it came, and not looked at.
    Frame(Bytes),
    /// To be told the limits: answer with [`Endpoint::limits_response`].
    Limits,
}

impl Endpoint {
    /// Lines are sealed for `audience`; the limits should be those of the
    /// [`Receiver`](crate::receiver::Receiver)'s opener.
    #[must_use]
    pub const fn new(audience: Audience, limits: Limits) -> Self {
        Self { audience, limits }
    }

    /// The most bytes of a body that are to be read: `frame_bytes`, whatever the body is. Hand over
    /// a body that has more cut to one byte more, and it is refused as too large.
    #[must_use]
    pub const fn body_bytes(&self) -> u32 {
        self.limits.frame_bytes
    }

    /// What a request asks for. Lines become a frame, which is neither compressed nor
    /// authenticated: a receiver that requires a MAC refuses it. Its stream is the
    /// `Idempotency-Key`, and without one what `fresh` gives, a UUID that was never used. Lines
    /// are not looked into: the receiver [quarantines](crate::receiver::not_json) what is not JSON.
    ///
    /// Memory beside the body: what it expands to, at most `raw_bytes` of the limits, and the frame.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::Request;
    /// use ingest_protocol::frame::{Frame, Limits};
    /// use ingest_protocol::http::{Call, Endpoint};
    ///
    /// # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
    /// # let fresh: ingest_protocol::StreamId = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?;
    /// let endpoint = Endpoint::new(tenant, Limits::default().with_record_bytes(300_000));
    /// let post = |lines: String| {
    ///     let post = Request::post("/v1/batches").header("Content-Type", "application/x-ndjson");
    ///     post.body(()).map(|request| (request.into_parts().0, Bytes::from(lines)))
    /// };
    ///
    /// let (parts, body) = post("{\"line\":1}\n\n{\"line\":3}".to_owned())?;
    /// let Ok(Call::Frame(frame)) = endpoint.read(&parts, body, || fresh) else { panic!() };
    /// assert_eq!(Frame::open(frame, &Limits::default())?.records().len(), 2);
    ///
    /// let (parts, body) = post(format!("{{}}\n{}", " ".repeat(300_001)))?;
    /// let refused = endpoint.read(&parts, body, || fresh).unwrap_err();
    /// assert_eq!(refused.problem().status, 413);
    /// assert!(refused.to_string().contains("line 2 has 300001 bytes, at most 300000"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Refused`]: a path (404), method (405), content type or coding (415) that is not taken here,
    /// lines that are too long or too many (413), a body that is damaged or a key that is no
    /// UUID (400).
    pub fn read(
        &self,
        parts: &Parts,
        body: Bytes,
        fresh: impl FnOnce() -> StreamId,
    ) -> Result<Call, Refused> {
        let (allowed, is_allowed): (_, fn(&Method) -> bool) = match parts.uri.path() {
            BATCHES_PATH => ("POST", |method| method == Method::POST),
            LIMITS_PATH => ("GET, HEAD", |method| {
                method == Method::GET || method == Method::HEAD
            }),
            _ => return Err(Problem::new(Code::NOT_FOUND).into()),
        };
        if !is_allowed(&parts.method) {
            let mut problem = Problem::new(Code::from_static("method_not_allowed"));
            problem.status = 405;
            problem.title = "The method is not taken here".into();
            return Err(Refused::from(problem).with(ALLOW, allowed));
        }
        if parts.uri.path() == LIMITS_PATH {
            return Ok(Call::Limits);
        }
        self.batch(&parts.headers, body, fresh).map(Call::Frame)
    }

    fn batch(
        &self,
        headers: &HeaderMap,
        body: Bytes,
        fresh: impl FnOnce() -> StreamId,
    ) -> Result<Bytes, Refused> {
        let unsupported = |detail: String| {
            let problem = Problem::new(Code::UNSUPPORTED).with_detail(detail);
            Refused::from(problem.with_limits(self.limits))
        };
        let Some(media) = Media::of(headers) else {
            let [one, other] = LINES_TYPES;
            let types = format!("{FRAME_TYPE}, {one}, {other}");
            let refused = unsupported(format!("the Content-Type is none of {types}"));
            return Err(refused.with(ACCEPT, &types));
        };
        if let Some(length) = headers.get(CONTENT_LENGTH)
            && body.len() <= self.body_bytes() as usize
            && length
                .to_str()
                .ok()
                .and_then(|text| text.trim().parse().ok())
                != Some(body.len())
        {
            let detail = format!("{} bytes came, which is not the Content-Length", body.len());
            return Err(Problem::new(Code::CORRUPT).with_detail(detail).into());
        }
        if media == Media::Frame {
            if headers.contains_key(CONTENT_ENCODING) {
                let detail =
                    "a frame with a Content-Encoding: it is compressed inside, or not at all";
                return Err(unsupported(detail.to_owned()).with(ACCEPT_ENCODING, "identity"));
            }
            return Ok(body);
        }
        let Some(coding) = Coding::of(headers) else {
            let refused = unsupported(format!("the Content-Encoding is none of {CODINGS}"));
            return Err(refused.with(ACCEPT_ENCODING, CODINGS));
        };
        let stream = key(headers)?;
        self.seal(coding, body, || stream.unwrap_or_else(fresh))
            .map_err(|problem| match problem.status {
                413 => problem.with_limits(self.limits).into(),
                _ => problem.into(),
            })
    }

    /// The frame that the lines make.
    #[allow(clippy::result_large_err)] // once for each request
    fn seal(
        &self,
        coding: Coding,
        body: Bytes,
        stream: impl FnOnce() -> StreamId,
    ) -> Result<Bytes, Problem> {
        let limits = &self.limits;
        if body.len() as u64 > u64::from(self.body_bytes()) {
            let limit = self.body_bytes();
            return Err(too_large(format!(
                "the body has more bytes than the {limit} of `frame_bytes`: send the lines in parts"
            )));
        }
        let text = coding.expand(body, limits.raw_bytes);
        let text = text.map_err(|fault| match fault {
            Fault::TooLarge => {
                let limit = limits.raw_bytes;
                too_large(format!(
                    "the body expands to more than the {limit} bytes of `raw_bytes`: send the lines in parts"
                ))
            }
            Fault::Damaged(why) => Problem::new(Code::CORRUPT)
                .with_detail(format!("the body can't be expanded: {why}")),
        })?;
        let records = records(&text, limits)?;
        let stamp = Stamp::new(self.audience, stream(), 1);
        let sealed = Sealer::new(*limits).seal(&stamp, &records);
        sealed.map_err(|error| not_sealed(&error))
    }

    /// The limits as JSON.
    ///
    /// ```
    /// use ingest_protocol::frame::Limits;
    /// # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
    /// let endpoint = ingest_protocol::http::Endpoint::new(tenant, Limits::default());
    /// let told: Limits = serde_json::from_slice(endpoint.limits_response().body())?;
    /// assert_eq!(told, Limits::default());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn limits_response(&self) -> Response<Bytes> {
        response(StatusCode::OK, JSON, json(&self.limits))
    }
}

/// The stream that the `Idempotency-Key` names: a UUID, in quotes as the IETF's draft of that header
/// has it, or without.
fn key(headers: &HeaderMap) -> Result<Option<StreamId>, Refused> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let key: Option<StreamId> = quoted.unwrap_or(text).parse().ok();
    match key.filter(|key| !key.0.is_nil()) {
        Some(key) if values.next().is_none() => Ok(Some(key)),
        _ => {
            let detail = "the Idempotency-Key is not one UUID";
            Err(Problem::new(Code::MALFORMED).with_detail(detail).into())
        }
    }
}

/// A request that is not taken: a [`Problem`], and what the response has beside it (`Allow`,
/// `Accept`, `Accept-Encoding`).
#[derive(Clone, Debug, thiserror::Error)]
pub struct Refused(Box<(Problem, HeaderMap)>);

impl Refused {
    /// The problem.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0.0
    }

    /// The response.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        let mut response = respond(&Answer::Problem(self.problem().clone()));
        response.headers_mut().extend(self.0.1.clone());
        response
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.1.insert(name, value);
        }
        self
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = self.problem();
        f.write_str(problem.detail.as_deref().unwrap_or(&problem.title))
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(Box::new((problem, HeaderMap::new())))
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        refused.0.0
    }
}
