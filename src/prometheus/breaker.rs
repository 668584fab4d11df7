//! When a server is left alone: after several questions in a row that it could not answer, and for as long as it asks for.
//! Whoever is asked by a hundred pools and falls behind would otherwise never catch up. Says whether to ask; asks nobody.

use jiff::{SignedDuration, Timestamp};

use crate::chance;
use crate::plan::reading::SensorFault;

/// So many questions in a row fail before a server is left alone.
const FAILURES: u32 = 5;
/// It is left alone for so long at first, and each time twice as long as before, up to the longest.
const FIRST: SignedDuration = SignedDuration::from_secs(5);
const LONGEST: SignedDuration = SignedDuration::from_secs(60);
/// What a server asks for counts up to this.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_mins(5);

/// A question that tries it is over by then.
const GIVEN_UP: SignedDuration = SignedDuration::from_secs(10);

/// What is known of how a server does.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Questions that failed since one was answered.
    failures: u32,
    /// What was said of the last of them.
    last: String,
    /// How often it was left alone since it answered.
    rests: u32,
    /// When it last answered.
    answered: Option<Timestamp>,
    /// It is left alone until then.
    until: Option<Timestamp>,
    /// After that one question tries it: when that one went.
    tried: Option<Timestamp>,
}

impl Breaker {
    /// Whether a question may go, or for how long none does.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), SensorFault> {
        let Some(until) = self.until else { return Ok(()) };
        let left = until.duration_since(now);
        // A clock that was set back by hours would leave it alone for hours.
        if left > SignedDuration::ZERO && left <= LONGEST_ASKED {
            return Err(self.resting(left));
        }
        // One that nobody waits for any more never ends.
        if self.tried.is_some_and(|tried| now.duration_since(tried).abs() < GIVEN_UP) {
            return Err(self.resting(SignedDuration::from_secs(1)));
        }
        self.tried = Some(now);
        Ok(())
    }

    fn resting(&self, left: SignedDuration) -> SensorFault {
        let seconds = u64::try_from(left.as_secs().max(0)).unwrap_or(0).saturating_add(1);
        SensorFault::Resting { seconds, failures: self.failures, last: self.last.clone() }
    }

    /// Notes how a question has ended that was asked then: well, or by a fault.
    pub fn note(&mut self, fault: Option<&SensorFault>, asked_at: Timestamp, now: Timestamp) {
        let was_tried = self.tried.take().is_some();
        // What could be told without asking says nothing of the server.
        if fault.is_some_and(SensorFault::is_local) {
            return;
        }
        let Some(fault) = fault.filter(|fault| fault.is_of_server()) else {
            // It answered; what it said is another matter. A rest that it asked for it is still given.
            *self =
                Breaker { until: self.until.filter(|until| *until > now), answered: Some(now), ..Breaker::default() };
            return;
        };
        // Who answered somebody meanwhile is well; some questions take too long for anybody.
        if self.answered.is_some_and(|answered| answered >= asked_at) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.last = fault.to_string();
        let asked_for = match fault {
            SensorFault::Busy { retry_after, .. } => retry_after.filter(|asked| *asked > SignedDuration::ZERO),
            _ => None,
        };
        if asked_for.is_none() && self.failures < FAILURES && !was_tried {
            return;
        }
        // Of several that failed at the same time one leaves it alone.
        if asked_for.is_none() && self.until.is_some_and(|until| until > now) {
            return;
        }
        let own = (FIRST * 2_i32.saturating_pow(self.rests.min(8))).min(LONGEST);
        // Not all operators come back at once.
        let own = SignedDuration::try_from_secs_f64(own.as_secs_f64() * (1.0 + 0.2 * chance::share())).unwrap_or(own);
        self.rests = self.rests.saturating_add(1);
        let until = now.checked_add(asked_for.map_or(own, |asked| asked.min(LONGEST_ASKED))).unwrap_or(now);
        self.until = Some(self.until.map_or(until, |before| before.max(until)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    const SILENT: SensorFault = SensorFault::TimedOut { seconds: 5 };

    fn failed(breaker: &mut Breaker, times: u32, second: i64) {
        for _ in 0..times {
            breaker.admit(at(second)).unwrap();
            breaker.note(Some(&SILENT), at(second), at(second));
        }
    }

    fn seconds(breaker: &mut Breaker, second: i64) -> u64 {
        match breaker.admit(at(second)).unwrap_err() {
            SensorFault::Resting { seconds, .. } => seconds,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn four_failures_are_borne_and_the_fifth_leaves_it_alone() {
        let mut breaker = Breaker::default();
        failed(&mut breaker, 4, 0);
        breaker.admit(at(1)).unwrap();
        breaker.note(Some(&SILENT), at(1), at(1));
        let fault = breaker.admit(at(2)).unwrap_err().to_string();
        assert!(fault.contains("5 questions in a row"), "{fault}");
        assert!(fault.contains("did not answer within 5 s"), "{fault}");
        // Five seconds, and up to a fifth more.
        assert!((4..=6).contains(&seconds(&mut breaker, 2)), "{breaker:?}");
    }

    #[test]
    fn one_answer_makes_it_well_whatever_it_says() {
        let mut breaker = Breaker::default();
        for fault in [None, Some(&SensorFault::Empty), Some(&SensorFault::NotANumber)] {
            failed(&mut breaker, 4, 0);
            breaker.note(fault, at(0), at(0));
        }
        failed(&mut breaker, 4, 0);
        breaker.admit(at(0)).unwrap();
    }

    #[test]
    fn after_its_rest_one_question_tries_it_and_a_failure_doubles_the_rest() {
        let mut breaker = Breaker::default();
        failed(&mut breaker, 5, 0);
        breaker.admit(at(7)).unwrap();
        assert_eq!(seconds(&mut breaker, 7), 2, "one at a time");
        breaker.note(Some(&SILENT), at(7), at(7));
        assert!((10..=13).contains(&seconds(&mut breaker, 7)), "{breaker:?}");
        for second in [100, 200, 300, 400, 500] {
            breaker.admit(at(second)).unwrap();
            breaker.note(Some(&SILENT), at(second), at(second));
        }
        assert!((60..=73).contains(&seconds(&mut breaker, 500)), "a minute at most: {breaker:?}");
        breaker.admit(at(600)).unwrap();
        breaker.note(None, at(600), at(600));
        breaker.admit(at(600)).unwrap();
        breaker.admit(at(600)).unwrap();
    }

    #[test]
    fn what_the_server_asks_for_is_given_at_once_and_within_reason() {
        let busy = |seconds| SensorFault::Busy { status: 503, retry_after: Some(SignedDuration::from_secs(seconds)) };
        let mut breaker = Breaker::default();
        breaker.note(Some(&busy(30)), at(0), at(0));
        assert_eq!(seconds(&mut breaker, 0), 31);
        breaker.admit(at(30)).unwrap();
        let mut breaker = Breaker::default();
        breaker.note(Some(&busy(86_400)), at(0), at(0));
        assert_eq!(seconds(&mut breaker, 0), 301);
        // A time that makes no sense is no wish.
        let mut breaker = Breaker::default();
        breaker.note(Some(&busy(-5)), at(0), at(0));
        breaker.admit(at(0)).unwrap();
    }

    #[test]
    fn questions_that_nobody_asks_or_that_take_too_long_for_anybody_say_nothing_of_the_server() {
        let mut breaker = Breaker::default();
        failed(&mut breaker, 4, 0);
        let unreadable = SensorFault::BadQuery { why: "parse error".to_owned() };
        breaker.note(Some(&unreadable), at(1), at(1));
        failed(&mut breaker, 1, 2);
        seconds(&mut breaker, 3);
        // Five slow questions of one pool, beside one that was answered at once.
        let mut breaker = Breaker::default();
        breaker.note(None, at(0), at(0));
        for _ in 0..20 {
            breaker.note(Some(&SILENT), at(0), at(5));
        }
        breaker.admit(at(5)).unwrap();
        // A rest that was asked for outlasts an answer that was under way.
        let busy = SensorFault::Busy { status: 503, retry_after: Some(SignedDuration::from_secs(30)) };
        breaker.note(Some(&busy), at(6), at(6));
        breaker.note(None, at(5), at(7));
        assert_eq!(seconds(&mut breaker, 7), 30);
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_nobody_alone_for_hours() {
        let mut breaker = Breaker::default();
        failed(&mut breaker, 5, 0);
        breaker.admit(at(-3_600)).unwrap();
    }
}
