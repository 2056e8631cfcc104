//! The filter of a page: one value, from which the address, the chips, the counts, the
//! rows and the exports all come, so that they can't disagree.

use std::collections::{BTreeMap, BTreeSet};

use report_query::activity::columns as c;
use report_query::{Expr, Facet, Facets, Query, SortKey, desc};

use super::field::{Field, Op};
use super::params::{BadParameter, Pairs};
use super::period::Period;
use super::time::Clock;

/// Values that one parameter may have: what a person picks by hand, and then some.
const MOST_VALUES: usize = 50;
/// Characters of a text that is searched for.
const LONGEST_TEXT: usize = 500;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub period: Period,
    atoms: BTreeMap<(Field, Op), BTreeSet<String>>,
    /// Part of any text.
    pub text: Option<String>,
    /// What the system did to itself is shown.
    pub system: bool,
    /// By-products of other activities are shown.
    pub noise: bool,
}

/// One removable thing that a filter says.
#[derive(Clone, Debug)]
pub struct Chip {
    pub label: String,
    pub values: Vec<String>,
    /// Its values are people and objects, by id, which are shown by name.
    pub people: bool,
    /// The filter without it.
    pub without: Filter,
}

impl Filter {
    /// Reads those parameters that are its own; the rest is left to the page.
    pub fn read(pairs: &Pairs, clock: &Clock) -> Result<Self, BadParameter> {
        let mut filter = Self {
            period: Period::read(pairs, clock)?,
            ..Self::default()
        };
        for (name, value) in pairs.iter() {
            let Some((field, op)) = Field::of_parameter(name) else {
                continue;
            };
            if value.trim().is_empty() {
                continue;
            }
            let value = field
                .value(value)
                .map_err(|why| BadParameter::new(name, why))?;
            let values = filter.atoms.entry((field, op)).or_default();
            values.insert(value);
            if values.len() > MOST_VALUES {
                return Err(BadParameter::new(
                    name,
                    format!("has more than {MOST_VALUES} values"),
                ));
            }
        }
        if let Some(text) = pairs.single("q")? {
            if text.chars().count() > LONGEST_TEXT {
                return Err(BadParameter::new(
                    "q",
                    format!("is longer than {LONGEST_TEXT} characters"),
                ));
            }
            filter.text = Some(text.to_owned());
        }
        filter.system = flag(pairs, "system")?;
        filter.noise = flag(pairs, "noise")?;
        Ok(filter)
    }

    /// Whether a parameter is the filter's.
    pub fn knows(name: &str) -> bool {
        Period::NAMES.contains(&name)
            || ["q", "system", "noise"].contains(&name)
            || Field::of_parameter(name).is_some()
    }

    /// The parameters in their one order.
    pub fn write(&self, pairs: &mut Pairs) {
        self.period.write(pairs);
        for ((field, op), values) in &self.atoms {
            if let Some(name) = field.parameter(*op) {
                values.iter().for_each(|value| pairs.add(&name, value));
            }
        }
        if let Some(text) = &self.text {
            pairs.add("q", text);
        }
        if self.system {
            pairs.add("system", "1");
        }
        if self.noise {
            pairs.add("noise", "1");
        }
    }

