//! What the answers to one question come to: a number that is proved, or the fault that keeps it from being one. Pure: the
//! same for an answer from a server, from a simulated one and from a fuzzer.

use jiff::{SignedDuration, Timestamp};

use crate::plan::reading::{Question, Reading, SensorFault};

use super::answer::{Answer, instant_value};

/// Clocks may differ by so much.
pub const MOST_DRIFT: SignedDuration = SignedDuration::from_secs(5);
/// The resolution of the date in an answer.
const RESOLUTION: SignedDuration = SignedDuration::from_secs(1);
/// A question is asked of a moment in whole seconds; an answer of another is somebody else's. So all that one decision rests on
/// is within two seconds.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// One part of an answer, or why there is none.
pub type Part = Result<Answer, SensorFault>;

/// All that came back for one question.
#[derive(Clone, Debug)]
pub struct Answers {
    /// To the query itself.
    pub value: Part,
    /// How old the samples behind it are.
    pub age: Part,
    /// When what it looks back over was measured a range ago, where that was asked.
    pub past: Option<Part>,
    /// How many replicas are behind it, where that was asked; and how old the samples behind that are, where the count does not
    /// look itself.
    pub count: Option<(Part, Option<Part>)>,
}

/// When something was asked, of which moment, and over which range it looks.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// The moment.
    pub at: Timestamp,
    /// When it was asked.
    pub now: Timestamp,
    /// The widest range in the query.
    pub range: SignedDuration,
}

/// The reading. Of several faults that of the query itself is told.
pub fn reading(question: &Question, when: When, answers: Answers) -> Result<Reading, SensorFault> {
    let (value, evaluated_at) = number(when, &answers.value?, |answer| instant_value(answer, question.reduce))?;
    let mut sample_at = sampled(when, &answers.age?)?;
    if let Some(past) = answers.past {
        let seconds = when.range.as_secs();
        sampled(when, &past?).map_err(|fault| match fault {
            SensorFault::NoSampleAge { .. } => SensorFault::ShortHistory { seconds },
            other => other,
        })?;
    }
    let mut replicas = None;
    if question.replicas.is_some() {
        let missing = SensorFault::NoCoverage { why: "they were not counted.".to_owned() };
        let (count, age) = answers.count.ok_or(missing)?;
        let counted = counted(when, count).map_err(uncounted)?;
        if let Some(age) = age {
            sample_at = sample_at.min(sampled(when, &age?).map_err(uncounted)?);
        }
        replicas = Some(counted);
    }
    // Ahead by less than clocks may differ, it is as new as can be.
    Ok(Reading { value, sample_at: sample_at.min(when.now), evaluated_at, range: when.range, replicas })
}

fn number(
    when: When,
    answer: &Answer,
    read: impl Fn(&Answer) -> Result<(f64, Timestamp), SensorFault>,
) -> Result<(f64, Timestamp), SensorFault> {
    let allowed = -(MOST_DRIFT + RESOLUTION)..=MOST_DRIFT + RESOLUTION;
    if let Some(drift) = answer.drift.filter(|drift| !allowed.contains(drift)) {
        return Err(SensorFault::ClockOff { seconds: drift.as_secs() });
    }
    let (value, evaluated_at) = read(answer)?;
    let apart = evaluated_at.duration_since(when.at);
    if apart.abs() > SAME_MOMENT {
        return Err(SensorFault::AnotherMoment { seconds: apart.as_secs() });
    }
    Ok((value, evaluated_at))
}

/// When the newest sample of the selector was taken whose newest sample is the oldest.
fn sampled(when: When, answer: &Answer) -> Result<Timestamp, SensorFault> {
    let (seconds, _) = number(when, answer, |answer| instant_value(answer, None)).map_err(|fault| match fault {
        SensorFault::Empty => {
            SensorFault::NoSampleAge { why: "none of the query's metrics has a sample now.".to_owned() }
        }
        other => other,
    })?;
    let sample_at = SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok())
        .ok_or_else(|| SensorFault::NoSampleAge { why: format!("{seconds} is not a time.") })?;
    if sample_at.duration_since(when.now) > MOST_DRIFT {
        return Err(SensorFault::ClockOff { seconds: sample_at.duration_since(when.now).as_secs() });
    }
    Ok(sample_at)
}

/// How many replicas, no less than 0.
fn counted(when: When, answer: Part) -> Result<f64, SensorFault> {
    let (count, _) = number(when, &answer?, |answer| instant_value(answer, None))?;
    if count < 0.0 {
        return Err(SensorFault::NoCoverage { why: format!("the count is {count}, and cannot be below 0.") });
    }
    Ok(count)
}

/// A fault of what counts replicas is not one of the query beside it, unless nobody answers at all.
pub fn uncounted(fault: SensorFault) -> SensorFault {
    let no_coverage = |why: String| SensorFault::NoCoverage { why };
    match fault {
        SensorFault::Empty => no_coverage(
            "what counts them gives nothing; let demand.coverage.query give 0 where none is scraped.".to_owned(),
        ),
        SensorFault::BadQuery { why } => {
            no_coverage(format!("Prometheus refused to count them: {why}. Say how in demand.coverage of the pool."))
        }
        SensorFault::NotANumber
        | SensorFault::Infinite
        | SensorFault::SeveralSeries { .. }
        | SensorFault::WrongType { .. }
        | SensorFault::NoSampleAge { .. } => no_coverage(fault.to_string()),
        other => other,
    }
}
