//! Polls Graph: windows of time that overlap, each walked page by page.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::{HeaderMap, Uri};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::ask::{Answer, Asker};
use super::page::Page;
use crate::client;
use crate::clock;
use crate::config::{Cloud, Config, is_loopback};
use crate::engine::{self, Feed, Mode, Turn};
use crate::outbox::Outbox;
use crate::status::{Source, now};
use crate::upload::Message;

pub(crate) const NO_CLOUD: &str = "the configuration has no [cloud], which --url needs";

/// A walk that loses its way so often waits before it begins anew.
const RESTARTS: u32 = 3;
/// The longest wait after failures, and what a service may ask for at most.
const LONGEST: Duration = Duration::from_secs(600);
const TOLD_LONGEST: Duration = Duration::from_secs(3600);
/// Entra keeps nothing for longer.
const KEPT: Duration = Duration::from_secs(31 * 86_400);
const HOUR: Duration = Duration::from_secs(3600);

struct Walk {
    asker: Asker,
    settings: Cloud,
    base: Uri,
    /// Under this the mark is kept.
    name: String,
    batch: u32,
    under_way: Option<Window>,
    /// How far this machine's clock is ahead of the cloud's, as of the last answer: windows are of the
    /// cloud's time.
    ahead: Option<TimeDelta>,
    /// Ids of the mark, and of this walk.
    known: HashSet<Uuid>,
    failures: u32,
    restarts: u32,
    random: u64,
    impatient: bool,
    once: bool,
    trouble: Option<String>,
}

struct Window {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    page: Uri,
    pages: u64,
    /// It ends as late as a window may.
    is_last: bool,
}

/// How a page was dealt with.
enum Done {
    /// There is another.
    Page,
    /// It was its window's last.
    Window {
        is_last: bool,
    },
    Not(Fault),
}

/// What is wrong with an answer, and what to do.
enum Fault {
    /// Ask again, after so long if it was told.
    Again(String, Option<Duration>),
    /// The page's token is not known any more: walk the window from its beginning.
    Restart(String),
    /// An operator has to do something.
    Stop(String),
}

pub(crate) fn poll(config: &Config, mode: Mode, url: &Uri) -> Result<ExitCode> {
    let settings = config.cloud.clone().context(NO_CLOUD)?;
    let is_private = url.scheme_str() == Some("https") || is_loopback(url);
    ensure!(
        is_private || config.http.allow_plain,
        "--url must be https: over http everybody on the way can read entries and token"
    );
    let mut walk = Walk {
        asker: Asker::new(client::agent(&config.http)?, settings.token()?),
        settings,
        base: url.clone(),
        name: url.to_string(),
        batch: config.spool.batch,
        under_way: None,
        ahead: None,
        known: HashSet::new(),
        failures: 0,
        restarts: 0,
        random: Uuid::new_v4().as_u64_pair().0,
        impatient: mode.impatient,
        once: mode.once,
        trouble: None,
    };
    engine::run(config, mode, &mut walk)
}

impl Walk {
    /// Where a window may end now.
    fn latest(&self) -> DateTime<Utc> {
        now() - self.ahead.unwrap_or_default() - span(self.settings.delay.0)
    }

    /// Compares the clocks. A window that was made by one that is wrong is made anew: it could end at
    /// a time that has not come, and what happens until then be taken for read.
    fn compare(&mut self, ahead: Option<i64>) -> bool {
        let ahead = ahead.filter(|ahead| clock::is_off(*ahead)).unwrap_or(0);
        let ahead = TimeDelta::seconds(ahead);
        let before = self.ahead.replace(ahead).unwrap_or_default();
        let is_wrong = clock::is_off((ahead - before).num_seconds()) && self.restarts < RESTARTS;
        if is_wrong {
            let seconds = ahead.num_seconds();
            warn!(
                seconds,
                "this machine's clock is that far ahead of the cloud's (below 0: behind): windows are made by the cloud's"
            );
            self.restarts += 1;
            self.under_way = None;
        }
        !is_wrong
    }

