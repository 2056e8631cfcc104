//! CSV: the portal's download, and `AuditLogs` saved from a query.

use std::collections::HashMap;

use super::json::Json;
use super::record::{App, RawProperty, RawTarget, RawTime, Record, User, address};

/// Which table a header begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Portal(Portal),
    /// The columns' names, without `[UTC]`.
    LogAnalytics(Vec<String>),
}

/// Where the portal's columns are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Portal {
    header: Vec<String>,
    /// The first place of each name, in lower case.
    places: HashMap<String, usize>,
    /// The first columns are localised in some downloads; then their order tells.
    shift: usize,
}

impl Table {
    /// The table of a header line, if it is one of the two.
    pub(super) fn of(header: &[String]) -> Option<Self> {
        let has = |name: &str| header.iter().any(|own| own.eq_ignore_ascii_case(name));
        if has("CorrelationId") || has("ActorType") || has("ActivityDateTime") || has("Target1Type")
        {
            let time = |own: &&String| own.trim().to_ascii_lowercase().ends_with("(utc)");
            let (date, actor) = (header.iter().position(|own| time(&own)), has("ActorType"));
            if let Some(date) = date.filter(|_| actor || has("Target1Type")) {
                return Some(Self::Portal(Portal::new(header, date)));
            }
        }
        let bare = |own: &String| own.split(" [").next().unwrap_or(own).trim().to_owned();
        let bare: Vec<String> = header.iter().map(bare).collect();
        let has = |name: &str| bare.iter().any(|own| own.eq_ignore_ascii_case(name));
        let log = has("TimeGenerated") || has("ActivityDateTime") || has("AADOperationType");
        (log && (has("OperationName") || has("ActivityDisplayName")))
            .then_some(Self::LogAnalytics(bare))
    }
}

impl Table {
    /// Whether the row has no more fields than the header has names. Blank ones at the end
    /// don't count; others would be lost, or stand in the wrong columns.
    pub(super) fn has_room(&self, fields: &[String]) -> bool {
        let columns = match self {
            Self::Portal(portal) => portal.header.len(),
            Self::LogAnalytics(header) => header.len(),
        };
        let more = fields.iter().skip(columns);
        more.into_iter().all(|field| field.trim().is_empty())
    }
}

/// A row of `AuditLogs` as the object that the JSON exports have.
pub(super) fn object(header: &[String], fields: &[String]) -> Json {
    let members = header.iter().zip(fields);
    Json::Object(
        members
            .map(|(name, value)| (name.clone(), Json::Text(value.clone())))
            .collect(),
    )
}

impl Portal {
    fn new(header: &[String], shift: usize) -> Self {
        let header: Vec<String> = header.iter().map(|own| own.trim().to_owned()).collect();
        let mut places = HashMap::new();
        for (at, name) in header.iter().enumerate() {
            places.entry(name.to_ascii_lowercase()).or_insert(at);
        }
        Self {
            header,
            places,
            shift,
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.places.get(&name.to_ascii_lowercase()).copied()
    }

    fn at<'a>(&self, fields: &'a [String], at: usize) -> Option<&'a str> {
        let text = fields.get(at)?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn get(&self, fields: &[String], name: &str) -> Option<String> {
        self.at(fields, self.place(name)?).map(str::to_owned)
    }

    /// One of the first columns: by name, or by its place behind the date.
    fn first(&self, fields: &[String], name: &str, place: usize) -> Option<String> {
        if let Some(at) = self.place(name) {
            return self.at(fields, at).map(str::to_owned);
        }
        let at = self.shift + place;
        // Only a column that the portal has not named otherwise.
        let own = self.header.get(at)?;
        let known = own.eq_ignore_ascii_case("CorrelationId") || own.starts_with("Actor");
        self.at(fields, at).filter(|_| !known).map(str::to_owned)
    }

