//! The only place that reads a clock.
//!
//! Wall time says when something may go; boot time, which goes on while a machine is suspended, says how long
//! something took. The two are compared, since a wall clock that was set in between makes a decision void.
//!
//! A simulation puts both on the time of its runtime, for its own thread. There the wall clock of the operator's machine
//! can be set, while the world around it goes on by the right time.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

thread_local! {
    static SIMULATED: Cell<Option<Clocks>> = const { Cell::new(None) };
}

/// The clocks of a simulation.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    start: Timestamp,
    since: Instant,
    /// What the wall clock of the operator's machine is ahead of the right time.
    ahead: SignedDuration,
}

/// While it lives, both clocks of this thread follow the time of the thread's runtime, which may be paused.
#[derive(Debug)]
pub struct Simulated {
    before: Option<Clocks>,
    // What is thread-local must be given back on the same thread.
    _here: std::marker::PhantomData<*const ()>,
}

/// Puts this thread's clocks at a time, from where they go on as the runtime's time does.
pub fn simulate(start: Timestamp) -> Simulated {
    let before = SIMULATED.replace(Some(Clocks { start, since: Instant::now(), ahead: SignedDuration::ZERO }));
    Simulated { before, _here: std::marker::PhantomData }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        SIMULATED.set(self.before);
    }
}

fn elapsed(since: Instant) -> SignedDuration {
    SignedDuration::try_from(since.elapsed()).unwrap_or(SignedDuration::MAX)
}

/// The wall clock.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Timestamp {
    match SIMULATED.get() {
        Some(clocks) => world().saturating_add(clocks.ahead).unwrap_or(Timestamp::MAX),
        None => Timestamp::now(),
    }
}

/// The right time: in a simulation that of everybody but the operator.
#[allow(clippy::disallowed_methods)]
pub fn world() -> Timestamp {
    match SIMULATED.get() {
        Some(clocks) => clocks.start.saturating_add(elapsed(clocks.since)).unwrap_or(Timestamp::MAX),
        None => Timestamp::now(),
    }
}

/// Sets the wall clock of a simulation by so much. The time since start goes on as it did.
pub fn set_wall(by: SignedDuration) {
    if let Some(clocks) = SIMULATED.get() {
        SIMULATED.set(Some(Clocks { ahead: clocks.ahead.saturating_add(by), ..clocks }));
    }
}

/// Time since the machine was started, suspended or not.
pub fn boot() -> SignedDuration {
    if let Some(clocks) = SIMULATED.get() {
        return elapsed(clocks.since);
    }
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    SignedDuration::new(time.tv_sec, i32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What the wall clock said when something began at `begun` of boot time, and what has passed since.
pub fn since(now: Timestamp, begun: SignedDuration) -> Timestamp {
    now.checked_add(boot() - begun).unwrap_or(now)
}

/// A short time in which something irreversible may be begun.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    wall: Timestamp,
    boot: SignedDuration,
    length: SignedDuration,
}

/// Wall and boot clock may drift apart by so much while a window is open.
const MOST_DRIFT: SignedDuration = SignedDuration::from_millis(200);

impl Window {
    /// Opens now.
    pub fn open(length: SignedDuration) -> Window {
        Window { wall: now(), boot: boot(), length }
    }

    /// Whether it is still open, by both clocks; else why not.
    pub fn check(&self) -> Result<(), String> {
        self.check_at(now(), boot())
    }

    fn check_at(&self, wall: Timestamp, boot: SignedDuration) -> Result<(), String> {
        let by_boot = boot - self.boot;
        let by_wall = wall.duration_since(self.wall);
        if (by_wall - by_boot).abs() > MOST_DRIFT {
            let drift = (by_wall - by_boot).as_millis();
            return Err(format!(
                "the wall clock moved by {drift} ms against the time since start while the wave was being fired"
            ));
        }
        if by_boot > self.length {
            let (took, most) = (by_boot.as_millis(), self.length.as_millis());
            return Err(format!(
                "{took} ms had passed since the wave was armed, more than the {most} ms in which it may be fired"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_simulated_clock_goes_with_the_runtime_and_ends_with_its_guard() {
        let start: Timestamp = "2027-03-19T09:00:00Z".parse().unwrap();
        {
            let _simulated = simulate(start);
            assert_eq!((now(), boot()), (start, SignedDuration::ZERO));
            tokio::time::sleep(std::time::Duration::from_secs(90)).await;
            assert_eq!((now(), boot()), (start + SignedDuration::from_secs(90), SignedDuration::from_secs(90)));
        }
        assert_ne!(now().duration_since(start).as_secs(), 90, "the guard is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_that_is_set_leaves_the_right_time_and_the_time_since_start_alone() {
        let start: Timestamp = "2027-03-19T09:00:00Z".parse().unwrap();
        let _simulated = simulate(start);
        let window = Window::open(SignedDuration::from_secs(5));
        set_wall(SignedDuration::from_secs(-3));
        assert_eq!((now(), world(), boot()), (start - SignedDuration::from_secs(3), start, SignedDuration::ZERO));
        assert!(window.check().is_err());
    }

    #[test]
    fn a_window_closes_by_time_and_by_a_clock_that_was_set() {
        let window = Window::open(SignedDuration::from_secs(5));
        let (wall, boot) = (window.wall, window.boot);
        let after = |wall_ms: i64, boot_ms: i64| {
            window.check_at(wall + SignedDuration::from_millis(wall_ms), boot + SignedDuration::from_millis(boot_ms))
        };
        assert!(after(5_000, 5_000).is_ok());
        assert!(after(5_001, 5_001).is_err());
        assert!(after(1_200, 1_000).is_ok());
        assert!(after(1_201, 1_000).is_err(), "the wall clock ran ahead");
        assert!(after(-3_600_000, 1_000).is_err(), "the wall clock was set back");
    }
}
