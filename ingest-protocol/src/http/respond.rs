//! Answers as responses.

use ::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use ::http::{Response, StatusCode};
use bytes::Bytes;

use super::ANSWER_BYTES;
use crate::{Ack, Answer, Problem};

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
/// What is left of a problem's detail that makes it too long.
const DETAIL_CHARS: usize = 1_000;

/// The response that carries an answer: an ack as JSON with 200, a problem as
/// [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) has it, with its status and `Retry-After`.
/// A problem whose status is none of an error goes out with 500.
///
/// An answer has at most [`ANSWER_BYTES`](super::ANSWER_BYTES): an ack over that lists as many of
/// its quarantined records as fit, and its `rejected_total` counts them all; a problem's `detail`
/// is cut.
///
/// ```
/// use ingest_protocol::{Answer, Code, Problem, http::respond};
///
/// let problem = Problem::new(Code::THROTTLED).with_retry_after(20);
/// let response = respond(&Answer::Problem(problem));
/// assert_eq!(response.status(), 429);
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// assert_eq!(response.headers()["retry-after"], "20");
/// ```
#[must_use]
pub fn respond(answer: &Answer) -> Response<Bytes> {
    match answer {
        Answer::Ack(ack) => response(StatusCode::OK, JSON, ack_json(ack)),
        Answer::Problem(problem) => {
            let status = StatusCode::from_u16(problem.status).ok();
            let status = status.filter(|s| s.is_client_error() || s.is_server_error());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = response(status, PROBLEM, problem_json(problem));
            if let Some(seconds) = problem.retry_after {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}

pub(super) fn response(status: StatusCode, kind: HeaderValue, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// As JSON. None of the types here fails at that; an empty body would be no answer.
pub(super) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn ack_json(ack: &Ack) -> Vec<u8> {
    let whole = json(ack);
    let mut over = whole.len().saturating_sub(ANSWER_BYTES);
    if over == 0 {
        return whole;
    }
    let mut value = serde_json::to_value(ack).unwrap_or_default();
    let rejected = value
        .get_mut("rejected")
        .and_then(|list| list.as_array_mut());
    if let Some(rejected) = rejected {
        while over > 0
            && let Some(last) = rejected.pop()
        {
            over = over.saturating_sub(json(&last).len() + 1); // and its comma
        }
    }
    json(&value)
}

fn problem_json(problem: &Problem) -> Vec<u8> {
    let whole = json(problem);
    if whole.len() <= ANSWER_BYTES {
        return whole;
    }
    let mut short = problem.clone();
    let detail = problem.detail.as_deref();
    short.detail = detail.map(|detail| detail.chars().take(DETAIL_CHARS).collect());
    short.instance = None;
    json(&short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, Limits, Record, Sealer, Stamp};
    use crate::{Code, Outcome, Rejected};

    fn ack(rejected: usize) -> Ack {
        let (audience, stream) = (
            uuid::Uuid::from_u128(1).into(),
            uuid::Uuid::from_u128(2).into(),
        );
        let limits = Limits::default();
        let records = vec![Record::new("{"); rejected];
        let frame = Sealer::new(limits).seal(&Stamp::new(audience, stream, 1), &records);
        let header = Frame::check(&frame.unwrap(), &limits).unwrap();
        let list = (1..=rejected as u64).map(|seq| {
            Rejected::new(seq, Code::NOT_JSON).with_detail("EOF while parsing a value at line 1")
        });
        Ack::new(
            &header,
            header.next_seq(),
            Outcome::Committed,
            list.collect(),
        )
    }

    #[test]
    fn an_ack_that_would_be_too_long_lists_what_fits() {
        for (rejected, fits) in [(0, true), (500, true), (1_000, false), (1_500, false)] {
            let ack = ack(rejected);
            let response = respond(&Answer::Ack(ack.clone()));
            assert!(response.body().len() <= ANSWER_BYTES);
            let read: Ack = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(read == ack, fits, "{rejected}");
            assert_eq!(read.rejected_total(), rejected as u64);
            let listed = read.rejected().len();
            assert_eq!(read.rejected(), &ack.rejected()[..listed]);
            // One more would not have fitted.
            assert!(fits || response.body().len() > ANSWER_BYTES - 100);
        }
    }

    #[test]
    fn a_problem_that_would_be_too_long_is_cut() {
        let mut problem = Problem::new(Code::GAP)
            .with_next_seq(7)
            .with_detail("\u{1}é".repeat(10_000));
        problem.instance = Some("/i".to_owned());
        let response = respond(&Answer::Problem(problem.clone()));
        assert!(response.body().len() <= ANSWER_BYTES);
        let read: Problem = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(read.detail.as_deref(), Some(&*"\u{1}é".repeat(500)));
        assert_eq!((read.next_seq, read.instance), (Some(7), None));
        problem.detail = None;
        let response = respond(&Answer::Problem(problem.clone()));
        assert_eq!(
            serde_json::from_slice::<Problem>(response.body()).unwrap(),
            problem
        );
    }

    #[test]
    fn a_status_that_is_no_errors_goes_out_as_500() {
        for (status, wanted) in [
            (0, 500),
            (99, 500),
            (200, 500),
            (302, 500),
            (507, 507),
            (418, 418),
            (600, 500),
        ] {
            let mut problem = Problem::new(Code::GAP);
            problem.status = status;
            assert_eq!(respond(&Answer::Problem(problem)).status(), wanted);
        }
    }
}
