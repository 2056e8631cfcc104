//! The sender's side.

use ::http::header::{CONTENT_TYPE, HeaderValue};
use ::http::{Method, Request, Response, Uri};
use chrono::{DateTime, Utc};

use super::{ANSWER_BYTES, FRAME_TYPE, retry_after};
use crate::Answer;

/// The request that carries a frame to `uri`, which ends in [`BATCHES_PATH`](super::BATCHES_PATH).
/// The body may be `Bytes`, or what the client takes.
///
/// The client must not follow redirects: whoever answers one would get the frame, and the
/// credentials that are added.
///
/// ```
/// use ingest_protocol::http::request;
///
/// let uri = "https://ingest.example.com/v1/batches".parse()?;
/// let request = request(uri, &b"a frame"[..]);
/// assert_eq!(request.method(), "POST");
/// assert_eq!(request.headers()["content-type"], "application/vnd.hybrid-reporting.batch");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn request<B>(uri: Uri, frame: B) -> Request<B> {
    let mut request = Request::new(frame);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FRAME_TYPE));
    request
}

/// Reads what came back. Never fails: what is no answer is a problem of the response's status,
/// and so is a body over [`ANSWER_BYTES`], of which one byte more than those is to be read.
/// `now` is what a `Retry-After` with a date is counted from.
///
/// ```
/// use http::Response;
/// use ingest_protocol::{Action, Answer, http::answer};
///
/// let response = Response::builder()
///     .status(503)
///     .header("Retry-After", "Sat, 28 Nov 2026 12:00:30 GMT")
///     .body("<html>Back in a moment")?;
/// let Answer::Problem(problem) = answer(&response, "2026-11-28T12:00:00Z".parse()?) else { panic!() };
/// assert_eq!((problem.action(), problem.retry_after), (Action::Retry, Some(30)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn answer<B: AsRef<[u8]>>(response: &Response<B>, now: DateTime<Utc>) -> Answer {
    let body = response.body().as_ref();
    // What is cut off is no ack, and a problem is told by its status.
    let body = if body.len() > ANSWER_BYTES { b"" } else { body };
    let status = response.status().as_u16();
    Answer::read(status, retry_after(response.headers(), now), body)
}
