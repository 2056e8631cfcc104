//! The rows: each a function of the seed and its number, so that whoever reads one can tell what it
//! has to be, and whether one is missing.

use chrono::{DateTime, TimeDelta, Utc};
use report_query::{AppendReport, DataType, Field, Schema, Value};
use uuid::Uuid;

/// What stands for a redacted person.
pub const REDACTED: &str = "[redacted]";
/// Rows between two people who leave: such are erased or redacted sometime.
const LEAVERS: u64 = 40;
/// Rows that one generation of people has: then nobody of them comes any more.
const GENERATION: u64 = 120_000;

pub const RESULTS: [&str; 4] = ["success", "failure", "denied", "pending"];
pub const WORDS: [&str; 5] = ["Night Shift", "Helpdesk", "Backup", "Vienna", "Payroll"];

/// Where the columns stand.
pub mod at {
    pub const TIME: usize = 0;
    pub const ID: usize = 1;
    pub const ACTIVITY: usize = 2;
    pub const RESULT: usize = 3;
    pub const ACTOR: usize = 4;
    pub const NAME: usize = 5;
    pub const LATENCY: usize = 6;
    pub const TARGETS: usize = 8;
    pub const COST: usize = 9;
}

/// New rows of a batch; duplicates and such as are refused come on top.
pub const BATCH: u64 = 500;
/// Batches before rows come again.
const FIRST: u64 = 80;

/// What a batch's report has to say.
#[derive(Debug, Default, PartialEq)]
pub struct Expected {
    batch: u64,
    duplicates: u64,
    conflicts: u64,
    expired: u64,
    quarantined: u64,
    invalid: u64,
}

impl Expected {
    pub fn is_of(&self, report: &AppendReport) -> bool {
        let found = Self {
            batch: report.ingest.unwrap_or_default(),
            duplicates: report.duplicates,
            conflicts: report.conflicts,
            expired: report.expired,
            quarantined: report.quarantined,
            invalid: report.invalid,
        };
        found == *self && report.appended == BATCH
    }
}

#[derive(Clone, Copy)]
pub struct Stream {
    pub seed: u64,
    /// Between two rows, in microseconds.
    pub step: i64,
}

/// A finalizer of SplitMix64: numbers that follow from others.
const fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

pub fn schema() -> Schema {
    let text = |name| Field::new(name, DataType::Text);
    Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        text("activity"),
        text("result"),
        text("actor"),
        text("name"),
        Field::new("latency", DataType::Int),
        Field::new("request", DataType::Id),
        Field::new("targets", DataType::list(DataType::Text)),
        Field::new("cost", DataType::Float),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .expect("a schema")
}

impl Stream {
    fn draw(self, n: u64, what: u64) -> u64 {
        mixed(mixed(self.seed ^ n.wrapping_mul(0x2545_F491_4F6C_DD1D)) ^ what)
    }

    /// A number that follows from that of a batch or a question.
    pub fn number_of_batch(self, batch: u64) -> u64 {
        self.draw(batch, 99)
    }

    /// The time when a row comes.
    pub fn now(self, n: u64) -> DateTime<Utc> {
        let start = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        start + TimeDelta::microseconds(n as i64 * self.step)
    }

    /// The time that it says: of every eighth up to two hours earlier.
    pub fn time(self, n: u64) -> DateTime<Utc> {
        let late = match self.draw(n, 1) {
            late if late % 8 == 0 => (late >> 8) % 7_200_000,
            _ => 0,
        };
        self.now(n) - TimeDelta::milliseconds(late as i64)
    }

    pub fn id(self, n: u64) -> Uuid {
        Uuid::from_u128(u128::from(self.draw(n, 2)) << 64 | u128::from(n))
    }

    /// The number that an id has.
    pub const fn number(id: Uuid) -> u64 {
        id.as_u128() as u64
    }

    /// Whether the actor is one who leaves.
    pub const fn is_leaver(n: u64) -> bool {
        n % LEAVERS == 7
    }

    /// One of ten who leave of a time; of odd ones the rows stay.
    pub fn leaver(n: u64) -> String {
        format!("leaver-{}-{}", n / GENERATION, n / LEAVERS % 10)
    }

    /// Whether the row may go before its time: those of even leavers do.
    pub fn may_be_erased(n: u64) -> bool {
        Self::is_leaver(n) && Self::leaver(n).ends_with(['0', '2', '4', '6', '8'])
    }