    pub fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        self.write(&mut pairs);
        pairs
    }

    pub fn values(&self, field: Field, op: Op) -> impl Iterator<Item = &str> {
        self.atoms
            .get(&(field, op))
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    pub fn has(&self, field: Field, op: Op, value: &str) -> bool {
        self.values(field, op).any(|known| known == value)
    }

    /// Whether its values may name people, so that it is itself not for everybody.
    pub fn names_people(&self) -> bool {
        self.text.is_some() || self.atoms.keys().any(|(field, _)| field.names_people())
    }

    /// Whether it says anything of a field.
    pub fn speaks_of(&self, field: Field) -> bool {
        Op::ALL
            .into_iter()
            .any(|op| self.atoms.contains_key(&(field, op)))
    }

    #[must_use]
    pub fn with(mut self, field: Field, op: Op, value: impl Into<String>) -> Self {
        self.atoms
            .entry((field, op))
            .or_default()
            .insert(value.into());
        self
    }

    #[must_use]
    pub fn without(mut self, field: Field, op: Op, value: &str) -> Self {
        if let Some(values) = self.atoms.get_mut(&(field, op)) {
            values.remove(value);
            if values.is_empty() {
                self.atoms.remove(&(field, op));
            }
        }
        self
    }

    #[must_use]
    pub fn without_field(mut self, field: Field) -> Self {
        self.atoms.retain(|(known, _), _| *known != field);
        self
    }

    /// Chosen if it was not, and the other way; what is chosen is no longer left out.
    #[must_use]
    pub fn toggled(self, field: Field, value: &str) -> Self {
        if self.has(field, Op::Is, value) {
            return self.without(field, Op::Is, value);
        }
        self.without(field, Op::Not, value)
            .with(field, Op::Is, value)
    }

    /// Left out, and no longer chosen.
    #[must_use]
    pub fn excluded(self, field: Field, value: &str) -> Self {
        if self.has(field, Op::Not, value) {
            return self.without(field, Op::Not, value);
        }
        self.without(field, Op::Is, value)
            .with(field, Op::Not, value)
    }

    #[must_use]
    pub fn without_text(mut self) -> Self {
        self.text = None;
        self
    }

    #[must_use]
    pub fn during(mut self, period: Period) -> Self {
        self.period = period;
        self
    }

    /// The same period and nothing else said.
    pub fn cleared(&self) -> Self {
        Self {
            period: self.period,
            ..Self::default()
        }
    }

    pub fn is_clear(&self) -> bool {
        *self == self.cleared()
    }

    pub fn chips(&self) -> Vec<Chip> {
        let mut chips: Vec<Chip> = self
            .atoms
            .iter()
            .map(|((field, op), values)| {
                let mut without = self.clone();
                without.atoms.remove(&(*field, *op));
                Chip {
                    label: format!("{} {}", field.label(), op.words()),
                    values: values.iter().map(|value| field.show(value)).collect(),
                    people: field.names_people() && *op != Op::Starts,
                    without,
                }
            })
            .collect();
        if let Some(text) = &self.text {
            chips.push(Chip {
                label: "Text contains".to_owned(),
                values: vec![text.clone()],
                people: false,
                without: Self {
                    text: None,
                    ..self.clone()
                },
            });
        }
        let defaults = [
            (
                self.system,
                "system events",
                Self {
                    system: !self.system,
                    ..self.clone()
                },
            ),
            (
                self.noise,
                "by-products",
                Self {
                    noise: !self.noise,
                    ..self.clone()
                },
            ),
        ];
        for (shown, what, without) in defaults {
            chips.push(Chip {
                label: if shown { "Shown:" } else { "Left out:" }.to_owned(),
                values: vec![what.to_owned()],
                people: false,
                without,
            });
        }
        chips
    }

    /// What the title says: the chips' values, shortly.
    pub fn title(&self) -> Option<String> {
        let mut words: Vec<String> = Vec::new();
        for ((field, op), values) in &self.atoms {
            // Titles end in histories and logs of browsers, so no names there.
            if field.names_people() || *field == Field::Correlation {
                continue;
            }
            let values: Vec<String> = values.iter().map(|value| field.show(value)).collect();
            let values = values.join(" or ");
            words.push(if *op == Op::Not {
                format!("not {values}")
            } else {
                values
            });
        }
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// The rows that match, oldest first: a request at its latest status, as in the
    /// report `audit-log`.
    pub fn query(&self, clock: &Clock) -> Query {
        let first = self
            .before(clock)
            .into_iter()
            .fold(Query::new(), Query::filter);
        let latest = first.top_per(REQUEST, latest(), 1);
        self.behind(clock, &[])
            .into_iter()
            .fold(latest, Query::filter)
    }

    /// The choices of some fields, each with the rows that match all that is said of other fields.
    pub fn facets(&self, fields: &[(Field, Expr)], clock: &Clock) -> Facets {
        let facet = |(field, column): &(Field, Expr)| {
            let facet = Facet::new(column.clone());
            self.said_of(*field, clock).fold(facet, Facet::only)
        };
        let all = Facets::new(fields.iter().map(facet));
        let first = self.before(clock).into_iter().fold(all, Facets::filter);
        let latest = first.top_per(REQUEST, latest(), 1);
        let others: Vec<Field> = fields.iter().map(|(field, _)| *field).collect();
        self.behind(clock, &others)
            .into_iter()
            .fold(latest, Facets::filter)
    }

    /// What is asked before the latest status of each request is looked for.
    fn before(&self, clock: &Clock) -> Vec<Expr> {
        // A later status never has an earlier time, so the start may be asked for here,
        // where it lets the store skip what is older.
        let from = self.period.bounds(clock).0.map(|from| c::TIME.ge(from));
        from.into_iter().chain(self.hidden()).collect()
    }

    /// What is asked of each latest status, but for what is said of some fields.
    fn behind(&self, clock: &Clock, left_out: &[Field]) -> Vec<Expr> {
        let to = self.period.bounds(clock).1.map(|to| c::TIME.lt(to));
        let fields: BTreeSet<Field> = self.atoms.keys().map(|(field, _)| *field).collect();
        let said = fields
            .into_iter()
            .filter(|field| !left_out.contains(field))
            .flat_map(|field| self.said_of(field, clock));
        let text = self.text.as_deref().map(|text| c::TEXT.contains(text));
        let said = said.chain(text).reduce(Expr::and);
        to.into_iter().chain(said).collect()
    }

    fn said_of(&self, of: Field, clock: &Clock) -> impl Iterator<Item = Expr> {
        let zone = clock.clocks();
        let atoms = self
            .atoms
            .iter()
            .filter(move |((field, _), _)| *field == of);
        atoms.map(move |((field, op), values)| {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            field.predicate(*op, &values, zone)
        })
    }

    fn hidden(&self) -> Option<Expr> {
        let hide = [(self.system, c::SYSTEM), (self.noise, c::NOISE)];
        let hide = hide
            .into_iter()
            .filter(|(shown, _)| !shown)
            .map(|(_, column)| column.eq(false));
        hide.reduce(Expr::and)
    }
}

/// What the rows of a request have in common: those of one are its statuses.
const REQUEST: [Expr; 3] = [c::REQUEST_KEY, c::KIND, c::TARGET_KEY];

/// The latest status first.
fn latest() -> [SortKey; 4] {
    [
        desc(c::STATUS_RANK),
        desc(c::COMPLETED.coalesce(c::COMMITTED)),
        desc(c::TIME),
        desc(c::ID),
    ]
}

fn flag(pairs: &Pairs, name: &str) -> Result<bool, BadParameter> {
    match pairs.single(name)? {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(BadParameter::new(name, "must be 1 or 0")),
    }
}

#[cfg(test)]
pub mod tests {
    use chrono::{Days, TimeDelta};
    use report_query::activity::columns;

    use super::super::field::RESULTS;
    use super::super::period::Edge;
    use super::*;

    /// A small generator whose seed is printed with a failure (xorshift64*).
    pub struct Random(pub u64);

    impl Random {
        pub fn below(&mut self, most: u64) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
        }

        fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
            let at = self.below(of.len() as u64) as usize;
            of.get(at).copied().unwrap_or_default()
        }
    }

    pub fn clock() -> Clock {
        Clock {
            zone: chrono_tz::Europe::Berlin,
            now: "2026-11-24T13:32:08Z".parse().unwrap(),
        }
    }

    const TEXTS: [&str; 12] = [
        "Night Shift",
        "a&b=c",
        "+1 %20;",
        "CONTOSO\\jweber",
        "é\u{202e}x",
        "<script>",
        "=cmd|' '!A0",
        "مريم",
        "100%",
        "a+b",
        "\u{301}",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    ];

    pub fn random_filter(random: &mut Random) -> Filter {
        let clock = clock();
        let mut filter = Filter::default();
        let day = |random: &mut Random| clock.today() - Days::new(random.below(31));
        filter.period = match random.below(6) {
            0 | 1 => Period::default(),
            2 => Period::Days(1 + random.below(366) as u16),
            3 => Period::Hours(1 + random.below(744) as u16),
            4 => {
                let (a, b) = (day(random), day(random));
                Period::Between(Some(Edge::Day(a.min(b))), Some(Edge::Day(a.max(b))))
            }
            _ => {
                let from = clock.now - TimeDelta::milliseconds(random.below(3_000_000_000) as i64);
                Period::Between(
                    Some(Edge::At(from)),
                    (random.below(2) == 0).then_some(Edge::At(clock.now)),
                )
            }
        };
        for _ in 0..random.below(6) {
            let field = Field::ALL[random.below(13) as usize];
            let op = Op::ALL[random.below(3) as usize];
            if field.parameter(op).is_none() {
                continue;
            }
            let value = match field {
                Field::Source => random.pick(&["onPremises", "cloud"]).to_owned(),
                Field::Result => random.pick(&RESULTS.map(|(key, _)| key)).to_owned(),
                Field::Weekday => (1 + random.below(7)).to_string(),
                Field::Hour => random.below(24).to_string(),
                _ => random.pick(&TEXTS).to_owned(),
            };
            filter = filter.with(field, op, value);
        }
        if random.below(4) == 0 {
            filter.text = Some(random.pick(&TEXTS).to_owned());
        }
        filter.system = random.below(4) == 0;
        filter.noise = random.below(4) == 0;
        filter
    }

    #[test]
    fn the_address_of_a_filter_is_read_back_as_the_filter() {
        let seed = 0x5eed_2026_1124;
        let mut random = Random(seed);
        let schema = columns::schema();
        for turn in 0..10_000 {
            let filter = random_filter(&mut random);
            let address = filter.pairs().encode();
            let read = Filter::read(&Pairs::parse(&address), &clock())
                .unwrap_or_else(|error| panic!("seed {seed}, turn {turn}: {error}: {address}"));
            assert_eq!(read, filter, "seed {seed}, turn {turn}: {address}");
            assert_eq!(read.pairs().encode(), address, "seed {seed}, turn {turn}");
            assert!(
                Pairs::parse(&address)
                    .iter()
                    .all(|(name, _)| Filter::knows(name))
            );
            let query = filter.query(&clock());
            // Every hundredth is bound, which is the dear part.
            if turn % 100 == 0 {
                query
                    .bind(&schema)
                    .unwrap_or_else(|error| panic!("seed {seed}, turn {turn}: {error}"));
            }
        }
    }

    #[test]
    fn different_filters_are_different_queries() {
        let mut random = Random(77);
        let mut known: BTreeMap<String, Filter> = BTreeMap::new();
        for _ in 0..2_000 {
            let filter = random_filter(&mut random);
            let json = serde_json::to_string(&filter.query(&clock())).unwrap();
            if let Some(other) = known.get(&json) {
                // Two ways to say one period are one query.
                let (a, b) = (
                    filter.clone().during(Period::default()),
                    other.clone().during(Period::default()),
                );
                assert_eq!(a, b, "{}", filter.pairs().encode());
            }
            known.insert(json, filter);
        }
    }

    #[test]
    fn a_chip_is_removed_by_its_link_and_by_nothing_else() {
        let mut random = Random(3);
        for _ in 0..500 {
            let filter = random_filter(&mut random);
            let chips = filter.chips();
            for chip in &chips {
                assert_ne!(chip.without, filter);
            }
            let atoms = filter
                .pairs()
                .iter()
                .filter(|(name, _)| !Period::NAMES.contains(name))
                .count();
            let shown: usize = chips.iter().map(|chip| chip.values.len()).sum();
            let hidden = usize::from(!filter.system) + usize::from(!filter.noise);
            assert_eq!(shown, atoms + hidden);
        }
    }

    #[test]
    fn choosing_ends_leaving_out() {
        let filter = Filter::default().excluded(Field::Result, "success");
        assert!(filter.has(Field::Result, Op::Not, "success"));
        let filter = filter.toggled(Field::Result, "success");
        assert!(
            !filter.has(Field::Result, Op::Not, "success")
                && filter.has(Field::Result, Op::Is, "success")
        );
        assert!(filter.toggled(Field::Result, "success").is_clear());
    }

    #[test]
    fn bad_values_are_named() {
        for (query, name) in [
            ("result=good", "result"),
            ("source.not=both", "source.not"),
            ("system=yes", "system"),
            ("q=a&q=b", "q"),
            ("hour=25", "hour"),
        ] {
            let error = Filter::read(&Pairs::parse(query), &clock()).unwrap_err();
            assert_eq!(error.name, name);
        }
        let long = "x".repeat(501);
        assert_eq!(
            Filter::read(&Pairs::parse(&format!("q={long}")), &clock())
                .unwrap_err()
                .name,
            "q"
        );
    }
}
