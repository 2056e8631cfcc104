//! What lies between the two: requests and answers on their way.

use bytes::Bytes;
use ingest_protocol::sender::FrameId;

use crate::random::Random;

/// Bytes on the way to the receiver, for a sender of this life.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) life: u64,
    pub(super) id: FrameId,
    pub(super) bytes: Bytes,
}

/// An answer on its way back.
#[derive(Clone)]
pub(super) struct Response {
    pub(super) life: u64,
    pub(super) id: FrameId,
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) names_its_frame: bool,
}

#[derive(Default)]
pub(super) struct Channel {
    /// Answers to frames, of which a confused proxy repeats one.
    said: Vec<Response>,
    pub(super) requests: Vec<Request>,
    pub(super) responses: Vec<Response>,
}

impl Channel {
    /// A request sets out: it may be lost, doubled, cut or changed.
    pub(super) fn send(&mut self, random: &mut Random, faulty: bool, request: Request) {
        if !faulty {
            return self.requests.push(request);
        }
        match random.below(12) {
            0 => {}
            1 => {
                self.requests.push(request.clone());
                self.requests.push(request);
            }
            2 => {
                let cut = random.below(request.bytes.len() as u64) as usize;
                let bytes = request.bytes.slice(..cut);
                self.requests.push(Request { bytes, ..request });
            }
            3 => {
                let mut bytes = request.bytes.to_vec();
                let bit = random.below(bytes.len() as u64 * 8) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
                let bytes = bytes.into();
                self.requests.push(Request { bytes, ..request });
            }
            _ => self.requests.push(request),
        }
    }

    pub(super) fn answer(&mut self, random: &mut Random, faulty: bool, mut response: Response) {
        if !faulty {
            return self.responses.push(response);
        }
        match random.below(10) {
            0 => {}
            1 => {
                self.responses.push(response.clone());
                self.responses.push(response);
            }
            2 => {
                let cut = random.below(response.body.len() as u64 + 1) as usize;
                response.body.truncate(cut);
                self.responses.push(response);
            }
            3 if !self.said.is_empty() => {
                let at = random.below(self.said.len() as u64) as usize;
                let said = self.said[at].clone();
                self.responses.push(Response {
                    status: said.status,
                    body: said.body,
                    ..response
                });
            }
            _ => {
                if response.names_its_frame {
                    self.said.push(response.clone());
                }
                self.responses.push(response);
            }
        }
    }

    /// The next request to arrive, in any order; it comes again later, once in `echo` times.
    pub(super) fn arriving(&mut self, random: &mut Random, echo: Option<u64>) -> Option<Request> {
        if self.requests.is_empty() {
            return None;
        }
        let at = random.below(self.requests.len() as u64) as usize;
        if self.requests.len() < 50 && echo.is_some_and(|echo| random.one_in(echo)) {
            return Some(self.requests[at].clone());
        }
        Some(self.requests.swap_remove(at))
    }

    pub(super) fn returning(&mut self, random: &mut Random) -> Option<Response> {
        if self.responses.is_empty() {
            return None;
        }
        let at = random.below(self.responses.len() as u64) as usize;
        Some(self.responses.swap_remove(at))
    }
}