    /// The leavers whose last row has come.
    pub const fn gone(n: u64) -> u64 {
        n / GENERATION
    }

    pub fn actor(self, n: u64) -> String {
        if Self::is_leaver(n) {
            return Self::leaver(n);
        }
        let drawn = self.draw(n, 3);
        // The product of two is small more often.
        let person = (drawn % 61) * (drawn >> 32) % 61;
        format!("person-{}-{person}", n / GENERATION)
    }

    pub fn row(self, n: u64) -> Vec<Value> {
        let activity = (self.draw(n, 4) % 8) * (self.draw(n, 5) % 8);
        let or_null = |what: u64, value: Value| match self.draw(n, what) % 16 {
            0 => Value::Null,
            _ => value,
        };
        let word = WORDS[(self.draw(n, 6) % 5) as usize];
        let actor = self.actor(n);
        let targets = (0..self.draw(n, 7) % 3)
            .map(|target| format!("group {}", self.draw(n, 8 + target) % 300));
        let mut targets: Vec<String> = targets.collect();
        targets.push(actor.clone());
        vec![
            self.time(n).into(),
            self.id(n).into(),
            format!("activity {activity:02}").into(),
            or_null(11, RESULTS[(self.draw(n, 12) % 7 % 4) as usize].into()),
            actor.clone().into(),
            or_null(
                13,
                format!("{word} {} of {actor}", self.draw(n, 14) % 4_000).into(),
            ),
            or_null(15, ((self.draw(n, 16) % 300).pow(2) as i64).into()),
            Uuid::from_u128(u128::from(self.draw(n / 3, 17))).into(),
            Value::list(targets),
            ((self.draw(n, 18) % 4_001) as f64 / 8.0 - 250.0).into(),
        ]
    }

    /// A batch by its number, from 0: its rows, and others that the store knows or refuses.
    pub fn batch(self, number: u64) -> (Vec<Vec<Value>>, Expected) {
        let n = number * BATCH;
        let mut rows: Vec<Vec<Value>> = (n..n + BATCH).map(|n| self.row(n)).collect();
        let mut expected = Expected {
            batch: number + 1,
            ..Expected::default()
        };
        let odd = self.number_of_batch(number);
        if number >= FIRST {
            // Of the last hours, but those that may be gone and would be new.
            for back in 0..odd % 7 {
                let again = n - 1 - (odd >> 8).wrapping_mul(back + 1) % (FIRST * BATCH / 2);
                if !Self::may_be_erased(again) {
                    rows.push(self.row(again));
                    expected.duplicates += 1;
                }
            }
            // Of those who are redacted, whose rows stay; from as far back as none has expired.
            let day = TimeDelta::days(1).num_microseconds().unwrap_or_default();
            let back = (day / self.step) as u64 * 2 / 3;
            let again = n.saturating_sub(1 + (odd >> 16) % back) / LEAVERS * LEAVERS + 7;
            if again < n && !Self::may_be_erased(again) {
                rows.push(self.row(again));
                expected.duplicates += 1;
            }
            let other = n - 1 - odd % 1_000;
            if odd.is_multiple_of(5) && !Self::is_leaver(other) {
                let mut row = self.row(other);
                row[at::LATENCY] = (-1).into();
                rows.push(row);
                expected.conflicts += 1;
            }
        }
        let now = self.now(n + BATCH);
        let mut strange = |time: DateTime<Utc>| {
            let mut row = self.row(u64::MAX - n);
            row[at::TIME] = time.into();
            rows.push(row);
        };
        match odd % 11 {
            0 => {
                strange(now - TimeDelta::days(1) - TimeDelta::seconds(1));
                expected.expired += 1;
            }
            1 => {
                strange(now + TimeDelta::hours(25));
                expected.quarantined += 1;
            }
            _ => {}
        }
        if odd.is_multiple_of(13) {
            rows.push(vec![Value::Null]);
            expected.invalid += 1;
        }
        (rows, expected)
    }

    /// The same row without the actor.
    pub fn redacted(self, n: u64) -> Vec<Value> {
        let mut row = self.row(n);
        row[at::ACTOR] = REDACTED.into();
        row[at::NAME] = Value::Null;
        row[at::TARGETS] = Value::list([REDACTED]);
        row
    }
}
