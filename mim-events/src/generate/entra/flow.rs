//! The flow of a password reset: its steps, each a record with a sentence.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::engine::Cloud;
use super::password::PASSWORDS;
use super::record::user;
use crate::activity::{Detail, Flags, Source};
use crate::generate::directory::Person;
use crate::generate::truth::{Expectation, ExpectedReset};

pub(super) const FLOW: (&str, &str, &str, &str) = (
    PASSWORDS,
    "Self-service password reset flow activity progress",
    "UserManagement",
    "Update",
);

/// A verification option: the sentences of its steps, and the report's word.
pub(super) struct Verification {
    pub(super) started: &'static str,
    pub(super) completed: &'static str,
    pub(super) word: &'static str,
}

pub(super) const VERIFICATIONS: [Verification; 6] = [
    Verification {
        started: "User started the mobile SMS verification option",
        completed: "User completed the mobile SMS verification option",
        word: "Mobile Phone",
    },
    Verification {
        started: "User started the mobile voice call verification option",
        completed: "User completed the mobile voice call verification option",
        word: "Mobile Phone",
    },
    Verification {
        started: "User started the email verification option",
        completed: "User completed the email verification option",
        word: "Alternate Email",
    },
    Verification {
        started: "User started the security questions verification option",
        completed: "User completed the security questions verification option",
        word: "Security Questions",
    },
    Verification {
        started: "User started the mobile app notification verification option",
        completed: "User completed the mobile app notification verification option",
        word: "Authenticator App",
    },
    Verification {
        started: "User started the mobile app code verification option",
        completed: "User completed the mobile app code verification option",
        word: "Authenticator App",
    },
];

/// A flow that is under way.
pub(super) struct Flow {
    pub(super) person: Arc<Person>,
    pub(super) correlation: String,
    pub(super) time: DateTime<Utc>,
}

impl Flow {
    pub(super) fn begin(c: &mut Cloud, at: DateTime<Utc>) -> Self {
        Self {
            person: c.somebody(),
            correlation: c.correlation(),
            time: at,
        }
    }

    /// Exports a step: what it says, and what that means.
    pub(super) fn step(
        &mut self,
        c: &mut Cloud,
        sentence: &'static str,
        step: &str,
        method: Option<&str>,
        failed: bool,
    ) -> DateTime<Utc> {
        self.time = c.after(self.time, 2, 40);
        let by = c.by(&self.person);
        let targets = vec![user(&self.person)];
        let mut record = c.record(FLOW, by, targets, &self.correlation, self.time);
        record.reason = Some(sentence);
        if failed {
            record.result = "failure";
        }
        let mut row = c.row(&record, "sspr.flow", Flags::default());
        row.details.insert(0, Detail::new("Step", step));
        row.methods = method.map(str::to_owned).into_iter().collect();
        let time = record.time;
        c.log(&record, row);
        time
    }

    pub(super) fn opening(&mut self, c: &mut Cloud) {
        self.step(
            c,
            "User submitted their user ID",
            "submitted_id",
            None,
            false,
        );
        self.step(
            c,
            "User was presented with verification options",
            "presented",
            None,
            false,
        );
    }

    /// Passes one or two verifications, and gives their words, each once.
    pub(super) fn verify(&mut self, c: &mut Cloud) -> Vec<String> {
        let first = c.rng.index(VERIFICATIONS.len());
        let mut chosen = vec![first];
        if c.rng.percent(55) {
            chosen.push((first + 1 + c.rng.index(VERIFICATIONS.len() - 1)) % VERIFICATIONS.len());
        }
        let mut words: Vec<String> = Vec::new();
        for verification in chosen.into_iter().map(|at| &VERIFICATIONS[at]) {
            let word = verification.word;
            self.step(c, verification.started, "started", Some(word), false);
            self.step(c, verification.completed, "completed", Some(word), false);
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        self.step(
            c,
            "User completed all required verification steps",
            "all_completed",
            None,
            false,
        );
        words
    }

    pub(super) fn expect(
        &self,
        c: &mut Cloud,
        time: DateTime<Utc>,
        kind: &str,
        methods: Vec<String>,
        result: &str,
    ) {
        c.expect(Expectation::PasswordReset(ExpectedReset {
            time,
            source: Source::Entra,
            user: self.person.upn.clone(),
            kind: kind.to_owned(),
            methods,
            result: result.to_owned(),
            correlation: self.correlation.clone(),
        }));
    }
}
