//! The state of the audit log's page: the filter, and how its rows are shown. All of it
//! is in the address, in one order.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use report_query::{Page, Query};

use super::columns::{Column, Order};
use super::field::Field;
use super::filter::Filter;
use super::params::{BadParameter, Pairs};
use super::time::{Clock, zone};

pub const SIZES: [u64; 3] = [50, 100, 500];

/// What a page is a snapshot of: the last entry of the journal that is in it, and the moment that
/// relative periods count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    pub entry: u64,
    pub moment: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    #[default]
    Comfortable,
    Compact,
}

/// What is to be given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Page,
    Csv,
    Json,
    Ndjson,
    Print,
    Query,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub filter: Filter,
    pub order: Order,
    pub top: u64,
    pub columns: Vec<Column>,
    pub density: Option<Density>,
    pub zone: Option<Tz>,
    pub as_of: Option<AsOf>,
    /// Rows before this page, and the token that it begins at.
    pub skip: Option<(u64, String)>,
    /// The field whose choices are all listed.
    pub more: Option<Field>,
    /// Counts are waited for, however long they take.
    pub counts: bool,
    pub format: Format,
}

impl Default for View {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            order: Order::default(),
            top: 50,
            columns: Column::DEFAULT.to_vec(),
            density: None,
            zone: None,
            as_of: None,
            skip: None,
            more: None,
            counts: false,
            format: Format::Page,
        }
    }
}

impl AsOf {
    /// A moment that a page can have been drawn at: not before there were any, and not to
    /// come, but for a clock of another machine that is a little ahead.
    fn parse(text: &str, now: DateTime<Utc>) -> Option<Self> {
        let (entry, moment) = text.split_once('.')?;
        let moment = DateTime::from_timestamp_millis(moment.parse().ok()?)?;
        (DateTime::UNIX_EPOCH..=now + TimeDelta::minutes(1))
            .contains(&moment)
            .then_some(Self {
                entry: entry.parse().ok()?,
                moment,
            })
    }

    pub fn text(self) -> String {
        format!("{}.{}", self.entry, self.moment.timestamp_millis())
    }
}

impl Format {
    const NAMES: [(&'static str, Self); 6] = [
        ("html", Self::Page),
        ("csv", Self::Csv),
        ("json", Self::Json),
        ("ndjson", Self::Ndjson),
        ("print", Self::Print),
        ("query", Self::Query),
    ];

    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, format)| *format == self)
            .map_or("html", |(name, _)| name)
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, format)| *format)
    }
}

impl View {
    const NAMES: [&'static str; 9] = [
        "tz",
        "orderby",
        "top",
        "select",
        "density",
        "asof",
        "skiptoken",
        "more",
        "counts",
    ];

    /// The zone and the moment that an address asks for, which come before all else in it:
    /// what a day is depends on them.
    pub fn clock(pairs: &Pairs, clock: Clock) -> Result<Clock, BadParameter> {
        let as_of = read_as_of(pairs, clock.now)?;
        Ok(Clock {
            zone: read_zone(pairs)?.unwrap_or(clock.zone),
            now: as_of.map_or(clock.now, |as_of| as_of.moment),
        })
    }

