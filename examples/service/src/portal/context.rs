//! What every page is drawn from: who asks, for what, in which zone; and how it runs queries.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use maud::Markup;
use report_query::activity::columns as c;
use report_query::{
    Expand, FacetCounts, Facets, Limits, Plan, Query, QueryResult, Snapshot, Value, col, count,
    field, last, lit,
};
use tokio::sync::OwnedSemaphorePermit;

use super::failure::{Failure, Interrupted};
use super::filter::Filter;
use super::layout::{Place, Shell, Theme, halves, mark};
use super::params::{BadParameter, Pairs};
use super::period::{Edge, Period};
use super::time::{Clock, zone};
use super::view::{AsOf, Density, read_zone};
use crate::app::App;
use crate::auth::{Reader, Via};
use crate::body::{Pieces, written};
use crate::refuse::Refusal;
use crate::saved::SavedItem;

/// The cookie that keeps what a reader prefers.
pub const PREFERENCES: &str = "portal";

#[derive(Clone, Debug)]
pub struct Context {
    pub app: Arc<App>,
    pub reader: Reader,
    pub path: String,
    /// The query of the address as it came.
    pub query: String,
    pub pairs: Pairs,
    pub clock: Clock,
    pub shell: Shell,
    pub density: Density,
    /// When the queries of the page end, whether they are done or not.
    deadline: Option<Instant>,
    /// The place among the queries at once, while the page asks any.
    place: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

/// What a reader prefers, as the cookie has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    pub zone: Option<chrono_tz::Tz>,
    pub theme: Theme,
    pub density: Density,
    pub keys_off: bool,
}

impl Preferences {
    /// What is not understood is the default: the cookie may be an older version's.
    pub fn of(headers: &HeaderMap) -> Self {
        let cookies = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let pairs = cookies
            .flat_map(|text| text.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let mut named = pairs.filter(|(name, _)| *name == PREFERENCES);
        named
            .next()
            .map_or_else(Self::default, |(_, text)| Self::read(&Pairs::parse(text)))
    }

    fn read(pairs: &Pairs) -> Self {
        Self {
            zone: pairs.get("zone").and_then(zone),
            theme: pairs
                .get("theme")
                .and_then(Theme::of_name)
                .unwrap_or_default(),
            density: if pairs.get("density") == Some("compact") {
                Density::Compact
            } else {
                Density::Comfortable
            },
            keys_off: pairs.get("keys") == Some("off"),
        }
    }

    /// The cookie's value.
    pub fn text(&self) -> String {
        let mut pairs = Pairs::default();
        if let Some(zone) = self.zone {
            pairs.add("zone", zone.name());
        }
        if self.theme != Theme::System {
            pairs.add("theme", self.theme.name());
        }
        if self.density == Density::Compact {
            pairs.add("density", "compact");
        }
        if self.keys_off {
            pairs.add("keys", "off");
        }
        pairs.encode()
    }
}

impl FromRequestParts<Arc<App>> for Context {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let reader = Reader::from_request_parts(parts, app).await?;
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let pairs = Pairs::parse(&query);
        let preferences = Preferences::of(&parts.headers);
        let default_zone = app.config.time_zone;
        // A zone that there is none of is refused by the page, which reads it again.
        let asked = read_zone(&pairs).ok().flatten();
        let now = Utc::now();
        let clock = Clock {
            zone: asked.or(preferences.zone).unwrap_or(default_zone),
            // Addresses hold moments in milliseconds.
            now: DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now),
        };
        let path = parts.uri.path().to_owned();
        let shell = Shell {
            clock,
            default_zone,
            theme: preferences.theme,
            keys: !preferences.keys_off,
            tenant: reader.tenant.name.clone(),
            reader: reader.name.clone(),
            rights: rights(&reader),
            session: reader.via == Via::Session,
            here: parts
                .uri
                .path_and_query()
                .map_or_else(|| path.clone(), ToString::to_string),
        };
        Ok(Self {
            app: Arc::clone(app),
            reader,
            path,
            query,
            pairs,
            clock,
            shell,
            density: preferences.density,
            deadline: None,
            place: Arc::default(),
        })
    }
}

