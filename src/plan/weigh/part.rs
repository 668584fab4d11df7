//! The next part of a send that is cut: how many recipients, and when. Proposed by the curve of the days to come and
//! remembered for a while, so that what is being confirmed stays one question; a part that turns out too large for the
//! gate is made smaller. Whether it goes is decided like that of every wave.

use jiff::{SignedDuration, Timestamp};

use super::{Line, Scales};
use crate::plan::curve::{self, Ahead, Headroom, Response};
use crate::plan::freezes;
use crate::plan::gate::Site;
use crate::plan::load::minutes_between;
use crate::plan::memory::{Basis, Chosen, Memory};
use crate::plan::number;
use crate::plan::schedule::{Fit, WaveSchedule};
use crate::plan::stand::{Cutting, Want};
use crate::plan::waves::Size;
use crate::plan::why::Why;

/// A choice stands for so long, and so long around the start it chose: what is about to go is not put off for its age alone.
const STANDS: SignedDuration = SignedDuration::from_mins(15);
/// A send without an end is spread over so long after its first wave.
const SPREAD: SignedDuration = SignedDuration::from_hours(24);
/// Nothing is planned further ahead: an ordinary day is known for a week.
const FARTHEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The tail of what leaves last.
const TAIL_MINUTES: usize = 24 * 60;
/// Starts are tried every quarter of an hour, and more seldom over days.
const STEP_MINUTES: f64 = 15.0;
const MOST_STARTS: f64 = 96.0;
/// A part that is too large is made smaller by so many halvings.
const HALVINGS: usize = 8;

fn of(count: usize) -> f64 {
    number::of_count(u64::try_from(count).unwrap_or(u64::MAX))
}

impl Scales<'_, '_> {
    /// Gives a wave that is cut the size of its next part. Why it does not want to go yet, if that is so.
    pub(super) fn cut(&self, want: &mut Want<'_>, sites: &[Site], line: &Line, memory: &mut Memory) -> Option<Why> {
        let cutting = want.cutting.clone()?;
        let left = want.recipients;
        let key = (want.intent.send_id.as_str().to_owned(), want.wave.name.clone());
        let basis = self.basis(want);
        let start = want.not_before.as_ref().map_or(self.now, |(at, _)| (*at).max(self.now));
        let is_near = |at: Timestamp| self.now.duration_since(at).abs() < STANDS;
        let stands = |chosen: &&Chosen| chosen.basis == basis && (is_near(chosen.made) || is_near(chosen.at));
        let mut chosen = match memory.parts.get(&key).filter(stands) {
            Some(chosen) => chosen.clone(),
            None => self.choose(want, &cutting, sites, start, basis),
        };
        let at = chosen.at.max(start);
        chosen.recipients = chosen.recipients.min(left).min(self.in_time(want, at)).max(cutting.least.min(left));
        let paced =
            Why::Paced { wave: want.wave.name.clone(), recipients: chosen.recipients, left, at, busiest: chosen.line };
        let waits = at > start;
        if waits && at.duration_since(self.now) > self.lead {
            memory.parts.insert(key, chosen);
            return Some(paced);
        }
        if waits {
            want.not_before = Some((at, paced));
        }
        Self::size(want, chosen.recipients, left);
        if self.is_too_large(want, at, sites, line) {
            let (mut fits, mut too_large) = (cutting.least.min(left), chosen.recipients);
            for _ in 0..HALVINGS {
                let middle = fits + (too_large - fits) / 2;
                Self::size(want, middle, left);
                if self.is_too_large(want, at, sites, line) { too_large = middle } else { fits = middle }
            }
            // The smallest that is tried may be too large as well: then that is what it waits for.
            Self::size(want, fits, left);
            chosen.recipients = fits;
        }
        let takes = want.intent.rate.time_for(want.recipients);
        want.not_after = self.until(want, at).and_then(|until| until.checked_sub(takes).ok());
        memory.parts.insert(key, chosen);
        None
    }

    /// What of a campaign a choice rests on.
    fn basis(&self, want: &Want<'_>) -> Basis {
        let generations = (want.campaign.generation, want.sender.generation, self.snapshot.pool.generation);
        Basis::new(&want.campaign.uid, generations.0, generations.1, generations.2, want.recipients)
    }

    /// A part that a person answers for is as large as it was told, and as small as it can be where nothing was.
    pub(super) fn cut_unweighed(&self, want: &mut Want<'_>, memory: &Memory) {
        let Some(cutting) = want.cutting.clone() else { return };
        let left = want.recipients;
        let key = (want.intent.send_id.as_str().to_owned(), want.wave.name.clone());
        let basis = self.basis(want);
        let known = memory.parts.get(&key).filter(|chosen| chosen.basis == basis);
        let least = cutting.least.min(left);
        let recipients = known.map_or(least, |chosen| chosen.recipients).min(self.in_time(want, self.now)).max(least);
        Self::size(want, recipients.min(left), left);
        let takes = want.intent.rate.time_for(want.recipients);
        want.not_after = self.until(want, self.now).and_then(|until| until.checked_sub(takes).ok());
    }