    pub fn read(pairs: &Pairs, clock: &Clock) -> Result<Self, BadParameter> {
        let known =
            |name: &str| Filter::knows(name) || Self::NAMES.contains(&name) || name == "format";
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !known(name)) {
            return Err(BadParameter::unknown(name));
        }
        let mut view = Self {
            filter: Filter::read(pairs, clock)?,
            zone: read_zone(pairs)?,
            as_of: read_as_of(pairs, clock.now)?,
            ..Self::default()
        };
        if let Some(text) = pairs.single("orderby")? {
            view.order = Order::parse(text).ok_or_else(|| {
                BadParameter::new("orderby", "must be a column and `asc` or `desc`")
            })?;
        }
        if let Some(text) = pairs.single("top")? {
            let size = text.parse().ok().filter(|size| SIZES.contains(size));
            view.top = size.ok_or_else(|| BadParameter::new("top", "must be 50, 100 or 500"))?;
        }
        let mut chosen = Vec::new();
        for name in pairs.all("select").flat_map(|names| names.split(',')) {
            let column = Column::of_name(name.trim());
            chosen.push(
                column.ok_or_else(|| BadParameter::new("select", "names no column of the log"))?,
            );
        }
        if !chosen.is_empty() {
            chosen.sort_unstable();
            chosen.dedup();
            view.columns = chosen;
        }
        view.density = match pairs.single("density")? {
            None => None,
            Some("comfortable") => Some(Density::Comfortable),
            Some("compact") => Some(Density::Compact),
            Some(_) => {
                return Err(BadParameter::new(
                    "density",
                    "must be comfortable or compact",
                ));
            }
        };
        if let Some(text) = pairs.single("skiptoken")? {
            let skip = text
                .split_once('.')
                .and_then(|(rows, token)| Some((rows.parse().ok()?, token.to_owned())));
            view.skip = Some(
                skip.ok_or_else(|| BadParameter::new("skiptoken", "is not one of this page's"))?,
            );
            if view.as_of.is_none() {
                return Err(BadParameter::new("skiptoken", "needs `asof` beside it"));
            }
        }
        if let Some(name) = pairs.single("more")? {
            let field = Field::of_parameter(name)
                .map(|(field, _)| field)
                .filter(|field| field.name() == name);
            view.more = Some(
                field.ok_or_else(|| BadParameter::new("more", "must be a field of the filter"))?,
            );
        }
        view.counts = match pairs.single("counts")? {
            None => false,
            Some("all") => true,
            Some(_) => return Err(BadParameter::new("counts", "must be `all`")),
        };
        if let Some(name) = pairs.single("format")? {
            view.format = Format::of_name(name).ok_or_else(|| {
                BadParameter::new("format", "must be csv, json, ndjson, print or query")
            })?;
        }
        Ok(view)
    }

    pub fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        self.filter.write(&mut pairs);
        if let Some(zone) = self.zone {
            pairs.add("tz", zone.name());
        }
        if self.order != Order::default() {
            pairs.add("orderby", self.order.text());
        }
        if self.top != 50 {
            pairs.add("top", self.top.to_string());
        }
        if self.columns != Column::DEFAULT {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name()).collect();
            pairs.add("select", names.join(","));
        }
        match self.density {
            None => {}
            Some(Density::Comfortable) => pairs.add("density", "comfortable"),
            Some(Density::Compact) => pairs.add("density", "compact"),
        }
        if let Some(as_of) = self.as_of {
            pairs.add("asof", as_of.text());
        }
        if let Some((rows, token)) = &self.skip {
            pairs.add("skiptoken", format!("{rows}.{token}"));
        }
        if let Some(field) = self.more {
            pairs.add("more", field.name());
        }
        if self.counts {
            pairs.add("counts", "all");
        }
        if self.format != Format::Page {
            pairs.add("format", self.format.name());
        }
        pairs
    }

    pub fn link(&self) -> String {
        self.pairs().link("/log")
    }

    /// Another filter from the start: neither the page nor the moment stays.
    #[must_use]
    pub fn filtered(&self, filter: Filter) -> Self {
        Self {
            filter,
            as_of: None,
            skip: None,
            more: None,
            counts: false,
            format: Format::Page,
            ..self.clone()
        }
    }

    /// This page from its first row, at the same moment.
    #[must_use]
    pub fn first_page(&self) -> Self {
        Self {
            skip: None,
            ..self.clone()
        }
    }

    #[must_use]
    pub fn as_format(&self, format: Format) -> Self {
        Self {
            format,
            skip: None,
            more: None,
            counts: false,
            ..self.clone()
        }
    }

    /// A link that shows the same to anybody at any time, as long as the rows are kept.
    #[must_use]
    pub fn fixed(&self, clock: &Clock, as_of: AsOf) -> Self {
        Self {
            filter: self.filter.clone().during(self.filter.period.fixed(clock)),
            zone: Some(clock.zone),
            as_of: Some(as_of),
            skip: None,
            more: None,
            counts: false,
            format: Format::Page,
            ..self.clone()
        }
    }

    /// What a saved view keeps: filters, columns, order, size; neither page nor moment.
    #[must_use]
    pub fn saved(&self) -> Self {
        Self {
            as_of: None,
            skip: None,
            more: None,
            counts: false,
            format: Format::Page,
            ..self.clone()
        }
    }

    /// The rows of this page.
    pub fn page(&self, clock: &Clock) -> Query {
        let page = Page::new(self.top).by(self.order.keys());
        let page = match &self.skip {
            Some((_, token)) => page.after(token.clone()),
            None => page,
        };
        self.filter.query(clock).page(page)
    }

    /// All rows, in the order of the page.
    pub fn rows(&self, clock: &Clock) -> Query {
        self.filter.query(clock).sort(self.order.keys())
    }
}

fn read_as_of(pairs: &Pairs, now: DateTime<Utc>) -> Result<Option<AsOf>, BadParameter> {
    let Some(text) = pairs.single("asof")? else {
        return Ok(None);
    };
    let as_of = AsOf::parse(text, now);
    as_of
        .map(Some)
        .ok_or_else(|| BadParameter::new("asof", "is not one of this page's"))
}

pub fn read_zone(pairs: &Pairs) -> Result<Option<Tz>, BadParameter> {
    let Some(name) = pairs.single("tz")? else {
        return Ok(None);
    };
    let zone = zone(name);
    zone.map(Some)
        .ok_or_else(|| BadParameter::new("tz", "must be a time zone, such as Europe/Berlin or UTC"))
}