fn rights(reader: &Reader) -> String {
    let rights = [
        (reader.rights.persons, "names"),
        (reader.rights.raw, "raw documents"),
    ];
    let rights: Vec<&str> = rights
        .into_iter()
        .filter(|(has, _)| *has)
        .map(|(_, word)| word)
        .collect();
    if rights.is_empty() {
        "no names, no raw documents".to_owned()
    } else {
        format!("{} allowed", rights.join(" and "))
    }
}

impl Context {
    /// Draws a page away from the threads that serve connections, and not for ever.
    pub async fn answer(mut self, draw: fn(&Self) -> Result<Response, Failure>) -> Response {
        let most = Duration::from_secs(self.app.config.limits.query_seconds);
        self.deadline = Instant::now().checked_add(most);
        let queries = Arc::clone(&self.app.queries);
        let place = match tokio::time::timeout(most, queries.acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Failure::internal("no query has a place").page(&self),
            Err(_) => return Failure::Deadline.page(&self),
        };
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        let left = self.deadline.map_or(most, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        let context = Arc::new(self);
        let drawing = Arc::clone(&context);
        // After its time a page runs no query to its end; it keeps its place until then.
        let drawn = tokio::task::spawn_blocking(move || draw(&drawing));
        let failure = match tokio::time::timeout(left, drawn).await {
            Ok(Ok(Ok(response))) => return response,
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(_)) => Failure::internal("a page failed"),
            Err(_) => Failure::Deadline,
        };
        failure.page(&context)
    }

    /// Gives the place for queries back before what they gave is written: whoever takes it slowly
    /// keeps nobody from asking.
    pub fn is_answered(&self) {
        let place = self
            .place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(place);
    }

    /// For what is written in parts, each of which is asked for when it is its turn: the page's time and
    /// place are over by then.
    pub fn in_parts(&self) -> Self {
        Self {
            deadline: None,
            place: Arc::default(),
            ..self.clone()
        }
    }

    /// A page whose frame is on its way before the first query is asked. What `draw` can't have
    /// is said in the place of the content.
    pub fn stream(
        &self,
        place: Place,
        title: &str,
        draw: impl FnOnce(&Self, &mut Pieces) -> Result<(), Interrupted> + Send + 'static,
    ) -> Response {
        let page = self.shell.page(place, title, mark());
        let (above, below) = halves(page);
        let context = self.clone();
        let body = written(move |out| {
            out.write_all(above.as_bytes())?;
            out.send()?;
            match draw(&context, out) {
                Ok(()) => {}
                Err(Interrupted::Failed(failure)) => {
                    out.write_all(failure.note(&context).into_string().as_bytes())?;
                }
                Err(Interrupted::Gone(error)) => return Err(error),
            }
            out.write_all(below.as_bytes())?;
            out.send()
        });
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        ([(CONTENT_TYPE, kind)], body).into_response()
    }

    pub fn page(&self, place: Place, title: &str, body: Markup) -> Response {
        self.page_with(StatusCode::OK, place, title, body)
    }

    pub fn page_with(
        &self,
        status: StatusCode,
        place: Place,
        title: &str,
        body: Markup,
    ) -> Response {
        (
            status,
            Html(self.shell.page(place, title, body).into_string()),
        )
            .into_response()
    }

    /// The rows as this reader may see them, now.
    pub fn snapshot(&self) -> Snapshot {
        self.reader.store().snapshot()
    }

    /// The rows that were there at the moment of a page.
    pub fn as_of(&self, snapshot: &Snapshot, as_of: AsOf) -> Snapshot {
        snapshot.as_of(self.reader.arrivals().ingest(as_of.entry))
    }

    pub fn limits(&self) -> Limits {
        let limits = &self.app.config.limits;
        Limits::default()
            .rows(limits.query_rows)
            .groups(limits.query_groups)
    }

