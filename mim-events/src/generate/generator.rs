//! The generator: both streams, in the order of time.

use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};

use super::calendar::Calendar;
use super::directory::Directory;
use super::entra::{Cloud, CloudFormat};
use super::mim::Mim;
use super::step::Step;

/// How much is generated, of what time, by which organisation.
///
/// The same options give the same steps, on every platform.
///
/// ```
/// use mim_events::generate::{CloudFormat, Options};
///
/// let options = Options::new(7).requests(20_000).days(14).cloud_format(CloudFormat::EventHub);
/// assert_eq!(options.cloud_records, None); // half as many as requests
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What all random choices follow from.
    pub seed: u64,
    /// How many requests are made. Default 1,000. A request that is logged at two states, or twice
    /// by mistake, counts once.
    pub requests: u64,
    /// How many cloud records are made, copies not counted. Default: half as many as requests.
    pub cloud_records: Option<u64>,
    /// When it begins. Default 2 March 2026, a Monday, midnight.
    pub start: DateTime<Utc>,
    /// For how many days. Default 25, so that even what is decided days later is within a month.
    pub days: u32,
    /// The computers whose services log; each has a service database of its own. Default one.
    pub computers: Vec<String>,
    /// How many people there are, at least 20. Default 2,000. They are held in memory, some KB each.
    pub people: usize,
    /// How many groups there are, at least 12. Default 240.
    pub groups: usize,
    /// The form of the cloud records.
    pub cloud_format: CloudFormat,
}

impl Default for Options {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Options {
    /// The defaults, with a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            requests: 1_000,
            cloud_records: None,
            start: Utc
                .with_ymd_and_hms(2026, 3, 2, 0, 0, 0)
                .single()
                .unwrap_or_default(),
            days: 25,
            computers: vec!["mim01.harbor.example".to_owned()],
            people: 2_000,
            groups: 240,
            cloud_format: CloudFormat::default(),
        }
    }

    /// Sets [`requests`](Self::requests).
    #[must_use]
    pub fn requests(mut self, requests: u64) -> Self {
        self.requests = requests;
        self
    }

    /// Sets [`cloud_records`](Self::cloud_records).
    #[must_use]
    pub fn cloud_records(mut self, records: u64) -> Self {
        self.cloud_records = Some(records);
        self
    }

    /// Sets [`start`](Self::start), cut to the hour: the rhythm of a day is kept by the hour.
    #[must_use]
    pub fn start(mut self, start: DateTime<Utc>) -> Self {
        let hour = start.timestamp().div_euclid(3_600) * 3_600;
        self.start = DateTime::from_timestamp(hour, 0).unwrap_or(start);
        self
    }

    /// Sets [`days`](Self::days).
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days;
        self
    }

    /// Sets [`computers`](Self::computers); an empty list leaves them as they are.
    #[must_use]
    pub fn computers(mut self, computers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let computers: Vec<String> = computers.into_iter().map(Into::into).collect();
        if !computers.is_empty() {
            self.computers = computers;
        }
        self
    }

    /// Sets [`people`](Self::people).
    #[must_use]
    pub fn people(mut self, people: usize) -> Self {
        self.people = people;
        self
    }

    /// Sets [`groups`](Self::groups).
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Sets [`cloud_format`](Self::cloud_format).
    #[must_use]
    pub fn cloud_format(mut self, format: CloudFormat) -> Self {
        self.cloud_format = format;
        self
    }

    /// How many cloud records these options make.
    #[must_use]
    pub fn all_cloud_records(&self) -> u64 {
        self.cloud_records.unwrap_or(self.requests / 2)
    }
}

/// Requests and cloud records, one after the other in the order of time, each with its truth.
///
/// An iterator of [`Step`]s that ends. Memory does not grow with their number: it holds the
/// directory, and what began and is not over yet, which is kept short of ten thousand requests.
///
/// ```
/// use mim_events::activity::Classifier;
/// use mim_events::generate::{Generator, Item, Options};
/// use mim_events::request::{Origin, Request};
///
/// let mut classifier = Classifier::default();
/// for step in Generator::new(&Options::new(7).requests(100).people(50)) {
///     let Item::Request(document) = &step.item else { continue };
///     let mut origin = Origin::default();
///     origin.computer = document.computer.clone();
///     let request = Request::from_json(&document.json)?.with_origin(origin);
///     if !document.copy {
///         assert_eq!(classifier.classify(&request).len(), step.truth.len());
///     }
/// }
/// # Ok::<(), mim_events::Error>(())
/// ```
pub struct Generator {
    mim: Mim,
    cloud: Cloud,
}

impl Generator {
    /// A generator at its beginning.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let directory = Arc::new(Directory::new(options.seed, options.people, options.groups));
        let calendar = Calendar::new(options.start, options.days);
        let computers = if options.computers.is_empty() {
            vec![String::new()]
        } else {
            options.computers.clone()
        };
        Self {
            mim: Mim::new(
                options.seed,
                Arc::clone(&directory),
                calendar.clone(),
                computers,
                options.requests,
            ),
            cloud: Cloud::new(
                options.seed,
                directory,
                calendar,
                options.cloud_format,
                options.all_cloud_records(),
            ),
        }
    }
}

impl Iterator for Generator {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        match (self.mim.due(), self.cloud.due()) {
            (Some(request), Some(record)) if record < request => self.cloud.take(),
            (None, _) => self.cloud.take(),
            _ => self.mim.take(),
        }
    }
}

/// The numbers only: what waits holds people's data.
impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generator").finish_non_exhaustive()
    }
}
