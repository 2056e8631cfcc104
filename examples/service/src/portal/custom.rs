//! A report of one's own: the filter, what is grouped and measured, how it is sorted and
//! drawn. One value, the same in an address and as a `ReportDefinition`.

use report_query::activity::columns as c;
use report_query::{
    Aggregate, Expr, Query, ReportDefinition, Zone, asc, col, count, count_distinct, count_if,
    desc, param, percentile, when_param,
};
use serde_json::json;

use super::filter::Filter;
use super::params::{BadParameter, Pairs};
use super::period::Period;
use super::time::Clock;
use super::view::read_zone;

/// Keys of one report.
const MOST_KEYS: usize = 3;
pub const LIMITS: [u64; 5] = [10, 50, 100, 500, 1000];

/// What rows are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Source,
    Service,
    Category,
    Activity,
    Kind,
    Operation,
    Result,
    Actor,
    Person,
    Group,
    Role,
    Day,
    Week,
    Month,
    Weekday,
    Hour,
}

/// What is measured of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    Rows,
    Actors,
    Persons,
    Failed,
    Denied,
    SuccessRate,
    MedianWait,
    P95Wait,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drawn {
    #[default]
    None,
    Ranking,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    pub filter: Filter,
    pub by: Vec<Key>,
    pub measures: Vec<Measure>,
    /// A column of the result, and whether it descends.
    pub order: Option<(String, bool)>,
    pub limit: u64,
    pub chart: Drawn,
}

impl Key {
    pub const ALL: [Self; 16] = [
        Self::Source,
        Self::Service,
        Self::Category,
        Self::Activity,
        Self::Kind,
        Self::Operation,
        Self::Result,
        Self::Actor,
        Self::Person,
        Self::Group,
        Self::Role,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Weekday,
        Self::Hour,
    ];

    /// The name in the address and in the result.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Service => "service",
            Self::Category => "category",
            Self::Activity => "activity",
            Self::Kind => "kind",
            Self::Operation => "operation",
            Self::Result => "result",
            Self::Actor => "actor",
            Self::Person => "person",
            Self::Group => "group",
            Self::Role => "role",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Service => "Service",
            Self::Category => "Category",
            Self::Activity => "Activity",
            Self::Kind => "Kind",
            Self::Operation => "Operation",
            Self::Result => "Result",
            Self::Actor => "Initiated by",
            Self::Person => "User concerned",
            Self::Group => "Group",
            Self::Role => "Role",
            Self::Day => "Day",
            Self::Week => "Week",
            Self::Month => "Month",
            Self::Weekday => "Weekday",
            Self::Hour => "Hour of the day",
        }
    }

    fn expr(self, zone: Zone) -> Expr {
        let format = |pattern: &str| c::TIME.format_time_in(pattern, zone);
        match self {
            Self::Source => c::SOURCE,
            Self::Service => c::SERVICE,
            Self::Category => c::CATEGORY,
            Self::Activity => c::ACTIVITY,
            Self::Kind => c::KIND,
            Self::Operation => c::OPERATION,
            Self::Result => c::RESULT,
            Self::Actor => c::ACTOR,
            Self::Person => c::PERSON,
            Self::Group => c::GROUP,
            Self::Role => c::ROLE,
            // As text by the zone's clocks: a day of a clock change is one day.
            Self::Day => format("%Y-%m-%d"),
            Self::Week => format("%G-W%V"),
            Self::Month => format("%Y-%m"),
            Self::Weekday => format("%u %A"),
            Self::Hour => format("%H:00"),
        }
        .alias(self.name())
    }

    const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Source => Some("source"),
            Self::Result => Some("result"),
            Self::Actor | Self::Person => Some("person"),
            Self::Group => Some("group"),
            _ => None,
        }
    }
}

impl Measure {
    pub const ALL: [Self; 8] = [
        Self::Rows,
        Self::Actors,
        Self::Persons,
        Self::Failed,
        Self::Denied,
        Self::SuccessRate,
        Self::MedianWait,
        Self::P95Wait,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Actors => "actors",
            Self::Persons => "people",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::SuccessRate => "success_rate",
            Self::MedianWait => "median_wait",
            Self::P95Wait => "p95_wait",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Rows => "Activities",
            Self::Actors => "Distinct actors",
            Self::Persons => "Distinct users concerned",
            Self::Failed => "Failed",
            Self::Denied => "Denied",
            Self::SuccessRate => "Success rate",
            Self::MedianWait => "Median time to complete",
            Self::P95Wait => "95th percentile to complete",
        }
    }

    const fn hint(self) -> Option<&'static str> {
        match self {
            Self::SuccessRate => Some("percent"),
            Self::MedianWait | Self::P95Wait => Some("duration"),
            _ => None,
        }
    }

    fn aggregate(self) -> Aggregate {
        let wait = || c::CREATED.seconds_until(c::COMPLETED);
        match self {
            Self::Rows => count(),
            Self::Actors => count_distinct(c::ACTOR),
            Self::Persons => count_distinct(c::PERSON_KEY),
            Self::Failed => count_if(c::RESULT.eq("failure")),
            Self::Denied => count_if(c::RESULT.eq("denied")),
            Self::SuccessRate => count_if(c::RESULT.eq("success")),
            Self::MedianWait => percentile(wait(), 50.0),
            Self::P95Wait => percentile(wait(), 95.0),
        }
        .alias(self.name())
    }
}

