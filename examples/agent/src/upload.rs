//! The thread that sends: requests may take a minute, and reading and stopping do not wait for
//! them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use ingest_protocol::sender::FrameId;

use crate::client::{Answered, Client, Service};

/// What wakes the program.
#[derive(Debug)]
pub(crate) enum Message {
    /// What the service says of itself, or why nothing.
    Service(Result<Service>),
    /// What came back for a frame, or why nothing did.
    Answer(FrameId, Result<Box<Answered>>),
    /// A feed has what it waited for.
    Fed,
    /// A signal came.
    Stop,
}

/// Asks the service for its limits on a thread of its own; the answer comes as a message.
pub(crate) fn ask(client: &Client, messages: &Sender<Message>) -> Result<()> {
    let (client, messages) = (client.clone(), messages.clone());
    thread::Builder::new()
        .name("ask".to_owned())
        .spawn(move || messages.send(Message::Service(client.service())))?;
    Ok(())
}

/// Hands frames to the thread.
pub(crate) struct Uploader {
    frames: Sender<(FrameId, Bytes)>,
}

impl Uploader {
    pub(crate) fn start(client: Client, messages: Sender<Message>) -> Result<Self> {
        let (frames, to_send): (_, Receiver<(FrameId, Bytes)>) = channel();
        thread::Builder::new()
            .name("upload".to_owned())
            .spawn(move || {
                for (id, frame) in to_send {
                    let answer = client.send(&frame).map(Box::new);
                    if messages.send(Message::Answer(id, answer)).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self { frames })
    }

    /// Sends a frame; its answer comes as a message.
    pub(crate) fn send(&self, id: FrameId, frame: Bytes) -> Result<()> {
        let sent = self.frames.send((id, frame));
        sent.map_err(|_| anyhow!("the uploading thread ended"))
    }
}