    pub fn run(&self, query: &Query, snapshot: &Snapshot) -> Result<QueryResult, Failure> {
        self.run_plan(query.bind(snapshot.schema())?, snapshot)
    }

    /// Runs what is bound within the limits of a reader and the time of the page.
    pub fn run_plan(&self, plan: Plan, snapshot: &Snapshot) -> Result<QueryResult, Failure> {
        Ok(plan
            .with_limits(self.limits())
            .run_until(snapshot, &|| self.is_late())?)
    }

    /// Counts facets within the same, and no longer than they are wanted.
    pub fn count_facets(
        &self,
        facets: Facets,
        snapshot: &Snapshot,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<FacetCounts, Failure> {
        Ok(facets
            .with_limits(self.limits())
            .run_until(snapshot, &|| stop() || self.is_late())?)
    }

    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// How many rows a query gives.
    pub fn count(&self, query: Query, snapshot: &Snapshot) -> Result<u64, Failure> {
        let result = self.run(&query.aggregate([count().alias("rows")]), snapshot)?;
        Ok(number(&result, 0, "rows"))
    }

    /// Refuses parameters that the page does not know; each page knows `tz`.
    pub fn only(&self, known: &[&str]) -> Result<(), BadParameter> {
        read_zone(&self.pairs)?;
        let unknown = self
            .pairs
            .iter()
            .find(|(name, _)| *name != "tz" && !known.contains(name));
        unknown.map_or(Ok(()), |(name, _)| Err(BadParameter::unknown(name)))
    }

    /// The way to the one address of a page, if this is another.
    pub fn canonical(&self, pairs: &Pairs) -> Option<Response> {
        (pairs.encode() != self.query)
            .then(|| Redirect::to(&pairs.link(&self.path)).into_response())
    }

    /// The zone of the address, to be carried on.
    pub fn tz(&self) -> Option<&str> {
        self.pairs.get("tz")
    }

    /// An address without parameters, with the zone carried on.
    pub fn keeping_zone(&self, path: &str) -> String {
        let tz = self.tz().map(|tz| Pairs::default().with("tz", tz));
        tz.unwrap_or_default().link(path)
    }

    /// The first moment that is kept.
    pub fn kept_since(&self) -> DateTime<Utc> {
        self.clock.now - TimeDelta::days(i64::from(self.app.config.retention_days))
    }

    /// All that is kept, as a period: of whole days, the first of which is kept in part.
    pub fn all_kept(&self) -> Period {
        all_kept(&self.clock, self.app.config.retention_days)
    }

    /// The names that are shown for ids, by id: of those who acted, and else of
    /// what something was done to. What can be no id has none.
    pub fn names_of<'a>(
        &self,
        values: impl Iterator<Item = &'a str>,
        snapshot: &Snapshot,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut missing: BTreeSet<&str> = values.filter(|value| is_id(value)).collect();
        let mut names = BTreeMap::new();
        for of_targets in [false, true] {
            if missing.is_empty() {
                break;
            }
            let ids = || missing.iter().map(|id| lit(*id));
            let query = if of_targets {
                let target = |name: &'static str| col("target").field(name);
                Query::new()
                    .filter(c::TARGETS.any(field("id").in_list(ids()).coalesce(false)))
                    .select([c::TARGETS])
                    .expand(Expand::new("targets").alias("target"))
                    .filter(target("id").in_list(ids()).coalesce(false))
                    .group_by([target("id").alias("id")])
                    .aggregate([last(target("name")).alias("name")])
            } else {
                Query::new()
                    .filter(c::ACTOR_ID.in_list(ids()).coalesce(false))
                    .group_by([c::ACTOR_ID.alias("id")])
                    .aggregate([last(c::ACTOR_NAME.coalesce(c::ACTOR)).alias("name")])
            };
            let found = self.run(&query, snapshot)?;
            for row in Row::all(&found) {
                if let (Some(id), Some(name)) = (row.text("id"), row.text("name")) {
                    missing.remove(id);
                    names.insert(id.to_owned(), name.to_owned());
                }
            }
        }
        Ok(names)
    }