    /// The record of a row.
    pub(super) fn record(&self, fields: &[String]) -> Record {
        let get = |name: &str| self.get(fields, name);
        let mut record = Record {
            id: get("Id"),
            time: self.at(fields, self.shift).map(|text| RawTime {
                field: "Date (UTC)",
                text: text.to_owned(),
            }),
            correlation: self.first(fields, "CorrelationId", 1),
            service: self.first(fields, "Service", 2),
            category: self.first(fields, "Category", 3),
            name: self.first(fields, "Activity", 4),
            result: self.first(fields, "Result", 5),
            reason: self.first(fields, "ResultReason", 6),
            user_agent: self.first(fields, "User Agent", 7),
            caller_ip: address(get("IPAddress")),
            ..Record::default()
        };
        let kind = get("ActorType").unwrap_or_default().to_ascii_lowercase();
        let upn = get("ActorUserPrincipalName");
        let principal = get("ActorServicePrincipalId");
        let principal_name = get("ActorServicePrincipalName");
        let is_app = upn.is_none()
            && (kind.contains("app")
                || kind.contains("service")
                || principal.is_some()
                || principal_name.is_some());
        if is_app {
            let app = App {
                app_id: None,
                name: get("ActorDisplayName"),
                principal_id: principal.or_else(|| get("ActorObjectId")),
                principal_name,
            };
            record.app = (app != App::default()).then_some(app);
        } else {
            let more = [
                ("ActorHomeTenantId", "InitiatorHomeTenantId"),
                ("ActorHomeTenantName", "InitiatorHomeTenantName"),
            ];
            let user = User {
                id: get("ActorObjectId"),
                name: get("ActorDisplayName"),
                upn,
                ip: None,
                more: more
                    .into_iter()
                    .filter_map(|(column, key)| Some((key, get(column)?)))
                    .collect(),
            };
            record.user = (user != User::default()).then_some(user);
        }
        record.targets = (1..=9).map_while(|n| self.target(fields, n)).collect();
        for n in 1..=MAX_FIELDS {
            let column = format!("AdditionalDetail{n}Key");
            if self.place(&column).is_none() {
                break;
            }
            if let Some(key) = get(&column) {
                let value = get(&format!("AdditionalDetail{n}Value"));
                record.details.push((key, value.unwrap_or_default()));
            }
        }
        record
    }

    /// The n-th target; `None` where the columns, or what is in them, end.
    fn target(&self, fields: &[String], n: usize) -> Option<RawTarget> {
        let get = |name: &str| self.get(fields, &format!("Target{n}{name}"));
        let mut target = RawTarget {
            id: get("ObjectId"),
            name: get("DisplayName"),
            object_type: get("Type"),
            upn: get("UserPrincipalName"),
            ..RawTarget::default()
        };
        for k in 1..=MAX_FIELDS {
            let column = format!("Target{n}ModifiedProperty{k}Name");
            if self.place(&column).is_none() {
                break;
            }
            let get = |name: &str| get(&format!("ModifiedProperty{k}{name}"));
            let property = RawProperty {
                name: get("Name").unwrap_or_default(),
                old: get("OldValue"),
                new: get("NewValue"),
            };
            if property != RawProperty::default() {
                target.properties.push(property);
            }
        }
        (target != RawTarget::default()).then_some(target)
    }
}

/// One field after another, from `csv-core`, with bounded records.
pub(super) struct Rows {
    core: csv_core::Reader,
    buffer: Vec<u8>,
    ends: Vec<usize>,
    filled: usize,
    fields: usize,
    /// The record is over the limit; it is gone through and not kept.
    over: bool,
}

/// Columns of a record, at most.
const MAX_FIELDS: usize = 4096;

/// What the bytes so far gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// All were taken, the record goes on.
    More,
    /// A record ended; `usize` bytes were taken.
    Record(usize, Vec<String>),
    /// A record is over the limit; `usize` bytes were taken.
    Over(usize),
    /// No more records.
    End,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self {
            core: csv_core::Reader::new(),
            buffer: vec![0; 4096],
            ends: vec![0; 128],
            filled: 0,
            fields: 0,
            over: false,
        }
    }

    /// Takes bytes; an empty slice says that there are no more.
    pub(super) fn feed(&mut self, mut input: &[u8], limit: usize) -> Fed {
        let given = input.len();
        loop {
            let (result, read, wrote, ended) = self.core.read_record(
                input,
                &mut self.buffer[self.filled..],
                &mut self.ends[self.fields..],
            );
            input = &input[read..];
            self.filled += wrote;
            self.fields += ended;
            let taken = given - input.len();
            match result {
                csv_core::ReadRecordResult::InputEmpty => return Fed::More,
                csv_core::ReadRecordResult::OutputFull if self.filled >= limit || self.over => {
                    self.over = true;
                    self.filled = 0;
                }
                csv_core::ReadRecordResult::OutputFull => {
                    let double = (self.buffer.len() * 2).min(limit);
                    self.buffer.resize(double.max(self.buffer.len() + 1), 0);
                }
                csv_core::ReadRecordResult::OutputEndsFull if self.fields >= MAX_FIELDS => {
                    self.over = true;
                    self.fields = 0;
                }
                csv_core::ReadRecordResult::OutputEndsFull => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                csv_core::ReadRecordResult::Record => {
                    let fields = self.split();
                    self.filled = 0;
                    self.fields = 0;
                    return if std::mem::take(&mut self.over) {
                        Fed::Over(taken)
                    } else {
                        Fed::Record(taken, fields)
                    };
                }
                csv_core::ReadRecordResult::End => return Fed::End,
            }
        }
    }

    fn split(&self) -> Vec<String> {
        let mut start = 0;
        let ends = self.ends.iter().take(self.fields);
        ends.map(|end| {
            let text = self.buffer.get(start..*end).unwrap_or_default();
            start = *end;
            String::from_utf8_lossy(text).into_owned()
        })
        .collect()
    }
}
