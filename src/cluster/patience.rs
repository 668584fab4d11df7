//! How long a watch that failed waits before it is taken up again: 0.8 s, doubled up to 30 s until something is told
//! again, each stretched by chance up to twice, so that not everybody comes back to a struggling API server at once. These
//! are client-go's numbers; the client library's own waits draw by themselves, which no simulation can seed.

use std::time::Duration;

use kube::runtime::utils::Backoff;

use crate::chance;

const FIRST: Duration = Duration::from_millis(800);
const LONGEST: Duration = Duration::from_secs(30);

/// One watch's waits.
#[derive(Debug)]
pub(super) struct Patience(Duration);

impl Default for Patience {
    fn default() -> Patience {
        Patience(FIRST)
    }
}

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST);
        Some(wait.mul_f64(1.0 + chance::share()).min(LONGEST))
    }
}

impl Backoff for Patience {
    fn reset(&mut self) {
        self.0 = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_begin_anew_when_something_was_told() {
        let _seeded = chance::seed(1);
        let mut patience = Patience::default();
        for least in [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0] {
            let wait = patience.next().map_or(0.0, |wait| wait.as_secs_f64());
            assert!(wait >= least && wait <= (least * 2.0_f64).min(30.0), "{wait} for {least}");
        }
        patience.reset();
        assert!(patience.next() <= Some(Duration::from_millis(1_600)));
    }
}
