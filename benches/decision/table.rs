//! What was measured, beside what it should be: criterion samples, and the table keeps the samples' median and least.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;

use super::machine::worked;

/// From here on a single round is a figure.
const LONG: Duration = Duration::from_millis(400);

/// Lines of figures, and remarks below them.
#[derive(Default)]
pub struct Table {
    lines: Vec<Line>,
    remarks: Vec<String>,
}

struct Line {
    name: String,
    median: f64,
    least: f64,
    aim: Option<f64>,
}

impl Table {
    /// Whether the command line asks for it: for everything, or for a part of its name.
    pub fn is_asked_for(name: &str) -> bool {
        std::env::args().skip(1).find(|argument| !argument.starts_with('-')).is_none_or(|asked| name.contains(&asked))
    }

    /// Measures in processor time. The least, in milliseconds; None if it was not asked for on the command line.
    pub fn measure<R>(
        &mut self,
        criterion: &mut Criterion,
        name: &str,
        aim: Option<f64>,
        mut work: impl FnMut() -> R,
    ) -> Option<f64> {
        if !Table::is_asked_for(name) {
            return None;
        }
        let mut samples: Vec<f64> = Vec::new();
        let mut timed = |rounds: u32| {
            let begun = worked();
            for _ in 0..rounds {
                black_box(work());
            }
            let took = worked().saturating_sub(begun);
            samples.push((took / rounds).as_secs_f64() * 1_000.0);
            took
        };
        // What takes long by itself needs no statistics, and would take minutes.
        if timed(1) > LONG {
            println!("{name}: two more rounds, each by itself");
            timed(1);
            timed(1);
            return self.keep(name, samples, aim);
        }
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                // What took no time at all would be sampled for ever.
                timed(u32::try_from(rounds).unwrap_or(u32::MAX).max(1)).max(Duration::from_nanos(1))
            });
        });
        self.keep(name, samples, aim)
    }

    fn keep(&mut self, name: &str, mut samples: Vec<f64>, aim: Option<f64>) -> Option<f64> {
        samples.sort_by(f64::total_cmp);
        let (least, median) = (*samples.first()?, *samples.get(samples.len() / 2)?);
        self.lines.push(Line { name: name.to_owned(), median, least, aim });
        Some(least)
    }

    /// A remark.
    pub fn say(&mut self, remark: String) {
        self.remarks.push(remark);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "| what | median, ms | least, ms | aim, ms |")?;
        writeln!(out, "| --- | ---: | ---: | ---: |")?;
        for Line { name, median, least, aim } in &self.lines {
            let aim = aim.map_or_else(String::new, |aim| format!("{aim:.0}"));
            writeln!(out, "| {name} | {median:.3} | {least:.3} | {aim} |")?;
        }
        writeln!(out)?;
        self.remarks.iter().try_for_each(|remark| writeln!(out, "{remark}"))
    }
}