    /// What people keep of a kind, as far as this reader may see it.
    pub fn saved(&self, kind: &str) -> Vec<SavedItem> {
        let mut items = self.reader.tenant.saved.list(kind);
        items.retain(|item| self.may_see(item));
        items
    }

    /// One of what people keep, if it is of this kind and this reader may see it.
    pub fn saved_item(&self, id: &str, kind: &str) -> Option<SavedItem> {
        let item = self.reader.tenant.saved.get(id.parse().ok()?)?;
        (item.kind == kind && self.may_see(&item)).then_some(item)
    }

    /// A filter by names says the names, whatever the rows are.
    fn may_see(&self, item: &SavedItem) -> bool {
        self.reader.rights.persons || !item.names
    }

    /// Whether what this reader keeps with a filter is not for all other readers.
    pub fn keeps_names(&self, filter: &Filter) -> bool {
        self.reader.rights.persons && filter.names_people()
    }
}

/// Whether something can be an id: one of a directory, a pseudonym's key, or a bare number of
/// Identity Manager's database.
fn is_id(value: &str) -> bool {
    value.parse::<uuid::Uuid>().is_ok() || value.parse::<u64>().is_ok()
}

fn all_kept(clock: &Clock, days: u32) -> Period {
    match u16::try_from(days + 1) {
        Ok(days @ ..=Period::MOST_DAYS) => Period::Days(days),
        _ => {
            let since = clock.now - TimeDelta::days(i64::from(days));
            Period::Between(Some(Edge::Day(clock.date(since))), None)
        }
    }
}

/// A number of a result; nothing counts as zero.
pub fn number(result: &QueryResult, row: usize, column: &str) -> u64 {
    let value = result.value(row, column).and_then(Value::as_int);
    value
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or(0)
}

/// A row of a result, by the names of its columns.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub result: &'a QueryResult,
    pub index: usize,
}

impl<'a> Row<'a> {
    pub fn all(result: &'a QueryResult) -> impl Iterator<Item = Row<'a>> {
        (0..result.len()).map(move |index| Row { result, index })
    }

    pub fn value(&self, column: &str) -> Option<&'a Value> {
        self.result
            .value(self.index, column)
            .filter(|value| !value.is_null())
    }

    pub fn text(&self, column: &str) -> Option<&'a str> {
        self.value(column).and_then(Value::as_text)
    }

    pub fn time(&self, column: &str) -> Option<DateTime<Utc>> {
        self.value(column).and_then(Value::as_time)
    }

    pub fn number(&self, column: &str) -> u64 {
        number(self.result, self.index, column)
    }

    pub fn texts(&self, column: &str) -> Vec<&'a str> {
        let items = self
            .value(column)
            .and_then(Value::as_list)
            .unwrap_or_default();
        items.iter().filter_map(Value::as_text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_back_and_nonsense_is_the_default() {
        let kept = Preferences {
            zone: zone("Asia/Kolkata"),
            theme: Theme::Dark,
            density: Density::Compact,
            keys_off: true,
        };
        let cookie = format!("a=b; {PREFERENCES}={}; c=d", kept.text());
        let headers = HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())]);
        assert_eq!(Preferences::of(&headers), kept);
        let headers =
            HeaderMap::from_iter([(COOKIE, "portal=zone=Mars&theme=pink;".parse().unwrap())]);
        assert_eq!(Preferences::of(&headers), Preferences::default());
    }

    #[test]
    fn all_that_is_kept_begins_before_the_first_moment_that_is_kept() {
        let clock = Clock {
            zone: chrono_tz::Europe::Berlin,
            now: "2026-11-24T13:32:08Z".parse().unwrap(),
        };
        assert_eq!(all_kept(&clock, 30), Period::Days(31));
        for days in [1, 14, 30, 365, 366, 3_650] {
            let since = clock.now - TimeDelta::days(i64::from(days));
            let from = all_kept(&clock, days).bounds(&clock).0.unwrap();
            assert!(from <= since && since - from < TimeDelta::days(1), "{days}");
        }
    }
}