    /// Begins the next window, if there is one.
    fn begin(&mut self, outbox: &mut Outbox) -> Result<bool> {
        let mark = outbox
            .cursor
            .walks
            .get(&self.name)
            .cloned()
            .unwrap_or_default();
        let latest = self.latest();
        if let Some(ahead) = mark.through.filter(|through| *through > latest) {
            self.step_back(outbox, ahead, latest)?;
            return Ok(false);
        }
        let oldest = latest - span(self.settings.first.0.max(KEPT));
        let through = match mark.through {
            Some(through) if through < oldest && self.ahead.is_some() => {
                let days = (latest - through).num_days();
                warn!(days, from = %oldest, "the last window ended before anything is kept of: was the clock behind? it is read on from what is kept");
                oldest
            }
            Some(through) => through,
            None => latest - span(self.settings.first.0),
        };
        // Ids are remembered of a window and its overlap: a window is no longer than that is bearable.
        let longest = self.settings.overlap.0.max(HOUR);
        let to = latest.min(through + span(self.settings.window.0.min(longest)));
        if to <= through {
            return Ok(false);
        }
        let from = match mark.through {
            Some(_) => through - span(self.settings.overlap.0),
            None => through,
        };
        self.known = mark.seen.iter().map(|(id, _)| *id).collect();
        self.under_way = Some(Window {
            page: first_page(&self.base, from, to, self.settings.page)?,
            from,
            to,
            pages: 0,
            is_last: to == latest,
        });
        Ok(true)
    }

    /// The clock was ahead when a window was walked, or `delay` was shorter: no window would end
    /// behind the mark for as long. What arrived since is in the next window and its overlap.
    fn step_back(
        &mut self,
        outbox: &mut Outbox,
        ahead: DateTime<Utc>,
        latest: DateTime<Utc>,
    ) -> Result<()> {
        let seconds = (ahead - latest).num_seconds();
        let why = format!(
            "what was read ends {seconds} s after what may be read now: was the clock ahead? it is read on from now"
        );
        warn!(through = %ahead, %latest, "{why}");
        self.trouble = Some(why);
        let mark = outbox.cursor.walks.entry(self.name.clone()).or_default();
        mark.through = Some(latest);
        outbox.commit()
    }

    /// Takes what a page holds, and goes to the next.
    fn take(&mut self, outbox: &mut Outbox, body: &[u8]) -> Result<Done> {
        let stop = |why: &str| Ok(Done::Not(Fault::Stop(why.to_owned())));
        let Some(window) = &mut self.under_way else {
            return Ok(Done::Page);
        };
        let at = window.to.timestamp();
        let page = Page::read(body, &self.name, self.batch, at, &mut self.known);
        for chunk in page.chunks {
            // Duplicates of the overlap are no news: those within a walk are counted with them.
            outbox.cursor.totals.duplicates += chunk.duplicates;
            outbox.cursor.totals.quarantined += chunk.aside.len() as u64;
            for entry in chunk.aside {
                outbox.set_aside(entry)?;
            }
            let mark = outbox.cursor.walks.entry(self.name.clone()).or_default();
            mark.seen.extend(chunk.ids);
            mark.forget(i64::MIN);
            if !chunk.records.is_empty() {
                outbox.push_all(chunk.records)?;
            }
        }
        if page.is_broken {
            let why = "a page broke off; what was good of it is kept";
            return Ok(Done::Not(Fault::Again(why.to_owned(), None)));
        }
        window.pages += 1;
        if let Some(next) = page.next {
            let next: Uri = match next.parse() {
                Ok(next) => next,
                Err(_) => return stop("a next page has no readable address"),
            };
            // The token would go there.
            if next.scheme() != self.base.scheme() || next.authority() != self.base.authority() {
                return stop("a next page is at another host, which is not asked");
            }
            if next == window.page {
                let why = "a page names itself as the next";
                return Ok(Done::Not(Fault::Restart(why.to_owned())));
            }
            window.page = next;
            return Ok(Done::Page);
        }
        info!(from = %window.from, to = %window.to, pages = window.pages, "a window was read to its end");
        let (to, is_last) = (window.to, window.is_last);
        let overlap = i64::try_from(self.settings.overlap.0.as_secs()).unwrap_or(i64::MAX);
        let mark = outbox.cursor.walks.entry(self.name.clone()).or_default();
        mark.through = Some(to);
        mark.forget(to.timestamp().saturating_sub(overlap));
        outbox.commit()?;
        self.under_way = None;
        self.restarts = 0;
        Ok(Done::Window { is_last })
    }

    fn judge(&mut self, outbox: &mut Outbox, answer: Answer) -> Result<Done> {
        if let Ok((_, ahead)) = &answer
            && !self.compare(*ahead)
        {
            return Ok(Done::Page);
        }
        let Some(window) = &self.under_way else {
            return Ok(Done::Page);
        };
        let response = match answer {
            Ok((response, _)) => response,
            Err(error) => return Ok(Done::Not(Fault::Again(format!("{error:#}"), None))),
        };
        let status = response.status().as_u16();
        let why = format!("status {status}");
        Ok(Done::Not(match status {
            200 => return self.take(outbox, response.body()),
            // A page's token expires, or a walk is sent to a machine that does not know it.
            400 | 404 | 410 if window.pages > 0 => Fault::Restart(why),
            401 => Fault::Again(
                format!("{why}: the token is not accepted; it is read anew"),
                None,
            ),
            408 | 425 | 429 | 500.. => Fault::Again(why, retry_after(response.headers())),
            _ => Fault::Stop(why),
        }))
    }

