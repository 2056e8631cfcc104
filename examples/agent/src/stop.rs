//! Graceful stop by SIGTERM and Ctrl-C, and the thread that also serves the metrics.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use crate::metrics::{self, Shown};
use crate::upload::Message;

/// Whether the program is to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, messages: &Sender<Message>) {
        // Who asks twice does not want to wait.
        if self.0.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        let _ = messages.send(Message::Stop);
    }

    /// Listens for signals from now on, and at `listener` for questions.
    pub(crate) fn listen(
        messages: Sender<Message>,
        listener: Option<TcpListener>,
        shown: Shown,
    ) -> io::Result<Self> {
        let stop = Self::default();
        let set = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // Registered before this returns: no signal falls between.
        let mut signals = runtime.block_on(async { Signals::new() })?;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    if let Some(listener) = listener {
                        tokio::spawn(async move {
                            if let Err(error) = metrics::serve(listener, shown).await {
                                tracing::error!(%error, "metrics");
                            }
                        });
                    }
                    while signals.next().await {
                        set.set(&messages);
                    }
                });
            })?;
        Ok(stop)
    }
}

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        ))
    }

    /// The next one; `false` if there will be none.
    async fn next(&mut self) -> bool {
        use std::task::Poll;
        std::future::poll_fn(|context| {
            match (self.0.poll_recv(context), self.1.poll_recv(context)) {
                (Poll::Ready(signal), _) | (_, Poll::Ready(signal)) => {
                    Poll::Ready(signal.is_some())
                }
                _ => Poll::Pending,
            }
        })
        .await
    }
}

#[cfg(windows)]
struct Signals(
    tokio::signal::windows::CtrlC,
    tokio::signal::windows::CtrlShutdown,
    tokio::signal::windows::CtrlClose,
);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Self(ctrl_c()?, ctrl_shutdown()?, ctrl_close()?))
    }

    async fn next(&mut self) -> bool {
        use std::task::Poll;
        std::future::poll_fn(|context| {
            let polled = [
                self.0.poll_recv(context),
                self.1.poll_recv(context),
                self.2.poll_recv(context),
            ];
            for poll in polled {
                if let Poll::Ready(signal) = poll {
                    return Poll::Ready(signal.is_some());
                }
            }
            Poll::Pending
        })
        .await
    }
}