#[cfg(test)]
mod tests {
    use super::super::filter::tests::{Random, clock, random_filter};
    use super::*;

    fn random_view(random: &mut Random) -> View {
        let mut view = View {
            filter: random_filter(random),
            ..View::default()
        };
        let column = Column::ALL[random.below(15) as usize];
        if random.below(2) == 0 && column.sort().is_some() {
            view.order = Order {
                column,
                descending: random.below(2) == 0,
            };
        }
        view.top = SIZES[random.below(3) as usize];
        if random.below(3) == 0 {
            view.columns = Column::ALL
                .into_iter()
                .filter(|_| random.below(2) == 0)
                .collect();
            view.columns.push(Column::Id);
            view.columns.dedup();
        }
        view.density =
            [None, Some(Density::Compact), Some(Density::Comfortable)][random.below(3) as usize];
        view.zone = [None, zone("Asia/Kolkata"), zone("UTC")][random.below(3) as usize];
        if random.below(3) == 0 {
            view.as_of = Some(AsOf {
                entry: random.below(1000),
                moment: clock().now,
            });
            if random.below(2) == 0 {
                view.skip = Some((50, "token.with-dots".to_owned()));
            }
        }
        view.more = (random.below(4) == 0).then_some(Field::Category);
        view.counts = random.below(4) == 0;
        view.format = Format::NAMES[random.below(6) as usize].1;
        view
    }

    #[test]
    fn the_address_of_a_page_is_read_back_as_the_page() {
        let mut random = Random(0x1124);
        for turn in 0..10_000 {
            let view = random_view(&mut random);
            let address = view.pairs().encode();
            let pairs = Pairs::parse(&address);
            let clock = View::clock(&pairs, clock()).unwrap();
            let read = View::read(&pairs, &clock)
                .unwrap_or_else(|error| panic!("turn {turn}: {error}: {address}"));
            assert_eq!(read, view, "turn {turn}: {address}");
            assert_eq!(read.pairs().encode(), address, "turn {turn}");
        }
    }

    #[test]
    fn another_filter_forgets_the_page() {
        let pairs = Pairs::parse("result=failure&asof=3.1764000000000&skiptoken=50.abc&top=100");
        let view = View::read(&pairs, &clock()).unwrap();
        assert_eq!(view.filtered(Filter::default()).link(), "/log?top=100");
        assert_eq!(view.first_page().skip, None);
    }

    #[test]
    fn unknown_parameters_and_values_are_refused() {
        for (query, name) in [
            ("foo=1", "foo"),
            ("top=51", "top"),
            ("orderby=id", "orderby"),
            ("select=color", "select"),
            ("density=huge", "density"),
            ("asof=now", "asof"),
            ("asof=3.-1", "asof"),
            ("asof=3.1795527189000", "asof"),
            ("asof=18446744073709551615.8210000000000000", "asof"),
            ("skiptoken=abc", "skiptoken"),
            ("skiptoken=50.abc", "skiptoken"),
            ("more=color", "more"),
            ("counts=1", "counts"),
            ("format=xml", "format"),
            ("tz=Mars/Olympus", "tz"),
        ] {
            assert_eq!(
                View::read(&Pairs::parse(query), &clock()).unwrap_err().name,
                name,
                "{query}"
            );
        }
    }

    #[test]
    fn a_fixed_link_holds_period_zone_and_moment() {
        let as_of = AsOf {
            entry: 7,
            moment: clock().now,
        };
        let link = View::default().fixed(&clock(), as_of).link();
        assert_eq!(
            link,
            "/log?from=2026-11-10T23%3A00%3A00Z&to=2026-11-24T23%3A00%3A00Z&tz=Europe%2FBerlin&asof=7.1795527128000"
        );
    }
    #[test]
    fn a_fixed_link_asks_the_same_of_everybody_at_any_time() {
        let as_of = AsOf {
            entry: 7,
            moment: clock().now,
        };
        for address in [
            "result=failure&hour=9",
            "range=PT24H&weekday=1",
            "from=2026-11-20",
        ] {
            let view = View::read(&Pairs::parse(address), &clock()).unwrap();
            let fixed = view.fixed(&clock(), as_of).pairs();
            let asked = |clock: Clock| {
                let clock = View::clock(&fixed, clock).unwrap();
                let view = View::read(&fixed, &clock).unwrap();
                (clock, view.page(&clock).to_string())
            };
            let elsewhere = Clock {
                zone: zone("Asia/Kolkata").unwrap(),
                now: clock().now + TimeDelta::days(9),
            };
            assert_eq!(asked(elsewhere), asked(clock()), "{address}");
        }
    }
}