    /// What to do about a fault.
    fn amend(&mut self, fault: Fault) -> Result<Turn> {
        let wait = match fault {
            Fault::Again(why, told) => {
                self.trouble = Some(why.clone());
                self.failures += 1;
                let wait = told.unwrap_or_else(|| self.backoff());
                warn!(why, seconds = wait.as_secs(), "the page is asked for again");
                wait
            }
            Fault::Restart(why) if self.restarts < RESTARTS => {
                warn!(why, "the walk through the window begins anew");
                self.restarts += 1;
                self.rewind()?;
                return Ok(Turn::More);
            }
            Fault::Restart(why) | Fault::Stop(why) => {
                warn!(why, "the window can't be walked now");
                self.trouble = Some(why);
                self.restarts = 0;
                self.under_way = None;
                if self.once {
                    return Ok(Turn::AtEnd);
                }
                self.settings.interval.0
            }
        };
        let wait = match self.impatient {
            true => wait.min(Duration::from_millis(50)),
            false => wait,
        };
        Ok(Turn::Later(Instant::now() + wait))
    }

    fn rewind(&mut self) -> Result<()> {
        if let Some(window) = &mut self.under_way {
            window.page = first_page(&self.base, window.from, window.to, self.settings.page)?;
            window.pages = 0;
        }
        Ok(())
    }

    /// A random share of a bound that doubles.
    fn backoff(&mut self) -> Duration {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let bound = Duration::from_secs(1 << self.failures.min(10)).min(LONGEST);
        bound.mul_f64(0.1 + 0.9 * ((self.random >> 40) as f64 / f64::from(1 << 24)))
    }
}

fn span(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::days(365))
}

/// The first page of a window, whose ends belong to it.
fn first_page(base: &Uri, from: DateTime<Utc>, to: DateTime<Utc>, top: u32) -> Result<Uri> {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let (from, to) = (time(from), time(to));
    let text = format!(
        "{base}?$filter=activityDateTime%20ge%20{from}%20and%20activityDateTime%20le%20{to}&$top={top}"
    );
    match text.parse() {
        Ok(uri) => Ok(uri),
        Err(_) => bail!("--url can't be used"),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let told = Duration::from_secs(ingest_protocol::http::retry_after(headers, now())?);
    Some(told.clamp(Duration::from_secs(1), TOLD_LONGEST))
}

impl Feed for Walk {
    fn begin(&mut self, messages: &Sender<Message>) {
        self.asker.tell(messages);
    }

    fn read(&mut self, outbox: &mut Outbox) -> Result<Turn> {
        if outbox.is_blocked() {
            return Ok(Turn::More);
        }
        if self.under_way.is_none() && !self.begin(outbox)? {
            debug!("nothing new yet");
            return Ok(Turn::AtEnd);
        }
        if let Some(window) = &self.under_way {
            self.asker.ask(&window.page)?;
        }
        let Some(answer) = self.asker.answer() else {
            return Ok(Turn::Later(Instant::now() + engine::LOOK));
        };
        let done = self.judge(outbox, answer)?;
        if let Done::Not(fault) = done {
            return self.amend(fault);
        }
        self.failures = 0;
        self.trouble = None;
        Ok(match done {
            Done::Window { is_last: true } => Turn::AtEnd,
            _ => Turn::More,
        })
    }

    /// The window is walked from its beginning, with the ids of the cursor's mark.
    fn restart(&mut self) {
        self.asker.forget();
        self.under_way = None;
    }

    fn is_urgent(&mut self) -> bool {
        self.asker.has_answer()
    }

    fn sources(&self, outbox: &Outbox) -> Vec<Source> {
        let mark = outbox.cursor.walks.get(&self.name);
        vec![Source {
            name: self.name.clone(),
            read_through: None,
            newest: mark.and_then(|mark| mark.through),
            trouble: self.trouble.clone(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn what_a_server_says_to_wait_has_bounds() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).ok()?);
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        for (text, wanted) in [
            ("7", Some(7)),
            ("0", Some(1)),
            ("86400", Some(3600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(1)),
            ("Thu, 31 Dec 2099 23:59:59 GMT", Some(3600)),
            // More than can be counted is no less than the longest.
            ("99999999999999999999", Some(3600)),
            ("soon", None),
        ] {
            assert_eq!(of(text), wanted, "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