    fn size(want: &mut Want<'_>, recipients: u64, left: u64) {
        want.recipients = recipients;
        want.wave.recipients = i64::try_from(recipients).unwrap_or(i64::MAX);
        let is_last = recipients >= left;
        want.wave.share = if is_last { Size::Rest } else { Size::Part }.as_written();
    }

    /// When the last message of a part must have left that starts then; None: no limit.
    fn until(&self, want: &Want<'_>, at: Timestamp) -> Option<Timestamp> {
        let cutting = want.cutting.as_ref()?;
        let times = want.intent.times.get(want.index)?;
        let takes = want.intent.rate.time_for(cutting.least.min(want.recipients));
        match freezes::fit(times, &self.rules.freezes, at, takes).0 {
            Fit::Now { until } => until,
            _ => Some(at.checked_add(takes).unwrap_or(Timestamp::MAX)),
        }
    }

    /// How many can leave from an instant on until its window closes.
    fn in_time(&self, want: &Want<'_>, at: Timestamp) -> u64 {
        let Some(until) = self.until(want, at) else { return u64::MAX };
        let seconds = until.duration_since(at).as_secs_f64();
        u64::try_from(number::place(seconds * want.intent.rate.per_second())).unwrap_or(u64::MAX)
    }

    /// Whether room is what a part lacks, so that a smaller one may have it.
    fn is_too_large(&self, want: &Want<'_>, at: Timestamp, sites: &[Site], line: &Line) -> bool {
        let asked = self.asked(&want.burst(at), sites);
        let lacks = self.lacks(want, line, sites, &asked.shared, &asked.rooms, &asked.needs);
        lacks.iter().any(|why| matches!(why, Why::Room { .. } | Why::Limit { .. }))
    }

    /// The next part under the lowest line of utilisation that lets everything leave in time.
    fn choose(&self, want: &Want<'_>, cutting: &Cutting, sites: &[Site], start: Timestamp, basis: Basis) -> Chosen {
        let times = want.intent.times.get(want.index);
        let spread = || cutting.since.unwrap_or(start).checked_add(SPREAD).unwrap_or(Timestamp::MAX);
        let end = times.and_then(WaveSchedule::end).unwrap_or_else(spread);
        let end = end.min(start.checked_add(FARTHEST).unwrap_or(Timestamp::MAX));
        let horizon = minutes_between(start, end).max(0.0);
        let step = STEP_MINUTES.max((horizon / MOST_STARTS).ceil());
        let takes = want.intent.rate.time_for(cutting.least.min(want.recipients));
        let mut starts = Vec::new();
        let mut minute = 0.0;
        while starts.is_empty() || minute < horizon {
            let at = start.checked_add(SignedDuration::from_secs_f64(minute * 60.0)).unwrap_or(Timestamp::MAX);
            if let Some((Fit::Now { until }, _)) =
                times.map(|times| freezes::fit(times, &self.rules.freezes, at, takes))
            {
                starts.push((number::place(minute), until.map_or(f64::INFINITY, |until| minutes_between(at, until))));
            }
            minute += step;
            if minute > horizon {
                break;
            }
        }
        let last = starts.last().map_or(0, |(minute, _)| *minute);
        let leaves = number::place((takes.as_secs_f64() / 60.0).ceil());
        let minutes = last + leaves + TAIL_MINUTES;
        let workloads: Vec<Ahead> = sites
            .iter()
            .zip(self.measures)
            .map(|(site, measure)| {
                let bears = site.capacity.of(site.most);
                let bears = bears - bears * site.reserve;
                Ahead { bears, left: Headroom::of(site, start, minutes).minutes().to_vec(), share: measure.rules.share }
            })
            .collect();
        let response = Response::new(&want.intent.components, want.intent.margin, minutes);
        // Of all that is left at once the tail is the longest.
        let whole = want.burst(start);
        let cut = curve::Cut {
            rate: want.intent.rate.per_second(),
            left: want.recipients,
            least: cutting.least,
            starts,
            pause: cutting.soak.as_secs_f64() / 60.0,
            tail: number::place(minutes_between(whole.end(), whole.tail()).ceil()).min(TAIL_MINUTES),
        };
        let parts = curve::even(&workloads, &response, &cut);
        let (minute, recipients) = parts.parts.first().map_or((0, cutting.least), |part| (part.start, part.messages));
        let wait = SignedDuration::from_secs_f64(of(minute) * 60.0);
        Chosen {
            at: start.checked_add(wait).unwrap_or(Timestamp::MAX),
            recipients,
            line: parts.line,
            made: self.now,
            basis,
        }
    }
}