impl Default for Custom {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            by: vec![Key::Activity],
            measures: vec![Measure::Rows],
            order: None,
            limit: 100,
            chart: Drawn::None,
        }
    }
}

/// Parameters of the definition beside those of the filter.
pub const NAMES: [&str; 5] = ["by", "m", "orderby", "limit", "chart"];

impl Custom {
    pub fn read(pairs: &Pairs, clock: &Clock) -> Result<Self, BadParameter> {
        let mut custom = Self {
            filter: Filter::read(pairs, clock)?,
            ..Self::default()
        };
        read_zone(pairs)?;
        let mut by = Vec::new();
        for name in pairs.all("by").filter(|name| !name.is_empty()) {
            // Of all together, without groups.
            if name == "none" {
                continue;
            }
            let key = Key::ALL.into_iter().find(|key| key.name() == name);
            let key = key.ok_or_else(|| BadParameter::new("by", "names nothing to group by"))?;
            if !by.contains(&key) {
                by.push(key);
            }
        }
        if by.len() > MOST_KEYS {
            return Err(BadParameter::new(
                "by",
                format!("may be given {MOST_KEYS} times"),
            ));
        }
        if pairs.get("by").is_some() {
            custom.by = by;
        }
        let mut measures = Vec::new();
        for name in pairs.all("m").filter(|name| !name.is_empty()) {
            let measure = Measure::ALL
                .into_iter()
                .find(|measure| measure.name() == name);
            measures.push(measure.ok_or_else(|| BadParameter::new("m", "names no measure"))?);
        }
        measures.sort_unstable();
        measures.dedup();
        if !measures.is_empty() {
            custom.measures = measures;
        }
        if let Some(text) = pairs.single("orderby")? {
            let (name, descending) = match text.split_once(' ') {
                None => (text, false),
                Some((name, "asc")) => (name, false),
                Some((name, "desc")) => (name, true),
                Some(_) => {
                    return Err(BadParameter::new(
                        "orderby",
                        "must be a column and `asc` or `desc`",
                    ));
                }
            };
            // A column that the form no longer has is no longer sorted by.
            if Key::ALL.iter().any(|key| key.name() == name)
                || Measure::ALL.iter().any(|measure| measure.name() == name)
            {
                let is_there = custom.columns().any(|column| column == name);
                custom.order = is_there.then(|| (name.to_owned(), descending));
            } else {
                return Err(BadParameter::new(
                    "orderby",
                    "names no column of the result",
                ));
            }
        }
        if let Some(text) = pairs.single("limit")? {
            let limit = text.parse().ok().filter(|limit| LIMITS.contains(limit));
            custom.limit = limit
                .ok_or_else(|| BadParameter::new("limit", "must be 10, 50, 100, 500 or 1000"))?;
        }
        custom.chart = match pairs.single("chart")? {
            None | Some("none") => Drawn::None,
            Some("ranking") => Drawn::Ranking,
            Some(_) => return Err(BadParameter::new("chart", "must be none or ranking")),
        };
        Ok(custom)
    }

    pub fn write(&self, pairs: &mut Pairs) {
        self.filter.write(pairs);
        if self.by != [Key::Activity] {
            if self.by.is_empty() {
                pairs.add("by", "none");
            }
            self.by.iter().for_each(|key| pairs.add("by", key.name()));
        }
        if self.measures != [Measure::Rows] {
            self.measures
                .iter()
                .for_each(|measure| pairs.add("m", measure.name()));
        }
        if let Some((name, descending)) = &self.order {
            pairs.add(
                "orderby",
                format!("{name} {}", if *descending { "desc" } else { "asc" }),
            );
        }
        if self.limit != 100 {
            pairs.add("limit", self.limit.to_string());
        }
        if self.chart == Drawn::Ranking {
            pairs.add("chart", "ranking");
        }
    }

