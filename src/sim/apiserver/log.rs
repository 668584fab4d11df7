//! What was called, in the order in which it was applied: the witness that checkers hold the operator's promises against.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::ask::{Place, Verb};
use super::store::Change;

/// A call that was applied or refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its place in the order of arrival.
    pub number: u64,
    /// When it came.
    pub came: Timestamp,
    /// When it was applied.
    pub at: Timestamp,
    /// Who called.
    pub agent: String,
    /// What was to be done.
    pub verb: Verb,
    /// To what.
    pub place: Place,
    /// The code of the answer, whether or not it arrived.
    pub code: u16,
    /// The resource version that the client insisted on, if it did.
    pub insisted: Option<u64>,
    /// The revision of the last change it made, if it made one.
    pub revision: Option<u64>,
    /// Every change it made.
    pub changes: Vec<Change>,
}

impl Record {
    /// Whether it was to change something.
    pub fn writes(&self) -> bool {
        self.verb.writes()
    }
}

/// The newest calls.
#[derive(Debug)]
pub struct Log {
    records: VecDeque<Record>,
    most: usize,
    dropped: u64,
}

impl Default for Log {
    fn default() -> Log {
        Log { records: VecDeque::new(), most: 100_000, dropped: 0 }
    }
}

impl Log {
    pub(super) fn note(&mut self, record: Record) {
        self.records.push_back(record);
        if self.records.len() > self.most {
            self.records.pop_front();
            self.dropped += 1;
        }
    }

    /// When the call came that made this change.
    pub(super) fn came(&self, revision: u64) -> Option<Timestamp> {
        self.records.iter().rfind(|record| record.revision == Some(revision)).map(|record| record.came)
    }

    /// Takes what is there, and says how many older calls were dropped unseen since the last time.
    pub(super) fn take(&mut self) -> (Vec<Record>, u64) {
        (self.records.drain(..).collect(), std::mem::take(&mut self.dropped))
    }
}
