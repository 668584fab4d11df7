//! What a `HorizontalPodAutoscaler` decides at one sync: the real controller's arithmetic, without its metrics client.
//! Upwards it goes at once; the real one takes at most four pods or double every 15 s.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Replicas that the target asks for now.
    pub current: i32,
    /// The floor.
    pub least: i32,
    /// The cap.
    pub most: i32,
    /// The metric, summed over the pods; None while it cannot be read.
    pub load: Option<f64>,
    /// What one pod should carry of it.
    pub per_pod: f64,
    /// A lower wish must have been the highest for so long.
    pub stabilization: SignedDuration,
}

/// Nothing is done while the load per pod is this near to what it should be.
const TOLERANCE: f64 = 0.1;

/// The wishes of the last minutes. They are kept as the metric gave them, before floor and cap: so when a floor is taken
/// away, the scale it held up goes at once, as it does on a real cluster.
#[derive(Clone, Debug, Default)]
pub struct Wishes(VecDeque<(Timestamp, i32)>);

impl Wishes {
    /// The replicas it sets; the same as now if it sets none.
    pub fn decide(&mut self, seen: &Seen, now: Timestamp) -> i32 {
        if seen.current == 0 {
            return 0;
        }
        if seen.current > seen.most {
            return seen.most;
        }
        if seen.current < seen.least {
            return seen.least;
        }
        let Some(load) = seen.load else { return seen.current };
        let wish = wish(seen, load);
        self.0.push_back((now, wish));
        while self.0.front().is_some_and(|(at, _)| now.duration_since(*at) > seen.stabilization) {
            self.0.pop_front();
        }
        let highest = self.0.iter().map(|(_, wish)| *wish).max().unwrap_or(wish);
        let stable = if wish >= seen.current { wish } else { highest.min(seen.current) };
        stable.clamp(seen.least, seen.most.max(seen.least))
    }
}

fn wish(seen: &Seen, load: f64) -> i32 {
    let ratio = load / (f64::from(seen.current) * seen.per_pod);
    if (ratio - 1.0).abs() <= TOLERANCE {
        return seen.current;
    }
    let pods = (load / seen.per_pod).ceil();
    // Beyond any cap; a load that is no number asks for nothing.
    if pods > f64::from(seen.most) { seen.most } else { whole(pods) }
}

/// A number of pods between 0 and any cap, as a whole number.
fn whole(pods: f64) -> i32 {
    let (mut low, mut high) = (0, i32::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        if f64::from(middle) < pods { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn seen(current: i32, load: f64) -> Seen {
        let stabilization = SignedDuration::from_secs(300);
        Seen { current, least: 2, most: 20, load: Some(load), per_pod: 75.0, stabilization }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn it_wishes_what_the_load_needs_within_floor_and_cap() {
        let decide = |seen: Seen| Wishes::default().decide(&seen, at(0));
        assert_eq!(decide(seen(4, 600.0)), 8, "600 / 75");
        assert_eq!(decide(seen(4, 601.0)), 9);
        assert_eq!(decide(seen(4, 325.0)), 4, "8 % over is tolerated");
        assert_eq!(decide(seen(4, 9_000.0)), 20, "the cap");
        assert_eq!(decide(seen(4, 10.0)), 2, "the floor");
        assert_eq!(decide(Seen { load: None, ..seen(4, 0.0) }), 4, "no metric, no change");
        assert_eq!(decide(Seen { load: None, least: 6, ..seen(4, 0.0) }), 6, "but a floor holds without one");
        assert_eq!(decide(seen(25, 600.0)), 20);
        assert_eq!(decide(seen(0, 600.0)), 0, "switched off");
        assert_eq!(decide(seen(4, f64::NAN)), 2);
    }

    #[test]
    fn it_goes_down_only_when_the_highest_wish_is_old() {
        let mut wishes = Wishes::default();
        assert_eq!(wishes.decide(&seen(4, 750.0), at(0)), 10);
        assert_eq!(wishes.decide(&seen(10, 300.0), at(15)), 10);
        assert_eq!(wishes.decide(&seen(10, 300.0), at(300)), 10);
        assert_eq!(wishes.decide(&seen(10, 300.0), at(301)), 4, "the wish for 10 is over 300 s old");
    }

    #[test]
    fn what_only_a_floor_held_up_goes_at_once() {
        let mut wishes = Wishes::default();
        for second in 0..100 {
            assert_eq!(wishes.decide(&Seen { least: 12, ..seen(12, 300.0) }, at(second * 15)), 12);
        }
        assert_eq!(wishes.decide(&seen(12, 300.0), at(1_500)), 4);
    }
}
