//! A played story as a picture: demand and what the ready replicas bear, over time, with a line where each wave left.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use plotters::prelude::*;

use crate::sim::moment::Played;

/// Width and height of one workload's part, in pixels.
const SIZE: (u32, u32) = (960, 320);
const DEMAND: RGBColor = RGBColor(200, 60, 40);
const BEARS: RGBColor = RGBColor(40, 110, 180);
const WAVES: RGBColor = RGBColor(90, 90, 90);

/// Draws it as SVG.
pub fn draw(played: &Played, path: &Path) -> anyhow::Result<()> {
    let Some(first) = played.moments.first() else { return Err(anyhow!("nothing happened that could be drawn")) };
    let parts = first.workloads.len().max(1);
    let height = SIZE.1.saturating_mul(u32::try_from(parts).unwrap_or(1));
    let root = SVGBackend::new(path, (SIZE.0, height)).into_drawing_area();
    let failed = |error: &dyn std::fmt::Display| anyhow!("failed to draw {}: {error}", path.display());
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    let minutes = |at: jiff::Timestamp| at.duration_since(first.at).as_secs_f64() / 60.0;
    for (index, area) in root.split_evenly((parts, 1)).into_iter().enumerate() {
        let Some(name) = first.workloads.get(index).map(|workload| workload.name.clone()) else { continue };
        let points = || {
            let of =
                |moment: &crate::sim::moment::Moment| Some((minutes(moment.at), moment.workloads.get(index)?.clone()));
            played.moments.iter().filter_map(of)
        };
        let end = points().map(|(minute, _)| minute).fold(0.1, f64::max);
        let most = points().map(|(_, workload)| workload.demand.max(workload.bears)).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(&area)
            .caption(format!("{name}: requests per second over minutes"), ("sans-serif", 16))
            .margin(10)
            .x_label_area_size(25)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..end, 0.0..most * 1.1)
            .map_err(|error| failed(&error))?;
        chart.configure_mesh().light_line_style(TRANSPARENT).draw().map_err(|error| failed(&error))?;
        let lines = [(BEARS, "what the ready replicas bear"), (DEMAND, "demand")];
        for (colour, label) in lines {
            let series = points()
                .map(|(minute, workload)| (minute, if label == "demand" { workload.demand } else { workload.bears }));
            chart
                .draw_series(LineSeries::new(series, colour.stroke_width(2)))
                .map_err(|error| failed(&error))?
                .label(label)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
        }
        for taken in &played.taken {
            let minute = minutes(taken.at);
            let label = format!("{} {}", taken.campaign, taken.wave);
            chart
                .draw_series([PathElement::new([(minute, 0.0), (minute, most * 1.1)], WAVES)])
                .map_err(|error| failed(&error))?;
            chart
                .draw_series([Text::new(label, (minute, most * 1.05), ("sans-serif", 11))])
                .map_err(|error| failed(&error))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .border_style(BLACK)
            .background_style(WHITE)
            .draw()
            .map_err(|error| failed(&error))?;
    }
    root.present().with_context(|| format!("failed to write {}", path.display()))
}
