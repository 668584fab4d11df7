//! What was measured, beside what it should be: criterion samples, and the table keeps the samples' median and least.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;

use super::machine::worked;

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
    /// Measures in processor time. The least, in milliseconds; None if it was not asked for on the command line.
    pub fn measure<R>(
        &mut self,
        criterion: &mut Criterion,
        name: &str,
        aim: Option<f64>,
        mut work: impl FnMut() -> R,
    ) -> Option<f64> {
        let mut samples: Vec<f64> = Vec::new();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let begun = worked();
                for _ in 0..rounds {
                    black_box(work());
                }
                let took = worked() - begun;
                let rounds = u32::try_from(rounds).unwrap_or(u32::MAX).max(1);
                samples.push((took / rounds).as_secs_f64() * 1_000.0);
                // What took no time at all would be sampled for ever.
                took.max(Duration::from_nanos(1))
            });
        });
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
