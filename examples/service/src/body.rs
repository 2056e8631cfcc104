//! Bodies that a thread writes while they are sent.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_stream::Stream;

/// Bytes of one piece.
const PIECE: usize = 16 << 10;
/// Pieces that wait to be sent.
const WAITING: usize = 8;
/// How long somebody who reads slowly is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A body that a thread writes. Unless all is written, whatever the cause, the connection is cut, so
/// that nobody takes a part for the whole.
pub fn written(write: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static) -> Body {
    Body::from_stream(pieces(write))
}

fn pieces(write: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static) -> Sent {
    let (sender, receiver) = channel(WAITING);
    let finished = Arc::new(AtomicBool::new(false));
    let sent = Sent {
        pieces: Some(receiver),
        finished: Arc::clone(&finished),
    };
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces {
            sender,
            piece: Vec::with_capacity(PIECE),
            handle: Handle::current(),
        };
        match write(&mut pieces).and_then(|()| pieces.send()) {
            Ok(()) => finished.store(true, Ordering::Release),
            // Also if the reader went away, and then nobody hears of it.
            Err(error) => {
                tracing::warn!(error = %error.kind(), "an answer was not written to its end")
            }
        }
        // `pieces` goes after the flag is set: its end is what the body waits for.
    });
    sent
}

/// What the body is sent from. The end of the pieces is its end only if the writer says so: a writer
/// that stopped can't always tell, as there may be no room for one more piece.
struct Sent {
    pieces: Option<Receiver<Bytes>>,
    finished: Arc<AtomicBool>,
}

impl Stream for Sent {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(pieces) = &mut self.pieces else {
            return Poll::Ready(None);
        };
        if let Some(piece) = ready!(pieces.poll_recv(context)) {
            return Poll::Ready(Some(Ok(piece)));
        }
        self.pieces = None;
        let cut = || Err(io::Error::other("the answer was not written to its end"));
        Poll::Ready((!self.finished.load(Ordering::Acquire)).then(cut))
    }
}

/// Gathers what is written into pieces, and waits while too many are under way.
pub struct Pieces {
    sender: Sender<Bytes>,
    piece: Vec<u8>,
    handle: Handle,
}

impl Pieces {
    /// Sends what was gathered so far.
    ///
    /// # Errors
    /// The reader went away, or is too slow.
    pub fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let sent = self.handle.block_on(async {
            tokio::time::timeout(PATIENCE, self.sender.send(piece.into())).await
        });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Writers flush at their end, and pieces are sent when they are full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt as _;

    use super::*;

    /// How many bytes come, and whether the end is one.
    async fn read(mut sent: Sent) -> (usize, bool) {
        let mut bytes = 0;
        while let Some(item) = sent.next().await {
            match item {
                Ok(piece) => bytes += piece.len(),
                Err(_) => {
                    assert!(sent.next().await.is_none());
                    return (bytes, false);
                }
            }
        }
        (bytes, true)
    }

    #[tokio::test]
    async fn only_what_is_written_to_its_end_ends() {
        let full = PIECE * WAITING;
        let whole = pieces(move |out| out.write_all(b"xxx"));
        assert_eq!(read(whole).await, (3, true));
        let empty = pieces(|_| Ok(()));
        assert_eq!(read(empty).await, (0, true));
        // One that stops when there is no room to say so, and one that panics.
        let stopped = pieces(move |out| {
            (0..WAITING).try_for_each(|_| out.write_all(&[b'x'; PIECE]))?;
            Err(io::ErrorKind::TimedOut.into())
        });
        assert_eq!(read(stopped).await, (full, false));
        let panicked = pieces(|out| {
            out.write_all(&[b'x'; PIECE])?;
            panic!("the writer panics")
        });
        assert_eq!(read(panicked).await, (PIECE, false));
    }
}
