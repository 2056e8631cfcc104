//! The feed of `agent run`: logs that are followed, or old ones that are read once.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use hybrid_examples::files::expand;
use hybrid_examples::progress;
use indicatif::ProgressBar;

use crate::config::Config;
use crate::engine::{self, Feed, Mode, Turn};
use crate::follow::{Follower, Pass};
use crate::outbox::Outbox;
use crate::source::LogFile;
use crate::status::Source;

/// Events of a log between two looks at everything else.
const SLICE: u32 = 500;

struct Logs {
    followers: Vec<Follower>,
    at: usize,
    grown: u64,
    bar: Option<ProgressBar>,
}

/// Follows the logs of the configuration.
pub(crate) fn follow(config: &Config, mode: Mode) -> Result<ExitCode> {
    let followers = config
        .logs
        .iter()
        .map(|log| Follower::new(log.name(), Box::new(LogFile::new(&log.path))));
    let mut logs = Logs {
        followers: followers.collect(),
        at: 0,
        grown: config.read_when_grown.0,
        bar: None,
    };
    engine::run(config, mode, &mut logs)
}

/// Reads old logs once, with a progress bar.
pub(crate) fn backfill(config: &Config, mode: Mode, files: &[String]) -> Result<ExitCode> {
    let mut bytes = 0;
    let mut followers = Vec::new();
    for file in expand(files, "evtx")? {
        // By its whole path: old logs have the same names.
        let path = file
            .canonicalize()
            .with_context(|| file.display().to_string())?;
        bytes += path.metadata()?.len();
        followers.push(Follower::new(name(&path), Box::new(LogFile::new(&path))).closed());
    }
    let mut logs = Logs {
        followers,
        at: 0,
        grown: u64::MAX,
        bar: Some(progress::bytes(bytes, "reading")),
    };
    let code = engine::run(config, mode, &mut logs);
    if let Some(bar) = &logs.bar {
        bar.finish_and_clear();
    }
    code
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

impl Feed for Logs {
    fn read(&mut self, outbox: &mut Outbox) -> Result<Turn> {
        let pass = match self.followers.get_mut(self.at) {
            Some(follower) => follower.read(outbox, SLICE)?,
            None => Pass::AtEnd,
        };
        if let Some(bar) = &self.bar {
            bar.set_position(
                self.followers
                    .iter()
                    .map(|follower| follower.progress().0)
                    .sum(),
            );
        }
        if pass == Pass::More {
            return Ok(Turn::More);
        }
        self.at += 1;
        if self.at < self.followers.len() {
            return Ok(Turn::More);
        }
        self.at = 0;
        Ok(Turn::AtEnd)
    }

    fn restart(&mut self) {
        self.followers.iter_mut().for_each(Follower::restart);
        self.at = 0;
    }

    fn is_urgent(&mut self) -> bool {
        self.grown < u64::MAX
            && self
                .followers
                .iter_mut()
                .any(|follower| follower.is_urgent(self.grown))
    }

    fn sources(&self, outbox: &Outbox) -> Vec<Source> {
        let source = |follower: &Follower| {
            let bookmark = outbox.cursor.logs.get(follower.name());
            Source {
                name: follower.name().to_owned(),
                read_through: bookmark.and_then(|bookmark| bookmark.read_through()),
                newest: bookmark.and_then(|bookmark| bookmark.newest()),
                trouble: follower.trouble.clone(),
            }
        };
        self.followers.iter().map(source).collect()
    }
}