    /// The names of the result's columns.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.by
            .iter()
            .map(|key| key.name())
            .chain(self.measures.iter().map(|measure| measure.name()))
    }

    /// The query over the rows of a filter.
    fn over(&self, rows: Query, zone: Zone) -> Query {
        let mut aggregates: Vec<Aggregate> = self
            .measures
            .iter()
            .map(|measure| measure.aggregate())
            .collect();
        let rate = self.measures.contains(&Measure::SuccessRate);
        if rate {
            aggregates.push(count().alias("all"));
        }
        let keys: Vec<Expr> = self.by.iter().map(|key| key.expr(zone)).collect();
        // Keys are computed first, so that they are plain columns where rows are grouped.
        let names: Vec<Expr> = self.by.iter().map(|key| col(key.name())).collect();
        let mut query = if keys.is_empty() {
            rows.aggregate(aggregates)
        } else {
            rows.extend(keys).group_by(names).aggregate(aggregates)
        };
        if rate {
            let percent = col(Measure::SuccessRate.name())
                .mul(100)
                .div(col("all"))
                .round_to(1);
            query = query.extend([percent.alias(Measure::SuccessRate.name())]);
        }
        let default = (
            self.measures
                .first()
                .map_or("rows", |measure| measure.name())
                .to_owned(),
            true,
        );
        let (name, descending) = self.order.clone().unwrap_or(default);
        let key = if descending {
            desc(col(name))
        } else {
            asc(col(name))
        };
        query
            .sort([key])
            .limit(self.limit)
            .select(self.columns().map(col))
    }

    /// As it is previewed: the period is the filter's.
    pub fn query(&self, clock: &Clock) -> Query {
        self.over(self.filter.query(clock), clock.clocks())
    }

    /// As data: the period becomes parameters, a relative one counts back from the newest activity.
    pub fn definition(&self, name: &str, clock: &Clock) -> serde_json::Result<ReportDefinition> {
        let bare = self.filter.clone().during(Period::Between(None, None));
        let rows = bare
            .query(clock)
            .filter(when_param("from", c::TIME.ge(param("from"))))
            .filter(when_param("to", c::TIME.lt(param("to"))));
        let query = self.over(rows, clock.clocks());
        let (from, to) = match self.filter.period {
            Period::Days(days) => (Some(format!("newest-P{days}D")), None),
            Period::Hours(hours) => (Some(format!("newest-PT{hours}H")), None),
            period => {
                let (from, to) = period.bounds(clock);
                (from.map(super::time::utc), to.map(super::time::utc))
            }
        };
        let column = |name: &str, label: &str, hint: Option<&str>| match hint {
            Some(hint) => json!({ "name": name, "label": label, "hint": hint }),
            None => json!({ "name": name, "label": label }),
        };
        let keys = self
            .by
            .iter()
            .map(|key| column(key.name(), key.label(), key.hint()));
        let measures = self
            .measures
            .iter()
            .map(|measure| column(measure.name(), measure.label(), measure.hint()));
        let parameter = |name: &str, day: &str, default: Option<String>, description: &str| {
            let mut parameter =
                json!({ "name": name, "type": "time", "day": day, "description": description });
            if let (Some(default), Some(fields)) = (default, parameter.as_object_mut()) {
                fields.insert("default".to_owned(), default.into());
            }
            parameter
        };
        let mut definition = json!({
            "name": "custom",
            "title": name,
            "description": format!("Days and hours are those of {}.", clock.zone_label()),
            "parameters": [
                parameter("from", "start", from, "The beginning of the period."),
                parameter("to", "end", to, "The end of the period; a day counts in full."),
            ],
            "columns": keys.chain(measures).collect::<Vec<_>>(),
            "query": query,
        });
        if let (Some(key), Some(measure), Some(fields)) = (
            self.ranked_by(),
            self.measures.first(),
            definition.as_object_mut(),
        ) {
            fields.insert(
                "chart".to_owned(),
                json!({ "kind": "ranking", "x": key.name(), "y": measure.name() }),
            );
        }
        serde_json::from_value(definition)
    }

    /// The key that bars are of. With a second key there are several rows of each, and rates,
    /// medians and numbers of different people do not add up.
    pub fn ranked_by(&self) -> Option<Key> {
        match (self.chart, self.by.as_slice()) {
            (Drawn::Ranking, [key]) => Some(*key),
            _ => None,
        }
    }

    /// How its columns are best shown.
    pub fn hints(&self) -> super::tables::Hints {
        let keys = self
            .by
            .iter()
            .filter_map(|key| Some((key.name().to_owned(), key.hint()?.to_owned())));
        let measures = self
            .measures
            .iter()
            .filter_map(|measure| Some((measure.name().to_owned(), measure.hint()?.to_owned())));
        keys.chain(measures).collect()
    }

    /// The label of a column.
    pub fn label(name: &str) -> &'static str {
        let key = Key::ALL
            .iter()
            .find(|key| key.name() == name)
            .map(|key| key.label());
        let measure = || {
            Measure::ALL
                .iter()
                .find(|measure| measure.name() == name)
                .map(|measure| measure.label())
        };
        key.or_else(measure).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use report_query::activity::columns;

    use super::super::filter::tests::{Random, clock, random_filter};
    use super::*;

    fn random(random: &mut Random) -> Custom {
        let mut custom = Custom {
            filter: random_filter(random),
            ..Custom::default()
        };
        custom.by = Vec::new();
        for _ in 0..random.below(4) {
            let key = Key::ALL[random.below(16) as usize];
            if !custom.by.contains(&key) {
                custom.by.push(key);
            }
        }
        let mut measures: Vec<Measure> = Measure::ALL
            .into_iter()
            .filter(|_| random.below(3) == 0)
            .collect();
        if measures.is_empty() {
            measures.push(Measure::Rows);
        }
        custom.measures = measures;
        if random.below(2) == 0 {
            let columns: Vec<&str> = custom.columns().collect();
            custom.order = Some((
                columns[random.below(columns.len() as u64) as usize].to_owned(),
                random.below(2) == 0,
            ));
        }
        custom.limit = LIMITS[random.below(5) as usize];
        custom.chart = if random.below(2) == 0 {
            Drawn::Ranking
        } else {
            Drawn::None
        };
        custom
    }

    #[test]
    fn a_definition_is_read_back_from_its_address_and_fits_the_schema() {
        let mut numbers = Random(9);
        let schema = columns::schema();
        for turn in 0..1_000 {
            let custom = random(&mut numbers);
            let mut pairs = Pairs::default();
            custom.write(&mut pairs);
            let address = pairs.encode();
            let read = Custom::read(&Pairs::parse(&address), &clock());
            assert_eq!(read.as_ref(), Ok(&custom), "turn {turn}: {address}");
            if turn % 20 == 0 {
                let plan = custom
                    .query(&clock())
                    .bind(&schema)
                    .unwrap_or_else(|error| panic!("{address}: {error}"));
                let names: Vec<&str> = plan
                    .columns()
                    .iter()
                    .map(|column| column.name.as_str())
                    .collect();
                assert_eq!(names, custom.columns().collect::<Vec<_>>());
                let definition = custom.definition("Mine", &clock()).unwrap();
                definition
                    .check(&schema)
                    .unwrap_or_else(|error| panic!("{address}: {error}"));
            }
        }
    }

    #[test]
    fn a_definition_knows_the_zone_and_so_every_clock_change_to_come() {
        let pairs = Pairs::parse("by=hour&by=day&weekday=1");
        let custom = Custom::read(&pairs, &clock()).unwrap();
        let definition = custom.definition("Mine", &clock()).unwrap();
        let json = serde_json::to_string(&definition).unwrap();
        // Two keys and a filter; no offset, which would be right until the clocks change.
        assert_eq!(json.matches("\"Europe/Berlin\"").count(), 3, "{json}");
        assert!(
            !json.contains("+01:00") && !json.contains("+02:00"),
            "{json}"
        );
    }

    #[test]
    fn bars_are_of_one_key() {
        for (query, drawn) in [
            ("by=activity&chart=ranking", true),
            ("by=activity&by=result&chart=ranking", false),
            ("by=none&chart=ranking", false),
            ("by=activity", false),
        ] {
            let custom = Custom::read(&Pairs::parse(query), &clock()).unwrap();
            let chart = custom.definition("Mine", &clock()).unwrap().chart;
            assert_eq!(chart.is_some(), drawn, "{query}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (query, name) in [
            ("by=color", "by"),
            ("m=sum", "m"),
            ("orderby=color", "orderby"),
            ("limit=7", "limit"),
            ("chart=pie", "chart"),
            ("by=source&by=kind&by=day&by=hour", "by"),
        ] {
            assert_eq!(
                Custom::read(&Pairs::parse(query), &clock())
                    .unwrap_err()
                    .name,
                name,
                "{query}"
            );
        }
        // A form whose measure was taken away.
        assert_eq!(
            Custom::read(&Pairs::parse("orderby=denied+desc"), &clock())
                .unwrap()
                .order,
            None
        );
    }
}
