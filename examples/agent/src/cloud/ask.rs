//! [`Asker`]: asks for pages on a thread of its own. A page may take as long as the time limit of
//! requests; uploading, and the end of the program, don't wait for it.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use anyhow::{Result, anyhow};
use http::{Response, Uri};

use crate::client;
use crate::secrets::Place;
use crate::upload::Message;

/// A page, with how far this machine's clock was ahead when it came; or why there is none.
pub(super) type Answer = Result<(Response<Vec<u8>>, Option<i64>)>;

pub(super) struct Asker {
    agent: ureq::Agent,
    token: Option<Place>,
    messages: Option<Sender<Message>>,
    asked: Option<Receiver<Answer>>,
    answer: Option<Answer>,
}

impl Asker {
    pub(super) fn new(agent: ureq::Agent, token: Option<Place>) -> Self {
        Self {
            agent,
            token,
            messages: None,
            asked: None,
            answer: None,
        }
    }

    /// Says who is to be told that an answer came.
    pub(super) fn tell(&mut self, messages: &Sender<Message>) {
        self.messages = Some(messages.clone());
    }

    /// Asks for a page, unless one was asked for and not taken yet.
    pub(super) fn ask(&mut self, page: &Uri) -> Result<()> {
        if self.asked.is_some() || self.answer.is_some() {
            return Ok(());
        }
        let (answered, asked) = channel();
        let (agent, token) = (self.agent.clone(), self.token.clone());
        let (page, messages) = (page.clone(), self.messages.clone());
        thread::Builder::new()
            .name("page".to_owned())
            .spawn(move || {
                let page = client::page(&agent, &page, token.as_ref());
                let _ = answered.send(page.map(|page| {
                    let ahead = client::ahead(&page);
                    (page, ahead)
                }));
                if let Some(messages) = messages {
                    let _ = messages.send(Message::Fed);
                }
            })?;
        self.asked = Some(asked);
        Ok(())
    }

    /// Whether a page came, or why it did not.
    pub(super) fn has_answer(&mut self) -> bool {
        if let Some(asked) = &self.asked {
            match asked.try_recv() {
                Ok(answer) => self.answer = Some(answer),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => {
                    self.answer = Some(Err(anyhow!("the asking thread ended")));
                }
            }
            self.asked = None;
        }
        self.answer.is_some()
    }

    /// Whatever was asked for, its answer is not taken any more.
    pub(super) fn forget(&mut self) {
        (self.asked, self.answer) = (None, None);
    }

    pub(super) fn answer(&mut self) -> Option<Answer> {
        self.has_answer();
        self.answer.take()
    }
}
